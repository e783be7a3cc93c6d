"""What can go wrong while masking, as data. No message ever carries a value of the data."""

from store.errors import ErrorCode

MASK_UNKNOWN_OPERATOR = ErrorCode(
    "MASK_UNKNOWN_OPERATOR", 400, "There is no masking operator called {name}.", "Use one of: {known}."
)
MASK_BAD_ARGUMENTS = ErrorCode(
    "MASK_BAD_ARGUMENTS",
    400,
    "The masking operator {name} was given arguments it does not take: {why}.",
    "See the operator catalogue: {name} takes {takes}.",
)
MASK_NO_KEY = ErrorCode(
    "MASK_NO_KEY",
    500,
    "There is no masking key for the scope label {label}.",
    "Give the engine a key ring that covers this label, or correct the label in the policy.",
)
MASK_NO_ALGORITHM = ErrorCode(
    "MASK_NO_ALGORITHM",
    500,
    "This machine's OpenSSL does not offer {algorithm}.",
    "Name another algorithm in the policy, for example hmac-sha256.",
)
MASK_BAD_RULES = ErrorCode(
    "MASK_BAD_RULES",
    400,
    "The masking rules cannot be used: {why}.",
    "Write `columns: {{COLUMN: OPERATOR}}`; every column of the file needs a line, `keep` included.",
)
MASK_BAD_FILE = ErrorCode(
    "MASK_BAD_FILE",
    400,
    "The file {path} cannot be read as a table.",
    "Give a .csv, .parquet or .duckdb file that exists and is not empty.",
)
MASK_BROKEN_LINES = ErrorCode(
    "MASK_BROKEN_LINES",
    400,
    "The file {path} has lines with more or fewer fields than its header, or with broken quotes.",
    "Export it again with every value quoted; a line left out unnoticed would be a value lost.",
)
MASK_NO_COLUMN = ErrorCode("MASK_NO_COLUMN", 400, "The table has no column called {column}.", "It has: {known}.")
MASK_TOO_MANY = ErrorCode("MASK_TOO_MANY", 400, "At most {limit} {what} can be made without repeats.", "Ask for fewer.")
MASK_TOO_FEW = ErrorCode(
    "MASK_TOO_FEW",
    400,
    "The table has not the {k} records or the {l} different sensitive values that every class needs.",
    "Ask for a smaller k or l, or use a table with more records.",
)
MASK_BAD_REPORT = ErrorCode(
    "MASK_BAD_REPORT",
    400,
    "A report cannot be written as {path}.",
    "Give it a name that ends in one of {known}, in a folder that exists.",
)
MASK_BAD_BUDGET = ErrorCode(
    "MASK_BAD_BUDGET",
    400,
    "The privacy budget cannot be used.",
    "Give an epsilon from 0.001 to 100 and a delta from 1e-15 to 0.01; usual are 1 and 1e-6.",
)
MASK_TOO_LARGE = ErrorCode(
    "MASK_TOO_LARGE",
    400,
    "The file {path} needs more memory than it may use.",
    "Use fewer columns at once, or split the file.",
)
MASK_BAD_TARGET = ErrorCode(
    "MASK_BAD_TARGET",
    400,
    "The file {path} cannot be the result: {why}.",
    "Name another file, in a folder that exists.",
)
MASK_NOT_WRITTEN = ErrorCode(
    "MASK_NOT_WRITTEN",
    500,
    "The file {path} could not be written; nothing of it is left.",
    "Check that the folder may be written to and that the disk has room.",
)
MASK_FILES_ONLY = ErrorCode(
    "MASK_FILES_ONLY",
    400,
    "The masking operator {name} works on whole files, not inside a query.",
    "Mask the file with `yurt mask table` before it is published, or use release mode dp.",
)
MASK_BAD_MODEL = ErrorCode(
    "MASK_BAD_MODEL",
    500,
    "The name model {name} cannot be used: {why}.",
    "Set `name_model` to an installed entry point of yurt.name_models or to package.module:factory, or leave it empty.",
)
