"""Tables copied into a text: the label of a cell stands at the head of its column, lines away from the value.

Rows are lines cut by tabs, bars or commas into as many cells as the line that heads them. What a cell holds is judged
as if its label stood right in front of it.
"""

from collections.abc import Iterator
from typing import NamedTuple

MARKS = "\t|,，"
LONGEST_LABEL, LONGEST_CELL, LEAST = 12, 60, 2
"""Characters of a label and of a value, and cells of a row."""


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


def headed_cells(text: str) -> Iterator[Cell]:
    """Cells with a digit in rows below a head, in order."""
    if "\n" not in text:
        return
    at, head, mark = 0, list[str](), ""
    for line in text.split("\n"):
        used = max(MARKS, key=line.count)
        ranges = _cells(line, used, at) if line.count(used) >= LEAST - 1 else []
        at += len(line) + 1
        labels = [text[start:end] for start, end in ranges]
        if head and len(ranges) == len(head) and used == mark:
            for label, (start, end) in zip(head, ranges, strict=True):
                if label and 4 <= end - start <= LONGEST_CELL and any(map(str.isdigit, text[start:end])):
                    yield Cell(label, start, end)
        elif _heads(labels):
            head, mark = labels, used
        else:
            head = []
