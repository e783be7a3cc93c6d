"""Whom a statistic is about, in canonical form: conditions over base columns, sorted, with aliases b0, b1, …"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import combinations
from types import MappingProxyType

from sqlglot import exp

from policies import rewrite
from policies.check_person import names_person
from policies.check_predicate import conjuncts
from policies.decision import Footprint
from policies.dialects import said
from policies.environment import ROW, Block, Environment
from policies.errors import CONSTRUCT_NOT_ALLOWED, DOMINANCE_UNSUPPORTED, NON_LINEAR
from policies.joined import Described, described, per_outer_row
from policies.refusal import Refusal
from policies.resolve import Unit
from policies.row_sets import RowSet, row_sets, told_apart
from policies.thresholds import Thresholds, dominated

MAX_OUTER = 3
"""Tables that outer joins may leave out of one SELECT, each looked at with and without the others."""


_EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Told:
    """A footprint, and what of the block's answer tells about it."""

    footprint: Footprint
    aggregates: set[int] | None  # None: the group as a whole
    keys: tuple[exp.Expr, ...] = ()  # what its group keys are called in the block, in the footprint's order
    level: tuple[exp.Expr, int] | None = None  # marks the rows of this grouping, if there are several
    whole: bool = True  # it alone is what the answer tells, so that cells of it are cells of the answer


def footprints(env: Environment, block: Block, limits: Thresholds, made: exp.Select) -> list[Told]:
    """One footprint per row set the block's answer tells about, and per grouping. `made`: the rewritten SELECT."""
    based = tuple(env.to_base(key.node) for key in block.keys)
    about = described(env, block, made)
    exact = about.exact and None not in based
    sets: dict[str, exp.Expr | None] = {}
    tellers: dict[str, set[int] | None] = {}
    for aggregate in block.aggregates.values():
        for rows in aggregate.compared:
            row_set = rows.sql()
            sets.setdefault(row_set, rows)
            if isinstance(rows, exp.Boolean) and rows.this:
                tellers[row_set] = None
            else:
                numbers = tellers.setdefault(row_set, set())
                if numbers is not None:
                    numbers.add(aggregate.number)
    if not sets:
        sets, tellers = {"": None}, {"": None}
    found_all: list[Told] = []
    for row_set, rows_or_none in sets.items():
        factors = _factors(env, block, row_set)
        conditions, own_exact = list(about.conditions), exact
        if rows_or_none is not None and not (isinstance(rows_or_none, exp.Boolean) and rows_or_none.this):
            for part in conjuncts(rows_or_none):
                base = env.to_base(part)
                if base is None:
                    own_exact = False
                else:
                    conditions.append(base)
        plain = [key for key in based if key is not None and not block.sets]
        if not own_exact or not told_apart(env, block.constants, plain):
            if block.personal:
                raise Refusal.of(
                    CONSTRUCT_NOT_ALLOWED,
                    rows_or_none,
                    what="Such a use of statistics of single people",
                    hint="Group them by what they tell, or filter by it, in the next query outside, and join them with"
                    " JOIN. A mean with people without rows is count(rows) / count(DISTINCT person) of LEFT JOIN.",
                )
            if about.groups:
                raise per_outer_row(made)
            _no_totals(env, block, row_set, rows_or_none)
            if any(needed for needed, _ in factors.values()):
                raise Refusal.of(NON_LINEAR, rows_or_none, name="A sum of products over such rows")
            for told in _written_out(env, block, limits, made, rows_or_none, tellers[row_set]):
                found_all += [told, *_once(env, block, told, row_set)]
            for empty, numbers in _without_value(block, row_set):
                found_all += _written_out(env, block, limits, made, rows_or_none, numbers, empty)
            found_all += _roughly(env, block, limits, RowSet(tuple(conditions), based), tellers[row_set])
            continue
        joined = _with_matched(env, block, conditions)
        for each in row_sets(env, RowSet(tuple(conditions), (*based, *about.groups))):
            for told in _told(env, joined, limits, each, tellers[row_set], factors):
                found_all.append(told)
                found_all += _once(env, joined, told, row_set)
                found_all += _totals(env, block, told, row_set)
    if exact:
        found_all += _valued(env, block, limits, about, based)
    if _repeats(env, block):
        found_all = [  # a number of people adds nothing up
            told if told.footprint.persons else replace(told, footprint=replace(told.footprint, repeats=True))
            for told in found_all
        ]
    return found_all


