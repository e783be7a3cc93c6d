"""Aggregates: what each may be fed. Whose rows its value is about is in `policies.check_rows`."""

from decimal import Decimal
from math import ceil

from sqlglot import exp

from policies import check_open, check_person, check_rows, lists
from policies.check_predicate import constant, filtered
from policies.decision import Source
from policies.demand import all_readable, column_of, demand, demand_present, permits, readable, weights
from policies.environment import Aggregate, Block, Environment
from policies.errors import (
    AGGREGATE_REVEALS,
    CONSTRUCT_NOT_ALLOWED,
    FUNCTION_NOT_ALLOWED,
    NON_LINEAR,
    QUANTILE_RANGE,
    TYPE_MISMATCH,
)
from policies.functions import DATE_PARTS, FLAGS, QUANTILES, REVEALING, SAFE
from policies.grain import Tally
from policies.labels import Level, Value
from policies.model import Use
from policies.refusal import Refusal, called

MAX_SHARES = 10
"""Quantiles of one list: deciles at most."""


def aggregate(env: Environment, block: Block, node: exp.Expr) -> Value:
    """Check one aggregate call with its FILTER. A placeholder stands for it until the block is done."""
    person = block.phase == "people"
    if block.phase != "groups" and not person:
        raise Refusal.of(
            CONSTRUCT_NOT_ALLOWED, node, what="An aggregate in this place", hint="Use HAVING, or a subquery."
        )
    if person and isinstance(node, (exp.LogicalOr, exp.LogicalAnd)):
        return env.value(env, block, check_person.counted(node))
    with block.during("argument"):
        call, condition = node, None
        while isinstance(call, (exp.Filter, exp.IgnoreNulls)):
            if isinstance(call, exp.Filter):
                condition = filtered(env, block, call.expression.this)
            call = call.this
        call = _within_group(call)
        own = person and isinstance(call, check_person.EXTREMES)
        made, found, parts = check_person.extreme(env, block, call) if own else _call(env, block, call)
    if person:
        return check_person.statistic(env, block, call, made, found, parts, condition)
    where = condition.node if condition else None
    if where is not None:
        made = exp.Filter(this=made, expression=exp.Where(this=where))
    number = env.number()
    deps = frozenset().union(*(part.all_deps for part in parts), condition.all_deps if condition else frozenset())
    factors = [] if env.harmless else check_rows.factors(env, call, parts)
    totals = [] if env.harmless else check_rows.totals(env, call, parts, factors)
    touched: frozenset[str] = frozenset().union(*(part.touches for part in parts))
    chosen = condition.touches if condition else frozenset()
    block.mixed += [lists.Mixed(touched, call), lists.Mixed(chosen, call)]
    block.aggregates[number] = Aggregate(
        number,
        made,
        deps,
        lambda: check_rows.row_sets(env, block, call, parts, where, bool(totals)),
        totals,
        condition=where,
        people=_beyond(env, block, call),
    )
    how = "count" if isinstance(call, (exp.Count, exp.CountIf, exp.ApproxDistinct)) else "aggregate"
    sources = {Source(source.dataset, source.column, how) for part in parts for source in part.sources}
    if isinstance(call, exp.Count) and not parts:  # count(*) is about whole rows
        tables = {each.dataset for each in block.scope.sources if each.dataset}
        tables |= {env.policy.datasets[unit.dataset].name for unit in block.units}
        sources |= {Source(table, "*", how) for table in tables}
    if condition:
        sources |= {Source(source.dataset, source.column, "influence") for source in condition.sources}
    return Value(
        exp.Placeholder(this=f"{'guarded' if block.windowed else 'plain'}{number}"),
        Level.RELEASED,
        found,
        aggregates=frozenset() if block.windowed else frozenset({number}),
        sources=frozenset(sources),
    )


def _within_group(call: exp.Expr) -> exp.Expr:
    """percentile_cont(q) WITHIN GROUP (ORDER BY x) as quantile_cont(x, q)."""
    if not isinstance(call, exp.WithinGroup):
        return call
    inner, order = call.this, call.expression
    if (
        type(inner) not in (exp.PercentileCont, exp.PercentileDisc)
        or len(order.expressions) != 1
        or order.expressions[0].args.get("desc")
    ):
        raise Refusal.of(FUNCTION_NOT_ALLOWED, call, name=f"{called(inner)} WITHIN GROUP")
    made: exp.Expr = type(inner)(this=order.expressions[0].this.copy(), expression=inner.this.copy())
    return made


