"""A noisy answer given again is the same answer, and costs nothing more."""

from typing import Any

from test_dp import SCHEMA, Connection, crowd, policy

from gateway.answer import Answer, whole
from gateway.dp_account import MemoryAccountant
from gateway.dp_sticky import Remembered, Sticky, StickyMemory
from policies.decide import decide
from policies.decision import Allowed, Refused
from policies.dp_plan import Budget
from policies.history import History

COUNT = "SELECT town, count(*) AS n, sum(pay) AS s FROM people GROUP BY town"
BUDGET = Budget(4.0, 1e-6)


def asked(sql: str, engine: Connection, accountant: MemoryAccountant, sticky: Sticky) -> Any:
    decision = decide(sql, policy(), SCHEMA)
    assert isinstance(decision, Allowed)
    return whole(decision, engine, History(), accountant=accountant, sticky=sticky)


def table(answer: Any) -> list[dict[str, Any]]:
    assert isinstance(answer, Answer)
    rows: list[dict[str, Any]] = answer.table.to_pylist()
    return sorted(rows, key=str)


def test_the_same_question_gets_the_same_noise_and_is_paid_for_once() -> None:
    engine, accountant, sticky = Connection(crowd(4000)), MemoryAccountant(), Sticky(StickyMemory(), "p", "1")
    first = asked(COUNT, engine, accountant, sticky)
    left = accountant.left("people", BUDGET)
    assert left < 4.0
    for _ in range(20):
        again = asked(COUNT, engine, accountant, sticky)
        assert table(again) == table(first)
        assert again.half_widths == first.half_widths
    assert accountant.left("people", BUDGET) == left


def test_another_end_of_the_same_statistic_is_made_from_the_same_noise() -> None:
    engine, accountant, sticky = Connection(crowd(4000)), MemoryAccountant(), Sticky(StickyMemory(), "p", "1")
    first = table(asked(COUNT, engine, accountant, sticky))
    left = accountant.left("people", BUDGET)
    shown = table(asked(COUNT + " ORDER BY n DESC LIMIT 1", engine, accountant, sticky))
    assert shown == [max(first, key=lambda row: row["n"])]
    assert accountant.left("people", BUDGET) == left


def test_other_data_another_project_and_another_statistic_are_paid_for() -> None:
    engine, accountant, memory = Connection(crowd(4000)), MemoryAccountant(), StickyMemory()
    asked(COUNT, engine, accountant, Sticky(memory, "p", "1"))
    for sql, project, version in (
        (COUNT, "p", "2"),
        (COUNT, "q", "1"),
        ("SELECT town, count(*) AS n FROM people WHERE ill GROUP BY town", "p", "1"),
    ):
        before = accountant.left("people", BUDGET)
        asked(sql, engine, accountant, Sticky(memory, project, version))
        assert accountant.left("people", BUDGET) < before


def test_what_was_released_is_given_again_when_the_budget_is_gone() -> None:
    engine, accountant, sticky = Connection(crowd(4000)), MemoryAccountant(), Sticky(StickyMemory(), "p", "1")
    first = asked(COUNT, engine, accountant, sticky)
    for town in "cdefghijk":
        last = asked(f"SELECT count(*) FROM people WHERE town <> '{town}'", engine, accountant, sticky)
    assert isinstance(last, Refused)
    assert table(asked(COUNT, engine, accountant, sticky)) == table(first)


def test_what_was_released_unused_longest_is_forgotten_first_and_nothing_is_replaced() -> None:
    decision = decide(COUNT, policy(), SCHEMA)
    assert isinstance(decision, Allowed)
    assert decision.release.private is not None
    (release,) = decision.release.private.releases
    engine, accountant, memory = Connection(crowd(4000)), MemoryAccountant(), StickyMemory(most_cells=120)
    asked(COUNT, engine, accountant, Sticky(memory, "p", "0"))
    made = memory.get("p", "0", release)
    assert isinstance(made, Remembered)
    for number in range(1, 6):
        memory.put("p", str(number), release, made)
    assert memory.get("p", "0", release) is None
    assert memory.get("p", "5", release) is made
    memory.put("p", "5", release, Remembered(made.found, made.schema))
    assert memory.get("p", "5", release) is made
