"""Every finding the airlock can make, as one table: stable code, what it does to the verdict, and why.

The texts have no fields: a finding must be unable to carry a data value. Thresholds follow ACRO's defaults
(minimum group 10) and OpenSAFELY's level-4 gate (5,000 rows); see `limits`.
"""

from dataclasses import dataclass

from sandbox.airlock.verdict import Finding, Verdict

PASS, REVIEW, BLOCK = Verdict.PASS, Verdict.REVIEW, Verdict.BLOCK


@dataclass(frozen=True, slots=True)
class FindingCode:
    """One kind of finding. `why` is a fixed sentence that says what is wrong and, where useful, what to do."""

    name: str
    verdict: Verdict
    why: str

    def at(self, where: str) -> Finding:
        """This finding at a position."""
        return Finding(self.name, where, self.why, self.verdict)


# The file as such
NOT_A_FILE = FindingCode("NOT_A_FILE", BLOCK, "Only ordinary files can leave; this is missing, a link or a device.")
FILE_EMPTY = FindingCode("FILE_EMPTY", BLOCK, "The file is empty.")
FILE_TOO_LARGE = FindingCode("FILE_TOO_LARGE", BLOCK, "The file is larger than an output may be. Aggregate further.")
NAME_TOO_LONG = FindingCode("NAME_TOO_LONG", BLOCK, "The file name is too long. Use a short descriptive name.")
NAME_CHARACTERS = FindingCode(
    "NAME_CHARACTERS", BLOCK, "The file name may hold letters, digits, Chinese characters, '.', '_' and '-' only."
)
NAME_IDENTITY = FindingCode("NAME_IDENTITY", BLOCK, "The file name holds what looks like an identifier.")
NAME_ENCODED = FindingCode("NAME_ENCODED", BLOCK, "The file name holds what looks like encoded data.")
TYPE_NOT_ALLOWED = FindingCode(
    "TYPE_NOT_ALLOWED", BLOCK, "This file type cannot leave. Allowed: csv, tsv, json, parquet, png, txt, md, ipynb."
)
TYPE_MISMATCH = FindingCode("TYPE_MISMATCH", BLOCK, "The content is not what the file's extension says.")
POLYGLOT = FindingCode("POLYGLOT", BLOCK, "The file can also be read as another format.")
UNREADABLE = FindingCode("UNREADABLE", BLOCK, "The file does not parse as its type.")
INSPECTION_LIMIT = FindingCode(
    "INSPECTION_LIMIT", BLOCK, "Reading the file took more time or memory than an honest output needs."
)
INSPECTION_MODEL = FindingCode(
    "INSPECTION_MODEL",
    BLOCK,
    "The name model of the settings cannot be used, and nothing passes without. Ask operations.",
)
INSPECTION_FAILED = FindingCode(
    "INSPECTION_FAILED", BLOCK, "The inspection did not finish, and nothing passes without."
)
ENCODING = FindingCode("ENCODING", BLOCK, "Text must be UTF-8.")
CONTROL_CHARACTERS = FindingCode("CONTROL_CHARACTERS", BLOCK, "The text holds control or direction characters.")
HIDDEN_CHARACTERS = FindingCode("HIDDEN_CHARACTERS", REVIEW, "Invisible characters, which can hide data.")
ACTIVE_CONTENT = FindingCode("ACTIVE_CONTENT", BLOCK, "The text holds markup or a script that would run in a reader.")
REMOTE_LINK = FindingCode("REMOTE_LINK", REVIEW, "The text points to an outside address.")

# Identity and encoded data
IDENTITY = FindingCode("IDENTITY", BLOCK, "An identifier of a person, account or device.")
IDENTITY_MANY = FindingCode("IDENTITY_MANY", BLOCK, "Many cells of this column name or locate persons.")
IDENTITY_POSSIBLE = FindingCode("IDENTITY_POSSIBLE", REVIEW, "This may name or locate a person.")
IDENTITY_SPLIT = FindingCode("IDENTITY_SPLIT", BLOCK, "Neighbouring cells together make up an identity number.")
IDENTITY_ENCODED = FindingCode("IDENTITY_ENCODED", BLOCK, "Encoded text that decodes to an identifier.")
ENCODED_TEXT = FindingCode("ENCODED_TEXT", REVIEW, "A long encoded string; a reader cannot tell what it holds.")
NUMBER_TOO_PRECISE = FindingCode(
    "NUMBER_TOO_PRECISE", REVIEW, "More digits than any computation gives; digits can hide data. Round the figures."
)

