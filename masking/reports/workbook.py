"""Excel files in which nothing can act: every text is a text, also one that begins like a formula.

Names of columns come from foreign files. A cell `=HYPERLINK(…)` or `@SUM(…)` would be run by the program of whoever
opens the report (CSV injection, OWASP); here text cells carry the string type and the quote prefix, which also
survives editing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter

ACTIVE = ("=", "+", "-", "@", "\t", "\r", "\n")
LONGEST = 32_000
"""Characters; Excel ends a cell at 32,767."""
WIDEST = 60


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: a title of at most 31 characters, headings, rows of text and numbers."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[object]]


def _put(cell: Any, value: object) -> None:
    if value is None or isinstance(value, bool | int | float):
        cell.value = value
        return
    text = ILLEGAL_CHARACTERS_RE.sub(" ", str(value))[:LONGEST]
    if not text:
        return
    cell.value = text
    cell.data_type = "s"
    cell.quotePrefix = text.startswith(ACTIVE)


def _width(text: object) -> int:
    return sum(2 if ord(letter) > 0x2E7F else 1 for letter in str(text if text is not None else ""))


def write_workbook(target: Path, sheets: Sequence[Sheet]) -> None:
    """Writes the sheets, the headings bold and fixed, columns as wide as what they hold."""
    book = Workbook()
    book.remove(book.active)
    for sheet in sheets:
        page = book.create_sheet(sheet.title)
        for row, values in enumerate([sheet.headings, *sheet.rows], 1):
            for place, value in enumerate(values, 1):
                cell = page.cell(row, place)
                _put(cell, value)
                cell.alignment = Alignment(vertical="top", wrap_text=True)
                if row == 1:
                    cell.font = Font(bold=True)
                    cell.fill = PatternFill("solid", start_color="FFE8EEF4")
        for place, heading in enumerate(sheet.headings, 1):
            widest = max([_width(heading), *(_width(row[place - 1]) for row in sheet.rows)])
            page.column_dimensions[get_column_letter(place)].width = min(WIDEST, widest + 2)
        page.freeze_panes = "A2"
    book.save(target)
