"""What a column is judged by: a sample of its values, its name and comment, how many differ, how many are missing.

A table is looked at once, at most 5,000 of its first 100,000 rows, drawn with a fixed seed so that two looks agree.
Values are read as people meant them: identifiers a spreadsheet made numbers of (13947112233.0, 1.5E+17) and words that
stand for nothing (无, N/A, \\N) do not hide what the rest says.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlglot import exp

SAMPLE_ROWS = 5000
SAMPLE_VALUES = 200
FIRST_ROWS = 100_000

NOTHING = frozenset((
    "?", "-", "--", "—", "/", "\\", "\\n", "*", "null", "none", "nan", "nat", "n/a", "na", "nil", "<na>", "(null)",
    "#n/a", "无", "空", "未知", "不详", "暂无", "未填", "待补", "待补充", "未提供", "无此项",
))  # fmt: skip
"""Words that stand for a missing value."""
_WHOLE = re.compile(r"[+-]?[0-9]+\.0+")
_SCIENTIFIC = re.compile(r"[0-9]\.?[0-9]*[eE]\+?[0-9]{1,2}")


@dataclass(frozen=True, slots=True)
class Sample:
    """One column of the sample of rows. `values` are distinct, without missing ones, at most 200, spread over it."""

    name: str
    sql_type: str
    comment: str
    values: list[str]
    rows: int  # with a value
    distinct: int
    missing: int

    @property
    def unique(self) -> float:
        """Distinct values per value."""
        return self.distinct / self.rows if self.rows else 0.0

    @property
    def length(self) -> float:
        """Mean length in code points."""
        return sum(map(len, self.values)) / len(self.values) if self.values else 0.0

    def share(self, pattern: str) -> float:
        """Share of values in which the pattern is found."""
        found = re.compile(pattern).search
        return sum(found(value) is not None for value in self.values) / len(self.values) if self.values else 0.0


def plain(value: object) -> str:
    """The value as text, '' for a missing one; whole numbers without a decimal point or an exponent."""
    if value is None or isinstance(value, bytes):
        return ""
    if isinstance(value, float) and not math.isfinite(value):
        return ""
    if isinstance(value, float | Decimal):
        return f"{value:.0f}" if value == int(value) else str(value)
    text = str(value).strip().strip("'\u200b\ufeff").strip()
    if text.lower() in NOTHING:
        return ""
    if _WHOLE.fullmatch(text):
        return text.partition(".")[0]
    if _SCIENTIFIC.fullmatch(text):
        written = Decimal(text)
        return f"{written:.0f}" if written == written.to_integral_value() else text
    return text


def _drawn() -> str:
    """Rows drawn by a reservoir with a fixed seed."""
    sample = exp.TableSample(
        this=None, method=exp.var("reservoir"), size=exp.Literal.number(SAMPLE_ROWS), seed=exp.Literal.number(1)
    )
    return exp.select("*").from_(exp.Table(this=exp.to_identifier("t"), sample=sample)).sql("duckdb")


def samples(relation: Any, comments: Mapping[str, str]) -> list[Sample]:
    """One sample per column of a relation, in order."""
    made = []
    rows = relation.limit(FIRST_ROWS).query("t", _drawn()).to_arrow_table()
    for place, (name, sql_type) in enumerate(zip(relation.columns, relation.types, strict=True)):
        column = rows.column(place)
        texts = [text for value in column.to_pylist() if (text := plain(value))]
        distinct = list(dict.fromkeys(texts))
        step = max(1, len(distinct) // SAMPLE_VALUES)
        made.append(
            Sample(
                name,
                str(sql_type),
                comments.get(name, ""),
                distinct[::step][:SAMPLE_VALUES],
                len(texts),
                len(distinct),
                len(column) - len(texts),
            )
        )
    return made
