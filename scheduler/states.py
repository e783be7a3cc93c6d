"""The life of a job as one table. Who may act in general is decided elsewhere; this is what the state allows."""

from enum import StrEnum


class State(StrEnum):
    """Where a job is."""

    SUBMITTED = "submitted"  # waiting for people
    APPROVED = "approved"  # the digest was approved by enough people
    QUEUED = "queued"  # waiting for room
    RUNNING = "running"  # a record was written, then it was placed
    CANCELLING = "cancelling"  # somebody wants it to stop; its jail is being killed
    FINISHED = "finished"  # ended well; outputs lie in the hand-over folder
    FAILED = "failed"  # ended badly; nothing was handed over
    REFUSED = "refused"  # by a person, or by the machine because something is not what was approved
    CANCELLED = "cancelled"


class Event(StrEnum):
    """What moves a job."""

    APPROVE = "approve"
    REJECT = "reject"
    ENQUEUE = "enqueue"
    START = "start"
    REFUSE = "refuse"
    FINISH = "finish"
    FAIL = "fail"
    CANCEL = "cancel"
    STOP = "stop"


class Owner(StrEnum):
    """Whose turn it is."""

    APPROVER = "approver"
    SCHEDULER = "scheduler"
    REVIEWER = "reviewer"  # of the airlock
    AUTHOR = "author"


TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.SUBMITTED, Event.APPROVE): State.APPROVED,
    (State.SUBMITTED, Event.REJECT): State.REFUSED,
    (State.SUBMITTED, Event.CANCEL): State.CANCELLED,
    (State.APPROVED, Event.ENQUEUE): State.QUEUED,
    (State.APPROVED, Event.CANCEL): State.CANCELLED,
    (State.QUEUED, Event.START): State.RUNNING,
    (State.QUEUED, Event.REFUSE): State.REFUSED,
    (State.QUEUED, Event.CANCEL): State.CANCELLED,
    (State.RUNNING, Event.FINISH): State.FINISHED,
    (State.RUNNING, Event.FAIL): State.FAILED,
    (State.RUNNING, Event.REFUSE): State.REFUSED,
    (State.RUNNING, Event.CANCEL): State.CANCELLING,
    (State.CANCELLING, Event.STOP): State.CANCELLED,
}

OWNER: dict[State, Owner] = {
    State.SUBMITTED: Owner.APPROVER,
    State.APPROVED: Owner.SCHEDULER,
    State.QUEUED: Owner.SCHEDULER,
    State.RUNNING: Owner.SCHEDULER,
    State.CANCELLING: Owner.SCHEDULER,
    State.FINISHED: Owner.REVIEWER,
    State.FAILED: Owner.AUTHOR,
    State.REFUSED: Owner.AUTHOR,
    State.CANCELLED: Owner.AUTHOR,
}

FINAL = frozenset({State.FINISHED, State.FAILED, State.REFUSED, State.CANCELLED})


def next_state(state: State, event: Event) -> State | None:
    """Where the event leads, or None when the state does not allow it."""
    return TRANSITIONS.get((state, event))


def mermaid() -> str:
    """The table as a Mermaid state diagram for the documentation."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.SUBMITTED}"]
    lines += [f"    {before} --> {after}: {event}" for (before, event), after in TRANSITIONS.items()]
    lines += [f"    {state} --> [*]" for state in State if state in FINAL]
    return "\n".join(lines)
