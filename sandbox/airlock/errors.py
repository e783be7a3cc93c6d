"""What can go wrong at the airlock, for people. What an inspection finds in a file is in `codes`."""

from store.errors import ErrorCode

RELEASE_UNKNOWN = ErrorCode("RELEASE_UNKNOWN", 404, "There is no such release request.", "Check its number.")
RELEASE_NOT_ALLOWED = ErrorCode(
    "RELEASE_NOT_ALLOWED",
    403,
    "A {role} cannot {command} a release request that is {state}.",
    "Look at the request's state and whose turn it is.",
)
RELEASE_CHANGED = ErrorCode(
    "RELEASE_CHANGED", 409, "The release request changed while you were deciding.", "Read it again, then decide."
)
RELEASE_BYTES_CHANGED = ErrorCode(
    "RELEASE_BYTES_CHANGED", 409, "A file is not the one that was reviewed.", "Make a new release request."
)
RELEASE_EMPTY = ErrorCode("RELEASE_EMPTY", 422, "A release request needs at least one file.", "Add files.")
REVIEWER_IS_AUTHOR = ErrorCode(
    "REVIEWER_IS_AUTHOR", 403, "Nobody reviews what they made or ran.", "Ask another reviewer."
)
REVIEWER_TWICE = ErrorCode("REVIEWER_TWICE", 409, "You have reviewed this already.", "A second person must review.")
REVIEWER_SAME_AGENCY = ErrorCode(
    "REVIEWER_SAME_AGENCY",
    403,
    "Data of this grade needs two reviewers from different agencies.",
    "Ask a reviewer of another agency.",
)
TICKET_UNKNOWN = ErrorCode("TICKET_UNKNOWN", 404, "This is not a download ticket.", "Ask for a new ticket.")
TICKET_SPENT = ErrorCode("TICKET_SPENT", 410, "This download ticket was used already.", "Ask for a new ticket.")
TICKET_EXPIRED = ErrorCode("TICKET_EXPIRED", 410, "This download ticket has expired.", "Ask for a new ticket.")
TICKET_RECIPIENT = ErrorCode(
    "TICKET_RECIPIENT", 403, "This download ticket was made out to someone else.", "Sign in as its recipient."
)
VAULT_MISSING = ErrorCode("VAULT_MISSING", 404, "The vault holds no file of this digest.", "Deposit the file first.")
VAULT_DAMAGED = ErrorCode(
    "VAULT_DAMAGED", 500, "A file in the vault no longer matches its digest.", "Tell the operators."
)
SANITISE_REFUSED = ErrorCode(
    "SANITISE_REFUSED", 422, "The file could not be rewritten within the limits.", "Save it again from its source."
)
