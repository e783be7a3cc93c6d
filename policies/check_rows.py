"""Whose rows a statistic is about: the rows that need enough people, and those that others are compared with."""

from collections.abc import Iterator
from itertools import combinations, combinations_with_replacement

from sqlglot import exp

from policies import lists, rewrite
from policies.demand import all_readable, chosen_freely, column_of, readable, weights
from policies.environment import Block, Environment, RowSets
from policies.errors import DOMINANCE_UNSUPPORTED
from policies.functions import QUANTILES, SAFE
from policies.grain import Tally
from policies.labels import Dep, Level, Value, conjoined
from policies.refusal import Refusal
from policies.resolve import Unit


def _and(where: exp.Expr | None, other: exp.Expr) -> exp.Expr:
    if where is None:
        return other
    return exp.And(this=exp.Paren(this=where.copy()), expression=exp.Paren(this=other))


def _present(part: Value, env: Environment) -> exp.Expr | None:
    """`part IS NOT NULL`, where it can be NULL."""
    if part.plain is not None:
        table = env.schema.tables[part.plain.dataset]
        if part.plain.column in table.required and part.plain.instance not in env.nullable:
            return None
    if part.level is not Level.ROW:
        return None
    return exp.Not(this=exp.Is(this=exp.Paren(this=part.node.copy()), expression=exp.Null()))


def _empty(env: Environment, part: Value) -> exp.Expr | None:
    """Whose rows add nothing for want of a value: one of the columns of what is added up is NULL there, however it is
    made of them."""
    if part.level is not Level.ROW or all_readable(env.policy, part.deps):
        return None
    found: list[exp.Expr] = []
    for dep in sorted(part.deps, key=str):
        column = column_of(env.policy, dep)
        # what is put together of a person's rows has one whichever of these has none
        put_together = dep.grain is Tally.TALLY or dep.instance in env.meta["collapsed"]
        if put_together or column.mask is not None or dep.column in env.schema.tables[dep.dataset].required:
            continue
        found.append(exp.Is(this=rewrite.column(column.name, dep.instance), expression=exp.null()))
    return exp.or_(*dict.fromkeys(found), copy=False) if found else None


def row_sets(
    env: Environment, block: Block, call: exp.Expr, parts: list[Value], where: exp.Expr | None, totals: bool
) -> RowSets:
    """Which row sets need enough units, and which are compared with other sets of the block."""
    entry = RowSets()
    everything = where.copy() if where is not None else exp.true()
    entry.present.append(everything)
    counted = isinstance(call, (exp.Count, exp.CountIf, exp.ApproxDistinct))
    conditional = False
    for part in parts:
        not_null = _present(part, env)
        if not_null is not None and not isinstance(call, exp.CountIf):
            entry.present.append(_and(where, not_null))
            if counted or part.instances & env.nullable:  # whom an outer join gave nothing adds nothing
                entry.compared.append(_and(where, not_null.copy()))
        if not_null is not None and not counted and _summed_too(block, call, part):
            entry.compared.append(_and(where, not_null.copy()))
        for branch in part.branches if part.level is Level.ROW else ():
            conditional = True
            entry.present.append(_and(where, branch.copy()))
            entry.compared.append(_and(where, branch.copy()))
        tally = part.level is Level.ROW and any(dep.grain is Tally.TALLY for dep in part.deps)  # less one, it may be 0
        if (conditional or part.weights or tally) and not counted and part.kind in ("int", "num"):
            entry.present.append(
                _and(where, exp.NEQ(this=exp.Paren(this=part.node.copy()), expression=exp.Literal.number(0)))
            )
        if isinstance(call, exp.CountIf):
            entry.present.append(_and(where, part.node.copy()))
            entry.compared.append(_and(where, part.node.copy()))
    if not counted and not conditional and len(parts) == 1 and _counted_alone(env, block, parts[0], where):
        entry.compared = [entry.present[1].copy()]
    else:
        divided = not counted and not isinstance(call, exp.Sum) and not all(_nothing_else(env, part) for part in parts)
        whole = not counted and any(part.whole for part in parts if part.level is Level.ROW)
        if not entry.compared or divided or whole:
            entry.compared.append(everything.copy())
    entry.mixed += [_and(where, rows) for rows in _mixed(call, parts)]
    for part in parts:
        if totals and lists.unpinned(env, block, part):
            raise Refusal.of(DOMINANCE_UNSUPPORTED, call, rule="release.dominance", dataset="this dataset")
        entry.mixed += [_and(where, rows) for rows in lists.told(env, block, part)]
    for part in parts if not counted else ():
        empty = _empty(env, part)
        if empty is not None:
            entry.valued += [(rows.copy(), empty.copy()) for rows in dict.fromkeys(entry.compared)]
    if not counted and any(dep.grain is not Tally.TALLY for part in parts for dep in part.deps):
        entry.mixed += [_and(where, rows.copy()) for rows in block.several]
    entry.compared += [rows.copy() for rows in entry.mixed]
    if not _once(call):
        entry.mixed += [_and(where, rows) for rows in _matched(env, block)]
    entry.factors += [factor.copy() for factor in factors(env, call, parts)]
    if type(call) in SAFE:
        known = [part.node for part in parts if _known(env, part)]
        pairs = [(one, other) for one in known for other in known if one is not other or isinstance(call, SQUARES)]
        entry.known += [one.copy() for one in known]
        entry.known += [
            exp.Mul(this=exp.Paren(this=one.copy()), expression=exp.Paren(this=other.copy())) for one, other in pairs
        ]
    return entry


