"""What can go wrong in a joint computation. Messages name parties, columns and steps, never a value."""

from collections.abc import Mapping, Sequence

from store.errors import ErrorCode, YurtError

JOB_INVALID = ErrorCode("JOB_INVALID", 422, "The job file is wrong at {place}: {problem}.", "See docs/joint-jobs.md.")
PROTOCOL_REFUSED = ErrorCode(
    "PROTOCOL_REFUSED", 403, "{protocol} is not allowed: {why}.", "Use {instead}; docs/joint-jobs.md says why."
)
PARTY_COUNT = ErrorCode(
    "PARTY_COUNT",
    422,
    "{operator} over {protocol} needs exactly {needed} parties; the job names {given}.",
    "Add or remove parties.",
)
PARAMETERS_REFUSED = ErrorCode(
    "PARAMETERS_REFUSED", 422, "Parameter {parameter} is refused: {why}.", "Correct parameters.{parameter}."
)
SIGNATURE_MISSING = ErrorCode(
    "SIGNATURE_MISSING",
    403,
    "The approver of {party} has not signed this job.",
    "Ask that approver to sign the same digest.",
)
SIGNATURE_INVALID = ErrorCode(
    "SIGNATURE_INVALID",
    403,
    "The signature of {party}'s approver does not fit this job.",
    "The job changed after it was signed, or the signature is damaged: have it signed again.",
)
EXPIRED = ErrorCode("EXPIRED", 403, "The job is outside its time of validity.", "Issue it again and have it signed.")
REPLAYED = ErrorCode(
    "REPLAYED", 409, "{party} has already seen this job's nonce.", "Issue the job again: each run needs its own nonce."
)
IDENTITY_MISMATCH = ErrorCode(
    "IDENTITY_MISMATCH",
    403,
    "The job names other keys for {peer} than those pinned at {party}.",
    "Compare fingerprints with that party by another channel, then pin its new keys.",
)
OPERATOR_REFUSED = ErrorCode(
    "OPERATOR_REFUSED", 403, "{party} does not allow the operator {operator}.", "Ask its steward to allow it."
)
PROTOCOL_NOT_ALLOWED = ErrorCode(
    "PROTOCOL_NOT_ALLOWED", 403, "{party} does not allow the protocol {protocol}.", "Ask its steward to allow it."
)
RECEIVER_REFUSED = ErrorCode(
    "RECEIVER_REFUSED", 403, "{party} does not allow results to go to {receiver}.", "Name a receiver it allows."
)
COLUMN_REFUSED = ErrorCode(
    "COLUMN_REFUSED", 403, "{party} does not allow its column {column} in joint jobs.", "Ask its steward to allow it."
)
MINIMUM_REFUSED = ErrorCode(
    "MINIMUM_REFUSED", 403, "{party} asks for groups of at least {needed}; the job says {given}.", "Raise minimum."
)
DATA_UNREADABLE = ErrorCode(
    "DATA_UNREADABLE", 422, "{party} cannot read its input {data}.", "Give a CSV or Parquet file, or a model in JSON."
)
COLUMN_MISSING = ErrorCode(
    "COLUMN_MISSING", 422, "{party}'s input has no column {column}.", "Correct the column's name in the job."
)
VALUE_INVALID = ErrorCode(
    "VALUE_INVALID",
    422,
    "{party}'s column {column} holds something other than finite numbers.",
    "Give numbers; leave missing values empty.",
)
DUPLICATE_KEY = ErrorCode(
    "DUPLICATE_KEY",
    422,
    "{party}'s key column {column} names {count} rows more than once.",
    "Remove them, or declare `duplicates: first` for that party.",
)
RANGE = ErrorCode(
    "RANGE",
    422,
    "{party}'s column {column} is too large to be computed without overflow at this precision.",
    "Lower parameters.decimals, raise parameters.feature_bound, or change the unit of the column.",
)
MISMATCH = ErrorCode(
    "MISMATCH", 409, "{party} and {peer} disagree on {field}.", "Both must run the same job with the same engine."
)
KEY_MISMATCH = ErrorCode(
    "KEY_MISMATCH",
    409,
    "A ciphertext does not belong to the key of this job.",
    "Encrypt again under the key holder's present key.",
)
ABORTED = ErrorCode(
    "ABORTED", 502, "The job stopped at step {step}: {peer} {why}.", "Nothing was released; issue the job again."
)
ENGINE_MISSING = ErrorCode(
    "ENGINE_MISSING", 503, "The joint-computation engine is not installed.", "Run `python -m mpc.environment`."
)
ENGINE_FAILED = ErrorCode(
    "ENGINE_FAILED",
    502,
    "The engine of {party} failed at step {step}.",
    "Nothing was released; the party's audit file says more.",
)
FOLDER_INVALID = ErrorCode(
    "FOLDER_INVALID", 422, "{folder} is not a complete party folder.", "Create it with `yurt mpc keys`."
)

CODES: Mapping[str, ErrorCode] = {value.name: value for value in list(vars().values()) if isinstance(value, ErrorCode)}


ALIGN = "align"
OUT_OF_TIME = "ran out of time"


class JointFailure(YurtError):
    """A joint job that ended without a result; `records` holds what each party signed about it."""

    def __init__(self, code: ErrorCode, records: Sequence[Mapping[str, object]], **fields: object) -> None:
        super().__init__(code, **fields)
        self.records = tuple(records)

    @property
    def stalled_in_alignment(self) -> bool:
        """Whether the alignment stood still; nothing was computed, and another run with new keys may well end."""
        return any(record.get("why") == OUT_OF_TIME and record.get("step") == ALIGN for record in self.records)


class PeerAborted(Exception):
    """Inside an agent: the job cannot go on because of `peer`, at `step`."""

    def __init__(self, peer: str, why: str, step: str = "") -> None:
        super().__init__(f"{peer} {why}")
        self.peer, self.why, self.step = peer, why, step
