"""Operators on numbers: bucket, round, top_code. What is not a number becomes NULL."""

from typing import Self

from pydantic import Field, model_validator
from sqlglot import exp

from masking.operators.interface import Arguments, Family, Operator, Result, number


class BucketArguments(Arguments):
    """Width of a bucket; a value becomes the lower edge of its bucket."""

    width: float = Field(gt=0, allow_inf_nan=False)


class RoundArguments(Arguments):
    """`digits` after the point; negative ones round to tens, hundreds, …"""

    digits: int = Field(0, ge=-12, le=6)


class TopCodeArguments(Arguments):
    """Values above `high` become `high`, below `low` become `low`; at least one is given."""

    low: float | None = Field(None, allow_inf_nan=False)
    high: float | None = Field(None, allow_inf_nan=False)

    @model_validator(mode="after")
    def _some_edge(self) -> Self:
        if self.low is None and self.high is None:
            raise ValueError("give low, high or both")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError("low is above high")
        return self


def _as_number(column: exp.Expression) -> exp.Expression:
    return exp.TryCast(this=column.copy(), to=exp.DataType.build("double"))


def _bucket(column: exp.Expression, args: BucketArguments) -> exp.Expression:
    share = exp.Div(this=_as_number(column), expression=number(args.width), typed=False, safe=True)
    return exp.Mul(this=exp.Floor(this=share), expression=number(args.width))


def _round(column: exp.Expression, args: RoundArguments) -> exp.Expression:
    return exp.Round(this=_as_number(column), decimals=number(args.digits))


def _top_code(column: exp.Expression, args: TopCodeArguments) -> exp.Expression:
    value = _as_number(column)
    ifs = []
    if args.high is not None:
        ifs.append(exp.If(this=exp.GT(this=value.copy(), expression=number(args.high)), true=number(args.high)))
    if args.low is not None:
        ifs.append(exp.If(this=exp.LT(this=value.copy(), expression=number(args.low)), true=number(args.low)))
    # A CASE and not LEAST/GREATEST, which skip NULL in DuckDB and PostgreSQL.
    return exp.Case(ifs=ifs, default=value)


BUCKET = Operator(
    "bucket",
    "A number becomes the lower edge of its bucket.",
    Family.GENERALISATION,
    Result.NUMBER,
    BucketArguments,
    _bucket,
    format_kept=True,
    attack="Rare buckets at the ends single people out: combine with top_code.",
)
ROUND = Operator(
    "round",
    "A number is rounded.",
    Family.ROUNDING,
    Result.NUMBER,
    RoundArguments,
    _round,
    format_kept=True,
    attack="Extreme values stay visible.",
)
TOP_CODE = Operator(
    "top_code",
    "Numbers beyond the edges become the edges.",
    Family.TOP_BOTTOM_CODING,
    Result.NUMBER,
    TopCodeArguments,
    _top_code,
    format_kept=True,
    attack="Values between the edges stay exact.",
)
