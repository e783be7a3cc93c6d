"""What can go wrong with a job, as data. Messages name jobs, fields and datasets; never a value of the data."""

from store.errors import ErrorCode

JOB_MANIFEST_INVALID = ErrorCode(
    "JOB_MANIFEST_INVALID", 422, "The manifest is not valid at {where}.", "Correct that field: {why}."
)
JOB_MANIFEST_VERSION = ErrorCode(
    "JOB_MANIFEST_VERSION",
    422,
    "The manifest has version {found}; this platform reads version {known}.",
    "Write the manifest again with this platform's tools; a digest is never carried over between versions.",
)
JOB_UNKNOWN = ErrorCode("JOB_UNKNOWN", 404, "There is no job {job}.", "Look the job up in the list of your project.")
JOB_EXISTS = ErrorCode("JOB_EXISTS", 409, "A job {job} exists already.", "Submit the manifest with a new job id.")
JOB_STATE_CONFLICT = ErrorCode(
    "JOB_STATE_CONFLICT",
    409,
    "Job {job} is {state}, so it cannot {event} now.",
    "Reload the job: someone else may have acted on it first.",
)
JOB_SELF_APPROVAL = ErrorCode(
    "JOB_SELF_APPROVAL",
    403,
    "Nobody approves a job they wrote.",
    "Ask an approver of the data's agency who is not its author.",
)
JOB_APPROVED_TWICE = ErrorCode(
    "JOB_APPROVED_TWICE",
    409,
    "This approver, or another of the same agency, has approved job {job} already.",
    "The second approval must come from a person of a different agency.",
)
JOB_DIGEST_MISMATCH = ErrorCode(
    "JOB_DIGEST_MISMATCH",
    409,
    "The {what} of job {job} is not what was approved.",
    "Submit the job again with its present content and have it approved; nothing was run.",
)
JOB_NEVER_FITS = ErrorCode(
    "JOB_NEVER_FITS",
    422,
    "Job {job} asks for more than the pool or its quota can ever give.",
    "Ask for fewer resources, or ask the operator for a larger quota.",
)
JOB_NOT_ALLOWED = ErrorCode(
    "JOB_NOT_ALLOWED",
    403,
    "The grant of job {job} no longer allows it to run.",
    "Ask for the data again and submit the job anew.",
)
BLOB_UNKNOWN = ErrorCode(
    "BLOB_UNKNOWN",
    404,
    "No content with the digest {digest} is kept here.",
    "Store the file before submitting the job.",
)
LEDGER_UNBALANCED = ErrorCode(
    "LEDGER_UNBALANCED",
    500,
    "The ledger does not balance for {what}.",
    "Stop handing out capacity and compare the ledger with the audit log.",
)
TRACE_INVALID = ErrorCode("TRACE_INVALID", 422, "{file} line {line}: {why}.", "Correct that line; {expects}.")
ORDER_UNKNOWN = ErrorCode("ORDER_UNKNOWN", 422, "There is no order called {name}.", "Choose one of: {known}.")
COMPUTE_WORKER_DIED = ErrorCode(
    "COMPUTE_WORKER_DIED",
    500,
    "The worker of this run ended with {how}.",
    "Submit the job again; if it happens again, the operator finds the reason in the service's log.",
)
COMPUTE_LOST = ErrorCode(
    "COMPUTE_LOST",
    500,
    "The compute service stopped while job {job} ran.",
    "Submit the job again; nothing was handed over.",
)
COMPUTE_START_FAILED = ErrorCode(
    "COMPUTE_START_FAILED",
    503,
    "The compute service did not start: {why}.",
    "Look into the service's log and start it again; a machine with more free memory and processors starts it sooner.",
)
