"""Choices between values, conversions and concatenation."""

import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import Any

from sqlglot import exp

from policies.check_arguments import only
from policies.check_predicate import condition, parsed_date
from policies.demand import all_readable
from policies.dialects import EXACT, POSTGRES
from policies.environment import Block, Environment
from policies.errors import FUNCTION_PARTIAL, TYPE_MISMATCH
from policies.functions import FLAGS
from policies.labels import Level, Value, combined, common_kind, conjoined
from policies.refusal import Refusal
from policies.schema import kind_of


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
        when, then = condition(env, block, test), env.value(env, block, each.args["true"])
        tested.append(when)
        chosen.append(then)
        branches.append(exp.If(this=when.node, true=then.node))
    otherwise = env.value(env, block, default) if default is not None else Value(exp.Null())
    chosen.append(otherwise)
    kind = common_kind(each.kind for each in chosen)
    if kind == "other":
        raise Refusal.of(TYPE_MISMATCH, node, left=chosen[0].kind, right=chosen[-1].kind)
    made = exp.Case(ifs=branches, default=otherwise.node)
    found = combined(
        made, kind, [*chosen, *(each.as_predicate() for each in tested)], max(each.degree for each in chosen)
    )
    return _told(found, tested, chosen)


def _told(found: Value, tested: list[Value], chosen: list[Value]) -> Value:
    """The label of a CASE with the conditions on rows under which it gives something other than 0 or NULL: whom its
    value is about. Choices inside an arm are made among the rows of that arm only.

    They travel with the label, so that a CASE inside a derived table is judged like one written in the aggregate.
    """
    if all(each.level is not Level.ROW for each in tested):
        return found
    branches: list[exp.Expr] = []
    mixed: list[exp.Expr] = []
    earlier: list[exp.Expr] = []
    voids = any(isinstance(then.node, exp.Null) for then in chosen)  # 0 is something beside NULL, which voids a sum
    for test, then in zip([*tested, None], chosen, strict=True):
        parts: list[exp.Expr] = [
            exp.Not(this=exp.Is(this=exp.Paren(this=each.copy()), expression=exp.true())) for each in earlier
        ]
        if test is not None:
            parts.append(exp.Paren(this=test.node.copy()))
            earlier.append(test.node)
        arm = exp.and_(*parts, copy=False) if len(parts) > 1 else parts[0]
        if not (isinstance(then.node, exp.Null) if voids else _nothing(then.node)):
            branches.append(arm)
        mixed += conjoined(Value(arm, branches=(arm,)), then)
    return replace(found, branches=tuple(dict.fromkeys(branches)), mixed=tuple(dict.fromkeys(mixed)), whole=False)


def _nothing(node: exp.Expr) -> bool:
    return isinstance(node, exp.Null) or (
        isinstance(node, exp.Literal) and not node.is_string and Decimal(node.this) == 0
    )


def _coalesce(env: Environment, block: Block, node: exp.Coalesce) -> Value:
    only(node, "this", "expressions")
    parts = [env.value(env, block, each) for each in (node.this, *node.expressions)]
    kind = common_kind(part.kind for part in parts)
    if kind == "other":
        raise Refusal.of(TYPE_MISMATCH, node, left=parts[0].kind, right=parts[-1].kind)
    made = exp.Coalesce(this=parts[0].node, expressions=[part.node for part in parts[1:]])
    found = combined(made, kind, parts, max(part.degree for part in parts))
    mixed = list(found.mixed)
    for part, after in pairwise(parts):
        if part.level is Level.ROW and not _nothing(after.node):
            missing = exp.Is(this=exp.Paren(this=part.node.copy()), expression=exp.Null())
            mixed += [missing, *conjoined(Value(missing, branches=(missing,)), after)]
    return replace(found, mixed=tuple(dict.fromkeys(mixed)))


def _null_if(env: Environment, block: Block, node: exp.Nullif) -> Value:
    only(node, "this", "expression")
    sides = [exp.Paren(this=each.copy()) for each in (node.this, node.expression)]
    test = env.value(env, block, exp.EQ(this=sides[0], expression=sides[1]))
    kept, other = env.value(env, block, node.this), env.value(env, block, node.expression)
    made = exp.Nullif(this=kept.node, expression=other.node)
    found = combined(made, kept.kind, (kept, test.as_predicate()), kept.degree)
    if test.level is not Level.ROW:
        return found
    unequal = exp.Not(this=exp.Is(this=exp.Paren(this=test.node.copy()), expression=exp.true()))
    both = conjoined(Value(unequal, branches=(unequal,)), kept)
    return replace(
        found, branches=(*found.branches, unequal), mixed=(*found.mixed, test.node.copy(), *both), whole=False
    )


def _concatenation(env: Environment, block: Block, node: exp.Expr) -> Value:
    only(node, "this", "expression", "expressions")
    given = node.expressions or [node.this, node.expression]
    parts = [env.value(env, block, each) for each in given]
    if any(part.kind == "other" for part in parts):
        raise Refusal.of(TYPE_MISMATCH, node, left="text", right="other")
    if isinstance(node, exp.DPipe):
        made: exp.Expr = exp.DPipe(this=parts[0].node, expression=parts[1].node, safe=node.args.get("safe"))
    else:
        flags = {k: v for k, v in node.args.items() if k in FLAGS}
        made = type(node)(expressions=[part.node for part in parts], **flags)
    return combined(made, "text", parts)


