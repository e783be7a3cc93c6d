"""What can go wrong when the platform starts, runs and stops."""

from store.errors import ErrorCode

NOT_ROOT = ErrorCode(
    "NOT_ROOT",
    500,
    "The platform must be started by root: only root can put sandboxes behind limits and another user.",
    "Run the command again with sudo.",
)
HOME_IN_USE = ErrorCode(
    "HOME_IN_USE",
    409,
    "Another platform already runs on the home {home}.",
    "Stop it, or choose another home with --home.",
)
HOME_NOT_A_DEMO = ErrorCode(
    "HOME_NOT_A_DEMO",
    409,
    "The home {home} holds a platform of its own; the demonstration would begin by emptying it.",
    "Choose another folder with --home, or start that platform with `yurt up`.",
)
PREREQUISITE_MISSING = ErrorCode("PREREQUISITE_MISSING", 500, "{what} is missing.", "{how}")
SERVICE_DIED = ErrorCode(
    "SERVICE_DIED",
    500,
    "The {service} ended unexpectedly ({how}); the platform was stopped.",
    "Its log is {log}; start the platform again with the same command, nothing that was acknowledged is lost.",
)
SERVICE_NOT_READY = ErrorCode(
    "SERVICE_NOT_READY",
    500,
    "The {service} was not ready after {seconds} seconds.",
    "Its log is {log}; on a busy machine, try again when it is quieter.",
)
PLATFORM_SILENT = ErrorCode(
    "PLATFORM_SILENT",
    503,
    "A part of the platform stopped answering ({what}); the platform was stopped.",
    "The logs are in {logs}; start it again with the same command, nothing that was acknowledged is lost.",
)
