"""Does a new version of a table still hold what was accepted? Compared column by column, from samples of both versions.

A classification ages: a column of remarks begins to carry identity numbers, a code gives way to a telephone. So the
suggestions for a new version are held against those for the last one and against the grades a person accepted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from masking.classify import ColumnSuggestion

SHARE_STEP = 0.2
"""Change of the share of values that hold a type from which on a person should look."""
MISSING_STEP = 0.5


class DriftCode(StrEnum):
    """What can have changed."""

    COLUMN_NEW = "COLUMN_NEW"
    COLUMN_GONE = "COLUMN_GONE"
    IDENTIFIER_NEW = "IDENTIFIER_NEW"
    GRADE_HIGHER = "GRADE_HIGHER"
    TYPE_CHANGED = "TYPE_CHANGED"
    SHARE_CHANGED = "SHARE_CHANGED"
    VALUES_GONE = "VALUES_GONE"


GRAVE = frozenset({DriftCode.COLUMN_NEW, DriftCode.COLUMN_GONE, DriftCode.IDENTIFIER_NEW, DriftCode.GRADE_HIGHER})
"""Changes under which what was accepted no longer protects what is there."""


@dataclass(frozen=True, slots=True)
class Drift:
    """One finding; `why` names kinds, grades and shares, never a value."""

    code: DriftCode
    column: str
    why: str

    @property
    def grave(self) -> bool:
        """Must a person decide again before the version is used?"""
        return self.code in GRAVE


def _kind(suggestion: ColumnSuggestion) -> str:
    return suggestion.type or "nothing"


def _compare(old: ColumnSuggestion, new: ColumnSuggestion, accepted: int) -> Drift | None:
    """The gravest change of one column."""
    column = new.column
    identifies = new.role == "direct" and new.grade >= 3
    if identifies and old.role != "direct":
        return Drift(DriftCode.IDENTIFIER_NEW, column, f"{new.evidence} (before: {_kind(old)})")
    if new.grade > max(accepted, old.grade):
        return Drift(DriftCode.GRADE_HIGHER, column, f"grade {new.grade} proposed, {accepted} accepted; {new.evidence}")
    if new.type != old.type and new.rows > new.missing:
        return Drift(DriftCode.TYPE_CHANGED, column, f"{_kind(old)} became {_kind(new)}; {new.evidence}")
    if new.identifying - old.identifying >= SHARE_STEP or abs(new.share - old.share) >= SHARE_STEP:
        return Drift(DriftCode.SHARE_CHANGED, column, f"{old.share:.0%} became {new.share:.0%}: {_kind(new)}")
    if old.rows and new.rows and new.missing / new.rows - old.missing / old.rows >= MISSING_STEP:
        return Drift(DriftCode.VALUES_GONE, column, f"{new.missing / new.rows:.0%} of values are missing")
    return None


def drift(
    old: Sequence[ColumnSuggestion], new: Sequence[ColumnSuggestion], accepted: Mapping[str, int] | None = None
) -> list[Drift]:
    """What changed from one version of a table to the next, at most one finding per column, in the new order.

    `accepted` are the grades a person confirmed (those proposed where it is silent).
    """
    before, after = {s.column: s for s in old}, {s.column: s for s in new}
    grades = {column: s.grade for column, s in before.items()} | dict(accepted or {})
    made: list[Drift] = []
    for column, suggestion in after.items():
        if column not in before:
            made.append(Drift(DriftCode.COLUMN_NEW, column, f"grade {suggestion.grade}: {suggestion.evidence}"))
        elif (found := _compare(before[column], suggestion, grades[column])) is not None:
            made.append(found)
    made += [
        Drift(DriftCode.COLUMN_GONE, column, f"it held {_kind(s)}")
        for column, s in before.items()
        if column not in after
    ]
    return made
