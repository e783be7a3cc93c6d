"""Aggregates as sums of bounded whole numbers: one per unit and group, computed by the engine before the noise.

With r = `max_rows_contributed` and a column's values clamped to [L, U] row by row, one unit adds to one group
    count(*), count(x)  the number of its rows, at most r
    count(DISTINCT unit)  1
    sum(x)   the sum of its values, clamped to [r min(L, 0), r max(U, 0)]
    avg(x)   the sum of x - (L + U) / 2 over its n rows, times r / n where n > r, and min(n, r) to the number of rows:
             what drawing r of its rows would give on average (Wilson et al. 2020, section 3, without the draw)
    stddev, variance  the same, and the squares
Sums are taken in whole steps (a power of two that divides the range into about a million), so that neither their order
nor rounding can push one unit's part past its bound (Casacuberta et al. 2022, Mironov 2012).
"""

import math
from dataclasses import dataclass, field
from fractions import Fraction

from sqlglot import exp

from policies import rewrite
from policies.dp_bounds import Bounded, bounded, double, number
from policies.dp_plan import Estimate, Measure
from policies.dp_rows import private
from policies.environment import Aggregate, Environment
from policies.errors import DP_UNSUPPORTED
from policies.refusal import Refusal

STEPS = 1 << 20
WHOLE_STEPS = 1 << 31
"""Whole numbers up to this size keep steps of one."""

_VARIANCES: dict[type[exp.Expr], tuple[bool, bool]] = {  # n - 1, square root
    exp.Stddev: (True, True),
    exp.StddevSamp: (True, True),
    exp.StddevPop: (False, True),
    exp.Variance: (True, False),
    exp.VariancePop: (False, False),
}


@dataclass(slots=True)
class Measures:
    """The measures of one release, each once, with the engine's expression for one unit's part in one group."""

    env: Environment
    rows: int  # of one unit in one group that count
    parts: list[tuple[exp.Expr, Measure]] = field(default_factory=list)
    clamped: dict[str, tuple[float, float]] = field(default_factory=dict)  # SQL of a value -> where it is clamped to

    def add(self, part: exp.Expr, most: int, step: float = 1.0) -> int:
        """The place of a measure."""
        for place, (known, _) in enumerate(self.parts):
            if known == part:
                return place
        self.parts.append((part, Measure(f"p{len(self.parts)}", most, step)))
        return len(self.parts) - 1

    def units(self, where: exp.Expr | None = None) -> int:
        """One for each unit with a row that satisfies `where`."""
        if where is None:
            return self.add(exp.Literal.number(1), 1)
        return self.add(exp.Max(this=_chosen(where, exp.Literal.number(1), exp.Literal.number(0))), 1)

    def counted(self, where: exp.Expr | None) -> int:
        """Rows that satisfy `where`, at most so many of a unit."""
        if self.rows == 1:
            return self.units(where)
        return self.add(_at_most(_rows(where), self.rows), self.rows)

    def summed(self, value: Bounded, where: exp.Expr | None) -> tuple[int, float]:
        """The sum of a unit's values, clamped; the place and the step."""
        low, high = self.rows * min(value.low, 0.0), self.rows * max(value.high, 0.0)
        total = _or_zero(exp.Sum(this=_within(value, where)))
        return self._stepped(_clamp(total, low, high), max(-low, high), value.whole)

    def centred(self, value: Bounded, where: exp.Expr | None, centre: float, power: int) -> int:
        """The sum of a unit's distances from `centre` (or their squares), as if so many of its rows were drawn."""
        far = max(value.high - centre, centre - value.low) ** power
        apart = exp.Paren(this=exp.Sub(this=exp.Paren(this=_within(value, where)), expression=number(centre)))
        powered: exp.Expr = exp.Mul(this=apart, expression=apart.copy()) if power == 2 else apart
        total, most = _or_zero(exp.Sum(this=powered)), self.rows * far
        several = exp.Count(this=_value(value, where))
        allowed = exp.Literal.number(self.rows)
        share = exp.Case(
            ifs=[exp.If(this=exp.GT(this=several, expression=allowed), true=exp.Div(
                this=double(allowed.copy()), expression=double(several.copy()), typed=False, safe=False))],
            default=number(1.0),
        )  # fmt: skip
        place, _ = self._stepped(_clamp(exp.Mul(this=total, expression=share), -most, most), most, False)
        return place

    def _stepped(self, total: exp.Expr, most: float, whole: bool) -> tuple[int, float]:
        """`total` in whole steps."""
        fine = WHOLE_STEPS if whole else STEPS
        step = 2.0 ** math.ceil(math.log2(most / fine)) if most > 0 else 1.0
        step = max(step, 1.0) if whole else step
        steps = max(1, math.ceil(Fraction(most) / Fraction(step)))
        rounded = exp.Round(this=exp.Div(this=total, expression=number(step), typed=False, safe=False))
        return self.add(rewrite.cast(rounded, exp.DType.BIGINT), steps, step), step

    def estimate(self, aggregate: Aggregate) -> Estimate:
        """The noisy column that stands for an aggregate call. Refuses what has no differentially private form."""
        call, where = aggregate.node, aggregate.condition
        while isinstance(call, exp.Filter):
            call = call.this
        name = f"a{aggregate.number}"
        if isinstance(call, (exp.Count, exp.ApproxDistinct)):
            return Estimate(name, "count", (self._count(call, where, aggregate),), whole=True)
        if not isinstance(call, (exp.Sum, exp.Avg, *_VARIANCES)):
            raise Refusal.of(
                DP_UNSUPPORTED, call, what=f"The aggregate {call.key}",
                hint="Use count, sum, avg, stddev or variance; for quantiles, count by steps of the value.",
            )  # fmt: skip
        value = bounded(self.env, call.this)
        self.clamped[call.this.sql()] = (value.low, value.high)
        if isinstance(call, exp.Sum):
            place, step = self.summed(value, where)
            return Estimate(name, "sum", (place,), whole=value.whole and step == 1)
        centre = value.low / 2 + value.high / 2
        number_of = self.counted(_both(where, _present(value.node)))
        first = self.centred(value, where, centre, 1)
        if isinstance(call, exp.Avg):
            return Estimate(name, "mean", (first, number_of), centre=centre, low=value.low, high=value.high)
        sample, root = _VARIANCES[type(call)]
        second = self.centred(value, where, centre, 2)
        return Estimate(
            name, "variance", (first, second, number_of), low=value.low, high=value.high, sample=sample, root=root
        )

    def _count(self, call: exp.Expr, where: exp.Expr | None, aggregate: Aggregate) -> int:
        inner = call.this
        if isinstance(inner, exp.Star):
            return self.counted(where)
        distinct = isinstance(call, exp.ApproxDistinct) or isinstance(inner, exp.Distinct)
        if not distinct:
            return self.counted(_both(where, _present(inner)))
        counted = inner.expressions[0] if isinstance(inner, exp.Distinct) else inner
        base = self.env.to_base(counted)
        if isinstance(base, exp.Column) and base.table in self.env.datasets:
            dataset = self.env.policy.datasets[self.env.datasets[base.table]]
            if private(self.env, dataset.name.lower()) and base.name.lower() == (dataset.unit or "").lower():
                return self.units(_both(where, _present(counted)))
        raise Refusal.of(
            DP_UNSUPPORTED, call, what="Counting different values of anything but the unit",
            hint="Count the distinct units, or GROUP BY the column.",
        )  # fmt: skip