def _call(env: Environment, block: Block, call: exp.Expr) -> tuple[exp.Expr, str, list[Value]]:
    """The rewritten call, the kind of its value, and its arguments."""
    if env.harmless:
        return check_open.call(env, block, call)
    if isinstance(call, exp.Count):
        return _count(env, block, call)
    if isinstance(call, exp.CountIf):
        part = filtered(env, block, call.this)
        return exp.Count(this=exp.Case(ifs=[exp.If(this=part.node, true=exp.Literal.number(1))])), "int", [part]
    if isinstance(call, exp.ApproxDistinct):
        part = env.value(env, block, call.this)
        _told_apart(env, part, call)
        demand(env.policy, part.preds, Use.FILTER, call)
        return exp.ApproxDistinct(this=part.node), "int", [part]
    if type(call) in SAFE:
        return _statistic(env, block, call)
    if type(call) in QUANTILES:
        return _quantile(env, block, call)
    if isinstance(call, REVEALING):
        return _revealing(env, block, call)
    raise Refusal.of(FUNCTION_NOT_ALLOWED, call, name=called(call))


def _plainly(call: exp.Expr, *names: str) -> dict[str, object]:
    for name, given in call.args.items():
        if given and name not in names and name not in FLAGS:
            raise Refusal.of(
                CONSTRUCT_NOT_ALLOWED, call, what=f"{call.key.upper()} with {name}", hint="Leave that part out."
            )
    return {name: given for name, given in call.args.items() if name in FLAGS}


def _count(env: Environment, block: Block, call: exp.Count) -> tuple[exp.Expr, str, list[Value]]:
    flags = _plainly(call, "this")
    inner = call.this
    if inner is None or isinstance(inner, exp.Star):
        return exp.Count(this=exp.Star(), **flags), "int", []
    if isinstance(inner, exp.Distinct):
        if len(inner.expressions) != 1 or inner.args.get("on"):
            raise Refusal.of(
                CONSTRUCT_NOT_ALLOWED, call, what="COUNT(DISTINCT …) of several columns", hint="Count one column."
            )
        part = env.value(env, block, inner.expressions[0])
        _told_apart(env, part, call)
        demand(env.policy, part.preds, Use.FILTER, call)
        return exp.Count(this=exp.Distinct(expressions=[part.node]), **flags), "int", [part]
    part = env.value(env, block, inner)
    demand_present(env.policy, part.deps, call)
    if part.level is Level.ROW and part.degree > 2 and not _whole(_based(env, part)):  # NULL for some values only
        demand(env.policy, part.deps, Use.GROUP if _grouped(env, part) else Use.FILTER, call)
    demand(env.policy, part.preds, Use.FILTER, call)
    return exp.Count(this=part.node, **flags), "int", [part]


def _told_apart(env: Environment, part: Value, call: exp.Expr) -> None:
    """Different values may be counted of what may be a group, and of whole identifiers: how many values a part of
    one, or a test of one, has would tell who is there. So would those of a test or a step of anything else: whether
    there are two tells whether the test held for anybody."""
    whole = part.level is not Level.ROW or _whole(_based(env, part))
    demand(env.policy, part.deps, Use.COUNT if whole else Use.GROUP, call)
    if not whole and not all_readable(env.policy, part.all_deps) and not _kept_apart(_based(env, part)):
        dep = min(part.all_deps, key=str)
        column = column_of(env.policy, dep)
        full = f"{env.policy.datasets[dep.dataset].name}.{column.name}"
        raise Refusal.of(
            AGGREGATE_REVEALS,
            call,
            rule=f"{full}: {column.described()}",
            name="count(DISTINCT …) of a test",
            column=full,
        )


def _based(env: Environment, part: Value) -> exp.Expr:
    """The argument over base tables: a column of a subquery hides what was made of it there."""
    return env.to_base(part.node) or part.node


_KEEPING: tuple[type[exp.Expr], ...] = (
    exp.Column, exp.Literal, exp.Identifier, exp.Paren, exp.DPipe, exp.Concat, exp.Left, exp.Substring, exp.Upper,
    exp.Lower, exp.Trim, exp.Extract, exp.TimestampTrunc, exp.DateTrunc, exp.TimeToStr, exp.Var, exp.Cast,
    exp.DataType, *DATE_PARTS,
)  # fmt: skip
"""What makes a name, a code or a date shorter or coarser, and tests nothing."""


