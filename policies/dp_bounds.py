"""Between which numbers an expression lies, by interval arithmetic over the bounds the policy declares.

The result only says where to clamp: whatever the data holds, the clamped value is within. Every column enters as
DOUBLE, whose arithmetic never raises; what it overflows to (infinities, NaN) is clamped as well.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlglot import exp

from policies import rewrite
from policies.environment import Environment
from policies.errors import DP_BOUNDS_MISSING, DP_UNSUPPORTED
from policies.model import DatasetPolicy, Mode
from policies.refusal import Refusal

WIDEST = 1e15
"""Bounds beyond it would leave a double no digits for the steps of a sum."""


@dataclass(frozen=True, slots=True)
class Bounded:
    """An expression over DOUBLEs and where its value lies; `whole`: it is a whole number (or NULL)."""

    node: exp.Expr
    low: float
    high: float
    whole: bool = False

    @property
    def most(self) -> float:
        """The largest size of it."""
        return max(abs(self.low), abs(self.high))


def double(node: exp.Expr) -> exp.Expr:
    """`node`, which belongs to nothing else, as DOUBLE."""
    return rewrite.cast(node, exp.DType.DOUBLE)


def number(value: float) -> exp.Expr:
    """A constant as DOUBLE, exactly."""
    size = exp.Literal.number(f"{abs(Decimal(value)):f}")
    return double(exp.Neg(this=size) if value < 0 else size)


def bounded(env: Environment, node: exp.Expr) -> Bounded:
    """Bounds of a numeric expression over rows. Refuses what has none."""
    found = _bounded(env, node)
    if not -WIDEST <= found.low <= found.high <= WIDEST:
        raise Refusal.of(DP_UNSUPPORTED, node, what="A sum of values that may be so large", hint="Sum a column itself.")
    return found


def _bounded(env: Environment, node: exp.Expr) -> Bounded:
    rule = _RULES.get(type(node))
    if rule is None:
        raise Refusal.of(
            DP_UNSUPPORTED, node, what="An aggregate of this expression",
            hint="Aggregate a column, sums and products of columns, or a CASE of them.",
        )  # fmt: skip
    found = rule(env, node)
    if math.isnan(found.low) or math.isnan(found.high):
        raise Refusal.of(DP_UNSUPPORTED, node, what="An expression without bounds", hint="Aggregate a column itself.")
    return found


def _column(env: Environment, node: exp.Column) -> Bounded:
    base = env.to_base(node)
    if isinstance(base, exp.Column) and base.table in env.datasets:
        dataset = env.policy.datasets[env.datasets[base.table]]
        pair = _declared(env, dataset, base.name)
        if pair is None:
            name = f"{dataset.name}.{base.name}"
            raise Refusal.of(DP_BOUNDS_MISSING, node, rule=f"{dataset.name}.release.bounds", column=name)
        table = env.schema.tables[env.datasets[base.table]]
        whole = table.kind(base.name.lower()) == "int" and all(end == int(end) for end in pair)
        return Bounded(double(node.copy()), *pair, whole)
    if base is None or base.unnest() == node:  # a statistic, or a column of a list
        raise Refusal.of(DP_UNSUPPORTED, node, what="An aggregate of this column", hint="Aggregate a base column.")
    inner = _bounded(env, base.unnest())  # a column of a subquery: bounded by what computes it
    return Bounded(double(node.copy()), inner.low, inner.high, inner.whole)


def _declared(env: Environment, dataset: DatasetPolicy, column: str) -> tuple[float, float] | None:
    """The bounds of a column: of a protected table, in its own terms; of one that gives its rows away, in those of the
    protected tables of the query, whose units' parts they limit."""
    if dataset.release.mode is Mode.DP:
        holders = [dataset]
    elif dataset.release.mode is Mode.ROWS:
        holders = [env.policy.datasets[name] for name in sorted(set(env.datasets.values()))]
    else:
        return None
    terms = [each.release.privacy for each in holders if each.release.mode is Mode.DP]
    pairs = [each.bounds_of(column) for each in terms if each is not None]
    return next((pair for pair in pairs if pair is not None), None)


def _literal(env: Environment, node: exp.Literal) -> Bounded:
    try:
        value = float(Decimal(node.this))
    except InvalidOperation:
        value = math.nan
    return Bounded(double(node.copy()), value, value, node.is_int)


def _null(env: Environment, node: exp.Null) -> Bounded:
    return Bounded(double(exp.Null()), 0.0, 0.0, True)


def _paren(env: Environment, node: exp.Expr) -> Bounded:
    inner = _bounded(env, node.this)
    return Bounded(exp.Paren(this=inner.node), inner.low, inner.high, inner.whole)


