"""What a sandbox may use and where things lie in it: one description for the local jail and for pods on Kubernetes."""

import re
from dataclasses import dataclass, replace

from sandbox.errors import JAIL_LIMITS_INVALID
from store.errors import YurtError

MIB = 1024 * 1024
_UNITS = {"": 1, "K": 1024, "M": MIB, "G": 1024 * MIB, "T": 1024 * 1024 * MIB}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE | re.ASCII)
_SIZE_HINT = "Write a number and a unit, such as 512M or 2G."


def parse_bytes(text: str) -> int:
    """Bytes of `512M`, `2G`, `1.5GiB` or `1048576`; units are powers of 1024. Raises JAIL_LIMITS_INVALID."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise YurtError(JAIL_LIMITS_INVALID, what=repr(text), why="it is not a size", hint=_SIZE_HINT)
    return int(float(match[1]) * _UNITS[match[2].upper()])


@dataclass(frozen=True, slots=True)
class Limits:
    """What one sandbox may use at most. Raises JAIL_LIMITS_INVALID where a value could not work."""

    memory_bytes: int = 512 * MIB  # memory and swap together; files in /tmp and /dev/shm count too
    cpus: float = 1.0  # processors' worth of time, enforced as a quota
    pids: int = 128  # processes and threads
    tmp_bytes: int = 64 * MIB  # size of each scratch file system: /tmp, the home, /dev/shm
    wall_s: float | None = None  # seconds from start to forced stop; None: until it is stopped

    def __post_init__(self) -> None:
        checks = (
            ("memory", self.memory_bytes >= 16 * MIB, "a jail needs at least 16M", "Give it 16M or more."),
            ("cpus", 0.01 <= self.cpus <= 1024, "it must lie between 0.01 and 1024", "Give it 1 for one processor."),
            ("pids", 8 <= self.pids <= 1_000_000, "a jail needs at least 8", "Give it 128, as notebooks have."),
            ("tmp", self.tmp_bytes >= MIB, "scratch space needs at least 1M", "Give it 64M."),
            ("wall_s", self.wall_s is None or self.wall_s > 0, "it must be positive", "Give it seconds above 0."),
        )
        for what, holds, why, hint in checks:
            if not holds:
                raise YurtError(JAIL_LIMITS_INVALID, what=what, why=why, hint=hint)


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of sandbox: who runs in it, where its folders are, and what it gets unless told otherwise."""

    name: str  # notebook, sealed_job or party
    limits: Limits
    uid: int = 20001  # an unprivileged user of no account on the host
    gid: int = 20001
    user: str = "researcher"
    home: str = "/home/researcher"
    gateway_socket: str = "/run/yurt/gateway.sock"  # the one way to data, where the profile has one
    server_socket: str = "/run/jupyter/server.sock"  # where the notebook server listens
    hostname: str = "sandbox"
    has_gateway: bool = False  # a notebook asks the gateway; sealed jobs and parties get their data as files
    open_files: int = 4096

    def with_limits(self, **changes: object) -> "Profile":
        """The same profile with some limits replaced."""
        return replace(self, limits=replace(self.limits, **changes))  # type: ignore[arg-type]


NOTEBOOK = Profile("notebook", Limits(memory_bytes=2048 * MIB, pids=256, tmp_bytes=256 * MIB), has_gateway=True)
SEALED_JOB = Profile("sealed_job", Limits(memory_bytes=2048 * MIB, tmp_bytes=256 * MIB, wall_s=3600.0))
PARTY = Profile("party", Limits(memory_bytes=4096 * MIB, pids=256, tmp_bytes=256 * MIB, wall_s=3600.0))
PROFILES = {profile.name: profile for profile in (NOTEBOOK, SEALED_JOB, PARTY)}
