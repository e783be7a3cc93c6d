"""Labels of scalar expressions. Every node type has a rule here or is refused."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sqlglot import exp

from policies import check_aggregate, check_predicate, check_subquery, functions
from policies.check_predicate import condition, constant, parsed_date
from policies.demand import demand_rows
from policies.environment import Block, Environment
from policies.errors import (
    COLUMN_NOT_USABLE,
    COLUMN_UNKNOWN,
    CONSTRUCT_NOT_ALLOWED,
    FUNCTION_NOT_ALLOWED,
    FUNCTION_PARTIAL,
    NOT_GROUPED,
    SQL_TOO_LARGE,
    TYPE_MISMATCH,
)
from policies.functions import DATE_PARTS, FLAGS, FORMATS, PART_NAMES, SCALARS, STATISTIC_SCALARS, Scalar
from policies.grain import Bucket, DateUnit
from policies.labels import Level, Value, alike, combined, common_kind
from policies.refusal import Refusal
from policies.schema import kind_of

MAX_CONSTANT = Decimal(10) ** 15
"""Constants beyond this could overflow on some rows and not on others."""

MAX_STEPS = 20_000
Rule = Callable[[Environment, Block, Any], Value]


def value(env: Environment, block: Block, node: exp.Expr | None) -> Value:
    """The rewritten expression and its label. Refuses whatever has no rule."""
    if node is None:
        raise Refusal.of(CONSTRUCT_NOT_ALLOWED, None, what="An empty expression", hint="Complete the expression.")
    env.nodes += 1
    if env.nodes > MAX_STEPS:  # aliases of aliases can grow without bound
        raise Refusal.of(SQL_TOO_LARGE, limit=MAX_STEPS, what="parts, aliases written out")
    rule = RULES.get(type(node))
    if rule is None:
        if isinstance(node, functions.RANKING):
            raise Refusal.of(FUNCTION_NOT_ALLOWED, node, name=node.key)
        if isinstance(node, functions.AGGREGATES):
            return grouped_key(block, check_aggregate.aggregate(env, block, node))
        if isinstance(node, exp.Anonymous):
            raise Refusal.of(FUNCTION_NOT_ALLOWED, node, name=str(node.this).lower())
        if isinstance(node, exp.Func):
            raise Refusal.of(FUNCTION_NOT_ALLOWED, node, name=node.sql_name().lower())
        raise Refusal.of(
            CONSTRUCT_NOT_ALLOWED, node, what=node.key.upper(), hint="Use plain columns, constants and functions."
        )
    return grouped_key(block, rule(env, block, node))


def grouped_key(block: Block, found: Value) -> Value:
    """After grouping, an expression that is a group key is a released value."""
    if block.phase == "groups" and found.level is Level.ROW:
        for key in block.keys:
            if key.node == found.node or key.node.unnest() == found.node.unnest():
                return key
    return found


def only(node: exp.Expr, *names: str) -> None:
    """Refuse a node that carries anything but these arguments and known flags."""
    for name, given in node.args.items():
        if given and name not in names and name not in FLAGS:
            raise Refusal.of(
                CONSTRUCT_NOT_ALLOWED, node, what=f"{node.key.upper()} with {name}", hint="Leave that part out."
            )


def numeric(found: Value, node: exp.Expr) -> None:
    """Refuse what is no number."""
    if found.kind not in ("int", "num", "any"):
        raise Refusal.of(TYPE_MISMATCH, node, left=found.kind, right="number")


# constants and columns


def _literal(env: Environment, block: Block, node: exp.Literal) -> Value:
    if node.is_string:
        return Value(node.copy(), kind="text")
    return Value(node.copy(), kind="int" if node.is_int else "num")


def _null(env: Environment, block: Block, node: exp.Null) -> Value:
    return Value(exp.Null())


def _boolean(env: Environment, block: Block, node: exp.Boolean) -> Value:
    return Value(node.copy(), kind="bool")


def _interval(env: Environment, block: Block, node: exp.Interval) -> Value:
    only(node, "this", "unit")
    if not isinstance(node.this, exp.Literal) or not isinstance(node.args.get("unit"), exp.Var):
        raise Refusal.of(CONSTRUCT_NOT_ALLOWED, node, what="A computed INTERVAL", hint="Write a constant interval.")
    return Value(node.copy(), kind="interval")


def _current(env: Environment, block: Block, node: exp.Expr) -> Value:
    only(node)
    return Value(node.copy(), kind="date" if isinstance(node, exp.CurrentDate) else "time")


def _column(env: Environment, block: Block, node: exp.Column) -> Value:
    if isinstance(node.this, exp.Star):
        raise Refusal.of(CONSTRUCT_NOT_ALLOWED, node, what="A star inside an expression", hint="Name the columns.")
    found = block.scope.column(node)
    if found is not None:
        return found
    unusable = block.scope.unusable(node)
    if unusable:
        raise Refusal.of(COLUMN_NOT_USABLE, node, rule=f"{unusable}: []", column=unusable)
    name = node.name.lower()
    if not node.table and name in block.scope.aliases and name not in block.scope.expanding:
        block.scope.expanding.add(name)
        try:
            return value(env, block, block.scope.aliases[name])
        finally:
            block.scope.expanding.discard(name)
    raise Refusal.of(COLUMN_UNKNOWN, node)


def _paren(env: Environment, block: Block, node: exp.Paren) -> Value:
    inner = value(env, block, node.this)
    if isinstance(inner.node, (exp.Column, exp.Literal, exp.Paren, exp.Func, exp.Placeholder)):
        return inner
    return _same(inner, exp.Paren(this=inner.node))


def _same(found: Value, node: exp.Expr) -> Value:
    return replace(found, node=node)


# arithmetic


def _negative(env: Environment, block: Block, node: exp.Neg) -> Value:
    inner = value(env, block, node.this)
    numeric(inner, node)
    return inner.shown_as(exp.Neg(this=inner.node))


def _arithmetic(env: Environment, block: Block, node: exp.Binary) -> Value:
    only(node, "this", "expression")
    left, right = value(env, block, node.this), value(env, block, node.expression)
    flags = {k: v for k, v in node.args.items() if k in FLAGS}
    made = type(node)(this=_wide(env, left), expression=_wide(env, right), **flags)
    kinds = (left.kind, right.kind)
    if kinds[0] in ("date", "time") or kinds[1] in ("date", "time"):
        return _date_arithmetic(node, made, left, right)
    numeric(left, node)
    numeric(right, node)
    level = max(left.level, right.level)
    if level is not Level.CONSTANT and _magnitude(made) > MAX_CONSTANT:
        raise Refusal.of(FUNCTION_PARTIAL, node, name="Arithmetic with so large a constant")
    kind = "num" if isinstance(node, exp.Div) or "num" in kinds else "int"
    if isinstance(node, (exp.Add, exp.Sub)):
        degree = max(left.degree, right.degree)
    elif isinstance(node, exp.Mul):
        degree = min(left.degree + right.degree, 99)
    elif isinstance(node, exp.Div):
        degree = left.degree if right.level is not Level.ROW else 99
    else:
        degree = 99
    if isinstance(node, (exp.IntDiv, exp.Mod)) and not constant(right):
        raise Refusal.of(FUNCTION_PARTIAL, node, name="Division by something that may be zero")
    result = combined(made, kind, (left, right), degree)
    width = constant(right)
    if isinstance(node, exp.IntDiv) and width and left.plain and left.kind == "int":  # whole steps
        return _coarse(result, left, Bucket(abs(width)))
    return result


def _magnitude(node: exp.Expr) -> Decimal:
    """The product of the constants in an expression: how far they can carry a value."""
    product = Decimal(1)
    for each in node.find_all(exp.Literal):
        if not each.is_string:
            product *= max(Decimal(1), abs(Decimal(each.this)))
    return product


def _wide(env: Environment, found: Value) -> exp.Expr:
    """A whole-number column in a type that sums and products of rows cannot overflow."""
    if found.plain is None or found.kind != "int" or env.dialect == "spark":
        return found.node
    return exp.cast(found.node, "INT128" if env.dialect == "duckdb" else "DECIMAL")


def _narrow(node: exp.Expr) -> exp.Expr:
    """What `_wide` may have wrapped; a cast somebody wrote themselves is of another type and stays."""
    return node.this if isinstance(node, exp.Cast) and node.to.this == exp.DType.INT128 else node


def _coarse(result: Value, column: Value, grain: Bucket | DateUnit) -> Value:
    return replace(result, deps=column.coarsened(grain).deps)


def _date_arithmetic(node: exp.Expr, made: exp.Expr, left: Value, right: Value) -> Value:
    if isinstance(node, exp.Sub) and {left.kind, right.kind} <= {"date"}:
        return combined(made, "int", (left, right))
    if isinstance(node, (exp.Add, exp.Sub)) and right.kind in ("interval", "int") and right.level is Level.CONSTANT:
        days = constant(right)
        if days is None or abs(days) < 1_000_000:
            return combined(made, "time" if right.kind == "interval" else left.kind, (left, right))
    raise Refusal.of(TYPE_MISMATCH, node, left=left.kind, right=right.kind)


# functions


def _scalar(env: Environment, block: Block, node: exp.Expr) -> Value:
    known = type(node) in SCALARS
    spec: Scalar = SCALARS[type(node)] if known else STATISTIC_SCALARS[type(node)]
    only(node, *spec.takes)
    arguments: dict[str, Any] = {name: given for name, given in node.args.items() if name in FLAGS}
    parts: list[Value] = []
    for name, wanted in spec.takes.items():
        given = node.args.get(name)
        if given is None or given == []:
            continue
        many = [value(env, block, each) for each in given] if isinstance(given, list) else [value(env, block, given)]
        for each in many:
            if wanted and not alike(each.kind, wanted):
                raise Refusal.of(TYPE_MISMATCH, node, left=each.kind, right=wanted)
        arguments[name] = [each.node for each in many] if isinstance(given, list) else many[0].node
        parts += many
    if not spec.takes.get("this") and common_kind(part.kind for part in parts) == "other":
        raise Refusal.of(TYPE_MISMATCH, node, left=parts[0].kind, right=parts[-1].kind)
    made = type(node)(**arguments)
    level = max((part.level for part in parts), default=Level.CONSTANT)
    if not known and level is Level.ROW:
        raise Refusal.of(FUNCTION_PARTIAL, node, name=node.key)
    gives = common_kind(part.kind for part in parts) if spec.gives == "same" else spec.gives
    result = combined(made, gives, parts, parts[0].degree if spec.linear and parts else 99)
    if isinstance(node, (exp.Floor, exp.Ceil)):
        return _stepped(result, parts[0])
    if isinstance(node, exp.Round):
        return _rounded(result, parts)
    unit = DATE_PARTS.get(type(node))
    return _coarse(result, parts[0], unit) if unit and parts[0].plain else result


def _stepped(result: Value, inner: Value) -> Value:
    """floor(column / width) tells the column only in steps of `width`; ceil moves the edges, so it tells more."""
    node = inner.node.unnest()
    if isinstance(result.node, exp.Floor) and isinstance(node, exp.Div) and isinstance(_narrow(node.this), exp.Column):
        width = constant(Value(node.expression))
        plain = _plain_of(inner)
        if width and plain is not None:
            return _coarse(result, plain, Bucket(abs(width)))
    return result


def _plain_of(inner: Value) -> Value | None:
    """The plain column inside `column / constant`."""
    if len(inner.deps) != 1 or inner.degree != 1:
        return None
    (dep,) = inner.deps
    return Value(inner.node, Level.ROW, deps=inner.deps, plain=dep)


def _rounded(result: Value, parts: list[Value]) -> Value:
    """round(column, -n) has its edges half a step off, so it is coarse in half steps."""
    digits = constant(parts[1]) if len(parts) > 1 else None
    if digits is not None and digits < 0 and parts[0].plain and digits > -30:
        return _coarse(result, parts[0], Bucket(Decimal(10) ** -digits / 2))
    return result


def _date_part(env: Environment, block: Block, node: exp.Expr) -> Value:
    only(node, "this")
    inner = value(env, block, node.this)
    if inner.kind not in ("date", "time", "any"):
        raise Refusal.of(TYPE_MISMATCH, node, left=inner.kind, right="date")
    kind = "text" if isinstance(node, (exp.Monthname, exp.Dayname)) else "int"
    result = combined(type(node)(this=inner.node), kind, (inner,))
    return _coarse(result, inner, DATE_PARTS[type(node)]) if inner.plain else result


def _extract(env: Environment, block: Block, node: exp.Extract) -> Value:
    only(node, "this", "expression")
    return _part(env, block, node, node.this.name.lower(), node.expression)


def _part(env: Environment, block: Block, node: exp.Expr, name: str, of: exp.Expr) -> Value:
    unit = PART_NAMES.get(name)
    inner = value(env, block, of)
    if unit is None or inner.kind not in ("date", "time", "any"):
        raise Refusal.of(FUNCTION_NOT_ALLOWED, node, name=f"extract({name})")
    made = exp.Extract(this=exp.var(name.upper()), expression=inner.node)
    result = combined(made, "int", (inner,))
    return _coarse(result, inner, unit) if inner.plain else result


def _anonymous(env: Environment, block: Block, node: exp.Anonymous) -> Value:
    name, arguments = str(node.this).lower(), node.expressions
    if name in ("date_part", "datepart") and len(arguments) == 2 and isinstance(arguments[0], exp.Literal):
        return _part(env, block, node, arguments[0].name.lower(), arguments[1])
    if name in ("now", "today") and not arguments:
        return Value(
            exp.CurrentTimestamp() if name == "now" else exp.CurrentDate(), kind="time" if name == "now" else "date"
        )
    if name in check_aggregate.NAMED:
        return check_aggregate.aggregate(env, block, node)
    raise Refusal.of(FUNCTION_NOT_ALLOWED, node, name=name)


def _truncate(env: Environment, block: Block, node: exp.Expr) -> Value:
    only(node, "this", "unit")
    inner = value(env, block, node.this)
    unit = PART_NAMES.get(node.args["unit"].name.lower())
    if unit is None or inner.kind not in ("date", "time", "any"):
        raise Refusal.of(FUNCTION_NOT_ALLOWED, node, name="date_trunc with this unit")
    made = exp.TimestampTrunc(this=inner.node, unit=node.args["unit"].copy())
    result = combined(made, inner.kind, (inner,))
    return _coarse(result, inner, unit) if inner.plain else result


def _format(env: Environment, block: Block, node: exp.TimeToStr) -> Value:
    only(node, "this", "format")
    inner = value(env, block, node.this)
    pattern = node.args["format"]
    unit = FORMATS.get(pattern.name) if isinstance(pattern, exp.Literal) else None
    if unit is None or inner.kind not in ("date", "time"):
        raise Refusal.of(FUNCTION_NOT_ALLOWED, node, name="strftime with this format")
    result = combined(exp.TimeToStr(this=inner.node, format=pattern.copy()), "text", (inner,))
    return _coarse(result, inner, unit) if inner.plain else result


def _date_diff(env: Environment, block: Block, node: exp.DateDiff) -> Value:
    only(node, "this", "expression", "unit")
    later, earlier = value(env, block, node.this), value(env, block, node.expression)
    word = node.args["unit"].name if node.args.get("unit") else "day"
    unit = PART_NAMES.get(word.lower())
    if unit is None or not {later.kind, earlier.kind} <= {"date", "time", "any"}:
        raise Refusal.of(FUNCTION_NOT_ALLOWED, node, name="date_diff with this unit")
    made = exp.DateDiff(this=later.node, expression=earlier.node, **{k: v for k, v in node.args.items() if k in FLAGS})
    made.set("unit", exp.var(word.upper()))
    result = combined(made, "int", (later, earlier))
    for one, other in ((later, earlier), (earlier, later)):
        if one.plain and other.level is Level.CONSTANT:
            return _coarse(result, one, unit)
    return result


# choices


def _choice(env: Environment, block: Block, node: exp.Expr) -> Value:
    """CASE and IF."""
    if isinstance(node, exp.If):
        only(node, "this", "true", "false")
        ifs, default, subject = [node], node.args.get("false"), None
    else:
        only(node, "this", "ifs", "default")
        ifs, default, subject = node.args["ifs"], node.args.get("default"), node.args.get("this")
    branches: list[exp.Expr] = []
    chosen: list[Value] = []
    tested: list[Value] = []
    for each in ifs:
        test = exp.EQ(this=subject.copy(), expression=each.this.copy()) if subject is not None else each.this
        when, then = condition(env, block, test), value(env, block, each.args["true"])
        tested.append(when)
        chosen.append(then)
        branches.append(exp.If(this=when.node, true=then.node))
    otherwise = value(env, block, default) if default is not None else Value(exp.Null())
    chosen.append(otherwise)
    kind = common_kind(each.kind for each in chosen)
    if kind == "other":
        raise Refusal.of(TYPE_MISMATCH, node, left=chosen[0].kind, right=chosen[-1].kind)
    made = exp.Case(ifs=branches, default=otherwise.node)
    return combined(
        made, kind, [*chosen, *(each.as_predicate() for each in tested)], max(each.degree for each in chosen)
    )


def _coalesce(env: Environment, block: Block, node: exp.Coalesce) -> Value:
    only(node, "this", "expressions")
    parts = [value(env, block, each) for each in (node.this, *node.expressions)]
    kind = common_kind(part.kind for part in parts)
    if kind == "other":
        raise Refusal.of(TYPE_MISMATCH, node, left=parts[0].kind, right=parts[-1].kind)
    made = exp.Coalesce(this=parts[0].node, expressions=[part.node for part in parts[1:]])
    return combined(made, kind, parts, max(part.degree for part in parts))


def _null_if(env: Environment, block: Block, node: exp.Nullif) -> Value:
    only(node, "this", "expression")
    test = value(env, block, exp.EQ(this=node.this.copy(), expression=node.expression.copy()))
    kept, other = value(env, block, node.this), value(env, block, node.expression)
    made = exp.Nullif(this=kept.node, expression=other.node)
    return combined(made, kept.kind, (kept, test.as_predicate()), kept.degree)


def _concatenation(env: Environment, block: Block, node: exp.Expr) -> Value:
    only(node, "this", "expression", "expressions")
    given = node.expressions or [node.this, node.expression]
    parts = [value(env, block, each) for each in given]
    if any(part.kind == "other" for part in parts):
        raise Refusal.of(TYPE_MISMATCH, node, left="text", right="other")
    if isinstance(node, exp.DPipe):
        made: exp.Expr = exp.DPipe(this=parts[0].node, expression=parts[1].node, safe=node.args.get("safe"))
    else:
        flags = {k: v for k, v in node.args.items() if k in FLAGS}
        made = type(node)(expressions=[part.node for part in parts], **flags)
    return combined(made, "text", parts)


_TOTAL_CASTS = {
    ("int", "INT"), ("int", "BIGINT"), ("int", "INT128"), ("bool", "INT"),
    ("bool", "BIGINT"), ("int", "DOUBLE"), ("num", "DOUBLE"), ("date", "DATE"), ("time", "DATE"), ("date", "TIMESTAMP"),
    ("time", "TIMESTAMP"), ("bool", "BOOLEAN"), ("bool", "TINYINT"), ("bool", "SMALLINT"), ("bool", "DOUBLE"),
}  # fmt: skip


_NULL_CASTS = {("num", "BIGINT"), ("num", "INT128")}


def _cast(env: Environment, block: Block, node: exp.Cast) -> Value:
    only(node, "this", "to")
    inner, to = value(env, block, node.this), node.args["to"]
    kind, name = kind_of(to), getattr(to.this, "name", str(to.this))
    made: exp.Expr = exp.Cast(this=inner.node, to=to.copy())
    if inner.level is Level.CONSTANT:
        if kind == "date" and isinstance(inner.node, exp.Literal) and parsed_date(inner.node) is None:
            raise Refusal.of(TYPE_MISMATCH, node, left="text", right="date")
        return Value(made, kind=kind)
    total = (kind == "text" and inner.kind != "other") or (inner.kind, name) in _TOTAL_CASTS
    if inner.level is Level.RELEASED and kind in ("int", "num") and inner.kind in ("int", "num"):
        total = True
    if (inner.kind, name) in _NULL_CASTS and inner.level is Level.ROW:
        made, total = exp.TryCast(this=inner.node, to=to.copy()), True  # NULL instead of an error far out of range
    if not total:
        raise Refusal.of(FUNCTION_PARTIAL, node, name=f"CAST to {name}")
    if inner.kind == "bool":
        return combined(made, kind, (inner.as_predicate(),), 0)
    return replace(inner.shown_as(made, kind), plain=inner.plain if {inner.kind, kind} <= {"date", "time"} else None)


# windows


def _window(env: Environment, block: Block, node: exp.Window) -> Value:
    only(node, "this", "partition_by", "order", "spec", "over")
    if node.args.get("over") not in (None, "OVER"):
        raise Refusal.of(CONSTRUCT_NOT_ALLOWED, node, what="This window", hint="Write OVER (…).")
    before, block.windowed = block.windowed, True
    try:
        call, parts = _window_call(env, block, node.this)
        partition = [value(env, block, each) for each in node.args.get("partition_by") or []]
        order = (
            [value(env, block, each.this) for each in node.args["order"].expressions] if node.args.get("order") else []
        )
    finally:
        block.windowed = before
    spec = node.args.get("spec")
    for edge in ("start", "end"):
        bound = spec.args.get(edge) if spec else None
        if isinstance(bound, exp.Expr) and not isinstance(bound, exp.Literal):
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
            if block.phase == "groups":
                raise Refusal.of(NOT_GROUPED, node)
            demand_rows(env.policy, each, node)
    if block.phase == "rows":
        check_subquery.demand_free(env, block, node)
    return combined(made, call.kind, [call, *everything])


def _window_call(env: Environment, block: Block, call: exp.Expr) -> tuple[Value, list[Value]]:
    if isinstance(call, functions.RANKING) or (
        isinstance(call, functions.AGGREGATES) and not isinstance(call, exp.Filter)
    ):
        only(call, "this", "offset", "default", "expressions")
        inner = call.this
        star = isinstance(inner, exp.Star)
        parts = [] if inner is None or star else [value(env, block, inner)]
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


RULES: dict[type[exp.Expr], Rule] = {
    exp.Literal: _literal,
    exp.Null: _null,
    exp.Boolean: _boolean,
    exp.Interval: _interval,
    exp.CurrentDate: _current,
    exp.CurrentTimestamp: _current,
    exp.Column: _column,
    exp.Paren: _paren,
    exp.Neg: _negative,
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod), _arithmetic),
    **dict.fromkeys((*SCALARS, *STATISTIC_SCALARS), _scalar),
    **dict.fromkeys(DATE_PARTS, _date_part),
    exp.Extract: _extract,
    exp.Anonymous: _anonymous,
    **dict.fromkeys((exp.TimestampTrunc, exp.DateTrunc), _truncate),
    exp.TimeToStr: _format,
    exp.DateDiff: _date_diff,
    exp.Case: _choice,
    exp.If: _choice,
    exp.Coalesce: _coalesce,
    exp.Nullif: _null_if,
    **dict.fromkeys((exp.DPipe, exp.Concat, exp.ConcatWs), _concatenation),
    exp.Cast: _cast,
    exp.Window: _window,
    **check_predicate.RULES,
    **check_subquery.RULES,
    exp.Filter: check_aggregate.aggregate,
    exp.WithinGroup: check_aggregate.aggregate,
    exp.IgnoreNulls: check_aggregate.aggregate,
}
