"""One SELECT: names, labels and demands of every clause, then its rewritten form behind its thresholds."""

from collections.abc import Iterator
from dataclasses import replace

from sqlglot import exp

from policies import check_person, dp_select, joined, lists, rewrite
from policies.anti_joins import without_anti_joins
from policies.check_from import classes, connected, from_clause
from policies.check_group import group_by, ordinal
from policies.check_predicate import chosen_by, condition
from policies.check_subquery import demand_free
from policies.decision import Place
from policies.demand import all_readable, demand_rows, rows_refused
from policies.environment import RESERVED, Block, Environment
from policies.errors import ALIAS_RESERVED, COLUMN_NOT_USABLE, CONSTRUCT_NOT_ALLOWED, NOT_GROUPED, SUBQUERY_NOT_ALLOWED
from policies.failing import ENOUGH
from policies.footprints import Told, footprints
from policies.labels import Dep, Level, Value
from policies.model import Mode
from policies.refusal import Refusal
from policies.resolve import Relation, Scope, Unit
from policies.thresholds import Hidden, Thresholds, guarded, thresholds, together

_CLAUSES = {
    "expressions", "from_", "joins", "laterals", "where", "group", "having", "qualify", "order", "limit", "offset",
    "distinct", "with_", "operation_modifiers",
}  # fmt: skip


def select(env: Environment, node: exp.Select, scope: Scope, top: bool) -> Relation:
    """Check one SELECT. `top`: its columns are the answer's, so guards go into hidden columns."""
    for name, given in node.args.items():
        if given and name not in _CLAUSES:
            raise Refusal.of(
                CONSTRUCT_NOT_ALLOWED, node, what=f"SELECT with {name.strip('_')}", hint="Leave that clause out."
            )
    if not env.harmless:
        plain = without_anti_joins(node)
        if plain is not node and node.parent is not None:
            node.replace(plain)
        node = plain
    block = Block(scope, inside=not top)
    item, joins = from_clause(env, block, node)
    env.meta["owned"] |= {unit.instance for unit in block.units}
    named = _items(block, node, top)
    scope.aliases = {name.lower(): each for name, each in reversed(named) if isinstance(each, exp.Expr)}
    where = chosen_by(env, block, node.args["where"].this) if node.args.get("where") else None
    connected(env, block, node)
    joined.describe(env, block)
    grouping = group_by(env, block, node, named, top)
    if block.by_person:
        check_person.begin(env, block, item, joins, where, grouping, block.raw_keys)
        item, joins, where, grouping = None, [], None, None
    elif block.grouped:
        block.phase = "groups"
    outputs = [(name, each if isinstance(each, Value) else env.value(env, block, each)) for name, each in named]
    outputs = [(name, _computed(_in_group(env, block, value))) for name, value in outputs]
    having = _condition(env, block, node.args.get("having")) if block.person is None else None
    if having is not None:
        block.sorted_by |= _numbers(having.node)
    qualify = _condition(env, block, node.args.get("qualify"))
    order = _order(env, block, node, outputs)
    _rows(env, block, node, outputs, top)
    limit = [_whole(node.args.get(name)) for name in ("limit", "offset")]
    made = exp.Select(distinct=_distinct(env, block, node, outputs))
    if item is not None:
        made.set("from_", exp.From(this=item))
        made.set("joins", joins)
    if where is not None:
        made.set("where", exp.Where(this=where))
    if grouping is not None:
        made.set("group", grouping)
    if order:
        made.set("order", exp.Order(expressions=order))
    for name, given in zip(("limit", "offset"), limit, strict=True):
        if given is not None:
            made.set(name, given)
    if qualify is not None:
        if not any(each.find(exp.Window) for each in (qualify.node, *(value.node for _, value in outputs))):
            hint = "Use WHERE, or HAVING after GROUP BY."
            raise Refusal.of(CONSTRUCT_NOT_ALLOWED, node.args["qualify"], what="QUALIFY without a window", hint=hint)
        made.set("qualify", exp.Qualify(this=qualify.node))
    made.set("having", exp.Having(this=having.node) if having is not None else None)
    if block.person is not None:
        chosen = [chosen_by(env, block, node.args["having"].this)] if node.args.get("having") else []
        check_person.finished(block, made, [*chosen, *(value.node for _, value in outputs)], node)
        if chosen:
            made.set("where", exp.Where(this=chosen[0]))
    for test in (having, qualify):
        block.note(test.sources if test is not None else (), "filter")
    block.note((source for key in block.keys for source in key.sources), "key")
    found = _finished(env, block, made, outputs, top, node)
    found.chosen_by |= block.chosen_by
    return found


