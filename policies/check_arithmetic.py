"""Arithmetic over numbers and dates: overflow, division, degree as a polynomial, and steps."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sqlglot import exp

from policies.check_arguments import coarse, numeric, only
from policies.check_predicate import constant
from policies.environment import Block, Environment
from policies.errors import FUNCTION_PARTIAL, TYPE_MISMATCH
from policies.functions import FLAGS
from policies.grain import Bucket
from policies.labels import Level, Value, combined
from policies.refusal import Refusal

MAX_CONSTANT = Decimal(10) ** 15
"""Constants beyond this could overflow on some rows and not on others."""


def _negative(env: Environment, block: Block, node: exp.Neg) -> Value:
    inner = env.value(env, block, node.this)
    numeric(inner, node)
    return inner.shown_as(exp.Neg(this=inner.node))


def _arithmetic(env: Environment, block: Block, node: exp.Binary) -> Value:
    only(node, "this", "expression")
    left, right = env.value(env, block, node.this), env.value(env, block, node.expression)
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
        return coarse(result, left, Bucket(abs(width)))
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


def narrow(node: exp.Expr) -> exp.Expr:
    """What `_wide` may have wrapped; a cast somebody wrote themselves is of another type and stays."""
    return node.this if isinstance(node, exp.Cast) and node.to.this == exp.DType.INT128 else node


def _date_arithmetic(node: exp.Expr, made: exp.Expr, left: Value, right: Value) -> Value:
    if isinstance(node, exp.Sub) and {left.kind, right.kind} <= {"date"}:
        return combined(made, "int", (left, right))
    if isinstance(node, (exp.Add, exp.Sub)) and right.kind in ("interval", "int") and right.level is Level.CONSTANT:
        days = constant(right)
        if days is None or abs(days) < 1_000_000:
            return combined(made, "time" if right.kind == "interval" else left.kind, (left, right))
    raise Refusal.of(TYPE_MISMATCH, node, left=left.kind, right=right.kind)


RULES: dict[type[exp.Expr], Callable[[Environment, Block, Any], Value]] = {
    exp.Neg: _negative,
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod), _arithmetic),
}
