"""What can go wrong around a jail, as data. Never a data value, never a secret, in a message."""

from store.errors import ErrorCode

JAIL_BACKEND_MISSING = ErrorCode(
    "JAIL_BACKEND_MISSING",
    503,
    "The jail backend {backend} needs the program {program}, which is not installed.",
    "Install {program}, or choose another backend.",
)
JAIL_BACKEND_UNKNOWN = ErrorCode(
    "JAIL_BACKEND_UNKNOWN", 400, "There is no jail backend named {backend}.", "Choose one of: {known}."
)
JAIL_NEEDS_ROOT = ErrorCode(
    "JAIL_NEEDS_ROOT",
    503,
    "A jail can only be built by root: its limits are control groups and its user is another one.",
    "Run the command as root.",
)
JAIL_LIMITS_UNAVAILABLE = ErrorCode(
    "JAIL_LIMITS_UNAVAILABLE",
    503,
    "The limit {what} could not be set, so nothing was started.",
    "Give this host writable control groups (version 1 or 2) with the memory, pids and cpu controllers.",
)
JAIL_LIMITS_INVALID = ErrorCode("JAIL_LIMITS_INVALID", 400, "{what} is not a valid limit: {why}.", "{hint}")
JAIL_BIND_INVALID = ErrorCode("JAIL_BIND_INVALID", 400, "The bind {bind} cannot be used: {why}.", "{hint}")
JAIL_COMMAND_INVALID = ErrorCode(
    "JAIL_COMMAND_INVALID", 400, "The command cannot be run: {why}.", "Name a program and its arguments."
)
JAIL_SETUP_FAILED = ErrorCode(
    "JAIL_SETUP_FAILED",
    500,
    "The jail could not be built, so the command did not run: {why}.",
    "Check that user namespaces are enabled and that the paths it binds exist.",
)
JAIL_MEMORY_EXCEEDED = ErrorCode(
    "JAIL_MEMORY_EXCEEDED",
    507,
    "The work needed more memory than the {limit} MiB it was given, and was stopped.",
    "Work on less data at once, or ask for more memory.",
)
JAIL_TIME_EXCEEDED = ErrorCode(
    "JAIL_TIME_EXCEEDED",
    504,
    "The work took longer than the {limit} seconds it was given, and was stopped.",
    "Split the work, or ask for more time.",
)
JAIL_PIDS_EXCEEDED = ErrorCode(
    "JAIL_PIDS_EXCEEDED",
    507,
    "The work asked for more than the {limit} processes and threads it was given.",
    "Use fewer workers, or ask for more processes.",
)
SANDBOX_ENVIRONMENT_MISSING = ErrorCode(
    "SANDBOX_ENVIRONMENT_MISSING",
    503,
    "The Python environment of the sandboxes is not built.",
    "Run `make setup`, or name a built one in YURT_SANDBOX_ENV.",
)
SANDBOX_ENVIRONMENT_FAILED = ErrorCode(
    "SANDBOX_ENVIRONMENT_FAILED", 500, "The sandboxes' Python environment could not be built: {why}.", "{hint}"
)
SANDBOX_PROJECT_MISSING = ErrorCode(
    "SANDBOX_PROJECT_MISSING",
    400,
    "A sandbox belongs to a project, and none was named.",
    "Open the sandbox from the project's page.",
)
SANDBOX_NOT_OPEN = ErrorCode(
    "SANDBOX_NOT_OPEN", 403, "This sandbox may not be opened: {why}.", "Ask the project's approver for access."
)
SANDBOX_TOO_MANY = ErrorCode(
    "SANDBOX_TOO_MANY",
    429,
    "You already run {limit} sandboxes, the most at once.",
    "Stop one of them first, on the start page of the portal.",
)
HUB_CONFIG_INVALID = ErrorCode("HUB_CONFIG_INVALID", 500, "The hub's settings cannot be used: {why}.", "{hint}")
RELAY_PATH_REFUSED = ErrorCode(
    "RELAY_PATH_REFUSED",
    404,
    "The gateway answers only the paths a sandbox needs.",
    "Use yurt.query, yurt.tables or yurt.explain.",
)
RELAY_BODY_TOO_LARGE = ErrorCode(
    "RELAY_BODY_TOO_LARGE", 413, "The request is larger than {limit} bytes.", "Send a shorter query."
)
RELAY_GATEWAY_UNREACHABLE = ErrorCode(
    "RELAY_GATEWAY_UNREACHABLE", 502, "The gateway does not answer.", "Try again; if it lasts, tell the operators."
)
DOOR_CROSS_SITE = ErrorCode(
    "DOOR_CROSS_SITE",
    403,
    "Another site tried to act in this sandbox, and was refused.",
    "Open the sandbox from the portal and work there.",
)