def factors(env: Environment, call: exp.Expr, parts: list[Value]) -> list[exp.Expr]:
    """What is known of each row and multiplies what is summed."""
    factors = [weight for part in parts if part.level is Level.ROW for weight in part.weights]
    if isinstance(call, _PRODUCTS) and len(parts) > 1:
        factors += weights(env.policy, *parts) or ()
    return list(dict.fromkeys(factors))


def _known(env: Environment, part: Value) -> bool:
    """May one know of each row what is summed: a sum of it tells how many there are of which."""
    known = part.level is Level.ROW and part.deps and all(chosen_freely(env.policy, dep) for dep in part.deps)
    return bool(known) and not all_readable(env.policy, part.all_deps)


def _summed_too(block: Block, call: exp.Expr, part: Value) -> bool:
    """Is the sum of what a mean is of told beside it: together they tell how many rows have a value."""
    sums = [each.node for each in block.aggregates.values() if each.node.find(exp.Sum)]
    return not isinstance(call, exp.Sum) and any(
        inner.this == part.node for each in sums for inner in each.find_all(exp.Sum)
    )


def _counted_alone(env: Environment, block: Block, part: Value, where: exp.Expr | None) -> bool:
    """Is told beside it of how many rows it is, and not how many there are: then it is about no others."""
    not_null = _present(part, env)
    told = {
        rows.sql()
        for each in block.aggregates.values()
        if isinstance(each.node.this if isinstance(each.node, exp.Filter) else each.node, exp.Count)
        for rows in each.compared
    }
    everything = where if where is not None else exp.true()
    return not_null is not None and _and(where, not_null).sql() in told and everything.sql() not in told


def _nothing_else(env: Environment, part: Value) -> bool:
    """Is it NULL wherever nothing was chosen: then those rows are not among the ones that a mean divides by."""
    node = (env.to_base(part.node) or part.node).unnest()
    if isinstance(node, exp.Subquery) and part.level is Level.ROW:  # a person's statistic: NULL of no rows, but a count
        told = next((each.this for each in node.find_all(exp.Alias) if each.alias == "a"), None)
        call = told.this if isinstance(told, exp.Filter) else told
        return isinstance(call, (exp.Sum, exp.Avg, exp.Min, exp.Max))
    return isinstance(node, exp.Case) and isinstance(node.args.get("default") or exp.null(), exp.Null)


