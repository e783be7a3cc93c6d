"""What a changed policy would have said: questions asked before, decided again. Pure; no data is touched.

Decisions compare policies, so each question is decided alone: what was refused because of an earlier answer depends on
the data and stays as it was recorded.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from policies.decide import decide
from policies.decision import Allowed, Decision, Refused
from policies.errors import DIFFERENCING, HISTORY_FULL
from policies.model import Policy
from policies.schema import Schema

BY_HISTORY = frozenset({DIFFERENCING.name, HISTORY_FULL.name})
"""Refusals that follow from earlier answers and not from the policy alone."""


class Change(StrEnum):
    """What the changed policy does to a question."""

    NEWLY_REFUSED = "newly refused"
    NEWLY_ALLOWED = "newly allowed"
    OTHER_REASON = "refused for another reason"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and what was decided. `code` is empty where it was allowed."""

    sql: str
    code: str = ""
    user: Mapping[str, object] = field(default_factory=dict)
    where: Mapping[str, Any] = field(default_factory=dict)  # number, time, person: whatever says which one it is


@dataclass(frozen=True, slots=True)
class Replayed:
    """The question under the changed policy."""

    asked: Asked
    decision: Decision
    change: Change


def replayed(questions: Iterable[Asked], policy: Policy, schema: Schema, dialect: str = "duckdb") -> Iterator[Replayed]:
    """Each question decided anew, in the order given; the same text of the same person is decided once."""
    known: dict[tuple[str, tuple[tuple[str, object], ...]], Decision] = {}
    for asked in questions:
        key = (asked.sql, tuple(sorted(asked.user.items())))
        if key not in known:
            known[key] = decide(asked.sql, policy, schema, dialect=dialect, user=asked.user, suggest=False)
            if changed(asked.code, known[key]) is Change.NEWLY_REFUSED:  # only there a nearest query helps
                known[key] = decide(asked.sql, policy, schema, dialect=dialect, user=asked.user)
        yield Replayed(asked, known[key], changed(asked.code, known[key]))


def changed(before: str, decision: Decision) -> Change:
    """From the code of the former refusal (empty: it was allowed) to the decision now."""
    if isinstance(decision, Allowed):
        return Change.UNCHANGED if not before or before in BY_HISTORY else Change.NEWLY_ALLOWED
    if not before:
        return Change.NEWLY_REFUSED
    return Change.UNCHANGED if before == decision.code else Change.OTHER_REASON


def line(each: Replayed) -> dict[str, Any]:
    """One question as plain data."""
    asked, decision = each.asked, each.decision
    after: dict[str, Any] = dict.fromkeys(("code", "message", "hint", "rule", "suggestion"))
    if isinstance(decision, Refused):
        after = {name: getattr(decision, name) for name in after}
    return {
        **asked.where,
        "sql": asked.sql,
        "change": each.change,
        "before": {"outcome": "refuse" if asked.code else "allow", "code": asked.code or None},
        "after": {"outcome": "refuse" if isinstance(decision, Refused) else "allow", **after},
    }


def summary(changes: Iterable[Change]) -> dict[str, int]:
    """How many questions of each kind."""
    counts = dict.fromkeys(Change, 0)
    for change in changes:
        counts[change] += 1
    return {change.value.replace(" ", "_"): count for change, count in counts.items()}
