"""What a changed policy would have said: questions asked before, decided again.

Whether an earlier answer stands against a question depends on the data, so by itself this module decides each question
alone and leaves such refusals as they were recorded. With a `guard`, which looks at the data, the questions are decided
in order under both policies, each against those that policy would have answered before.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from policies.decide import decide
from policies.decision import Allowed, Decision, Footprint, Refused
from policies.errors import DIFFERENCING, HISTORY_FULL
from policies.history import History
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


Guard = Callable[[Allowed], Sequence[Footprint] | Refused]
"""What an answer would leave in the history, or why it may not be given beside earlier ones."""


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


def replayed_in_order(
    questions: Iterable[Asked], policy: Policy, schema: Schema, guard: Guard, holding: Policy, dialect: str = "duckdb"
) -> Iterator[Replayed]:
    """Each question, in the order asked, under the changed policy and under the one that is `holding`, each against the
    answers it would have given before. Only what follows from earlier answers is taken from the latter; what else was
    decided stays as it was recorded."""
    before, after = History(), History()
    for asked in questions:
        former, before = _weighed(asked, holding, schema, guard, before, dialect)
        decision, after = _weighed(asked, policy, schema, guard, after, dialect)
        code = asked.code
        if isinstance(former, Refused) and former.code in BY_HISTORY:
            code = former.code
        elif code in BY_HISTORY:
            code = former.code if isinstance(former, Refused) else ""
        yield Replayed(replace(asked, code=code), decision, changed(code, decision, weighed=True))


def _weighed(
    asked: Asked, policy: Policy, schema: Schema, guard: Guard, history: History, dialect: str
) -> tuple[Decision, History]:
    """The decision beside a history, and the history after it."""
    decision = decide(asked.sql, policy, schema, dialect=dialect, user=asked.user, history=history, suggest=False)
    if isinstance(decision, Refused):
        return decision, history
    told = guard(decision)
    return (told, history) if isinstance(told, Refused) else (decision, history.with_answer(told))


def changed(before: str, decision: Decision, *, weighed: bool = False) -> Change:
    """From the code of the former refusal (empty: it was allowed) to the decision now. `weighed`: beside earlier
    answers."""
    if isinstance(decision, Allowed):
        stays = not before or (before in BY_HISTORY and not weighed)
        return Change.UNCHANGED if stays else Change.NEWLY_ALLOWED
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
