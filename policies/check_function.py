"""Scalar functions: total ones over rows, and how coarse dates and numbers come out of them."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sqlglot import exp

from policies import check_aggregate, functions
from policies.check_arguments import coarse, only
from policies.check_arithmetic import narrow, wide
from policies.check_predicate import constant
from policies.demand import all_readable
from policies.environment import Block, Environment
from policies.errors import CONSTRUCT_NOT_ALLOWED, FUNCTION_NOT_ALLOWED, FUNCTION_PARTIAL, TYPE_MISMATCH
from policies.failing import tried
from policies.functions import (
    DATE_PARTS,
    FLAGS,
    FORMATS,
    MAX_MONTHS,
    MONTHS,
    PART_NAMES,
    SCALARS,
    STATISTIC_SCALARS,
    Scalar,
)
from policies.grain import Bucket, DateUnit
from policies.labels import Level, Value, alike, combined, common_kind
from policies.refusal import Refusal, called


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
        many = (
            [env.value(env, block, each) for each in given]
            if isinstance(given, list)
            else [env.value(env, block, given)]
        )
        for each in many:
            hidden = each.level is Level.ROW and not all_readable(env.policy, each.all_deps)
            if wanted == "int" and (hidden or each.node.find(exp.Placeholder)) and not env.harmless:
                raise Refusal.of(FUNCTION_PARTIAL, node, name=f"{called(node)} with a computed number")
            if wanted == "int" and abs(constant(each) or Decimal(0)) > MAX_INDEX:
                raise Refusal.of(FUNCTION_PARTIAL, node, name=f"{called(node)} with so large a number")
            if wanted and not alike(each.kind, wanted):
                raise Refusal.of(TYPE_MISMATCH, node, left=each.kind, right=wanted)
        arguments[name] = [each.node for each in many] if isinstance(given, list) else many[0].node
        parts += many
    if not spec.takes.get("this") and common_kind(part.kind for part in parts) == "other":
        raise Refusal.of(TYPE_MISMATCH, node, left=parts[0].kind, right=parts[-1].kind)
    if isinstance(node, exp.Abs):
        arguments["this"] = wide(env, parts[0])
    made: exp.Expr = type(node)(**arguments)
    if isinstance(node, exp.Sign) and env.dialect == "duckdb":
        made = exp.cast(made, exp.DType.BIGINT)  # it has one byte, in which what is added would overflow
    level = max((part.level for part in parts), default=Level.CONSTANT)
    shown = all_readable(env.policy, (dep for part in parts for dep in part.all_deps))
    if not known and level is Level.ROW and block.phase != "groups" and not (shown and env.dialect == "duckdb"):
        raise Refusal.of(FUNCTION_PARTIAL, node, name=called(node))
    gives = common_kind(part.kind for part in parts) if spec.gives == "same" else spec.gives
    result = combined(made, gives, parts, parts[0].degree if spec.linear and parts else 99)
    if not known and level is Level.ROW:
        return tried(result)
    if isinstance(node, exp.Replace):
        result = replace(result, size=parts[0].size * max(1, parts[-1].size))
    if isinstance(node, (exp.Floor, exp.Ceil)):
        return _stepped(env, result, parts[0])
    if isinstance(node, exp.Round):
        return _rounded(result, parts)
    beginning = _BEGINNINGS.get(_length(node))
    if beginning is not None and isinstance(node.this, exp.Cast):  # of a date written out, the year or the month
        date = env.value(env, block, node.this.this)
        return coarse(result, date, beginning) if date.kind in ("date", "time") and date.plain else result
    unit = DateUnit.MONTH if isinstance(node, exp.LastDay) else DATE_PARTS.get(type(node))
    return coarse(result, parts[0], unit) if unit and parts[0].plain else result


_BEGINNINGS = {"4": DateUnit.YEAR, "7": DateUnit.MONTH}
"""Characters of a date in ISO 8601."""


def _length(node: exp.Expr) -> str:
    """How much of the beginning of a text is taken; empty where it is something else."""
    if isinstance(node, exp.Substring) and node.args.get("start") == exp.Literal.number(1):
        return str(node.args["length"]) if node.args.get("length") else ""
    return str(node.expression) if isinstance(node, exp.Left) else ""


def _stepped(env: Environment, result: Value, inner: Value) -> Value:
    """floor(column / width) tells the column only in steps of `width`; ceil moves the edges, so it tells more."""
    node = inner.node.unnest()
    if isinstance(result.node, exp.Floor) and isinstance(node, exp.Div) and isinstance(narrow(node.this), exp.Column):
        width = constant(Value(node.expression))
        plain = _plain_of(inner) if _unscaled(env, narrow(node.this)) else None
        if width and plain is not None:
            return coarse(result, plain, Bucket(abs(width)))
    return result


def _unscaled(env: Environment, column: exp.Expr) -> bool:
    """Is it a base column, or a person's sum or mean of one: else its steps are not the column's."""
    base = env.to_base(column)
    return isinstance(base, exp.Column) or (base is not None and base.sql() in env.meta["unscaled"])


def _plain_of(inner: Value) -> Value | None:
    """The plain column inside `column / constant`."""
    if len(inner.deps) != 1 or inner.degree != 1:
        return None
    (dep,) = inner.deps
    return Value(inner.node, Level.ROW, deps=inner.deps, plain=dep)


def _rounded(result: Value, parts: list[Value]) -> Value:
    """round(column, -n) has its edges half a step off, so it is coarse in half steps."""
    digits = constant(parts[1]) if len(parts) > 1 else Decimal(0)
    if parts[0].level is Level.ROW and (parts[0].plain is None or digits is None or digits < 0):
        result = replace(result, degree=99)  # a step, which can be moved to where it tells one row from the others
    if digits is not None and digits < 0 and parts[0].plain and digits > -30:
        return coarse(result, parts[0], Bucket(Decimal(10) ** -digits / 2))
    return result


def _date_part(env: Environment, block: Block, node: exp.Expr) -> Value:
    only(node, "this")
    inner = env.value(env, block, node.this)
    if inner.kind not in ("date", "time", "any"):
        raise Refusal.of(TYPE_MISMATCH, node, left=inner.kind, right="date")
    kind = "text" if isinstance(node, (exp.Monthname, exp.Dayname)) else "int"
    result = combined(type(node)(this=inner.node), kind, (inner,), inner.degree)
    return coarse(result, inner, DATE_PARTS[type(node)]) if inner.plain else result


def _extract(env: Environment, block: Block, node: exp.Extract) -> Value:
    only(node, "this", "expression")
    return _part(env, block, node, node.this.name.lower(), node.expression)


def _part(env: Environment, block: Block, node: exp.Expr, name: str, of: exp.Expr) -> Value:
    unit = PART_NAMES.get(name)
    inner = env.value(env, block, of)
    if unit is None or inner.kind not in ("date", "time", "any"):
        raise Refusal.of(FUNCTION_NOT_ALLOWED, node, name=f"extract({name})")
    made = exp.Extract(this=exp.var(name.upper()), expression=inner.node)
    result = combined(made, "int", (inner,), inner.degree)
    return coarse(result, inner, unit) if inner.plain else result


def _anonymous(env: Environment, block: Block, node: exp.Anonymous) -> Value:
    name, arguments = str(node.this).lower(), node.expressions
    if name in ("date_part", "datepart") and len(arguments) == 2 and isinstance(arguments[0], exp.Literal):
        return _part(env, block, node, arguments[0].name.lower(), arguments[1])
    if name in ("now", "today") and not arguments:
        return moment(env, date=name == "today")
    if functions.aggregates(node):
        return check_aggregate.aggregate(env, block, node)
    raise Refusal.of(FUNCTION_NOT_ALLOWED, node, name=name)


def moment(env: Environment, *, date: bool) -> Value:
    """The day, or the moment, of the decision as a constant: what a condition chooses must not move with the clock."""
    if date:
        return Value(exp.cast(exp.Literal.string(env.now.date().isoformat()), exp.DType.DATE), kind="date")
    written = exp.Literal.string(env.now.isoformat(sep=" ", timespec="microseconds"))
    return Value(exp.cast(written, exp.DType.TIMESTAMPTZ), kind="time")


def _truncate(env: Environment, block: Block, node: exp.Expr) -> Value:
    only(node, "this", "unit")
    inner = env.value(env, block, node.this)
    unit = PART_NAMES.get(node.args["unit"].name.lower())
    if unit is None or inner.kind not in ("date", "time", "any"):
        raise Refusal.of(FUNCTION_NOT_ALLOWED, node, name="date_trunc with this unit")
    made: exp.Expr = exp.TimestampTrunc(this=inner.node, unit=node.args["unit"].copy())
    if env.dialect != "duckdb" and inner.kind == "date":  # of which other engines make an instant of a time zone
        made = exp.cast(made, exp.DType.TIMESTAMP)
    result = combined(made, inner.kind, (inner,))
    return coarse(result, inner, unit) if inner.plain else result


def _date_bucket(env: Environment, block: Block, node: exp.DateBin) -> Value:
    """time_bucket(INTERVAL n MONTH, d): whole months, counted from January 2000, so it tells `d` by the month."""
    only(node, "this", "expression")
    step, inner = env.value(env, block, node.this), env.value(env, block, node.expression)
    months = isinstance(step.node, exp.Interval) and MONTHS.get(step.node.args["unit"].name.lower().removesuffix("s"))
    known = env.dialect == "duckdb" and inner.kind == "date"
    if not months or not known or not 0 < int(step.node.this.name) * months <= MAX_MONTHS:
        raise Refusal.of(FUNCTION_NOT_ALLOWED, node, name="time_bucket with this width")
    result = combined(exp.DateBin(this=step.node, expression=inner.node), inner.kind, (inner,))
    return coarse(result, inner, DateUnit.MONTH) if inner.plain else result


def _format(env: Environment, block: Block, node: exp.TimeToStr) -> Value:
    only(node, "this", "format")
    inner = env.value(env, block, node.this)
    pattern = node.args["format"]
    unit = FORMATS.get(pattern.name) if isinstance(pattern, exp.Literal) else None
    if unit is None or inner.kind not in ("date", "time"):
        raise Refusal.of(FUNCTION_NOT_ALLOWED, node, name="strftime with this format")
    result = combined(exp.TimeToStr(this=inner.node, format=pattern.copy()), "text", (inner,))
    return coarse(result, inner, unit) if inner.plain else result


MAX_INDEX = 1_000_000
"""Where in a list a query may look, at most."""
MAX_PADDED = 100
"""Characters that lpad and rpad may fill."""


def written_text(env: Environment, block: Block, node: exp.Expr) -> Value:
    """lpad, rpad and split_part by constants that suit every text: no row makes them fail or long."""
    only(node, "this", "expression", "fill_pattern", "is_left", "delimiter", "part_index")
    number = node.args.get("expression") or node.args.get("part_index")
    text = node.args.get("fill_pattern") or node.args.get("delimiter")
    small = isinstance(number, exp.Literal) and number.is_int and 1 <= int(number.name) <= MAX_PADDED
    inner = env.value(env, block, node.this)
    if not small or not isinstance(text, exp.Literal) or not text.is_string or not text.name or inner.kind != "text":
        raise Refusal.of(FUNCTION_NOT_ALLOWED, node, name=f"{called(node)} of this text")
    made = node.copy()
    made.set("this", inner.node)
    found = combined(made, "text", (inner,))
    return replace(found, size=max(found.size, MAX_PADDED))


def _element(env: Environment, block: Block, node: exp.Bracket) -> Value:
    """One element, or a part, of a list that is a statistic; NULL or empty beyond its ends."""
    inner = env.value(env, block, node.this)
    indices = [part for each in node.expressions for part in _bounds(each)]
    written = all(_small_whole(each.this if isinstance(each, exp.Neg) else each) for each in indices)
    if env.dialect != "duckdb" or inner.level is Level.ROW or inner.kind != "other" or not written:
        raise Refusal.of(CONSTRUCT_NOT_ALLOWED, node, what="This […]", hint="Use it on a list of statistics.")
    made = node.copy()
    made.set("this", exp.Paren(this=inner.node))
    return combined(made, "other", (inner,))


def _small_whole(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and node.is_int and int(node.name) <= MAX_INDEX


def _bounds(index: exp.Expr) -> list[exp.Expr]:
    if not isinstance(index, exp.Slice):
        return [index]
    return [given for given in index.args.values() if isinstance(given, exp.Expr)]


def _date_diff(env: Environment, block: Block, node: exp.DateDiff) -> Value:
    only(node, "this", "expression", "unit")
    later, earlier = env.value(env, block, node.this), env.value(env, block, node.expression)
    word = node.args["unit"].name if node.args.get("unit") else "day"
    unit = PART_NAMES.get(word.lower())
    if unit is None or not {later.kind, earlier.kind} <= {"date", "time", "any"}:
        raise Refusal.of(FUNCTION_NOT_ALLOWED, node, name="date_diff with this unit")
    made = exp.DateDiff(this=later.node, expression=earlier.node, **{k: v for k, v in node.args.items() if k in FLAGS})
    made.set("unit", exp.var(word.upper()))
    result = combined(made, "int", (later, earlier), max(later.degree, earlier.degree))
    for one, other in ((later, earlier), (earlier, later)):
        if one.plain and other.level is Level.CONSTANT:
            return coarse(result, one, unit)
    return result


RULES: dict[type[exp.Expr], Callable[[Environment, Block, Any], Value]] = {
    **dict.fromkeys((*SCALARS, *STATISTIC_SCALARS), _scalar),
    **dict.fromkeys(DATE_PARTS, _date_part),
    exp.Extract: _extract,
    exp.Anonymous: _anonymous,
    **dict.fromkeys((exp.TimestampTrunc, exp.DateTrunc), _truncate),
    exp.TimeToStr: _format,
    exp.DateBin: _date_bucket,
    exp.Bracket: _element,
    exp.DateDiff: _date_diff,
}
