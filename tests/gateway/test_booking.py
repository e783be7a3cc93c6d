"""Of two answers computed at once the later is compared with the earlier; what was not answered is forgotten."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from platform_home import platform_database

from gateway.answered import Reach
from gateway.booking import HistoryBook
from policies.decision import Allowed, Decision, Footprint, Place, Refused, ReleasePlan, Withhold
from policies.errors import DIFFERENCING
from policies.history import History
from policies.model import Mode
from store.database import Database

STUDY, OTHER = Reach("study"), Reach("other")
SHARED = frozenset({"people"})


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return platform_database(tmp_path, projects={"study": ["researcher"], "other": ["researcher"]})


def told(name: str) -> Footprint:
    return Footprint(("people",), ("SELECT 1",), (name,), (), ("u",), 10)


def allowed(*names: str) -> Allowed:
    plan = ReleasePlan(Mode.THRESHOLD, 10, 100, 1.0, 1)
    return Allowed("SELECT 1", ("n",), plan, (), tuple(told(name) for name in names))


def audited(name: str) -> Allowed:
    """Which of its cells leave is known only when it is answered."""
    decision = allowed(name)
    return replace(decision, footprint=tuple(replace(each, withheld=None) for each in decision.footprint))


def conditions(history: History) -> list[str]:
    return [footprint.conditions[0] for footprint in history.footprints]


def test_a_second_query_sees_the_first_before_it_is_answered(database: Database) -> None:
    book = HistoryBook(database)
    _, before, _ = book.decided(STUDY, "researcher", lambda _: allowed("a"))
    seen: list[History] = []

    def refusing(history: History) -> Decision:
        seen.append(history)
        return Refused.because(DIFFERENCING)

    book.decided(STUDY, "researcher", refusing)
    assert conditions(before) == []
    assert conditions(seen[0]) == ["a"]


def test_what_was_not_answered_is_forgotten_and_what_was_stays(database: Database) -> None:
    book = HistoryBook(database)
    _, _, failed = book.decided(STUDY, "researcher", lambda _: allowed("a"))
    _, _, released = book.decided(STUDY, "researcher", lambda _: allowed("b"))
    book.settle(failed, answered=False)
    book.settle(released, answered=True)
    assert conditions(book.history(STUDY)) == ["b"]
    assert conditions(HistoryBook(database).history(STUDY)) == ["b"]


@pytest.mark.parametrize("first_fails", [True, False])
def test_an_answer_stays_remembered_when_its_twin_failed(database: Database, first_fails: bool) -> None:
    book = HistoryBook(database)
    _, _, one = book.decided(STUDY, "researcher", lambda _: allowed("a"))
    _, _, two = book.decided(STUDY, "researcher", lambda _: allowed("a"))
    book.settle(one, answered=not first_fails)
    book.settle(two, answered=first_fails)
    assert conditions(book.history(STUDY)) == ["a"]
    _, _, again = book.decided(STUDY, "researcher", lambda _: allowed("a"))
    book.settle(again, answered=False)
    assert conditions(book.history(STUDY)) == ["a"]


def test_a_crash_before_the_answer_leaves_the_booking(database: Database) -> None:
    HistoryBook(database).decided(STUDY, "researcher", lambda _: allowed("a"))
    assert conditions(HistoryBook(database).history(STUDY)) == ["a"]


def test_projects_have_histories_of_their_own(database: Database) -> None:
    book = HistoryBook(database)
    book.decided(STUDY, "researcher", lambda _: allowed("a"))
    assert conditions(book.history(OTHER)) == []


@pytest.mark.parametrize("reach", [STUDY, Reach("other", SHARED)], ids=["the same project", "another project"])
def test_what_another_process_booked_in_between_is_looked_at(database: Database, reach: Reach) -> None:
    here, there = HistoryBook(database), HistoryBook(database)
    seen: list[list[str]] = []

    def interrupted(history: History) -> Decision:
        if not seen:
            there.decided(STUDY, "researcher", lambda _: allowed("theirs"))
        seen.append(conditions(history))
        return allowed("ours")

    here.decided(reach, "researcher", interrupted)
    assert seen == [[], ["theirs"]]
    assert conditions(here.history(reach)) == ["theirs", "ours"]


def test_the_same_question_waits_for_its_answer_and_then_knows_what_was_withheld(database: Database) -> None:
    book = HistoryBook(database)
    _, _, first = book.decided(STUDY, "researcher", lambda _: audited("a"))
    seen: list[History] = []

    def second(history: History) -> Decision:
        seen.append(history)
        return audited("a") if len(seen) == 1 else allowed("a")

    waiting = threading.Thread(target=book.decided, args=(STUDY, "researcher", second))
    waiting.start()
    while not seen:
        waiting.join(0.01)
    book.settle(first, answered=True, told=(replace(told("a"), withheld=("cell",)),))
    waiting.join()
    assert [each.footprints[0].pending for each in seen] == [True, False]
    assert [each.footprints[0].withheld for each in seen] == [None, ("cell",)]


def test_until_it_is_settled_an_answer_counts_as_told_in_full(database: Database) -> None:
    book = HistoryBook(database)
    _, _, booking = book.decided(STUDY, "researcher", lambda _: audited("a"))
    (before,) = HistoryBook(database).history(STUDY).footprints
    book.settle(booking, answered=True, told=(replace(told("a"), withheld=("x", "y")),))
    (after,) = HistoryBook(database).history(STUDY).footprints
    assert (before.withheld, before.pending) == (None, True)
    assert (after.withheld, after.pending) == (("x", "y"), False)


def test_what_two_answers_to_one_question_told_is_told(database: Database) -> None:
    book = HistoryBook(database)
    for withheld in (("x", "y"), ("y",)):
        _, _, booking = book.decided(STUDY, "researcher", lambda _: audited("a"))
        book.settle(booking, answered=True, told=(replace(told("a"), withheld=withheld),))
    (after,) = book.history(STUDY).footprints
    assert (after.withheld, after.pending) == (("y",), False)


def test_where_the_policy_says_so_answers_to_other_projects_count(database: Database) -> None:
    book = HistoryBook(database)
    book.decided(STUDY, "researcher", lambda _: allowed("a"))
    assert conditions(book.history(Reach("other", SHARED))) == ["a"]
    assert conditions(book.history(Reach("other", frozenset({"firms"})))) == []


def test_what_another_project_was_told_is_booked_again_with_the_same_cells_withheld(database: Database) -> None:
    book = HistoryBook(database)
    _, _, booking = book.decided(STUDY, "researcher", lambda _: audited("a"))
    book.settle(booking, answered=True, told=(replace(told("a"), withheld=("cell",)),))

    def again(history: History) -> Decision:
        (known,) = history.footprints
        repeated = Withhold(known, Place((0,), None), frozenset(known.withheld or ()))
        decision = allowed("a")
        return replace(decision, release=replace(decision.release, withheld=(repeated,)))

    _, _, booking = book.decided(Reach("other", SHARED), "researcher", again)
    book.settle(booking, answered=True, told=(replace(told("a"), withheld=("cell",)),))
    (own,) = HistoryBook(database).history(OTHER).footprints
    assert own.withheld == ("cell",)


def test_a_question_that_another_project_is_being_told_is_waited_for(database: Database) -> None:
    book = HistoryBook(database)
    _, _, first = book.decided(STUDY, "researcher", lambda _: audited("a"))
    seen: list[History] = []

    def second(history: History) -> Decision:
        seen.append(history)
        return audited("a") if len(seen) == 1 else allowed("a")

    waiting = threading.Thread(target=book.decided, args=(Reach("other", SHARED), "researcher", second))
    waiting.start()
    while not seen:
        waiting.join(0.01)
    book.settle(first, answered=True, told=(replace(told("a"), withheld=("cell",)),))
    waiting.join()
    assert [each.footprints[0].withheld for each in seen] == [None, ("cell",)]