# Tables
TOO_MANY_ROWS = FindingCode("TOO_MANY_ROWS", BLOCK, "More rows than an aggregated output has.")
TOO_MANY_COLUMNS = FindingCode("TOO_MANY_COLUMNS", BLOCK, "More columns than an aggregated output has.")
CELL_TOO_LONG = FindingCode("CELL_TOO_LONG", BLOCK, "A cell holds more text than a table's cell needs.")
ROW_LEVEL = FindingCode("ROW_LEVEL", BLOCK, "This looks like one row per person or record. Release aggregates instead.")
ROW_LEVEL_POSSIBLE = FindingCode("ROW_LEVEL_POSSIBLE", REVIEW, "This may be one row per person or record.")
KEY_COLUMN = FindingCode("KEY_COLUMN", BLOCK, "Every row has its own key, as records have.")
IDENTIFIER_HEADER = FindingCode("IDENTIFIER_HEADER", REVIEW, "The column's name says that it holds an identifier.")
SMALL_CELL = FindingCode("SMALL_CELL", BLOCK, "A count below the minimum group. Suppress, merge or round it.")
SMALL_CELL_POSSIBLE = FindingCode("SMALL_CELL_POSSIBLE", REVIEW, "A small whole number; it may count persons.")
HIDDEN_COLUMN = FindingCode("HIDDEN_COLUMN", BLOCK, "Rows have more cells than the header shows.")
RAGGED_ROWS = FindingCode("RAGGED_ROWS", REVIEW, "Rows have different numbers of cells.")
DUPLICATE_HEADER = FindingCode("DUPLICATE_HEADER", REVIEW, "Two columns have the same name.")
EMPTY_COLUMN = FindingCode("EMPTY_COLUMN", PASS, "A column holds no values.")
FORMULA = FindingCode("FORMULA", BLOCK, "A cell would run as a formula in a spreadsheet.")

# JSON
JSON_DEPTH = FindingCode("JSON_DEPTH", BLOCK, "Nested more deeply than a result needs.")
JSON_DUPLICATE_KEY = FindingCode("JSON_DUPLICATE_KEY", BLOCK, "The same key twice: readers would disagree.")
LONG_ARRAY = FindingCode("LONG_ARRAY", REVIEW, "A long list of values; it may be one per person.")

# Parquet
BINARY_COLUMN = FindingCode("BINARY_COLUMN", BLOCK, "A binary or nested column cannot be checked. Use plain columns.")
HIDDEN_BYTES = FindingCode("HIDDEN_BYTES", BLOCK, "The file has bytes that belong to no part of its format.")
HIDDEN_VALUES = FindingCode("HIDDEN_VALUES", BLOCK, "A dictionary holds values that no row shows. Rewrite the file.")
FILE_METADATA = FindingCode("FILE_METADATA", REVIEW, "The file carries metadata of its own. Rewrite it without.")

# PNG
IMAGE_REVIEW = FindingCode("IMAGE_REVIEW", REVIEW, "A person must look; the picture is re-rendered before it leaves.")
IMAGE_TOO_LARGE = FindingCode("IMAGE_TOO_LARGE", BLOCK, "The picture has more pixels than a figure needs.")
IMAGE_BOMB = FindingCode("IMAGE_BOMB", BLOCK, "The picture unpacks to more data than its size says.")
IMAGE_METADATA = FindingCode("IMAGE_METADATA", PASS, "The picture carries text metadata, which re-rendering removes.")
IMAGE_METADATA_LARGE = FindingCode("IMAGE_METADATA_LARGE", BLOCK, "The picture carries more metadata than a plot does.")
IMAGE_CHUNK = FindingCode("IMAGE_CHUNK", BLOCK, "The picture has a part that is neither pixels nor known metadata.")

# Text and notebooks
FREE_TEXT = FindingCode("FREE_TEXT", REVIEW, "Running text must be read by a person.")
NOTEBOOK_REVIEW = FindingCode("NOTEBOOK_REVIEW", REVIEW, "A notebook must be read by a person.")
NOTEBOOK_OUTPUT = FindingCode(
    "NOTEBOOK_OUTPUT", BLOCK, "An output type other than plain text and PNG. Clear it and save again."
)
NOTEBOOK_ATTACHMENT = FindingCode("NOTEBOOK_ATTACHMENT", BLOCK, "The notebook carries attached files.")

CODES: dict[str, FindingCode] = {
    value.name: value for value in list(globals().values()) if isinstance(value, FindingCode)
}