def _items(block: Block, node: exp.Select, top: bool) -> list[tuple[str, exp.Expr | Value]]:
    """Output names and expressions, stars expanded."""
    found: list[tuple[str, exp.Expr | Value]] = []
    for place, each in enumerate(node.expressions):
        if isinstance(each, exp.Star) or (isinstance(each, exp.Column) and isinstance(each.this, exp.Star)):
            unusable = block.scope.starred_unusable(each)
            if top and unusable:
                raise Refusal.of(COLUMN_NOT_USABLE, each, rule=f"{unusable}: []", column=unusable)
            star = each.this if isinstance(each, exp.Column) else each
            replaced = {given.alias.lower(): given.this for given in star.args.get("replace") or []}
            found += [(name, replaced.get(name.lower(), value)) for name, value in block.scope.star(each)]
            continue
        name = each.alias if isinstance(each, exp.Alias) else each.name if isinstance(each, exp.Column) else ""
        inner = each.this if isinstance(each, exp.Alias) else each
        found.append((name or _default_name(inner, place), inner))
    for name, _ in found:
        if name.lower().startswith(RESERVED):
            raise Refusal.of(ALIAS_RESERVED, node)
    if not found:
        raise Refusal.of(CONSTRUCT_NOT_ALLOWED, node, what="A SELECT without columns", hint="Name the columns.")
    return found


def _default_name(node: exp.Expr, place: int) -> str:
    """What the engine would call an unnamed column."""
    if isinstance(node, exp.Count) and isinstance(node.this, exp.Star):
        return "count_star()"
    if isinstance(node.unnest(), exp.Column):
        return node.unnest().name
    if isinstance(node, (exp.CurrentDate, exp.CurrentTimestamp)):  # an alias of that very name would hide it
        return f"{node.key}()"
    text = node.sql(dialect="duckdb", normalize_functions="lower")
    return text if len(text) <= 60 else f"column{place}"


def _in_group(env: Environment, block: Block, value: Value) -> Value:
    """An output of a grouped query is a key, an aggregate, or made of them."""
    if not block.grouped:
        return value
    if value.level is Level.ROW:
        for key in block.keys:
            if key.node == value.node:
                return key
        raise Refusal.of(NOT_GROUPED, value.node)
    return value


def _computed(value: Value) -> Value:
    """What is computed from aggregates sees guarded ones: an overflow must not tell about a withheld value."""
    if not value.aggregates or isinstance(value.node, exp.Placeholder):
        return value
    return replace(value, node=_always_guarded(value.node))


def _condition(env: Environment, block: Block, node: exp.Expr | None) -> Value | None:
    """HAVING or QUALIFY: over keys and guarded aggregates, or over rows that may be shown."""
    if node is None:
        return None
    found = condition(env, block, node.this)
    if found.level is Level.ROW:
        if block.grouped:
            raise Refusal.of(NOT_GROUPED, node)
        demand_rows(env.policy, found, node)
        demand_free(env, block, node)
    return found


def _order(env: Environment, block: Block, node: exp.Select, outputs: list[tuple[str, Value]]) -> list[exp.Expr]:
    """ORDER BY; what names an output becomes its position."""
    order = node.args.get("order")
    made: list[exp.Expr] = []
    names = [name.lower() for name, _ in outputs]
    for each in order.expressions if order else []:
        inner = each.this.unnest()
        places: list[int] = []
        if isinstance(inner, exp.Var) and inner.name.upper() == "ALL":
            places = list(range(len(outputs)))
        elif isinstance(inner, exp.Column) and not inner.table and inner.name.lower() in names:
            places = [names.index(inner.name.lower())]
        elif isinstance(inner, exp.Literal) and not inner.is_string:
            ordinal(inner, [value for _, value in outputs])
            places = [int(inner.this) - 1]
        for place in places:
            block.sorted_by |= _numbers(outputs[place][1].node)
        made += [_ordered(each, _sort_key(outputs[place][1], place)) for place in places]
        block.note((source for place in places for source in outputs[place][1].sources), "order")
        if not places:
            found = env.value(env, block, inner)
            if found.level is Level.ROW:
                if block.grouped:
                    raise Refusal.of(NOT_GROUPED, each)
                demand_rows(env.policy, found, each)
            block.note(found.sources, "order")
            block.sorted_by |= _numbers(found.node)
            made.append(_ordered(each, _always_guarded(found.node)))
    return made


