"""Allow-lists of functions, as data. What is not here is refused.

A *total* function has a value for every argument of the right type; a partial one can fail on a row and so tell
something about it through the error channel. Only total ones may touch protected columns.
"""

from dataclasses import dataclass

from sqlglot import exp

from policies import open_functions
from policies.grain import DateUnit


@dataclass(frozen=True, slots=True)
class Scalar:
    """A total, deterministic scalar function: kinds it takes per argument name ("" for any) and the kind it gives."""

    takes: dict[str, str]
    gives: str  # a kind, or `same`: that of the first argument
    linear: bool = False  # keeps a sum's sensitivity (rounding)


def _text(*names: str, gives: str = "text", **more: str) -> Scalar:
    return Scalar({**dict.fromkeys(names or ("this",), "text"), **more}, gives)


SCALARS: dict[type[exp.Expr], Scalar] = {
    exp.Upper: _text(), exp.Lower: _text(), exp.Trim: _text(), exp.Reverse: _text(),
    exp.Length: _text(gives="int"),
    exp.Left: _text(expression="int"), exp.Right: _text(expression="int"),
    exp.Substring: _text(start="int", length="int"),
    exp.Replace: _text("this", "expression", "replacement"),
    exp.StartsWith: _text("this", "expression", gives="bool"),
    exp.EndsWith: _text("this", "expression", gives="bool"),
    exp.Contains: _text("this", "expression", gives="bool"),
    exp.StrPosition: _text("this", "substr", gives="int"),
    exp.Abs: Scalar({"this": "num"}, "same"),
    exp.Sign: Scalar({"this": "num"}, "num"),
    exp.Floor: Scalar({"this": "num"}, "num"),
    exp.Ceil: Scalar({"this": "num"}, "num"),
    exp.Trunc: Scalar({"this": "num", "decimals": "int"}, "num"),
    exp.Round: Scalar({"this": "num", "decimals": "int"}, "num", linear=True),
    exp.Greatest: Scalar({"this": "", "expressions": ""}, "same"),
    exp.Least: Scalar({"this": "", "expressions": ""}, "same"),
    exp.LastDay: Scalar({"this": "date"}, "date"),
    exp.DayOfMonth: Scalar({"this": "date"}, "int"),
    exp.Monthname: Scalar({"this": "date"}, "text"),
    exp.Dayname: Scalar({"this": "date"}, "text"),
}  # fmt: skip
FLAGS = {
    "safe",
    "coalesce",
    "ignore_nulls",
    "big_int",
    "typed",
    "trim_type",
    "date_part_boundary",
    "is_string",
    "flatten",
    "type",
}
"""Arguments of sqlglot nodes that carry no expression."""

STATISTIC_SCALARS: dict[type[exp.Expr], Scalar] = {
    exp.Ln: Scalar({"this": "num"}, "num"),
    exp.Sqrt: Scalar({"this": "num"}, "num"),
    exp.Pow: Scalar({"this": "num", "expression": "num"}, "num"),
}
"""Allowed over constants and released statistics only: partial, or able to single a row out of a sum."""

