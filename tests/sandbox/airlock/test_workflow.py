"""The life of a release request: the table is complete, and what it does not list is refused."""

from collections import deque
from itertools import product

import pytest

from sandbox.airlock.workflow import EVENT, OWNER, TRANSITIONS, Command, Role, State, mermaid, next_state

EXPECTED = """
created inspector accept -> inspected
created inspector block -> blocked
created author withdraw -> withdrawn
inspected author submit -> in_review
inspected author withdraw -> withdrawn
blocked author withdraw -> withdrawn
in_review reviewer review -> in_review
in_review panel approve -> approved
in_review panel reject -> rejected
in_review author withdraw -> withdrawn
approved officer release -> released
approved officer reject -> rejected
approved author withdraw -> withdrawn
"""
ALLOWED = {tuple(line.split(" -> ")[0].split()): line.split(" -> ")[1] for line in EXPECTED.strip().splitlines()}


@pytest.mark.parametrize(("state", "role", "command"), list(product(State, Role, Command)))
def test_each_role_can_do_in_each_state_exactly_what_is_listed(state: State, role: Role, command: Command) -> None:
    expected = ALLOWED.get((state.value, role.value, command.value))
    assert next_state(state, role, command) == (State(expected) if expected else None)


def test_every_state_has_an_owner_and_only_owned_states_can_be_left() -> None:
    assert set(OWNER) == set(State)
    leaving = {state for state, _, _ in TRANSITIONS}
    assert leaving == {state for state, owner in OWNER.items() if owner is not None}


def test_the_owner_of_a_state_can_move_it() -> None:
    for state, owner in OWNER.items():
        if owner is not None:
            assert any(before is state and role is owner for before, role, _ in TRANSITIONS), state


def test_every_state_is_reached_and_every_path_can_end() -> None:
    reached, queue = {State.CREATED}, deque([State.CREATED])
    while queue:
        here = queue.popleft()
        for (before, _, _), after in TRANSITIONS.items():
            if before is here and after not in reached:
                reached.add(after)
                queue.append(after)
    assert reached == set(State)


def test_nothing_is_released_but_from_approval_and_nothing_approved_but_by_the_panel() -> None:
    assert [key for key, after in TRANSITIONS.items() if after is State.RELEASED] == [
        (State.APPROVED, Role.OFFICER, Command.RELEASE)
    ]
    assert [key for key, after in TRANSITIONS.items() if after is State.APPROVED] == [
        (State.IN_REVIEW, Role.PANEL, Command.APPROVE)
    ]


def test_every_command_has_an_event_and_is_used() -> None:
    assert set(EVENT) == set(Command) == {command for _, _, command in TRANSITIONS}


def test_the_diagram_shows_every_transition() -> None:
    lines = mermaid().splitlines()
    assert sum(" --> " in line for line in lines) == len(TRANSITIONS) + 1 + 3
    assert "    approved --> released: officer release" in lines
