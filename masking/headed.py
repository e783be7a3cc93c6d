"""Tables copied into a text: the label of a cell stands at the head of its column, lines away from the value.

Rows are lines cut by tabs, bars or commas into as many cells as the line that heads them. What a cell holds is judged
as if its label stood right in front of it.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

MARKS = "\t|,，"
LONGEST_LABEL, LONGEST_CELL, LEAST = 12, 60, 2
"""Characters of a label and of a value, and cells of a row."""


_DIGIT = re.compile(r"\d")


class Cell(NamedTuple):
    """A value: its label and its half-open range of the text, blanks around it left out."""

    label: str
    start: int
    end: int


def _cells(line: str, mark: str, at: int) -> list[tuple[int, int]]:
    made = []
    for part in line.split(mark):
        lead = len(part) - len(part.lstrip(" \"'"))
        made.append((at + lead, at + max(lead, len(part.rstrip(" \"'\r")))))
        at += len(part) + 1
    return made


def _heads(labels: list[str]) -> bool:
    """Is this the head of a table: short words that differ, no numbers?"""
    filled = [label for label in labels if label]
    return (
        len(filled) >= LEAST
        and len(set(filled)) == len(filled)
        and all(len(label) <= LONGEST_LABEL and not any(map(str.isdigit, label)) for label in filled)
    )


class _Table(NamedTuple):
    """The labels of its head, none outside of a table, and what cuts its lines."""

    head: list[str]
    mark: str


def _read(table: _Table, line: str, at: int) -> tuple[_Table, list[tuple[int, int]]]:
    """The table after one more line, which begins at `at`, and the ranges of its cells where it is a row of it."""
    used = max(MARKS, key=line.count)
    ranges = _cells(line, used, at) if line.count(used) >= LEAST - 1 else []
    if table.head and len(ranges) == len(table.head) and used == table.mark:
        return table, ranges
    labels = [line[start - at : end - at] for start, end in ranges]
    return _Table(labels if _heads(labels) else [], used), []


def headed_cells(text: str) -> Iterator[Cell]:
    """Cells with a digit in rows below a head, in order."""
    at, table, unread = 0, _Table([], ""), list[tuple[str, int]]()
    for line in text.split("\n") if "\n" in text else ():
        begin, at = at, at + len(line) + 1
        if _DIGIT.search(line) is None:  # it may head what follows; most of prose is never asked
            unread.append((line, begin))
            continue
        if not any(mark in line for mark in MARKS):
            table = _Table([], "")
            unread.clear()
            continue
        for each in unread:
            table, _ = _read(table, *each)
        unread.clear()
        table, ranges = _read(table, line, begin)
        for label, (start, end) in zip(table.head, ranges, strict=False):
            if label and 4 <= end - start <= LONGEST_CELL and _DIGIT.search(text, start, end):
                yield Cell(label, start, end)