def _numbers(node: exp.Expr) -> set[int]:
    """The aggregates that placeholders in `node` stand for."""
    texts = (str(each.this) for each in node.find_all(exp.Placeholder))
    return {int(text.removeprefix("plain").removeprefix("guarded")) for text in texts if text != ENOUGH}


def _sort_key(value: Value, place: int) -> exp.Expr:
    """The position, unless the order of unguarded aggregates would tell about withheld ones."""
    return _always_guarded(value.node) if value.aggregates else exp.Literal.number(place + 1)


def _ordered(original: exp.Expr, node: exp.Expr) -> exp.Ordered:
    return exp.Ordered(this=node, desc=original.args.get("desc"), nulls_first=original.args.get("nulls_first"))


def _always_guarded(node: exp.Expr) -> exp.Expr:
    def swapped(part: exp.Expr) -> exp.Expr:
        if isinstance(part, exp.Placeholder) and str(part.this).startswith("plain"):
            return exp.Placeholder(this="guarded" + str(part.this).removeprefix("plain"))
        return part

    return node.transform(swapped)


def _rows(env: Environment, block: Block, node: exp.Select, outputs: list[tuple[str, Value]], top: bool) -> None:
    """Rows leave, or are cut off, only where they may be shown."""
    if block.grouped:
        return
    if top or _cut(block, node):
        for name, value in outputs:
            demand_rows(env.policy, value, _written(node, name, outputs))
        demand_free(env, block, node)


def _distinct(
    env: Environment, block: Block, node: exp.Select, outputs: list[tuple[str, Value]]
) -> exp.Distinct | None:
    """DISTINCT over rows that may be shown; over groups it is put back once they are guarded."""
    distinct = node.args.get("distinct")
    if distinct is None or ((block.grouped or block.person is not None) and not distinct.args.get("on")):
        return None
    on = distinct.args.get("on")
    if on is None:
        return exp.Distinct()
    keys = [ordinal(each, [value for _, value in outputs]) for each in on.expressions]
    values = [each if isinstance(each, Value) else env.value(env, block, each) for each in keys]
    for value in values if not block.grouped else []:
        demand_rows(env.policy, value, node)
    return exp.Distinct(on=exp.Tuple(expressions=[_in_group(env, block, value).node for value in values]))


def _written(node: exp.Select, name: str, outputs: list[tuple[str, Value]]) -> exp.Expr:
    written: list[exp.Expr] = node.expressions
    if len(written) == len(outputs):
        return next((each for each, (called, _) in zip(written, outputs, strict=True) if called == name), node)
    return written[0]


def _whole(node: exp.Expr | None) -> exp.Expr | None:
    """LIMIT and OFFSET take constants only."""
    if node is None:
        return None
    number = node.expression
    extra = [name for name, given in node.args.items() if given and name not in ("expression", "this")]
    if not isinstance(number, exp.Literal) or not number.is_int or node.this is not None or extra:
        raise Refusal.of(SUBQUERY_NOT_ALLOWED, node, why="LIMIT and OFFSET take constants", hint="Write a number.")
    return node.copy()


