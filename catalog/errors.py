"""What can go wrong in the catalogue."""

from store.errors import ErrorCode

AGENCY_UNKNOWN = ErrorCode("AGENCY_UNKNOWN", 404, "There is no agency {agency}.", "Choose one from the agency tree.")
DATASET_UNKNOWN = ErrorCode(
    "DATASET_UNKNOWN", 404, "There is no dataset {dataset}.", "Look it up in the catalogue; names are exact."
)
DATASET_EXISTS = ErrorCode(
    "DATASET_EXISTS", 409, "A dataset {dataset} exists already.", "Choose another name, or add a version to it."
)
DATASET_NOT_DRAFT = ErrorCode(
    "DATASET_NOT_DRAFT", 409, "Dataset {dataset} is published already.", "Add a new version instead of changing it."
)
COLUMN_UNKNOWN = ErrorCode(
    "COLUMN_UNKNOWN", 422, "Dataset {dataset} has no column {column}.", "Compare the spelling with the column list."
)
GRADE_TOO_LOW = ErrorCode(
    "GRADE_TOO_LOW",
    422,
    "Column {column} was proposed grade {proposed}; {given} is lower.",
    "Give the reason for the lower grade in the field 'reason'.",
)
NAME_INVALID = ErrorCode(
    "NAME_INVALID",
    422,
    "{name!r} cannot be used as a name.",
    "Use 1 to 40 lower-case letters, digits and underscores, beginning with a letter.",
)
DATASET_NOT_PUBLISHED = ErrorCode(
    "DATASET_NOT_PUBLISHED", 409, "Dataset {dataset} is a draft.", "Publish it before adding a version."
)
COLUMNS_DIFFER = ErrorCode(
    "COLUMNS_DIFFER",
    422,
    "The file has not the columns of dataset {dataset}: {columns}.",
    "A version has the same columns, of the same types, in the same order; register other columns as another dataset.",
)
DATASET_DRIFTED = ErrorCode(
    "DATASET_DRIFTED",
    409,
    "The file no longer holds what was accepted for dataset {dataset}: {findings}.",
    "Mask or remove the columns named, or register the file as another dataset with grades of its own.",
)
FILE_UNREADABLE = ErrorCode(
    "FILE_UNREADABLE", 422, "The file is not a readable Parquet file.", "Export it again as Parquet and retry."
)
PERSON_UNKNOWN = ErrorCode("PERSON_UNKNOWN", 404, "There is no person {person}.", "Check the login name.")
ROLE_REQUIRED = ErrorCode(
    "ROLE_REQUIRED",
    403,
    "{person} does not hold the role {role} for {agency}.",
    "Ask somebody who holds it, or ask the platform's administrator for it.",
)