def _valued(
    env: Environment, block: Block, limits: Thresholds, about: Described, based: tuple[exp.Expr | None, ...]
) -> Iterator[Told]:
    """Beside all rows of sums, those with a value: whoever has none adds nothing and counts in no difference."""
    found: dict[tuple[str, str], tuple[exp.Expr, exp.Expr, set[int]]] = {}
    for aggregate in block.aggregates.values():
        for rows, empty in aggregate.valued:
            found.setdefault((rows.sql(), empty.sql()), (rows, empty, set()))[2].add(aggregate.number)
    for rows, empty, numbers in found.values():
        parts, without = [env.to_base(part) for part in conjuncts(rows)], env.to_base(empty)
        if without is None or None in parts:
            continue
        conditions = [*about.conditions, *(part for part in parts if part is not None)]
        conditions.append(exp.Not(this=exp.Paren(this=without.copy())))
        joined = _with_matched(env, block, conditions)
        for each in row_sets(env, RowSet(tuple(conditions), (*based, *about.groups))):
            yield from _told(env, joined, limits, each, numbers, valued=without)


def _without_value(block: Block, row_set: str) -> Iterator[tuple[exp.Expr, set[int]]]:
    """Which of some rows add nothing to which sums."""
    found: dict[str, tuple[exp.Expr, set[int]]] = {}
    for aggregate in block.aggregates.values():
        if row_set in (rows.sql() for rows, _ in aggregate.valued):
            call = aggregate.node.this if isinstance(aggregate.node, exp.Filter) else aggregate.node
            added = [part for name in ("this", "expression") if isinstance(part := call.args.get(name), exp.Expr)]
            empty = exp.or_(*(exp.Is(this=exp.Paren(this=part.copy()), expression=exp.Null()) for part in added))
            found.setdefault(empty.sql(), (empty, set()))[1].add(aggregate.number)
    yield from found.values()


def _repeats(env: Environment, block: Block) -> bool:
    """Does a statistic use columns of a table with one row a person, beside one with several: then rows that are
    different hold the same values, and two sums over different rows of nearly the same people differ by those of a few.
    So do counts where a condition says how many rows each person has of which kind.
    """
    once = {
        unit.instance
        for unit in block.units
        if env.schema.tables[unit.dataset].key == (env.policy.datasets[unit.dataset].unit or "").lower()
    }
    if len(once) == len(block.units):
        return False
    if any(each.find(exp.AggFunc) for each in block.conditions):
        return True
    return any(
        each.deps and not each.node.find(exp.Count) and any(dep.instance in once for dep in each.deps)
        for each in block.aggregates.values()
    )


def _with_matched(env: Environment, block: Block, conditions: list[exp.Expr]) -> Block:
    """The block with the tables that an outer join found rows in, where a row set is one of such rows: those that
    match. Their conditions are added to `conditions`."""
    present = {unit.instance for unit in block.units}
    used = {column.table for each in conditions for column in each.find_all(exp.Column)} - present
    added: dict[str, Unit] = {}
    for instance in sorted(used & env.meta["matched"].keys()):
        _, on, together = env.meta["matched"][instance]
        conditions += on
        added |= {each: env.meta["matched"][each][0] for each in together}
    return replace(block, units=[*block.units, *added.values()]) if added else block


