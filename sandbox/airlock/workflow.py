"""The life of a release request as one table. Who may act in general is not here; this is what the state allows."""

from enum import StrEnum

from audit.events import EventName


class State(StrEnum):
    CREATED = "created"
    INSPECTED = "inspected"
    BLOCKED = "blocked"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    RELEASED = "released"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class Role(StrEnum):
    AUTHOR = "author"  # who asks for the release
    INSPECTOR = "inspector"  # the automatic checks
    REVIEWER = "reviewer"  # one of the independent people who look
    PANEL = "panel"  # the rule over all reviews, applied once every review is in
    OFFICER = "officer"  # hands out what was approved


class Command(StrEnum):
    ACCEPT = "accept"  # inspection found nothing that blocks
    BLOCK = "block"
    SUBMIT = "submit"
    REVIEW = "review"
    APPROVE = "approve"
    REJECT = "reject"
    RELEASE = "release"
    WITHDRAW = "withdraw"


TRANSITIONS: dict[tuple[State, Role, Command], State] = {
    (State.CREATED, Role.INSPECTOR, Command.ACCEPT): State.INSPECTED,
    (State.CREATED, Role.INSPECTOR, Command.BLOCK): State.BLOCKED,
    (State.INSPECTED, Role.AUTHOR, Command.SUBMIT): State.IN_REVIEW,
    (State.IN_REVIEW, Role.REVIEWER, Command.REVIEW): State.IN_REVIEW,
    (State.IN_REVIEW, Role.PANEL, Command.APPROVE): State.APPROVED,
    (State.IN_REVIEW, Role.PANEL, Command.REJECT): State.REJECTED,
    (State.APPROVED, Role.OFFICER, Command.RELEASE): State.RELEASED,
    (State.APPROVED, Role.OFFICER, Command.REJECT): State.REJECTED,
    (State.CREATED, Role.AUTHOR, Command.WITHDRAW): State.WITHDRAWN,
    (State.INSPECTED, Role.AUTHOR, Command.WITHDRAW): State.WITHDRAWN,
    (State.BLOCKED, Role.AUTHOR, Command.WITHDRAW): State.WITHDRAWN,
    (State.IN_REVIEW, Role.AUTHOR, Command.WITHDRAW): State.WITHDRAWN,
    (State.APPROVED, Role.AUTHOR, Command.WITHDRAW): State.WITHDRAWN,
}

# What the log calls each command; creation is `release.created`.
EVENT: dict[Command, EventName] = {
    Command.ACCEPT: EventName.RELEASE_INSPECTED,
    Command.BLOCK: EventName.RELEASE_BLOCKED,
    Command.SUBMIT: EventName.RELEASE_SUBMITTED,
    Command.REVIEW: EventName.RELEASE_REVIEWED,
    Command.APPROVE: EventName.RELEASE_APPROVED,
    Command.REJECT: EventName.RELEASE_REJECTED,
    Command.RELEASE: EventName.RELEASE_RELEASED,
    Command.WITHDRAW: EventName.RELEASE_WITHDRAWN,
}

# Whose turn it is; None where nothing more happens.
OWNER: dict[State, Role | None] = {
    State.CREATED: Role.INSPECTOR,
    State.INSPECTED: Role.AUTHOR,
    State.BLOCKED: Role.AUTHOR,
    State.IN_REVIEW: Role.REVIEWER,
    State.APPROVED: Role.OFFICER,
    State.RELEASED: None,
    State.REJECTED: None,
    State.WITHDRAWN: None,
}


def next_state(state: State, role: Role, command: Command) -> State | None:
    """Where the command leads, or None when it is not allowed."""
    return TRANSITIONS.get((state, role, command))


def mermaid() -> str:
    """The table as a Mermaid state diagram for the documentation."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.CREATED}"]
    lines += [f"    {before} --> {after}: {role} {command}" for (before, role, command), after in TRANSITIONS.items()]
    lines += [f"    {state} --> [*]" for state, owner in OWNER.items() if owner is None]
    return "\n".join(lines)
