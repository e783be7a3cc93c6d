"""The life of a job: every state has an owner, every end is an end, and only the table moves a job."""

from itertools import product

import pytest

from scheduler.states import FINAL, OWNER, TRANSITIONS, Event, State, mermaid, next_state


def test_every_state_has_one_owner() -> None:
    assert OWNER.keys() == set(State)


def test_a_final_state_has_no_way_out_and_every_other_has_one() -> None:
    assert {state for state, _ in TRANSITIONS} == set(State) - FINAL


def test_every_state_can_be_reached_and_can_end() -> None:
    reached = {State.SUBMITTED}
    for _ in State:
        reached |= {after for (before, _), after in TRANSITIONS.items() if before in reached}
    assert reached == set(State)
    ending = set(FINAL)
    for _ in State:
        ending |= {before for (before, _), after in TRANSITIONS.items() if after in ending}
    assert ending == set(State)


def test_nothing_runs_without_having_been_approved_and_queued() -> None:
    assert {before for (before, _), after in TRANSITIONS.items() if after is State.RUNNING} == {State.QUEUED}
    assert {before for (before, _), after in TRANSITIONS.items() if after is State.QUEUED} == {State.APPROVED}
    assert {pair for pair, after in TRANSITIONS.items() if after is State.APPROVED} == {
        (State.SUBMITTED, Event.APPROVE)
    }


@pytest.mark.parametrize(("state", "event"), list(product(State, Event)))
def test_what_is_not_in_the_table_is_not_allowed(state: State, event: Event) -> None:
    assert next_state(state, event) is TRANSITIONS.get((state, event))


def test_the_diagram_shows_every_transition() -> None:
    assert mermaid().count("-->") == len(TRANSITIONS) + 1 + len(FINAL)
