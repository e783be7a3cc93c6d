"""What every jail backend is given and gives back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from sandbox.errors import (
    JAIL_BIND_INVALID,
    JAIL_COMMAND_INVALID,
    JAIL_MEMORY_EXCEEDED,
    JAIL_PIDS_EXCEEDED,
    JAIL_TIME_EXCEEDED,
)
from sandbox.profile import SEALED_JOB, Limits, Profile
from store.errors import YurtError

Stream = int | IO[bytes] | None

# A bind onto one of these would replace part of what makes the jail a jail.
_RESERVED_TARGETS = ("/proc", "/dev", "/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc", "/sys")


@dataclass(frozen=True, slots=True)
class Bind:
    """One file, folder or socket of the host shown in the jail. Raises JAIL_BIND_INVALID.

    Read-only binds are shown as owned by the jail's user, so that what the host keeps private to itself can be lent.
    Writable ones keep their owner: the folder must already belong to the jail's user.
    """

    source: Path
    target: PurePosixPath
    read_only: bool = True

    def __post_init__(self) -> None:
        def refuse(why: str, hint: str) -> YurtError:
            return YurtError(JAIL_BIND_INVALID, bind=f"{self.source}:{self.target}", why=why, hint=hint)

        if not self.source.is_absolute() or not self.target.is_absolute():
            raise refuse("both paths must be absolute", "Write it as /host/path:/jail/path:ro.")
        if ".." in self.target.parts:
            raise refuse("the path in the jail holds '..'", "Name the path in full.")
        root = self.target == PurePosixPath("/")
        if root or any(self.target.is_relative_to(reserved) for reserved in _RESERVED_TARGETS):
            raise refuse("that place belongs to the jail itself", "Bind it elsewhere, such as under /data.")

    @classmethod
    def parse(cls, text: str) -> "Bind":
        """`SRC:DST[:ro|:rw]`; without a mode it is read-only. SRC is made absolute."""
        parts = text.split(":")
        mode = parts.pop() if len(parts) == 3 else "ro"
        if len(parts) != 2 or not all(parts) or mode not in ("ro", "rw"):
            raise YurtError(
                JAIL_BIND_INVALID, bind=text, why="it is not SRC:DST:ro or SRC:DST:rw", hint="Write /host:/data:ro."
            )
        source = Path(parts[0]).absolute()
        if not source.exists():
            raise YurtError(JAIL_BIND_INVALID, bind=text, why=f"{source} does not exist", hint="Name what is there.")
        return cls(source, PurePosixPath(parts[1]), mode == "ro")


@dataclass(frozen=True, slots=True)
class JailSpec:
    """One command and all it may see and use. Everything not named here does not exist in the jail."""

    command: Sequence[str]  # program and arguments, run without a shell
    profile: Profile = SEALED_JOB  # user, paths
    limits: Limits | None = None  # None: the profile's
    binds: Sequence[Bind] = ()
    environment: Mapping[str, str] = field(default_factory=dict)  # on top of PATH, HOME, LANG; nothing is inherited
    python: Path | None = None  # Python environment shown read-only at its own path and put first on PATH
    cwd: str | None = None  # None: the home
    stdin: Stream = None  # None: empty
    stdout: Stream = None  # None: the caller's own, as for subprocess
    stderr: Stream = None
    instance: str = "local"  # groups the jails of one platform, so that its leftovers can be swept

    def __post_init__(self) -> None:
        why = ""
        if not self.command or not self.command[0]:
            why = "it is empty"
        elif any("\0" in word for word in (*self.command, *self.environment, *self.environment.values())):
            why = "it holds a NUL"
        if why:
            raise YurtError(JAIL_COMMAND_INVALID, why=why)

    @property
    def granted(self) -> Limits:
        """The limits in force."""
        return self.limits if self.limits is not None else self.profile.limits


@dataclass(frozen=True, slots=True)
class JailResult:
    """How a jailed command ended and what it used, measured by the kernel."""

    status: int  # exit status; 128 + signal where a signal ended it, as a shell says it
    wall_s: float
    cpu_seconds: float  # user and system time of every process in the jail
    max_memory_bytes: int  # peak, scratch files included
    oom_killed: bool  # the memory limit killed at least one process
    pids_refused: bool  # the process limit refused at least one
    timed_out: bool
    limits: Limits
    stdout: bytes = b""  # filled only where capture was asked for
    stderr: bytes = b""
    truncated: bool = False  # the captured output was longer than kept

    @property
    def exceeded(self) -> YurtError | None:
        """The limit that was hit, as an error a person can read; None where the command ended by itself.

        A command that met the memory or process limit and still ended well is not at fault.
        """
        if self.timed_out:
            return YurtError(JAIL_TIME_EXCEEDED, limit=self.limits.wall_s)
        if self.status == 0:
            return None
        if self.oom_killed:
            return YurtError(JAIL_MEMORY_EXCEEDED, limit=self.limits.memory_bytes // (1024 * 1024))
        if self.pids_refused:
            return YurtError(JAIL_PIDS_EXCEEDED, limit=self.limits.pids)
        return None


@dataclass(frozen=True, slots=True)
class Launch:
    """What a backend wants started: a command line, the descriptors it reads, and files to remove afterwards."""

    argv: Sequence[str]
    descriptors: Sequence[int] = ()  # inherited at the same number, closed by the caller after the start
    report: int | None = None  # among them, one that will read `exit-code` if and only if the command ran to an end
    scratch: Path | None = None  # folder removed when the jail ends


class Backend(Protocol):
    """One way of building the wall. Every backend passes the same abuse tests."""

    name: str
    longest_s: float | None  # no jail of this backend runs longer, whatever its limits say

    def check(self) -> None:
        """Raises JAIL_BACKEND_MISSING where this host lacks a program the backend needs."""

    def prepare(self, spec: JailSpec, staged: Mapping[PurePosixPath, Path], name: str) -> Launch:
        """The command that builds the jail `name` and runs the spec's command in it.

        `staged` gives, for each bind's target, the path at which the launcher will have put its source.
        """