def _or_zero(node: exp.Expr) -> exp.Expr:
    return exp.Coalesce(this=node, expressions=[number(0.0)])


def _both(where: exp.Expr | None, other: exp.Expr) -> exp.Expr:
    if where is None:
        return other
    return exp.And(this=exp.Paren(this=where.copy()), expression=other)


def _present(node: exp.Expr) -> exp.Expr:
    return exp.Not(this=exp.Is(this=exp.Paren(this=node.copy()), expression=exp.Null()))


def _chosen(where: exp.Expr, then: exp.Expr, otherwise: exp.Expr | None = None) -> exp.Expr:
    return exp.Case(ifs=[exp.If(this=where.copy(), true=then)], default=otherwise)


def _rows(where: exp.Expr | None) -> exp.Expr:
    return exp.Count(this=exp.Star() if where is None else _chosen(where, exp.Literal.number(1)))


def _at_most(node: exp.Expr, most: int) -> exp.Expr:
    bound = exp.Literal.number(most)
    return exp.Case(ifs=[exp.If(this=exp.GT(this=node, expression=bound), true=bound.copy())], default=node.copy())


def _value(value: Bounded, where: exp.Expr | None) -> exp.Expr:
    return value.node.copy() if where is None else _chosen(where, value.node.copy())


def _within(value: Bounded, where: exp.Expr | None) -> exp.Expr:
    """The value of a row, clamped; NULL stays NULL, which LEAST and GREATEST would leave out."""
    there: exp.Expr = exp.Not(this=exp.Is(this=exp.Paren(this=value.node.copy()), expression=exp.Null()))
    if where is not None:
        there = exp.And(this=exp.Paren(this=where.copy()), expression=there)
    return _chosen(there, _clamp(value.node.copy(), value.low, value.high))


def _clamp(node: exp.Expr, low: float, high: float) -> exp.Expr:
    """`node`, which is not NULL and belongs to nothing else, within its bounds; NaN counts as the largest number in all
    three engines. They pass over NULL, as `ignore_nulls` says; else sqlglot writes each argument several times."""
    at_least = exp.Greatest(this=node, expressions=[number(low)], ignore_nulls=True)
    return exp.Least(this=at_least, expressions=[number(high)], ignore_nulls=True)