def _finished(
    env: Environment, block: Block, made: exp.Select, outputs: list[tuple[str, Value]], top: bool, node: exp.Select
) -> Relation:
    """Put the guards in, and hand out what an outer query may know."""
    if not top:
        outputs = _apart(outputs)
    visible = [exp.Alias(this=value.node, alias=rewrite.quoted(name)) for name, value in outputs]
    made.set("expressions", visible)
    columns = {
        (name if name not in dict(outputs[:place]) else f"{name}:{place}"): value
        for place, (name, value) in enumerate(outputs)
    }
    if not block.grouped:
        return _row_relation(env, block, made, columns, top, node)
    foreign = [dep for dep in block.influence if dep.instance not in {unit.instance for unit in block.units}]
    foreign = [dep for dep in foreign if dep.instance in env.meta["owned"] and dep.instance not in env.meta["inner"]]
    if foreign and block.scope.parent is not None and not all_readable(env.policy, foreign):
        raise Refusal.of(
            SUBQUERY_NOT_ALLOWED, node, why="it computes a statistic per outer row", hint="Join and GROUP BY instead."
        )
    groups = [[(unit.instance, unit.dataset) for unit in units] for units in classes(block, units_only=False)]
    if dp_select.concerned(env, block):
        lists.even(env, block, groups, node)
        return dp_select.released(env, block, made, columns, node)
    limits = thresholds(env, block, node)
    if limits.protected:
        lists.bounded(env, block, node)
        lists.even(env, block, groups, node)
        lists.correlated(env, block, node)
        owners = [[(unit.instance, unit.dataset) for unit in units] for units in classes(block)]
        lists.repeated(env, block, owners, _unread(env, block), node)
    if limits.protected and made.args.get("having") is not None and _numbers(made.args["having"].this):
        env.meta["uncounted"] = True  # a row that is not there was not chosen, or is withheld: nothing may tell which
    hidden = Hidden(env)
    repeated = node.args.get("distinct") is not None and (node.args.get("group") is not None or bool(block.aggregates))
    fanned = any(_fans_out(env, block, name) for name in block.lists)  # small groups could be more than rows may leave
    engine_side = not top or repeated or (fanned and limits.protected)
    _substitute(block, made, limits, engine_side)
    if limits.protected:
        alone = node.parent is None or isinstance(node.parent, exp.Subquery)
        for told in footprints(env, block, limits, made):
            again = told.footprint in env.footprints
            cut = bool(block.sorted_by) and (node.args.get("limit") or node.args.get("offset"))
            fixed = engine_side or again or not told.whole or made.find(exp.Window) or cut
            if fixed:  # its cells cannot be withheld one by one
                env.meta["shown"].pop(told.footprint, None)
            else:
                place = _place(told, outputs, hidden, alone, block.sorted_by)
                if place is not None:
                    env.meta["shown"][told.footprint] = place
            env.footprints.append(told.footprint)
            env.meta["compared" if _only_compared(node) else "told"].add(told.footprint)
    if engine_side or _looks_across(made):
        env.meta["nested"] |= limits.protected
        enough = together(limits.row)
        if enough is not None:
            having = made.args.get("having")
            made.set("having", exp.Having(this=exp.and_(having.this, enough, copy=False) if having else enough))
    if engine_side:
        if repeated and not made.args.get("distinct"):
            made.set("distinct", exp.Distinct())
    else:
        for requirement in limits.row:
            env.guards.append(hidden.guard(requirement, None))
        for number, requirements in limits.of.items():
            places = tuple(place for place, (_, value) in enumerate(outputs) if number in value.aggregates)
            for requirement in requirements if places else []:
                env.guards.append(hidden.guard(requirement, places))
        made.set(
            "expressions",
            made.expressions
            + [exp.Alias(this=measure, alias=rewrite.quoted(name)) for name, measure in hidden.columns.values()],
        )
    for unit in block.units:
        env.meta["inner"].add(unit.instance)
    none: frozenset[Dep] = frozenset()
    plain = {
        name: replace(value, deps=none, preds=none, plain=None, listed=None, rows=frozenset(), aggregates=frozenset())
        for name, value in columns.items()
    }
    single = node.args.get("group") is None and (bool(block.aggregates) or _one_row(block))
    return Relation(
        made,
        plain,
        outside=lists.outside(block, columns),
        unique=lists.unique(block, columns),
        exact=block.exact,
        hidden=tuple(name for name, _ in hidden.columns.values()),
        single=single,
    )


def _fans_out(env: Environment, block: Block, name: str) -> bool:
    """May a list have any number of rows for one of the block's."""
    tied = frozenset(tie.column for tie in block.ties if tie.name == name)
    return env.lists[name].rows is None and not env.lists[name].alone(tied)