def _written_out(
    env: Environment,
    block: Block,
    limits: Thresholds,
    made: exp.Select,
    rows: exp.Expr | None,
    tellers: set[int] | None,
    empty: exp.Expr | None = None,
) -> Iterator[Told]:
    """Rows that conditions over base tables cannot describe (a statistic is joined to them or compared with them): the
    SELECT's own rows, how often each person is in which group. `empty`: but for those where it holds."""
    for person, minimum in limits.units:
        instance = next(unit for unit in block.units if unit.node in list(person.find_all(exp.Column)))
        names = [f"k{place:02}" for place in range(len(block.keys))]
        tree = exp.Select(expressions=[exp.alias_(person.copy(), rewrite.UNIT, quoted=True)])
        for name, key in zip(names, block.keys, strict=True):
            tree.append("expressions", exp.alias_(key.node.copy(), name, quoted=True))
        for clause in ("from_", "joins", "where"):
            given = made.args.get(clause)
            tree.set(clause, [each.copy() for each in given] if isinstance(given, list) else given and given.copy())
        if rows is not None and not (isinstance(rows, exp.Boolean) and rows.this):
            tree = tree.where(rows.copy(), copy=False)
        if empty is not None:
            tree.append("expressions", exp.alias_(empty.copy(), _EMPTY, quoted=True))
        source = said(env.inlined(tree), env.dialect)
        without = rewrite.column(_EMPTY, "b0") if empty is not None else None
        own = [canonical(rewrite.column(name, "b0"), {"b0": "b0"}, env.dialect) for name in names]
        for level, members in _groupings(block):
            found = Footprint(
                tables=(instance.dataset,),
                sources=(source,),
                conditions=() if without is None else (canonical(exp.Not(this=without), {"b0": "b0"}, env.dialect),),
                keys=tuple(own[place] for place in members),
                units=(canonical(rewrite.column(rewrite.UNIT, "b0"), {"b0": "b0"}, env.dialect),),
                min_group=minimum,
                exact=False,
                dialect=env.dialect,
                valued="" if without is None else canonical(without, {"b0": "b0"}, env.dialect),
            )
            yield Told(found, tellers, tuple(block.keys[place].node for place in members), level)


def _roughly(
    env: Environment, block: Block, limits: Thresholds, rows: RowSet, tellers: set[int] | None
) -> Iterator[Told]:
    """The same without joined statistics, and for all rows of joined constants at once; of outer joins, once without
    the tables that they may leave out, and once for the rows in which they found something. Where each row is there
    once, all it tells is of these rows, so totals and groups of theirs are audited together with it, however they are
    asked."""
    kept = [unit for unit in block.units if unit.instance not in env.nullable]
    found = [unit for unit in block.units if unit.instance in env.nullable]
    for size in range(len(found) + 1) if len(found) <= MAX_OUTER else (0, len(found)):
        for some in combinations(found, size):
            units = [*kept, *some]
            if units:
                yield from _over(env, replace(block, units=units), limits, rows, tellers)


def _over(env: Environment, block: Block, limits: Thresholds, rows: RowSet, tellers: set[int] | None) -> Iterator[Told]:
    """What `_roughly` tells of the tables that `block` has left."""
    here = {unit.instance for unit in block.units}
    tables = here | env.constants.keys()

    def on(names: Collection[str], node: exp.Expr) -> bool:
        return any(column.table in names for column in node.find_all(exp.Column))

    def of(node: exp.Expr) -> bool:
        return on(tables, node) and not any(each in env.datasets and each not in here for each in _tables(node))

    outer = env.outer | env.nullable
    conditions = [each for each in rows.conditions if of(each) and not on(env.outer, each)]
    conditions += [each for each in block.matched if of(each) and on(outer & here, each) and not on(env.outer, each)]
    plain = [each for each in conditions if not on(env.constants, each)]
    if len(plain) < len(conditions):
        mixed = tuple(each for each in conditions if on(env.constants, each))
        with suppress(Refusal):  # too many constants to look at each
            plain.append(exp.or_(*(exp.and_(*each.conditions) for each in row_sets(env, RowSet(mixed, ())))))
    keys = tuple(None if key is None or not of(key) or on(env.constants, key) else key for key in rows.keys)
    persons = [(env.to_base(unit.node) or unit.node).copy() for unit in block.units if _stands(unit, limits)]
    if not persons:
        return
    person = persons[0] if len(persons) == 1 else exp.Coalesce(this=persons[0], expressions=persons[1:])
    units = replace(limits, units=[(person, limits.units[0][1])])
    for told in _told(env, block, units, RowSet(tuple(plain), keys), tellers):
        yield replace(told, footprint=replace(told.footprint, exact=False, rough=True))


