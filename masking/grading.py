"""From columns to a table: class of each column, grade and volume rule of the whole, as an agency files them.

GB/T 43697-2024 grades a data set like its highest column (就高从严) and asks to look at volume: many ordinary records
together weigh more than one. The standard leaves the numbers to departments; ours are the defaults below and stand in
every report, so that whoever confirms sees them.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from masking.classify import ColumnSuggestion, table_grade
from masking.places import lines

MANY = 1_000_000
"""Records with personal information from which the table goes up one grade."""
IMPORTANT = 10_000_000
"""Records with personal information from which a table is to be examined as important data (重要数据): who processes
personal information of ten million people takes on duties of one of important data (网络数据安全管理条例, 2024)."""
IMPORTANT_SENSITIVE = 1_000_000
"""The same for sensitive personal information."""
HIGHEST = 4


@cache
def _classes() -> tuple[dict[str, str], frozenset[str]]:
    table = tomllib.loads("\n".join(lines("classes.toml")))
    by_kind = {kind: name for name, kinds in table["classes"].items() for kind in kinds.split()}
    return by_kind, frozenset(table["sensitive"]["kinds"].split())


def class_of(suggestion: ColumnSuggestion) -> str:
    """The class of a column; what stands beside personal data without a kind of its own is 其他个人信息."""
    by_kind, _ = _classes()
    other = "其他个人信息" if suggestion.grade >= 3 else "公共数据" if suggestion.grade == 1 else "一般业务数据"
    return by_kind.get(suggestion.type or "", other)


def is_personal(suggestion: ColumnSuggestion) -> bool:
    """Does the column hold personal information? Organisations' data and what nothing speaks for do not."""
    return suggestion.grade >= 3 and class_of(suggestion) != "组织数据"


def is_sensitive(suggestion: ColumnSuggestion) -> bool:
    """Is it sensitive personal information?"""
    return is_personal(suggestion) and (suggestion.type in _classes()[1] or suggestion.grade == HIGHEST)


@dataclass(frozen=True, slots=True)
class TableGrade:
    """`grade` after the volume rule, `highest` before it; `important`: to be examined as important data; `why`
    says which column and which number decided."""

    table: str
    rows: int
    grade: int
    highest: int
    important: bool
    why: str


def grade_table(table: str, rows: int, suggestions: Sequence[ColumnSuggestion]) -> TableGrade:
    """The grade of a table of `rows` records from those of its columns."""
    highest = table_grade(suggestions)
    top = [s.column for s in suggestions if s.grade == highest]
    said = [f"highest column: {', '.join(top[:5])}"] if top else ["no column"]
    grade = highest
    personal = any(map(is_personal, suggestions))
    sensitive = any(map(is_sensitive, suggestions))
    if personal and rows >= MANY and grade < HIGHEST:
        grade += 1
        said.append(f"{rows:,} records with personal information, from {MANY:,} on one grade higher")
    important = (personal and rows >= IMPORTANT) or (sensitive and rows >= IMPORTANT_SENSITIVE)
    if important:
        limit = IMPORTANT_SENSITIVE if sensitive else IMPORTANT
        said.append(f"{rows:,} records, from {limit:,} on to be examined as important data")
    return TableGrade(table, rows, grade, highest, important, "; ".join(said))