def _looks_across(made: exp.Select) -> bool:
    """Does a row of the answer tell about other groups, by a window or by its place: then a group that will be withheld
    must not be there when the engine looks."""
    return any(made.args.get(name) for name in ("limit", "offset", "qualify")) or made.find(exp.Window) is not None


def _apart(outputs: list[tuple[str, Value]]) -> list[tuple[str, Value]]:
    """Columns of a subquery under names of their own, as DuckDB gives them: a, a_1, a_2."""
    seen: dict[str, int] = {}
    made: list[tuple[str, Value]] = []
    for name, value in outputs:
        called = name
        while called.lower() in seen:
            called = f"{name}_{seen[name.lower()]}"
            seen[name.lower()] += 1
        seen[called.lower()] = 1
        made.append((called, value))
    return made


def _unread(env: Environment, block: Block) -> set[str]:
    """The table occurrences of whose columns a statistic of the block uses some that may not be read, though their
    rows may."""
    used = block.influence.union(*(each.deps for each in block.aggregates.values()))
    return {
        dep.instance
        for dep in used
        if env.policy.datasets[dep.dataset].release.mode is Mode.ROWS and not all_readable(env.policy, [dep])
    }


def _only_compared(node: exp.Select) -> bool:
    """Is it the query in `GROUP BY k HAVING avg(x) > (SELECT avg(x) FROM t)`, of a column x: all that tells is which of
    the two is the greater. Beside constants, or with counts, sums, rows and joins that one can choose at will, or
    beside many groups, whose means are a scale to read it from, the comparison would find the value."""
    inner = node.parent
    if not isinstance(inner, exp.Subquery) or len(node.expressions) != 1 or node.args.get("where") is not None:
        return False
    test = inner.parent
    while isinstance(test, exp.Paren):
        test = test.parent
    if not isinstance(test, (exp.GT, exp.GTE, exp.LT, exp.LTE)):
        return False
    if not isinstance(test.parent, exp.Having):
        return False
    mine = node.expressions[0].unalias()
    other = (test.expression if test.this.unnest() is node else test.this).unnest()
    if type(mine) is not type(other) or not isinstance(mine, (exp.Avg, exp.Median)):
        return False
    columns = [each.this for each in (mine, other)]
    if not all(isinstance(each, exp.Column) for each in columns) or columns[0].name.lower() != columns[1].name.lower():
        return False
    outer = test.find_ancestor(exp.Select)
    group = outer.args.get("group") if outer is not None else None
    if (
        group is None
        or len(group.expressions) != 1
        or [name for name, given in group.args.items() if given] != ["expressions"]
    ):
        return False
    return outer is not None and _table_of(node) is not None and _table_of(node) == _table_of(outer)


def _table_of(node: exp.Select) -> str | None:
    """The one table of a dataset that a SELECT reads."""
    first = node.args.get("from_")
    if first is None or node.args.get("joins") or node.args.get("laterals"):
        return None
    table = first.this
    if not isinstance(table, exp.Table) or not isinstance(table.this, exp.Identifier):
        return None
    if isinstance(table.args.get("alias"), exp.TableAlias) and table.args["alias"].columns:
        return None
    common = (each for with_ in _withs(node) for each in with_.expressions)
    return None if table.name.lower() in {each.alias.lower() for each in common} else table.name.lower()


def _withs(node: exp.Expr) -> Iterator[exp.With]:
    while node is not None:
        with_ = node.args.get("with_")
        if with_ is not None:
            yield with_
        node = node.parent  # type: ignore[assignment]


def _place(
    told: Told, outputs: list[tuple[str, Value]], hidden: Hidden, alone: bool, sorted_by: set[int]
) -> Place | None:
    """Where the cells of a statistic will stand in the answer; None where no single one of them can be withheld.

    `alone`: the SELECT is the whole query, so that its keys can be read where it shows them. `sorted_by`: aggregates
    that the order of the rows tells about; of a statistic among them all of the row has to go.
    """
    columns: tuple[int, ...] | None = None
    if told.aggregates is not None and not told.aggregates & sorted_by:
        columns = tuple(place for place, (_, value) in enumerate(outputs) if told.aggregates & value.aggregates)
        if not columns:
            return None
    shown = [value.node for _, value in outputs] if alone else []
    keys = [shown.index(key) if key in shown else hidden.name(key) for key in told.keys]
    level = None
    if told.level is not None:
        level = (hidden.name(told.level[0]), told.level[1])
    elif not alone:
        level = (hidden.name(exp.Literal.number(1)), 1)
    return Place(tuple(keys), columns, level)


