"""Window functions: over statistics after grouping, or over rows that may be shown."""

from sqlglot import exp

from policies import check_open, check_subquery, functions
from policies.check_arguments import only
from policies.check_predicate import condition
from policies.demand import demand_rows
from policies.environment import Block, Environment
from policies.errors import CONSTRUCT_NOT_ALLOWED, FUNCTION_NOT_ALLOWED, NOT_GROUPED
from policies.labels import Level, Value, combined
from policies.refusal import Refusal


def window(env: Environment, block: Block, node: exp.Window) -> Value:
    only(node, "this", "partition_by", "order", "spec", "over")
    if node.args.get("over") not in (None, "OVER"):
        raise Refusal.of(CONSTRUCT_NOT_ALLOWED, node, what="This window", hint="Write OVER (…).")
    before, block.windowed = block.windowed, True
    try:
        call, parts = _window_call(env, block, node.this)
        partition = [env.value(env, block, each) for each in node.args.get("partition_by") or []]
        order = (
            [env.value(env, block, each.this) for each in node.args["order"].expressions]
            if node.args.get("order")
            else []
        )
    finally:
        block.windowed = before
    spec = node.args.get("spec")
    for edge in ("start", "end"):
        bound = spec.args.get(edge) if spec else None
        size = bound.this if isinstance(bound, exp.Interval) else bound
        if isinstance(bound, exp.Expr) and not isinstance(size, exp.Literal):
            raise Refusal.of(CONSTRUCT_NOT_ALLOWED, node, what="A computed window frame", hint="Use constant bounds.")
    made = exp.Window(this=call.node, partition_by=[each.node for each in partition], over="OVER")
    if order:
        made.set(
            "order",
            exp.Order(
                expressions=[
                    ordered(each, found.node) for each, found in zip(node.args["order"].expressions, order, strict=True)
                ]
            ),
        )
    if spec:
        made.set("spec", spec.copy())
    everything = [*parts, *partition, *order]
    for each in everything:
        if each.level is Level.ROW:
            if block.phase in ("groups", "people"):
                raise Refusal.of(NOT_GROUPED, node)
            demand_rows(env.policy, each, node)
    if block.phase == "rows":
        check_subquery.demand_free(env, block, node)
    return combined(made, call.kind, [call, *everything])


def _window_call(env: Environment, block: Block, call: exp.Expr) -> tuple[Value, list[Value]]:
    if isinstance(call, exp.Filter):
        found, parts = _window_call(env, block, call.this)
        chosen = condition(env, block, call.expression.this)
        made: exp.Expr = exp.Filter(this=found.node, expression=exp.Where(this=chosen.node))
        return combined(made, found.kind, [*parts, chosen]), [*parts, chosen]
    if isinstance(call, (exp.IgnoreNulls, exp.RespectNulls)):
        found, parts = _window_call(env, block, call.this)
        return combined(type(call)(this=found.node), found.kind, parts), parts
    if env.harmless:
        made, kind, parts = check_open.call(env, block, call, functions.RANKING)
        return combined(made, kind, parts), parts
    if isinstance(call, functions.RANKING) or functions.aggregates(call):
        only(call, "this", "offset", "default", "expressions")
        inner = call.this
        star = isinstance(inner, exp.Star)
        parts = [] if inner is None or star else [env.value(env, block, inner)]
        for name in ("offset", "default"):
            given = call.args.get(name)
            if given is not None and not isinstance(given, (exp.Literal, exp.Null)):
                raise Refusal.of(CONSTRUCT_NOT_ALLOWED, call, what="A computed window argument", hint="Use a constant.")
        if call.args.get("expressions") or (
            type(call) not in functions.SAFE and not isinstance(call, (*functions.RANKING, exp.Count, exp.Min, exp.Max))
        ):
            raise Refusal.of(FUNCTION_NOT_ALLOWED, call, name=f"{call.key} over a window")
        made = type(call)(**{k: (v.copy() if isinstance(v, exp.Expr) else v) for k, v in call.args.items()})
        if parts:
            made.set("this", parts[0].node)
        valued = isinstance(call, (exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue, exp.NthValue, exp.Min, exp.Max))
        kind = (
            parts[0].kind
            if valued and parts
            else ("int" if isinstance(call, (exp.Count, exp.RowNumber, exp.Rank, exp.DenseRank, exp.Ntile)) else "num")
        )
        return combined(made, kind, parts), parts
    raise Refusal.of(FUNCTION_NOT_ALLOWED, call, name=f"{call.key} over a window")


def ordered(original: exp.Expr, node: exp.Expr) -> exp.Ordered:
    """An ORDER BY item with the direction of `original`."""
    return exp.Ordered(this=node, desc=original.args.get("desc"), nulls_first=original.args.get("nulls_first"))
