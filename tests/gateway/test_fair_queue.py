"""Who goes next: caps are kept, nothing that may run waits, and nobody's many queries starve another's few."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.fair_queue import Caps, FairQueue, Full

CAPS = Caps(running=3, running_per_project=2, running_per_user=1, waiting=30, waiting_per_user=5)
EVENTS = st.lists(
    st.tuples(st.sampled_from(["enter", "leave", "give up"]), st.integers(0, 3), st.integers(0, 3), st.floats(0, 9)),
    max_size=80,
)


@given(EVENTS)
@settings(max_examples=60, deadline=None)
def test_caps_are_kept_and_what_may_run_runs(events: list[tuple[str, int, int, float]]) -> None:
    queue: FairQueue[int] = FairQueue(CAPS)
    waiting: dict[int, tuple[str, str]] = {}
    running: dict[int, tuple[str, str]] = {}
    for number, (what, project, user, cost) in enumerate(events):
        flow = (f"p{project}", f"u{user}")
        if what == "enter":
            try:
                queue.enter(*flow, number)
                waiting[number] = flow
            except Full:
                own = sum(each == flow for each in waiting.values())
                assert len(waiting) == CAPS.waiting or own == CAPS.waiting_per_user
        elif what == "give up" and waiting:
            item = min(waiting)
            assert queue.give_up(item)
            del waiting[item]
        elif running:
            item = min(running)
            queue.leave(item, cost)
            del running[item]
        while (started := queue.start()) is not None:
            running[started] = waiting.pop(started)
        projects = [each[0] for each in running.values()]
        assert len(running) <= CAPS.running
        assert all(projects.count(each) <= CAPS.running_per_project for each in projects)
        assert len(set(running.values())) == len(running)
        assert (queue.running, queue.waiting) == (len(running), len(waiting))
        idle = [
            flow
            for flow in waiting.values()
            if flow not in running.values() and projects.count(flow[0]) < CAPS.running_per_project
        ]
        assert not idle or len(running) == CAPS.running


@given(st.integers(1, 10), st.integers(1, 10))
@settings(max_examples=25, deadline=None)
def test_projects_that_always_wait_get_the_same_service_whatever_their_queries_cost(one: int, other: int) -> None:
    queue: FairQueue[tuple[str, int]] = FairQueue(Caps(running=1, waiting=10_000, waiting_per_user=10_000))
    costs, served = {"p": float(one), "q": float(other)}, {"p": 0.0, "q": 0.0}
    for number in range(200):
        for project in costs:
            queue.enter(project, "u", (project, number))
    for _ in range(100):
        item = queue.start()
        assert item is not None
        served[item[0]] += costs[item[0]]
        queue.leave(item, costs[item[0]])
        assert abs(served["p"] - served["q"]) <= 2 * max(costs.values())


def test_a_person_with_one_query_does_not_wait_behind_another_ones_hundred() -> None:
    queue: FairQueue[str] = FairQueue(Caps(running=1, waiting=1000, waiting_per_user=1000))
    for number in range(100):
        queue.enter("study", "busy", f"busy {number}")
    assert queue.start() == "busy 0"
    queue.enter("study", "rare", "rare")
    queue.leave("busy 0", 1.0)
    assert queue.start() == "rare"


def test_service_cannot_be_saved_up_by_staying_away() -> None:
    queue: FairQueue[str] = FairQueue(Caps(running=1, running_per_project=1, running_per_user=1))
    queue.enter("late", "u", "first")
    assert queue.start() == "first"
    for number in range(15):
        queue.enter("steady", "u", f"steady {number}")
    queue.leave("first", 0.0)
    for _ in range(5):
        item = queue.start()
        assert item is not None
        queue.leave(item, 1.0)
    for number in range(10):
        queue.enter("late", "u", f"late {number}")
    order = []
    for _ in range(10):
        item = queue.start()
        assert item is not None
        order.append(item.partition(" ")[0])
        queue.leave(item, 1.0)
    assert 4 <= order.count("late") <= 6


def test_a_full_line_says_so() -> None:
    queue: FairQueue[int] = FairQueue(Caps(waiting=3, waiting_per_user=2))
    queue.enter("p", "u", 1)
    queue.enter("p", "u", 2)
    with pytest.raises(Full):
        queue.enter("p", "u", 3)
    queue.enter("p", "v", 4)
    with pytest.raises(Full):
        queue.enter("p", "w", 5)