def _stands(unit: Unit, limits: Thresholds) -> bool:
    """Is the unit the person that the rows are about."""
    return any(unit.node == column for column in limits.units[0][0].find_all(exp.Column))


_Factors = Mapping[exp.Expr | None, tuple[bool, set[int]]]
"""Over base tables (None: it has no such form) -> does it multiply hidden values; the aggregates it is in."""


def _factors(env: Environment, block: Block, row_set: str) -> _Factors:
    """What is known of rows and multiplies them, or their number, in sums over a row set."""
    found: dict[exp.Expr | None, tuple[bool, set[int]]] = {}
    for aggregate in block.aggregates.values():
        if row_set not in (rows.sql() for rows in aggregate.compared):
            continue
        for factor in (*aggregate.factors, *aggregate.known):
            needed, numbers = found.get(base := env.to_base(factor), (False, set()))
            found[base] = needed or factor in aggregate.factors, numbers | {aggregate.number}
    return found


def _told(
    env: Environment,
    block: Block,
    limits: Thresholds,
    rows: RowSet,
    tellers: set[int] | None,
    factors: _Factors = MappingProxyType({}),
    valued: exp.Expr | None = None,
) -> Iterator[Told]:
    """The footprints of one row set, one per grouping; and those of its rows multiplied by each of `factors`."""
    order = _order(env, block)
    aliases = {instance: f"b{place}" for place, instance in enumerate(order)}
    sources = tuple(_full(env, instance) for instance in order)
    texts = [None if key is None else canonical(key, aliases, env.dialect) for key in rows.keys]
    conditions = sorted({canonical(each, aliases, env.dialect) for each in rows.conditions} - {"TRUE"})
    bound = {text for each in rows.conditions for text in _bound(each, aliases, env.dialect)}
    for level, members in _groupings(block):
        keys = {text: block.keys[place].node for place in members if (text := texts[place]) is not None}
        found = Footprint(
            tables=tuple(env.datasets[instance] for instance in order),
            sources=sources,
            conditions=tuple(conditions),
            keys=tuple(sorted({*keys, *bound, *(text for text in texts[len(block.keys) :] if text is not None)})),
            units=tuple(_persons(env, limits, aliases)),
            min_group=max(minimum for _, minimum in limits.units),
            dialect=env.dialect,
            valued=canonical(valued, aliases, env.dialect) if valued is not None else "",
            fixed=tuple(sorted(bound)),
            people=tuple(_person(env, instance) for instance in order),
            single=tuple(
                place
                for place, instance in enumerate(order)
                if env.schema.tables[env.datasets[instance]].key == (_person(env, instance) or None)
            ),
            collapsed=tuple(place for place, instance in enumerate(order) if instance in env.meta["collapsed"]),
        )
        found = replace(found, grain=_grain(env, order, found, aliases))
        named = tuple(keys.get(key, exp.null()) for key in found.group_keys)  # what an outer row fixes has no name here
        for each in _each_way(found):
            one = Told(each, tellers, named, level, rows.whole)
            yield one
            for factor, (_, numbers) in factors.items():
                if factor is None or _tables(factor) - aliases.keys():
                    raise Refusal.of(NON_LINEAR, factor, name="A sum of products with such a factor")
                multiplied = replace(one.footprint, factor=canonical(factor, aliases, env.dialect))
                yield replace(one, footprint=multiplied, aggregates=numbers)


