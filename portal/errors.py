"""What can go wrong at the portal itself: signing in, sending a form, deciding on something that has changed."""

from store.errors import ErrorCode

NOT_SIGNED_IN = ErrorCode("NOT_SIGNED_IN", 401, "Nobody is signed in.", "Sign in, or send a token of the hub.")
TOKEN_INVALID = ErrorCode(
    "TOKEN_INVALID", 401, "The hub does not know this token.", "Make a new token on the hub's token page."
)
TOKEN_NOT_FOR_PORTAL = ErrorCode(
    "TOKEN_NOT_FOR_PORTAL",
    403,
    "This token does not open the portal.",
    "Use a token of a person with the scope access:services; a sandbox's own token never opens the portal.",
)
NOT_REGISTERED = ErrorCode(
    "NOT_REGISTERED",
    403,
    "{person} is known to the hub but not registered on the platform.",
    "Ask the platform's administrator to register you with your agency.",
)
HUB_UNREACHABLE = ErrorCode(
    "HUB_UNREACHABLE", 503, "The hub does not answer.", "Try again in a minute; if it lasts, tell the operator."
)
SIGN_IN_STALE = ErrorCode(
    "SIGN_IN_STALE",
    400,
    "This sign-in was begun in another browser, too long ago, or was used already.",
    "Open the portal again and sign in.",
)
CSRF_INVALID = ErrorCode(
    "CSRF_INVALID",
    403,
    "The form does not belong to this session.",
    "Reload the page and send the form again.",
)
BODY_TOO_LARGE = ErrorCode(
    "BODY_TOO_LARGE", 413, "More than {limit} bytes were sent.", "Send less, or split the file into several datasets."
)
BODY_INVALID = ErrorCode("BODY_INVALID", 422, "The field {field} is not valid.", "Correct it: {why}.")
ROUTE_UNKNOWN = ErrorCode("ROUTE_UNKNOWN", 404, "There is nothing at this address.", "Check the address.")
METHOD_UNKNOWN = ErrorCode(
    "METHOD_UNKNOWN", 405, "This address does not take that method.", "See /api/v1/openapi.json for what it takes."
)
INTERNAL = ErrorCode(
    "INTERNAL", 500, "Something went wrong inside the portal.", "Try again; if it lasts, tell the operator the time."
)
IMPACT_STALE = ErrorCode(
    "IMPACT_STALE",
    409,
    "What this decision would allow changed since you read it.",
    "Read the impact again, then decide.",
)
NOT_VISIBLE = ErrorCode(
    "NOT_VISIBLE", 403, "{person} may not see {what}.", "Ask somebody of the project, or its agency's approver."
)
NOT_OWNER = ErrorCode("NOT_OWNER", 403, "Only the owner of project {project} may do this.", "Ask the owner.")
PROJECT_NAME_INVALID = ErrorCode(
    "PROJECT_NAME_INVALID",
    422,
    "{name!r} cannot be the name of a project.",
    "Use 1 to 30 lower-case letters and digits, with single hyphens between them, beginning with a letter.",
)
DATASET_NOT_PUBLISHED = ErrorCode(
    "DATASET_NOT_PUBLISHED", 409, "Dataset {dataset} is not published.", "Ask its agency's steward to publish it."
)
SCOPE_UNKNOWN = ErrorCode("SCOPE_UNKNOWN", 422, "There is no scope {scope}.", "Use mine, waiting or all.")
SCRIPT_TOO_LARGE = ErrorCode(
    "SCRIPT_TOO_LARGE", 422, "The script is empty or larger than 1 MiB.", "Send one Python file of at most 1 MiB."
)
OUTPUTS_UNNAMED = ErrorCode(
    "OUTPUTS_UNNAMED",
    422,
    "The script names no output file.",
    "Write results to files such as '/out/result.csv', or list their names in 'outputs'.",
)
SELF_REVIEW = ErrorCode(
    "SELF_REVIEW", 403, "Nobody reviews what they made or ran.", "Reviewers of the data's agencies decide."
)
NOT_A_REVIEWER = ErrorCode(
    "NOT_A_REVIEWER",
    403,
    "{person} may not review this release now.",
    "An approver of the data's agency reviews first, then, for data of grade 3 or 4, one of another agency.",
)
NOT_RELEASED = ErrorCode(
    "NOT_RELEASED", 409, "The release is {state}; nothing can be downloaded.", "Wait until its reviewers approved it."
)
FILE_BLOCKED = ErrorCode(
    "FILE_BLOCKED", 403, "This file was blocked by the automatic checks.", "Change the job so that it is not written."
)
FILE_UNKNOWN = ErrorCode("FILE_UNKNOWN", 404, "The release has no file of this name.", "See the release's list.")
NOT_RECIPIENT = ErrorCode("NOT_RECIPIENT", 403, "Only the author of a release may download it.", "Ask the author.")
DATA_CHANGED = ErrorCode(
    "DATA_CHANGED",
    409,
    "The file of dataset {dataset} is not the one that was approved.",
    "Tell the operators; nothing was run.",
)