DATE_PARTS: dict[type[exp.Expr], DateUnit] = {
    exp.Year: DateUnit.YEAR,
    exp.Quarter: DateUnit.QUARTER,
    exp.Month: DateUnit.MONTH,
    exp.Monthname: DateUnit.MONTH,
    exp.Week: DateUnit.WEEK,
    exp.WeekOfYear: DateUnit.WEEK,
    exp.Day: DateUnit.DAY,
    exp.DayOfMonth: DateUnit.DAY,
    exp.DayOfWeek: DateUnit.DAY,
    exp.DayOfWeekIso: DateUnit.DAY,
    exp.DayOfYear: DateUnit.DAY,
    exp.Dayname: DateUnit.DAY,
}
PART_NAMES: dict[str, DateUnit] = {
    "year": DateUnit.YEAR, "years": DateUnit.YEAR, "y": DateUnit.YEAR, "isoyear": DateUnit.WEEK,
    "decade": DateUnit.YEAR, "century": DateUnit.YEAR,
    "quarter": DateUnit.QUARTER, "month": DateUnit.MONTH, "months": DateUnit.MONTH, "mon": DateUnit.MONTH,
    "week": DateUnit.WEEK, "weeks": DateUnit.WEEK,
    "day": DateUnit.DAY, "days": DateUnit.DAY, "dow": DateUnit.DAY, "dayofweek": DateUnit.DAY, "isodow": DateUnit.DAY,
    "doy": DateUnit.DAY, "dayofyear": DateUnit.DAY,
}  # fmt: skip
DAYS: dict[str, float] = {
    "second": 1 / 86_400, "minute": 1 / 1440, "hour": 1 / 24, "day": 1, "week": 7, "month": 31, "quarter": 92,
    "year": 366,
}  # fmt: skip
"""Units of an INTERVAL and at most how many days they last."""
MOST_DAYS = 400_000
"""Days an INTERVAL may span: a thousand years lead from no date of ours out of any engine's calendar."""
MONTHS = {"month": 1, "quarter": 3, "year": 12}
"""Units of whole months."""
MAX_MONTHS = 1_200
FORMATS: dict[str, DateUnit] = {
    "%Y": DateUnit.YEAR, "%y": DateUnit.YEAR, "%Y-%m": DateUnit.MONTH, "%Y%m": DateUnit.MONTH, "%m": DateUnit.MONTH,
    "%b": DateUnit.MONTH, "%B": DateUnit.MONTH,
    "%Y/%m": DateUnit.MONTH, "%Y年%m月": DateUnit.MONTH, "%Y年": DateUnit.YEAR,
    "%Y-%m-%d": DateUnit.DAY, "%Y%m%d": DateUnit.DAY, "%d": DateUnit.DAY,
}  # fmt: skip

COUNTS = (exp.Count, exp.ApproxDistinct, exp.CountIf)
SAFE: dict[type[exp.Expr], tuple[str, ...]] = {
    exp.Sum: ("this",), exp.Avg: ("this",), exp.Stddev: ("this",), exp.StddevPop: ("this",), exp.StddevSamp: ("this",),
    exp.Variance: ("this",), exp.VariancePop: ("this",), exp.Corr: ("this", "expression"),
    exp.CovarPop: ("this", "expression"), exp.CovarSamp: ("this", "expression"),
    **dict.fromkeys((exp.RegrSlope, exp.RegrIntercept, exp.RegrR2), ("this", "expression")),
}  # fmt: skip
QUANTILES: dict[type[exp.Expr], str | None] = {
    exp.Median: None,
    exp.Quantile: "quantile",
    exp.PercentileCont: "expression",
    exp.PercentileDisc: "expression",
    exp.ApproxQuantile: "quantile",
}
REVEALING = (
    exp.Min, exp.Max, exp.AnyValue, exp.First, exp.Last, exp.Mode, exp.ArgMax, exp.ArgMin, exp.GroupConcat,
    exp.ArrayAgg, exp.LogicalOr, exp.LogicalAnd,
)  # fmt: skip
"""Aggregates that return values of single rows: they need `read`, or arguments that are released statistics."""
AGGREGATES: tuple[type[exp.Expr], ...] = (*COUNTS, *SAFE, *QUANTILES, *REVEALING, exp.AggFunc)
TOTALS = (exp.Grouping, exp.GroupingId)
"""They say which line is a total: about the grouping, not about rows."""

RANKING = (
    exp.RowNumber, exp.Rank, exp.DenseRank, exp.PercentRank, exp.CumeDist, exp.Ntile, exp.Lag, exp.Lead,
    exp.FirstValue, exp.LastValue, exp.NthValue,
)  # fmt: skip
"""Functions that exist only over a window."""


def aggregates(node: exp.Expr) -> bool:
    """Is the node an aggregate call (which over a window it need not be)."""
    if isinstance(node, exp.Anonymous):
        return str(node.this).lower() in open_functions.AGGREGATE_NAMES
    return isinstance(node, AGGREGATES) and not isinstance(node, (*RANKING, *TOTALS))