def _negative(env: Environment, node: exp.Neg) -> Bounded:
    inner = _bounded(env, node.this)
    return Bounded(exp.Neg(this=inner.node), -inner.high, -inner.low, inner.whole)


def _both(env: Environment, node: exp.Binary) -> tuple[Bounded, Bounded]:
    return _bounded(env, node.this), _bounded(env, node.expression)


def _added(env: Environment, node: exp.Add) -> Bounded:
    one, other = _both(env, node)
    made = exp.Add(this=one.node, expression=other.node)
    return Bounded(made, one.low + other.low, one.high + other.high, one.whole and other.whole)


def _subtracted(env: Environment, node: exp.Sub) -> Bounded:
    one, other = _both(env, node)
    made = exp.Sub(this=one.node, expression=other.node)
    return Bounded(made, one.low - other.high, one.high - other.low, one.whole and other.whole)


def _multiplied(env: Environment, node: exp.Mul) -> Bounded:
    one, other = _both(env, node)
    ends = [left * right for left in (one.low, one.high) for right in (other.low, other.high)]
    made = exp.Mul(this=one.node, expression=other.node)
    return Bounded(made, min(ends), max(ends), one.whole and other.whole)


def _divided(env: Environment, node: exp.Div) -> Bounded:
    one, other = _both(env, node)
    if other.low != other.high or other.low == 0:
        raise Refusal.of(DP_UNSUPPORTED, node, what="An aggregate of a ratio", hint="Divide one aggregate by another.")
    ends = (one.low / other.low, one.high / other.low)
    return Bounded(exp.Div(this=one.node, expression=other.node, typed=False, safe=False), min(ends), max(ends))


def _size(env: Environment, node: exp.Abs) -> Bounded:
    inner = _bounded(env, node.this)
    low = 0.0 if inner.low <= 0 <= inner.high else min(abs(inner.low), abs(inner.high))
    return Bounded(exp.Abs(this=inner.node), low, inner.most, inner.whole)


def _rounded(env: Environment, node: exp.Expr) -> Bounded:
    """ROUND, FLOOR, CEIL without a number of digits: never further than one from the value."""
    if node.args.get("decimals") is not None:
        raise Refusal.of(DP_UNSUPPORTED, node, what="An aggregate of rounded values", hint="Round the aggregate.")
    inner = _bounded(env, node.this)
    return Bounded(type(node)(this=inner.node), math.floor(inner.low), math.ceil(inner.high), True)


def _cast(env: Environment, node: exp.Cast) -> Bounded:
    if isinstance(node.this.unnest(), (exp.Predicate, exp.Connector, exp.Not)):
        return Bounded(double(node.copy()), 0.0, 1.0, True)
    name = getattr(node.to.this, "name", str(node.to.this))
    inner = _bounded(env, node.this)
    if name in ("INT128", "DOUBLE", "DECIMAL"):  # widening
        return inner
    return Bounded(exp.Round(this=inner.node), math.floor(inner.low), math.ceil(inner.high), True)


def _chosen(env: Environment, node: exp.Case) -> Bounded:
    """CASE: conditions stay as they are, since `check` has seen them; the values are bounded."""
    ifs = [exp.If(this=each.this.copy(), true=_bounded(env, each.args["true"]).node) for each in node.args["ifs"]]
    parts = [_bounded(env, each.args["true"]) for each in node.args["ifs"]]
    default = node.args.get("default")
    otherwise = _bounded(env, default) if default is not None else None
    if otherwise is not None and not isinstance(default, exp.Null):
        parts.append(otherwise)
    made = exp.Case(ifs=ifs, default=otherwise.node if otherwise is not None else None)
    return _any_of(made, parts)


def _coalesced(env: Environment, node: exp.Coalesce) -> Bounded:
    parts = [_bounded(env, each) for each in (node.this, *node.expressions)]
    return _any_of(exp.Coalesce(this=parts[0].node, expressions=[part.node for part in parts[1:]]), parts)


def _any_of(made: exp.Expr, parts: list[Bounded]) -> Bounded:
    return Bounded(
        made, min(part.low for part in parts), max(part.high for part in parts), all(part.whole for part in parts)
    )


_RULES: dict[type[exp.Expr], Callable[[Environment, Any], Bounded]] = {
    exp.Column: _column,
    exp.Literal: _literal,
    exp.Null: _null,
    exp.Paren: _paren,
    exp.Neg: _negative,
    exp.Add: _added,
    exp.Sub: _subtracted,
    exp.Mul: _multiplied,
    exp.Div: _divided,
    exp.Abs: _size,
    exp.Round: _rounded,
    exp.Floor: _rounded,
    exp.Ceil: _rounded,
    exp.Cast: _cast,
    exp.Case: _chosen,
    exp.Coalesce: _coalesced,
}