def _kept_apart(node: exp.Expr) -> bool:
    """Is it made of columns by what tests none of them; a person's statistic counts as a column."""
    if isinstance(node, exp.Subquery):
        return True
    return isinstance(node, _KEEPING) and all(_kept_apart(each) for each in node.iter_expressions())


def _grouped(env: Environment, part: Value) -> bool:
    return all(permits(env.policy, dep, Use.GROUP) for dep in part.deps)


def _whole(node: exp.Expr) -> bool:
    """Does it show a column as it is: the column, it beside other text, or it for some rows and NULL for others."""
    node = node.unnest()
    if isinstance(node, (exp.DPipe, exp.Concat)):
        parts = node.expressions if isinstance(node, exp.Concat) else [node.this, node.expression]
        plain = all(isinstance(each.unnest(), (exp.Column, exp.Literal)) or _whole(each) for each in parts)
        return plain and any(_whole(each) for each in parts)
    if isinstance(node, exp.Case):
        default = node.args.get("default")
        chosen = [each.args["true"] for each in node.args["ifs"]]
        return all(_whole(each) for each in chosen) and (
            default is None or isinstance(default, exp.Null) or _whole(default)
        )
    return isinstance(node, exp.Column)


def _statistic(env: Environment, block: Block, call: exp.Expr) -> tuple[exp.Expr, str, list[Value]]:
    names = SAFE[type(call)]
    flags = _plainly(call, *names)
    parts: list[Value] = []
    for name in names:
        inner = call.args[name]
        if isinstance(inner, exp.Distinct):
            raise Refusal.of(
                CONSTRUCT_NOT_ALLOWED, call, what=f"{call.key.upper()}(DISTINCT …)", hint="Leave DISTINCT out."
            )
        part = env.value(env, block, inner)
        if part.kind not in ("int", "num", "any", "bool"):
            raise Refusal.of(TYPE_MISMATCH, call, left=part.kind, right="number")
        demand(env.policy, part.deps, Use.AGGREGATE, call)
        demand(env.policy, part.preds, Use.FILTER, call)
        if part.degree > 2 and not all_readable(
            env.policy, part.all_deps
        ):  # steps and strings are indicators of few rows
            raise Refusal.of(NON_LINEAR, call, name=called(call))
        parts.append(part)
    pairs = [
        *((part, part) for part in parts if isinstance(call, check_rows.SQUARES)),
        *([parts] if len(parts) > 1 else []),
    ]
    for one, other in pairs:  # a square or a product, hidden in the statistic
        steep = len(parts) > 1 and max(one.degree, other.degree) > 1
        hidden = not all_readable(env.policy, one.all_deps | other.all_deps)
        known = weights(env.policy, one, other)
        if hidden and (steep or known is None or one.weights or other.weights):
            raise Refusal.of(NON_LINEAR, call, name=called(call))
    made = type(call)(**dict(zip(names, (part.node for part in parts), strict=True)), **flags)
    return made, "int" if isinstance(call, exp.Sum) and parts[0].kind == "int" else "num", parts


def _quantile(env: Environment, block: Block, call: exp.Expr) -> tuple[exp.Expr, str, list[Value]]:
    where = QUANTILES[type(call)]
    flags = _plainly(call, "this", *([where] if where else []))
    part = env.value(env, block, call.this)
    shares: list[Decimal | None] = [Decimal("0.5")]
    if where:
        shares = _shares(env, block, call.args[where])
    if part.level is Level.ROW and not all_readable(env.policy, part.all_deps):
        _unrepeated(env, block, part, call)
        base = env.to_base(part.node)
        unscaled = part.plain is not None or (base is not None and base.sql() in env.meta["unscaled"])
        for dep in sorted(part.all_deps, key=str):
            column = column_of(env.policy, dep)
            if dep.grain is Tally.TALLY and all(
                share and Decimal("0.25") <= share <= Decimal("0.75") for share in shares
            ):
                continue  # which tallies there are may be asked anyway; quartiles are far from whoever is first or last
            name = f"{env.policy.datasets[dep.dataset].name}.{column.name}"
            if column.quantile is None or not unscaled or dep.grain is Tally.TALLY:
                raise Refusal.of(
                    AGGREGATE_REVEALS, call, rule=f"{name}: {column.described()}", name=called(call), column=name
                )
            low, high = column.quantile
            if any(share is None or not low <= float(share) <= high for share in shares):
                raise Refusal.of(
                    QUANTILE_RANGE, call, rule=f"{name}: {column.described()}", column=name, allowed=f"{low} to {high}"
                )
    if any(share is None or not 0 <= share <= 1 for share in shares):
        raise Refusal.of(CONSTRUCT_NOT_ALLOWED, call, what="A computed quantile", hint="Write a constant from 0 to 1.")
    made = type(call)(this=part.node, **flags)
    if where:
        made.set(where, call.args[where].copy())
    kind = part.kind if isinstance(call, exp.PercentileDisc) else "num"
    return made, kind if len(shares) == 1 else "other", [part]