def _each_way(found: Footprint) -> Iterator[Footprint]:
    """All that the same rows are: of whomever they are about, none may be few; and where the rows of a person were put
    together, what is added up may be the person's or the rows'."""
    for place, person in enumerate(found.units):
        others = (*found.units[:place], *found.units[place + 1 :])
        yield replace(found, units=(person, *others))
        if found.collapsed:
            yield replace(found, units=(person, *others), collapsed=(), grain=None)


def _grain(env: Environment, order: Sequence[str], found: Footprint, aliases: dict[str, str]) -> tuple[str, ...] | None:
    """By what, beside the person, the rows of all tables were put together."""
    if not found.collapsed or {*found.collapsed, *found.single} < set(range(len(order))):
        return None
    keys = (key for instance in order for key in env.meta["grain"].get(instance, ()))
    return tuple(sorted({canonical(key, aliases, env.dialect) for key in keys}))


def _person(env: Environment, instance: str) -> str:
    return (env.policy.datasets[env.datasets[instance]].unit or "").lower()


def _once(env: Environment, block: Block, told: Told, row_set: str) -> Iterator[Told]:
    """The same people counted once each, or once for each value of something else that is counted with them. Where a
    condition says how many rows they have, that tells, beside a count of the rows, about those that have another
    number; elsewhere it is compared with other numbers of people."""
    several = len(told.footprint.single) < len(told.footprint.tables)
    if told.footprint.factor or not several:
        return
    persons = {unit.node.sql() for unit in block.units}
    alone: set[int] = set()
    beside: dict[exp.Expr, set[int]] = {}
    for aggregate in block.aggregates.values():
        for call in aggregate.node.find_all(exp.Count, exp.ApproxDistinct):
            counted = _told_apart(call)
            if counted is None or row_set not in (rows.sql() for rows in aggregate.compared):
                continue
            if counted.sql() in persons or names_person(env, counted):
                alone.add(aggregate.number)
            elif any(names_person(env, column) for column in counted.find_all(exp.Column)):
                beside.setdefault(counted, set()).add(aggregate.number)
    if alone:
        fixed = any(each.find(exp.AggFunc) for each in block.conditions)
        yield replace(told, footprint=replace(told.footprint, once=True, persons=not fixed), aggregates=alone)
    for counted, numbers in beside.items():
        base = env.to_base(counted)
        if base is None or not told.footprint.exact:
            hint = "Count the people alone, or count the rows of a SELECT DISTINCT of both."
            raise Refusal.of(CONSTRUCT_NOT_ALLOWED, counted, what="COUNT(DISTINCT …) of more than people", hint=hint)
        order = _order(env, block)
        grain = (canonical(base, {instance: f"b{place}" for place, instance in enumerate(order)}, env.dialect),)
        yield replace(told, footprint=replace(told.footprint, persons=True, grain=grain), aggregates=numbers)


def _order(env: Environment, block: Block) -> list[str]:
    """The occurrences of tables, as a footprint names them b0, b1, …"""
    return sorted((unit.instance for unit in block.units), key=lambda instance: env.datasets[instance])


def _told_apart(call: exp.Expr) -> exp.Expr | None:
    """What is counted once for each of its values."""
    counted: exp.Expr | None = call.this
    if isinstance(call, exp.ApproxDistinct):
        return counted
    return counted.expressions[0] if isinstance(counted, exp.Distinct) else None


def _tables(node: exp.Expr) -> set[str]:
    """The table occurrences that a value is of, but for those of its own subqueries."""
    inner = {each.name for each in node.find_all(exp.TableAlias)}
    return {column.table for column in node.find_all(exp.Column)} - inner


