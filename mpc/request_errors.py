"""What can go wrong between asking for a joint computation and its start."""

from store.errors import ErrorCode

JOINT_UNKNOWN = ErrorCode("JOINT_UNKNOWN", 404, "There is no joint job {joint}.", "Look it up in the list.")
JOINT_INVALID = ErrorCode(
    "JOINT_INVALID", 422, "The joint job is not valid: {problem}.", "Correct it and send it again."
)
JOINT_CHANGED = ErrorCode(
    "JOINT_CHANGED", 409, "The digest is not that of joint job {joint}.", "Read it again, then decide."
)
JOINT_STATE_CONFLICT = ErrorCode(
    "JOINT_STATE_CONFLICT", 409, "Joint job {joint} is {state}; it cannot {event} now.", "Reload it."
)
JOINT_SELF_APPROVAL = ErrorCode(
    "JOINT_SELF_APPROVAL", 403, "Nobody approves a joint job they submitted.", "Another approver of the party decides."
)
JOINT_NOT_A_PARTY = ErrorCode(
    "JOINT_NOT_A_PARTY",
    403,
    "{person} is not an approver of a party whose approval joint job {joint} waits for.",
    "The approvers of the parties not yet listed decide.",
)