def _substitute(block: Block, made: exp.Select, limits: Thresholds, engine_side: bool) -> None:
    """Put the aggregates back where their placeholders stand."""

    def put(part: exp.Expr) -> exp.Expr:
        if not isinstance(part, exp.Placeholder):
            return part
        text = str(part.this)
        if text == ENOUGH:
            return together(limits.row) or exp.true()
        plain = text.startswith("plain") and not engine_side
        number = int(text.removeprefix("plain").removeprefix("guarded"))
        aggregate = block.aggregates.get(number)
        if aggregate is None:
            return part
        return aggregate.node.copy() if plain else guarded(aggregate, limits.of.get(number, []))

    made.set("expressions", [each.transform(put) for each in made.expressions])
    for name in ("order",):
        if made.args.get(name):
            made.set(name, made.args[name].transform(put))
    for name in ("having", "qualify"):
        if made.args.get(name):
            made.set(name, _always_guarded(made.args[name]).transform(put))


def _with_flags(env: Environment, made: exp.Select, value: Value) -> Value:
    """Hand out, as hidden columns, the conditions behind the choices in a value: an aggregate outside needs enough
    people in each of them."""
    carried = (value.branches, value.mixed, value.weights)
    if not any(carried) or (env.open and all_readable(env.policy, value.all_deps)):
        return replace(value, branches=(), mixed=(), weights=())

    branches, mixed, weights = (tuple(_flag(env, made, rows) for rows in each) for each in carried)
    return replace(value, branches=branches, mixed=mixed, weights=weights)


def _flag(env: Environment, made: exp.Select, rows: exp.Expr) -> exp.Expr:
    """A hidden column with a condition on rows."""
    named = exp.Alias(this=rows.copy(), alias=rewrite.quoted(f"{RESERVED}b{env.number()}"))
    made.append("expressions", named)
    return named


def _cut(block: Block, node: exp.Select) -> bool:
    """Are rows left out that no condition describes. DISTINCT leaves none out where there is one for each person."""
    names = ("limit", "offset", "qualify") if block.person is not None else ("limit", "offset", "distinct", "qualify")
    return any(node.args.get(name) for name in names)


def _one_row(block: Block) -> bool:
    """Does every source give at most one row."""
    return all(each.single for each in block.scope.sources)


def _row_relation(
    env: Environment, block: Block, made: exp.Select, columns: dict[str, Value], top: bool, node: exp.Select
) -> Relation:
    units: list[Unit] = []
    several: tuple[exp.Expr, ...] = ()
    cut = _cut(block, node)
    if not top and not cut:
        for unit in block.units:
            hidden = f"{RESERVED}{unit.instance}"
            made.append("expressions", exp.Alias(this=unit.node.copy(), alias=rewrite.quoted(hidden)))
            units.append(unit)
        columns = {name: _with_flags(env, made, value) for name, value in columns.items()}
        several = tuple(_flag(env, made, rows) for rows in block.several)
    if top and any(env.policy.datasets[unit.dataset].release.mode is not Mode.ROWS for unit in block.units):
        raise rows_refused(env.policy, block.units[0].dataset, node)
    return Relation(
        made,
        columns,
        tuple(units),
        frozenset(block.influence),
        tuple(block.links),
        tuple(block.conditions),
        frozenset(block.constants),
        exact=block.exact and not cut,
        single=_one_row(block) and block.person is None,
        personal=block.personal,
        several=several,
        lists=frozenset(block.lists),
        ties=tuple(block.ties),
        mixed=tuple(block.mixed),
        outside=lists.outside(block, columns),
        rows=lists.constant_rows(env, block, columns) if not units else None,
        unique=frozenset(columns) if node.args.get("distinct") else None,
    )