def _totals(env: Environment, block: Block, told: Told, row_set: str) -> Iterator[Told]:
    """The same row set as that of totals under a dominance rule, one for each column that is totalled over it."""
    columns: dict[str, tuple[exp.Expr, set[int]]] = {}
    for aggregate in block.aggregates.values():
        if row_set in (rows.sql() for rows in aggregate.compared):
            for column in aggregate.totals:
                if told.footprint.factor and not isinstance(column, exp.Column):
                    continue  # what the factor multiplies
                base = env.to_base(column) or column
                columns.setdefault(base.sql(), (base, set()))[1].add(aggregate.number)
    for base, numbers in columns.values():
        (instance,) = (unit.instance for unit in block.units)  # the only case such totals are allowed in
        test = dominated(env.policy.datasets[env.datasets[instance]].release, base)
        texts = [canonical(each, {instance: "b0"}, env.dialect) for each in (base, test)]
        yield replace(told, footprint=replace(told.footprint, total=texts[0], dominated=texts[1]), aggregates=numbers)


def _no_totals(env: Environment, block: Block, row_set: str, node: exp.Expr | None) -> None:
    """Refuse totals under a dominance rule over rows that base tables do not describe: they could not be compared."""
    for aggregate in block.aggregates.values():
        if aggregate.totals and row_set in (rows.sql() for rows in aggregate.compared):
            dataset = env.policy.datasets[block.units[0].dataset]
            rule = f"{dataset.name}.release.dominance"
            raise Refusal.of(DOMINANCE_UNSUPPORTED, node, rule=rule, dataset=dataset.name)


def _groupings(block: Block) -> Iterator[tuple[tuple[exp.Expr, int] | None, list[int]]]:
    """The groupings of a block: positions in `block.keys`, and what marks their rows where there are several.

    The mark is a number with a bit for each key, set where the key is not grouped by (GROUPING of SQL:1999; engines
    differ in how many keys one call takes).
    """
    if not block.sets:
        yield None, list(range(len(block.keys)))
        return
    nodes = list(dict.fromkeys(key.node for key in block.keys))
    marks: list[exp.Expr] = [
        exp.Mul(this=exp.Grouping(expressions=[node.copy()]), expression=exp.Literal.number(2**place))
        for place, node in enumerate(nodes)
    ]
    mark = marks[0] if marks else exp.Literal.number(0)
    for each in marks[1:]:
        mark = exp.Add(this=mark, expression=each)
    for members in block.sets:
        grouped = {block.keys[place].node for place in members}
        yield (mark.copy(), sum(2**place for place, node in enumerate(nodes) if node not in grouped)), sorted(members)


def _persons(env: Environment, limits: Thresholds, aliases: dict[str, str]) -> Iterator[str]:
    """Who the rows are about, in whatever order the tables that say so were joined: they say the same."""
    for person, _ in limits.units:
        base = env.to_base(person) or person
        if isinstance(base, exp.Coalesce):
            first, *rest = sorted(
                [base.this, *base.expressions], key=lambda part: canonical(part, aliases, env.dialect)
            )
            base = exp.Coalesce(this=first, expressions=rest)
        yield canonical(base, aliases, env.dialect)


def _full(env: Environment, instance: str) -> str:
    """The governed subquery with every usable column, so that any later condition can be asked of it."""
    cached: dict[str, str] = env.meta["full"]
    dataset = env.datasets[instance]
    if dataset not in cached:
        tree = env.governed[instance]
        starred, env.starred = env.starred, True
        try:
            scratch = f"full_{dataset}"
            rewrite.governed(env, env.policy.datasets[dataset], env.schema.tables[dataset], scratch)
            tree = env.governed.pop(scratch)
            env.datasets.pop(scratch)
        finally:
            env.starred = starred
        cached[dataset] = said(tree, env.dialect)
    return cached[dataset]


def canonical(node: exp.Expr, aliases: dict[str, str], dialect: str) -> str:
    """The text of `node` with table occurrences renamed, constants on the right, and other sides of comparisons and the
    operands of AND and OR sorted."""
    inner: dict[str, str] = {}

    def renamed(part: exp.Expr) -> exp.Expr:
        if isinstance(part, exp.Column) and part.table:
            part.set("table", rewrite.quoted(_name(part.table, aliases, inner)))
        elif isinstance(part, exp.TableAlias) and part.name:
            part.set("this", rewrite.quoted(_name(part.name, aliases, inner)))
        return part

    tree = _normal(node.copy().transform(renamed, copy=False))
    return said(tree, dialect, last=True)


