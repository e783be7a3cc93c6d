"""Arithmetic over numbers and dates: overflow, division, degree as a polynomial, and steps."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlglot import exp

from policies.check_arguments import coarse, numeric, only
from policies.check_predicate import constant
from policies.demand import all_readable, weights
from policies.dialects import EXACT, POSTGRES, SPARK, WHOLE
from policies.environment import Block, Environment
from policies.errors import FUNCTION_PARTIAL, TYPE_MISMATCH
from policies.failing import tried
from policies.functions import DATE_PARTS, FLAGS
from policies.grain import Bucket
from policies.labels import Level, Value, combined, conjoined
from policies.refusal import Refusal

MAX_CONSTANT = Decimal(10) ** 15
"""Constants beyond this could overflow on some statistics and not on others."""
MAX_OF_ROWS = Decimal(10) ** 12
"""The same for rows, where moreover a number that is so much smaller than what is added to it is lost in floating
point, on some rows and not on others: a sum of such sums counts those below a limit."""
_FACTOR = Decimal(10) ** 4
"""How far a column carries another that it is multiplied with; a year does."""
MAX_WHOLE = Decimal(10) ** 9
"""Whole numbers that functions give, and products of them with constants up to this, fit into eight bytes."""
_FAR = MAX_CONSTANT**2
MAX_DIGITS = 15
"""Digits of the constants in a product of decimals; with more of them it could pass the 38 that a decimal has room for
on some rows and not on others. Then it is computed in floating point, which does not fail."""
_NOTHING = exp.cast(exp.Literal.number(0), "DECIMAL(19, 0)")
"""Beside it DuckDB computes decimals in 38 digits; products of shorter ones fail where they pass 18."""
MAX_FACTORS = 8
"""Columns in one product on an engine that fails where it overflows."""


def _negative(env: Environment, block: Block, node: exp.Neg) -> Value:
    inner = env.value(env, block, node.this)
    numeric(inner, node)
    return inner.shown_as(exp.Neg(this=wide(env, inner) if inner.level is Level.ROW else inner.node))


def _arithmetic(env: Environment, block: Block, node: exp.Binary) -> Value:
    only(node, "this", "expression")
    left, right = env.value(env, block, node.this), env.value(env, block, node.expression)
    flags = {k: v for k, v in node.args.items() if k in FLAGS}
    made: exp.Expr = type(node)(this=wide(env, left), expression=wide(env, right), **flags)
    if isinstance(node, exp.Div):
        made.set("safe", True)  # no error where the divisor is zero, which would tell something about a row
    kinds = (left.kind, right.kind)
    if kinds[0] in ("date", "time") or kinds[1] in ("date", "time"):
        return _date_arithmetic(env, node, made, left, right)
    numeric(left, node)
    numeric(right, node)
    level = max(left.level, right.level)
    reach = min(left.reach * right.reach, _FAR)
    kind = "num" if isinstance(node, exp.Div) or "num" in kinds else "int"
    if isinstance(node, (exp.Add, exp.Sub)):
        degree = max(left.degree, right.degree)
    elif isinstance(node, exp.Mul):
        degree = min(left.degree + right.degree, 99)
    elif isinstance(node, exp.Div):
        degree = left.degree if right.level is not Level.ROW else 99
    else:
        degree = 99
    far = reach * _FACTOR ** (degree - 1 if 1 < degree < 99 else 0)
    most = MAX_OF_ROWS if level is Level.ROW else MAX_CONSTANT
    if level is not Level.CONSTANT and far > most and not env.harmless:
        raise Refusal.of(
            FUNCTION_PARTIAL, node, name="Arithmetic with so large or small a constant, or so many columns"
        )
    if isinstance(node, (exp.IntDiv, exp.Mod)) and not constant(right):
        raise Refusal.of(FUNCTION_PARTIAL, node, name="Division by something that may be zero")
    if env.dialect == POSTGRES:
        made = _without_errors(node, made, left, right, degree)
    result = replace(combined(made, kind, (left, right), degree), reach=reach)
    if level is Level.CONSTANT and not _small(node, left, right) and not env.harmless and env.dialect == "duckdb":
        return tried(result)  # where it fails, a statistic or a row beside it may choose whether it is computed
    if isinstance(node, exp.Mul):
        result = _product(env, result, left, right)
    if isinstance(node, (exp.Add, exp.Sub)) and left.level is right.level is Level.ROW:
        result = replace(result, weights=(*result.weights, *(weights(env.policy, left, right) or ())))
        step = _remainder(env, block, node, left)
        if step is not None and left.plain:  # x - x % n
            return coarse(result, left, Bucket(step))
    if isinstance(node, (exp.Add, exp.Sub)) and level is Level.ROW:
        _not_cancelled(env, node, left, right)
    width = constant(right)
    if isinstance(node, exp.IntDiv) and width and left.plain and left.kind == "int":  # whole steps
        return coarse(result, left, Bucket(abs(width)))
    return result


_SMALL = Decimal(10) ** 9
"""Whole numbers up to this size have room in every type that constants are computed in."""


def _small(node: exp.Binary, left: Value, right: Value) -> bool:
    """Do two constants give a number that has room everywhere."""
    one, other = constant(left), constant(right)
    if one is None or other is None:
        return False
    made = one * other if isinstance(node, exp.Mul) else abs(one) + abs(other)
    return max(abs(one), abs(other), abs(made)) <= _SMALL


def _not_cancelled(env: Environment, node: exp.Expr, left: Value, right: Value) -> None:
    """Refuse rounded numbers that are added to others of the same column, list or statistic: where it is taken off
    again, what stays is what the rounding of each row came to, and that is a step of its value."""
    both = {(dep.instance, dep.column) for dep in left.deps} & {(dep.instance, dep.column) for dep in right.deps}
    nested = all(side.node.find(exp.Query) for side in (left, right))
    again = both or left.rows & right.rows or nested
    if not again or env.harmless or all_readable(env.policy, left.deps | right.deps):
        return
    if any(_rounds(env, side) for side in (left, right)):
        raise Refusal.of(FUNCTION_PARTIAL, node, name="Adding floating-point numbers made of the same")


def _rounds(env: Environment, value: Value) -> bool:
    """May it be a floating-point number."""
    if any(dep.column in env.schema.tables[dep.dataset].floating for dep in value.deps):
        return True
    node = env.to_base(value.node)  # whatever a subquery calls it
    if node is None or 1 < value.degree < 99 or node.find(exp.Div) is not None:
        return True
    if any(each.to.is_type("double", "float") for each in node.find_all(exp.Cast, exp.TryCast)):
        return True
    return any("e" in each.name.lower() for each in node.find_all(exp.Literal) if not each.is_string)


def _product(env: Environment, result: Value, left: Value, right: Value) -> Value:
    """A product tells about the rows that both factors chose. One of rows with rows, or far from what a column holds,
    is computed where nothing overflows: an overflow would tell about the row it happened on."""
    mixed = tuple(dict.fromkeys((*result.mixed, *conjoined(left, right))))
    known = weights(env.policy, left, right) if left.level is right.level is Level.ROW else ()
    result = replace(result, whole=left.whole and right.whole, weights=(*result.weights, *(known or ())))
    if known is None:
        result = replace(result, degree=99)
    far = result.degree > 2 or (result.reach > 1 and (result.degree > 1 or "int" == left.kind == right.kind))
    rows = result.level is Level.ROW and not all_readable(env.policy, result.all_deps)
    far = far and (result.degree > 1 or result.reach > MAX_WHOLE)
    if not rows and result.level is Level.RELEASED and not env.harmless and env.dialect == "duckdb":
        return replace(result, node=_of_statistics(left, right), mixed=mixed)
    far = far or _digits(left.node, right.node) > MAX_DIGITS
    exact = "num" in (left.kind, right.kind) and not (_approximate(left.node) or _approximate(right.node))
    if not ((far or exact) and rows and env.dialect == "duckdb"):
        return replace(result, mixed=mixed)
    if far and _steps(left, right):
        wide_type = exp.DataType.build("INT128")
        sides = [exp.cast(each.node.copy(), wide_type) for each in (left, right)]
        return replace(result, node=exp.Mul(this=sides[0], expression=sides[1]), mixed=mixed)
    if not far:
        wide = exp.Add(this=left.node.copy(), expression=_NOTHING.copy())
        return replace(result, node=exp.Mul(this=exp.Paren(this=wide), expression=right.node), mixed=mixed)
    sides = [exp.cast(each.node.copy(), "DOUBLE") for each in (left, right)]
    return replace(result, node=exp.Mul(this=sides[0], expression=sides[1]), kind="num", mixed=mixed)


def _digits(*nodes: exp.Expr) -> int:
    """Digits of all number constants in `nodes`."""
    literals = (each for node in nodes for each in node.find_all(exp.Literal) if not each.is_string)
    return sum(sum(map(str.isdigit, each.name)) for each in literals)


def _of_statistics(left: Value, right: Value) -> exp.Expr:
    """A product of statistics, in a type in which it fails for no value: it is computed for cells that are withheld
    afterwards too."""
    several = all(side.level is Level.RELEASED for side in (left, right))
    if several or _digits(left.node, right.node) > MAX_DIGITS or any(side.node.find(exp.Mul) for side in (left, right)):
        return exp.Mul(this=exp.cast(left.node, "DOUBLE"), expression=exp.cast(right.node, "DOUBLE"))
    if left.kind == right.kind == "int":
        return exp.Mul(this=exp.cast(left.node, "INT128"), expression=right.node)
    return exp.Mul(this=left.node, expression=right.node)


def _steps(left: Value, right: Value) -> bool:
    """A whole number made of one column, times a constant: it has room in sixteen bytes, and stays a whole number."""
    for one, other in ((left, right), (right, left)):
        if one.kind == other.kind == "int" and other.level is not Level.ROW:
            return len(list(one.node.find_all(exp.Column))) == 1 and not one.node.find(exp.Mul)
    return False


def _approximate(node: exp.Expr) -> bool:
    """Is it a floating-point number in any case: a quotient, rounded or not."""
    node = node.unnest()
    if isinstance(node, (exp.Floor, exp.Ceil, exp.Round, exp.Neg, exp.Abs)):
        return _approximate(node.this)
    return isinstance(node, exp.Div) or (isinstance(node, exp.Cast) and node.to.is_type("double"))


def _remainder(env: Environment, block: Block, node: exp.Expr, left: Value) -> Decimal | None:
    """`n` in `x - x % n`, which tells x in steps of n (in steps around 0 of twice the width)."""
    rest = node.expression.unnest() if isinstance(node, exp.Sub) else None
    if not isinstance(rest, exp.Mod) or left.plain is None:
        return None
    of = env.value(env, block, rest.this)
    width = constant(env.value(env, block, rest.expression))
    return abs(width) if width and of.plain == left.plain else None


def _without_errors(node: exp.Expr, made: exp.Expr, left: Value, right: Value, degree: int) -> exp.Expr:
    """PostgreSQL fails where a number leaves its type, and so tells about the row it failed on. Its `numeric` takes
    131,072 digits: products of a few columns stay far below. Its division of whole numbers cuts off, also where the
    operands were widened."""
    if isinstance(node, exp.Mul) and left.level is right.level is Level.ROW and degree > MAX_FACTORS:
        raise Refusal.of(FUNCTION_PARTIAL, node, name=f"A product of more than {MAX_FACTORS} columns")
    whole = isinstance(node, exp.Div) and node.args.get("typed") and left.kind == right.kind == "int"
    if not whole or made.find(exp.Extract, exp.Sum, *DATE_PARTS) or not made.find(exp.Cast):
        return made
    divisor = exp.Nullif(this=made.expression, expression=exp.Literal.number(0))
    return exp.IntDiv(this=made.this, expression=divisor)


_WIDE = {"duckdb": exp.DataType.build("INT128"), POSTGRES: EXACT, SPARK: WHOLE}


def wide(env: Environment, found: Value) -> exp.Expr:
    """A whole-number column, or a choice between numbers, in a type that sums and products of rows cannot overflow; on
    PostgreSQL any number."""
    kinds = ("int", "num") if env.dialect == POSTGRES else ("int",)
    chosen = found.level is Level.ROW and not isinstance(found.node.unnest(), _WIDE_ALREADY) and not env.harmless
    if (found.plain is None and not chosen) or found.kind not in kinds:
        return found.node
    return exp.cast(found.node, _WIDE[env.dialect])


_WIDE_ALREADY: tuple[type[exp.Expr], ...] = (
    exp.Add, exp.Sub, exp.Mul, exp.IntDiv, exp.Mod, exp.Neg, exp.Cast, exp.TryCast, exp.Extract, exp.DateDiff,
    exp.Length, exp.StrPosition, *DATE_PARTS,
)  # fmt: skip
"""What gives whole numbers of eight bytes at least; anything else may give one in the type of its constants."""


def narrow(node: exp.Expr) -> exp.Expr:
    """What `wide` may have wrapped; a cast somebody wrote themselves is of another type and stays."""
    widened = isinstance(node, exp.Cast) and any(node.to == each for each in _WIDE.values())
    return node.this if widened else node


MAX_DAYS = 50_000
"""Days a date may be moved by: as often as a query has room to, no calendar ends on some rows and not on others."""
_UNIT_DAYS = {"YEAR": 366, "QUARTER": 92, "MONTH": 31, "WEEK": 7}


def _days(moved: Value) -> Decimal:
    """About how many days a constant moves a date by."""
    node = moved.node
    if not isinstance(node, exp.Interval):
        days = constant(moved)
        return abs(days) if days is not None else _FAR
    unit = _UNIT_DAYS.get(node.args["unit"].name.upper().removesuffix("S"), 1)
    try:
        return abs(Decimal(node.this.name.strip())) * unit
    except InvalidOperation:
        return _FAR


def _date_arithmetic(env: Environment, node: exp.Expr, made: exp.Expr, left: Value, right: Value) -> Value:
    if isinstance(node, exp.Sub) and {left.kind, right.kind} <= ({"date", "any"} if env.harmless else {"date"}):
        if env.dialect == SPARK:  # whose difference is an interval
            made = exp.DateDiff(this=left.node, expression=right.node)
        return combined(made, "int", (left, right))
    moved = isinstance(node, (exp.Add, exp.Sub)) and right.kind in ("interval", "int")
    if moved and right.level is Level.CONSTANT and (left.level is Level.CONSTANT or _days(right) <= MAX_DAYS):
        if env.dialect == SPARK and right.kind == "interval":  # which keeps a date a date
            made = exp.cast(made, exp.DType.TIMESTAMP)
        return combined(made, "time" if right.kind == "interval" else left.kind, (left, right))
    raise Refusal.of(TYPE_MISMATCH, node, left=left.kind, right=right.kind)


RULES: dict[type[exp.Expr], Callable[[Environment, Block, Any], Value]] = {
    exp.Neg: _negative,
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod), _arithmetic),
}