def _once(call: exp.Expr) -> bool:
    """Does it count each value once, however many rows hold it."""
    return isinstance(call, exp.ApproxDistinct) or (isinstance(call, exp.Count) and isinstance(call.this, exp.Distinct))


def _matched(env: Environment, block: Block) -> Iterator[exp.Expr]:
    """The rows in which an outer join found something that a person can have several of. Whoever it found nothing for
    has one row, so the number of all rows, or a sum over them, tells of those that were found."""
    found = [unit for unit in block.units if unit.instance in env.nullable]
    for unit in found:
        key = env.schema.tables[unit.dataset].key
        if key is None or key != (env.policy.datasets[unit.dataset].unit or "").lower():
            yield _there(unit)
    for one, other in combinations(found, 2):  # a full join has the fewer rows, the more of them met
        yield exp.And(this=_there(one), expression=_there(other))


def _there(unit: Unit) -> exp.Expr:
    return exp.Not(this=exp.Is(this=unit.node.copy(), expression=exp.Null()))


_REGRESSIONS = (exp.RegrSlope, exp.RegrIntercept, exp.RegrR2)
SQUARES = (
    exp.Stddev, exp.StddevPop, exp.StddevSamp, exp.Variance, exp.VariancePop, exp.Corr, *_REGRESSIONS,
)  # fmt: skip
_PRODUCTS = (exp.Corr, exp.CovarPop, exp.CovarSamp, *_REGRESSIONS)


def _mixed(call: exp.Expr, parts: list[Value]) -> Iterator[exp.Expr]:
    """Row sets that the value tells apart because it multiplies what was chosen: what a product of two choices is about
    is what both are about."""
    parts = [part for part in parts if part.level is Level.ROW]
    found = [rows.copy() for part in parts for rows in part.mixed]
    if isinstance(call, SQUARES):
        found += [rows for part in parts for rows in conjoined(part, part)]
    if isinstance(call, _PRODUCTS) and len(parts) > 1:
        found += conjoined(*parts)
    yield from dict.fromkeys(found)


def totals(env: Environment, call: exp.Expr, parts: list[Value], factors: list[exp.Expr]) -> list[exp.Expr]:
    """Summed columns under a dominance rule, also as they are multiplied, with one another too: of squares the largest
    few are a far greater part."""
    if type(call) not in SAFE and type(call) not in QUANTILES:
        return []
    columns = list(dict.fromkeys(column for part in parts for column in _ruled_columns(env, part, call)))
    pairs = [(column, factor) for column in columns for factor in factors]
    if isinstance(call, (*SQUARES, *_PRODUCTS)) or any(part.degree > 1 for part in parts):
        pairs += combinations_with_replacement(columns, 2)
    return [
        *columns,
        *(
            exp.Mul(this=exp.cast(one.copy(), "DOUBLE"), expression=exp.cast(other.copy(), "DOUBLE"))
            for one, other in pairs
        ),
    ]


def _ruled_columns(env: Environment, part: Value, call: exp.Expr) -> list[exp.Expr]:
    """Columns of the argument whose totals fall under a dominance rule: the columns alone, since adding a constant
    to each would hide who dominates."""
    ruled = {(dep.instance, dep.column): dep for dep in part.deps if _ruled(env, dep)}
    if not ruled:
        return []
    found: dict[str, exp.Expr] = {}
    for node in part.node.find_all(exp.Column):
        base = env.to_base(node)
        if isinstance(base, exp.Column) and (base.table, base.name.lower()) in ruled:
            found[node.sql()] = node.copy()
            ruled.pop((base.table, base.name.lower()))
    if ruled:  # computed in a subquery, where it cannot be seen on its own
        dataset = env.policy.datasets[min(dep.dataset for dep in ruled.values())]
        raise Refusal.of(DOMINANCE_UNSUPPORTED, call, rule=f"{dataset.name}.release.dominance", dataset=dataset.name)
    return list(found.values())


def _ruled(env: Environment, dep: Dep) -> bool:
    release = env.policy.datasets[dep.dataset].release
    return (release.dominance is not None or release.p_percent is not None) and not readable(env.policy, dep)