_DAY = re.compile(r"\s*\d{4}-\d{1,2}-\d{1,2}(?!\d)")
_TOTAL_CASTS = {
    ("int", "INT"), ("int", "BIGINT"), ("int", "INT128"), ("bool", "INT"),
    ("bool", "BIGINT"), ("int", "DOUBLE"), ("num", "DOUBLE"), ("date", "DATE"), ("time", "DATE"), ("date", "TIMESTAMP"),
    ("time", "TIMESTAMP"), ("bool", "BOOLEAN"), ("bool", "TINYINT"), ("bool", "SMALLINT"), ("bool", "DOUBLE"),
}  # fmt: skip


_NULL_CASTS = {("num", "BIGINT"), ("num", "INT128")}


_WRITTEN = ("text", "date", "time", "bool")
"""Kinds whose constants are looked at before, so that converting them does not fail."""


def _cast(env: Environment, block: Block, node: exp.Cast) -> Value:
    only(node, "this", "to")
    inner, to = env.value(env, block, node.this), node.args["to"]
    kind, name = kind_of(to), getattr(to.this, "name", str(to.this))
    made: exp.Expr = exp.Cast(this=inner.node, to=to.copy())
    if inner.level is Level.CONSTANT:
        if kind in ("date", "time") and isinstance(inner.node, exp.Literal) and not _DAY.match(inner.node.name):
            raise Refusal.of(TYPE_MISMATCH, node, left="text", right="date")  # no day near an end of the calendar
        if kind == "date" and isinstance(inner.node, exp.Literal) and parsed_date(inner.node) is None:
            raise Refusal.of(TYPE_MISMATCH, node, left="text", right="date")
        plain = kind in _WRITTEN and isinstance(inner.node, (exp.Literal, exp.Null, exp.Boolean))
        if not plain and not env.harmless and env.dialect == "duckdb":  # a statistic may choose whether it is computed
            made = exp.TryCast(this=inner.node, to=to.copy())
        return Value(made, kind=kind)
    total = (kind == "text" and inner.kind != "other") or (inner.kind, name) in _TOTAL_CASTS
    numbers = inner.level is Level.RELEASED and kind in ("int", "num") and inner.kind in ("int", "num")
    if numbers and (env.harmless or env.dialect != "duckdb"):  # elsewhere NULL instead of an error has no form
        total = True
    whole = inner.level is Level.ROW and not env.harmless and kind == "int" and inner.kind in ("int", "num")
    if whole and (inner.kind == "int" or name in ("BIGINT", "INT")):
        return _whole(env, node, inner)
    released = inner.level is Level.RELEASED and kind != "other"
    shown = kind != "other" and all_readable(env.policy, inner.all_deps)
    if not total and ((inner.kind, name) in _NULL_CASTS or released or shown):
        made, total = exp.TryCast(this=inner.node, to=to.copy()), True  # NULL instead of an error
    if not total:
        raise Refusal.of(FUNCTION_PARTIAL, node, name=f"CAST to {name}")
    if env.dialect == POSTGRES and inner.level is Level.ROW:
        made = _in_postgres(made, inner.kind, kind)
    if inner.kind == "bool" and inner.level is Level.ROW and kind == "int" and not env.harmless:
        made = exp.cast(inner.node, "BIGINT") if env.dialect == "duckdb" else made  # where nothing added overflows
    if inner.kind == "bool":
        telling = (inner.node.copy(),) if inner.level is Level.ROW else ()
        return replace(combined(made, kind, (inner.as_predicate(),), 0), branches=telling, whole=not telling)
    return replace(inner.shown_as(made, kind), plain=inner.plain if {inner.kind, kind} <= {"date", "time"} else None)


MAX_REACH = Decimal(10) ** 6
"""How far from a column a number may be that becomes a whole one: what fits into eight bytes then must not tell rows
apart."""


def _whole(env: Environment, node: exp.Cast, inner: Value) -> Value:
    """A number of rows as a whole number of eight bytes; NULL where it has no room, and that on no few rows."""
    if inner.reach > MAX_REACH:
        raise Refusal.of(FUNCTION_PARTIAL, node, name="CAST of a number multiplied so far")
    made: exp.Expr = exp.TryCast(this=inner.node, to=exp.DataType.build("BIGINT"))
    if env.dialect == POSTGRES:
        made = _in_postgres(made, inner.kind, "int")
    found = inner.shown_as(made, "int")
    if inner.plain is not None:
        return found
    lost = exp.And(
        this=exp.Is(this=exp.Paren(this=made.copy()), expression=exp.Null()),
        expression=exp.Not(this=exp.Is(this=exp.Paren(this=inner.node.copy()), expression=exp.Null())),
    )
    rounded = 99 if inner.kind == "num" else inner.degree  # steps can be moved to where they tell one row from others
    return replace(found, degree=rounded, mixed=(*inner.mixed, lost))


def _in_postgres(made: exp.Expr, given: str, kind: str) -> exp.Expr:
    """A conversion that overflows on no row: see `check_arithmetic`. Booleans become numbers by way of INT alone."""
    if given == "bool" and kind in ("int", "num"):
        return exp.Cast(this=exp.cast(made.this, "INT"), to=made.args["to"])
    if kind == "num" and given in ("int", "num"):
        return exp.cast(made.this, EXACT)
    if (given, kind) == ("int", "int"):
        return exp.cast(made.this, "BIGINT")
    return made


RULES: dict[type[exp.Expr], Callable[[Environment, Block, Any], Value]] = {
    exp.Case: _choice,
    exp.If: _choice,
    exp.Coalesce: _coalesce,
    exp.Nullif: _null_if,
    **dict.fromkeys((exp.DPipe, exp.Concat, exp.ConcatWs), _concatenation),
    exp.Cast: _cast,
}