def _name(alias: str, aliases: dict[str, str], inner: dict[str, str]) -> str:
    if alias in aliases or alias == ROW:
        return aliases.get(alias, alias)
    return inner.setdefault(alias, f"n{len(inner)}")


_FLIPPED: dict[type[exp.Expr], type[exp.Binary]] = {
    exp.GT: exp.LT,
    exp.LT: exp.GT,
    exp.GTE: exp.LTE,
    exp.LTE: exp.GTE,
    exp.EQ: exp.EQ,
    exp.NEQ: exp.NEQ,
    exp.NullSafeEQ: exp.NullSafeEQ,
    exp.NullSafeNEQ: exp.NullSafeNEQ,
}


def _normal(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Subquery):  # its parentheses are part of it
        return node
    node = node.unnest()
    if isinstance(node, (exp.And, exp.Or)):
        parts = sorted({each.sql(): each for each in _operands(node, type(node))}.items())
        trees = [exp.Paren(this=each) if isinstance(each, exp.Connector) else each for _, each in parts]
        whole = trees[0]
        for each in trees[1:]:
            whole = type(node)(this=whole, expression=each)
        return whole
    if isinstance(node, exp.In) and len(node.expressions) == 1 and not node.args.get("query"):
        node = exp.EQ(this=node.this, expression=node.expressions[0])
    if (
        isinstance(node, exp.Like)
        and isinstance(node.expression, exp.Literal)
        and not set("%_\\") & set(node.expression.name)
    ):
        equal = exp.NEQ if node.args.get("negate") else exp.EQ
        node = equal(this=node.this, expression=node.expression)
    if isinstance(node, exp.Exists) and isinstance(node.this, exp.Select):
        if not any(each.find(exp.AggFunc) for each in node.this.expressions):  # whose group is there without any row
            node.this.set("expressions", [exp.Literal.number(1)])
        return node
    if isinstance(node, exp.Not):
        inner = _normal(node.this)
        opposite: dict[type[exp.Expr], type[exp.Binary]] = {
            exp.EQ: exp.NEQ,
            exp.NEQ: exp.EQ,
            exp.GT: exp.LTE,
            exp.LTE: exp.GT,
            exp.LT: exp.GTE,
            exp.GTE: exp.LT,
        }
        if type(inner) in opposite:
            return opposite[type(inner)](this=inner.this, expression=inner.expression)
        return exp.Not(this=exp.Paren(this=inner) if isinstance(inner, exp.Connector) else inner)
    if type(node) in _FLIPPED:
        sides = [_operand(_normal(each)) for each in (node.this, node.expression)]
        left, right = sorted(sides, key=lambda side: (side.find(exp.Column) is None, side.sql()))
        kind = type(node) if left is sides[0] else _FLIPPED[type(node)]
        return kind(this=left, expression=right)
    return node


def _operand(node: exp.Expr) -> exp.Expr:
    """A side of a comparison: a condition stays in its parentheses."""
    return exp.Paren(this=node) if isinstance(node, (exp.Predicate, exp.Connector, exp.Not)) else node


def _operands(node: exp.Expr, kind: type[exp.Expr]) -> Iterator[exp.Expr]:
    for each in (node.this, node.expression):
        inner = each.unnest()
        if isinstance(inner, kind):
            yield from _operands(inner, kind)
        else:
            yield _normal(inner)


def _bound(condition: exp.Expr, aliases: dict[str, str], dialect: str) -> Iterator[str]:
    """Expressions a condition binds to one constant: they divide the rows as a group key would."""
    node = _normal(condition.copy())
    if isinstance(node, exp.EQ) and node.this.find(exp.Column) and not node.expression.find(exp.Column, exp.Select):
        yield canonical(node.this, aliases, dialect)
