"""What can go wrong while a decided query runs. Fixed texts: nothing an engine says leaves the gateway."""

from store.errors import ErrorCode

ENGINE_FAILED = ErrorCode(
    "ENGINE_FAILED", 400, "The query could not be computed.", "Check types and functions, then ask again."
)
ENGINE_TIMEOUT = ErrorCode(
    "ENGINE_TIMEOUT", 408, "The query took longer than allowed.", "Ask for less, or aggregate earlier."
)
ENGINE_MEMORY = ErrorCode(
    "ENGINE_MEMORY", 413, "The query needed more memory than allowed.", "Ask for fewer groups or rows."
)
ENGINE_CANCELLED = ErrorCode("ENGINE_CANCELLED", 499, "The query was stopped by the person who asked.", "Ask again.")
ENGINE_UNAVAILABLE = ErrorCode("ENGINE_UNAVAILABLE", 503, "The data engine is not available.", "Ask again in a moment.")
ENGINE_UNLOCKED = ErrorCode(
    "ENGINE_UNLOCKED",
    503,
    "The data engine lets the gateway do more than read.",
    "Tell the platform's operator to prepare it as docs/engines.md says.",
)
ENGINES_MIXED = ErrorCode(
    "ENGINES_MIXED",
    409,
    "The datasets of this project are kept in different engines.",
    "Ask for a project for the datasets of each.",
)
TOO_MANY_ROWS = ErrorCode(
    "TOO_MANY_ROWS", 413, "The answer has more rows than the policy lets out.", "Aggregate, or add LIMIT."
)
ANSWER_TOO_LARGE = ErrorCode(
    "ANSWER_TOO_LARGE", 413, "The answer is larger than the gateway passes on.", "Ask for fewer columns or rows."
)
MASK_VALUES_TOO_MANY = ErrorCode(
    "MASK_VALUES_TOO_MANY",
    413,
    "A masked column has more different values than can be masked for this engine ({most}).",
    "Leave the column out, or ask its agency for a mask without a key.",
)
NOISE_FAILED = ErrorCode(
    "NOISE_FAILED",
    500,
    "The noise of the answer could not be proved large enough, so nothing was given out.",
    "Tell the platform's operator.",
)
BUDGET_UNAVAILABLE = ErrorCode(
    "BUDGET_UNAVAILABLE",
    503,
    "The privacy budget could not be read or written, so nothing was run.",
    "Ask again in a moment; if it lasts, tell the platform's operator.",
)
AUDIT_UNAVAILABLE = ErrorCode(
    "AUDIT_UNAVAILABLE", 503, "The decision could not be recorded, so nothing was run.", "Tell the platform's operator."
)
DATA_INVALID = ErrorCode(
    "DATA_INVALID",
    422,
    "There is no usable data at the path given.",
    "Give a .duckdb file or a folder of TABLE.parquet or TABLE.csv.",
)
GATEWAY_BUSY = ErrorCode(
    "GATEWAY_BUSY",
    503,
    "Too many queries are waiting.",
    "Wait for your other queries to end, or ask again in a moment.",
)
TOKEN_REFUSED = ErrorCode(
    "TOKEN_REFUSED", 401, "The token is not that of one running sandbox.", "Start the sandbox again from the portal."
)
HUB_SILENT = ErrorCode("HUB_SILENT", 503, "The hub does not say whose token this is.", "Ask again in a moment.")
QUESTION_INVALID = ErrorCode(
    "QUESTION_INVALID",
    422,
    "The question must be JSON with one field, sql, of at most {longest} characters.",
    "Shorten it.",
)
