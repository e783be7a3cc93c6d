"""What can go wrong between asking for data and being granted it."""

from store.errors import ErrorCode

PROJECT_UNKNOWN = ErrorCode("PROJECT_UNKNOWN", 404, "There is no project {project}.", "Look it up under your projects.")
PROJECT_EXISTS = ErrorCode("PROJECT_EXISTS", 409, "A project {project} exists already.", "Choose another name.")
NOT_A_MEMBER = ErrorCode(
    "NOT_A_MEMBER", 403, "{person} is not a member of project {project}.", "Ask the project's owner to add you."
)
REQUEST_UNKNOWN = ErrorCode("REQUEST_UNKNOWN", 404, "There is no request {request}.", "Look it up under approvals.")
REQUEST_OPEN_ALREADY = ErrorCode(
    "REQUEST_OPEN_ALREADY",
    409,
    "Project {project} already has an open request for {dataset}.",
    "Withdraw it first, or wait for its decision.",
)
REQUEST_CLOSED = ErrorCode(
    "REQUEST_CLOSED", 409, "Request {request} is {state}; it can no longer be decided.", "Submit a new request."
)
REQUEST_CHANGED = ErrorCode(
    "REQUEST_CHANGED", 409, "Request {request} changed since you read it.", "Read it again, then decide."
)
SELF_APPROVAL = ErrorCode(
    "SELF_APPROVAL", 403, "Nobody approves their own request.", "Another approver of the owning agency decides it."
)
NOT_AN_APPROVER = ErrorCode(
    "NOT_AN_APPROVER", 403, "{person} is not an approver for {agency}.", "An approver of that agency decides it."
)
SAME_AGENCY_TWICE = ErrorCode(
    "SAME_AGENCY_TWICE",
    403,
    "Sensitive columns need two approvers from different agencies; one of {agency} has decided.",
    "An approver of another agency gives the second decision.",
)
REASON_MISSING = ErrorCode("REASON_MISSING", 422, "A refusal needs a reason.", "Say what would have to change.")
PERIOD_INVALID = ErrorCode(
    "PERIOD_INVALID", 422, "The period must begin before it ends and last at most a year.", "Choose other dates."
)
CAPABILITY_INVALID = ErrorCode(
    "CAPABILITY_INVALID", 422, "The request is not a valid policy: {problem}", "Correct the named column or capability."
)
GRANT_UNKNOWN = ErrorCode("GRANT_UNKNOWN", 404, "There is no live grant {grant}.", "Look it up in the project.")
NO_LIVE_GRANT = ErrorCode(
    "NO_LIVE_GRANT",
    403,
    "Project {project} has no live grant.",
    "Request data for it; the sandbox opens once a request is approved.",
)