def _unrepeated(env: Environment, block: Block, part: Value, call: exp.Expr) -> None:
    """Refuse a quantile of rows that others repeat: who is repeated most is what half of them are."""
    own = {dep.instance for dep in part.all_deps}
    for unit in block.units:
        key = env.schema.tables[unit.dataset].key
        single = key is not None and key == (env.policy.datasets[unit.dataset].unit or "").lower()
        if unit.instance not in own and not single and unit.instance not in env.meta["collapsed"]:
            raise Refusal.of(
                CONSTRUCT_NOT_ALLOWED,
                call,
                what="A quantile over rows that a join repeats",
                hint="Take it of one table, or choose its rows with EXISTS or IN.",
            )


def _beyond(env: Environment, block: Block, call: exp.Expr) -> int:
    """How many people a quantile needs so that two of them lie beyond it: else it is the largest value, or the
    smallest."""
    if env.harmless or type(call) not in QUANTILES:
        return 0
    where = QUANTILES[type(call)]
    shares = _shares(env, block, call.args[where]) if where else []
    sides = [min(share, 1 - share) for share in shares if share is not None]
    return max((ceil(2 / side) for side in sides if side > 0), default=0)


def _shares(env: Environment, block: Block, given: exp.Expr) -> list[Decimal | None]:
    """The quantile or quantiles asked for; None where one is no constant."""
    asked = given.expressions if isinstance(given, exp.Array) and 1 < len(given.expressions) <= MAX_SHARES else [given]
    return [constant(env.value(env, block, each)) for each in asked]


_ONE_OF = (exp.Min, exp.Max, exp.AnyValue)
"""Aggregates that give one of their values: of a group key, the key, which the group shows anyway (SQL:2023, T626)."""


def _revealing(env: Environment, block: Block, call: exp.Expr) -> tuple[exp.Expr, str, list[Value]]:
    """An aggregate that returns values of single rows: over released statistics or readable columns only."""
    names = ("this", "expression") if isinstance(call, (exp.ArgMax, exp.ArgMin)) else ("this", "separator")
    flags = _plainly(call, *names)
    parts: list[Value] = []
    made = type(call)(**flags)
    keys = [key.node for key in block.keys] if isinstance(call, _ONE_OF) and not block.sets else []

    def shown(inner: exp.Expr) -> exp.Expr:
        part = env.value(env, block, inner)
        for dep in sorted(part.all_deps, key=str):
            if part.level is Level.ROW and not readable(env.policy, dep) and part.node not in keys:
                column = column_of(env.policy, dep)
                full = f"{env.policy.datasets[dep.dataset].name}.{column.name}"
                raise Refusal.of(
                    AGGREGATE_REVEALS, call, rule=f"{full}: {column.described()}", name=called(call), column=full
                )
        parts.append(part)
        return part.node

    for name in names:
        inner = call.args.get(name)
        if inner is None:
            continue
        order = inner if isinstance(inner, exp.Order) else None
        inner = order.this if order is not None else inner
        if isinstance(inner, exp.Distinct):
            value: exp.Expr = exp.Distinct(expressions=[shown(inner.expressions[0])])
        else:
            value = shown(inner)
        if order is not None:  # the order shows as much as the values do
            keys = [exp.Ordered(**{**each.args, "this": shown(each.this)}) for each in order.expressions]
            value = exp.Order(this=value, expressions=keys)
        made.set(name, value)
    if isinstance(call, exp.AnyValue):
        return exp.AnyValue(this=made.this), parts[0].kind, parts
    kind = "text" if isinstance(call, exp.GroupConcat) else "other" if isinstance(call, exp.ArrayAgg) else parts[0].kind
    return made, kind, parts
