"""Control groups: the limits of one jail and what it used, on cgroup version 1 and 2 behind one interface.

A jail's group is `yurt-<instance>/<name>` in every hierarchy. Creating one fails closed: if any limit cannot be set and
read back, the group is removed and JAIL_LIMITS_UNAVAILABLE raised. Sources: the kernel's admin-guide/cgroup-v1 and
admin-guide/cgroup-v2.
"""

import contextlib
import functools
import os
import re
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sandbox.errors import JAIL_LIMITS_UNAVAILABLE
from sandbox.profile import Limits
from store.errors import YurtError

_PERIOD_US = 100_000
_NEEDED = ("memory", "pids", "cpu", "cpuacct")
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,99}")


@dataclass(frozen=True, slots=True)
class Usage:
    """What the kernel counted for one group."""

    cpu_seconds: float
    max_memory_bytes: int
    oom_killed: bool
    pids_refused: bool


class ControlGroup(Protocol):
    """One jail's group in every hierarchy."""

    @property
    def procs(self) -> Sequence[Path]:
        """Files a process writes its id to, to enter."""

    def usage(self) -> Usage:
        """What was used until now."""

    def kill(self) -> None:
        """SIGKILL to every process inside, until none is left."""

    def remove(self) -> None:
        """Kill what is left and remove the group. Does nothing where it is gone already."""


def _unescape(path: str) -> str:
    """A path as mountinfo writes it (space, tab, newline and backslash in octal)."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), path)


def hierarchies(mountinfo: str) -> dict[str, Path]:
    """Where each controller is mounted: v1 controllers by name, the unified hierarchy as ``""``."""
    found: dict[str, Path] = {}
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        kind, _, options = right.split(" ", 2)
        place = Path(_unescape(left.split(" ")[4]))
        if kind == "cgroup2":
            found.setdefault("", place)
        elif kind == "cgroup":
            for option in options.split(","):
                found.setdefault(option, place)
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except FileNotFoundError:
        return ""


def _table(text: str) -> dict[str, int]:
    """`name number` lines as a dictionary."""
    return {words[0]: int(words[1]) for words in (line.split() for line in text.splitlines()) if len(words) == 2}


def _set(path: Path, value: str, what: str) -> None:
    try:
        path.write_text(value, encoding="ascii")
    except OSError as error:
        raise YurtError(JAIL_LIMITS_UNAVAILABLE, what=what) from error


def _confirm(path: Path, limit: int, what: str) -> None:
    """Read a limit back: the kernel rounds down to pages, and an unlimited one reads as a huge number or `max`."""
    text = _read(path).strip()
    if not text.isdigit() or int(text) > limit:
        raise YurtError(JAIL_LIMITS_UNAVAILABLE, what=what)


def _kill_all(procs: Path) -> None:
    """Kill what is in the group and see it empty; a process in an exit path may take a moment."""
    deadline = time.monotonic() + 10
    while pids := _read(procs).split():
        for pid in map(int, pids):
            # 0 stands for a process of another PID namespace (cgroups(7)); kill(0) would hit our own group.
            if pid > 0:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            return
        time.sleep(0.01)


def _make(folder: Path) -> None:
    """Make a jail's folder; its parent may be removed by the end of another jail between the two steps."""
    for _ in range(10):
        folder.parent.mkdir(exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            folder.mkdir()
            return
    folder.mkdir()


def _remove_with_parent(folder: Path) -> None:
    """Remove a jail's folder, and the instance's where it was the last in it."""
    _remove(folder)
    with contextlib.suppress(OSError):  # not empty, or gone
        folder.parent.rmdir()


def _remove(folder: Path) -> None:
    deadline = time.monotonic() + 5
    while True:
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            # EBUSY while the last process is being reaped.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


@dataclass(frozen=True, slots=True)
class GroupV1:
    """A group in the separate hierarchies of version 1."""

    folders: Mapping[str, Path]  # controller -> the jail's folder there

    @property
    def procs(self) -> Sequence[Path]:
        """See ControlGroup."""
        return tuple(dict.fromkeys(folder / "cgroup.procs" for folder in self.folders.values()))

    def limit(self, limits: Limits) -> None:
        """Set and confirm every limit."""
        memory, swap = self.folders["memory"], self.folders["memory"] / "memory.memsw.limit_in_bytes"
        _set(memory / "memory.limit_in_bytes", str(limits.memory_bytes), "memory")
        _confirm(memory / "memory.limit_in_bytes", limits.memory_bytes, "memory")
        if swap.exists():
            _set(swap, str(limits.memory_bytes), "memory and swap")
            _confirm(swap, limits.memory_bytes, "memory and swap")
        else:  # the kernel does not account swap: keep the jail out of it
            _set(memory / "memory.swappiness", "0", "memory.swappiness")
        _set(self.folders["pids"] / "pids.max", str(limits.pids), "pids")
        _confirm(self.folders["pids"] / "pids.max", limits.pids, "pids")
        quota = max(1000, int(limits.cpus * _PERIOD_US))
        _set(self.folders["cpu"] / "cpu.cfs_period_us", str(_PERIOD_US), "cpu")
        _set(self.folders["cpu"] / "cpu.cfs_quota_us", str(quota), "cpu")
        _confirm(self.folders["cpu"] / "cpu.cfs_quota_us", quota, "cpu")

    def usage(self) -> Usage:
        """See ControlGroup."""
        memory = self.folders["memory"]
        return Usage(
            cpu_seconds=int(_read(self.folders["cpuacct"] / "cpuacct.usage") or 0) / 1e9,
            max_memory_bytes=int(_read(memory / "memory.max_usage_in_bytes") or 0),
            oom_killed=_table(_read(memory / "memory.oom_control")).get("oom_kill", 0) > 0,
            pids_refused=_table(_read(self.folders["pids"] / "pids.events")).get("max", 0) > 0,
        )

    def kill(self) -> None:
        """See ControlGroup."""
        for procs in self.procs:
            _kill_all(procs)

    def remove(self) -> None:
        """See ControlGroup."""
        self.kill()
        for folder in dict.fromkeys(self.folders.values()):
            _remove_with_parent(folder)


@dataclass(frozen=True, slots=True)
class GroupV2:
    """A group in the unified hierarchy of version 2."""

    folder: Path

    @property
    def procs(self) -> Sequence[Path]:
        """See ControlGroup."""
        return (self.folder / "cgroup.procs",)

    def limit(self, limits: Limits) -> None:
        """Set and confirm every limit."""
        _set(self.folder / "memory.max", str(limits.memory_bytes), "memory")
        _confirm(self.folder / "memory.max", limits.memory_bytes, "memory")
        if (self.folder / "memory.swap.max").exists():  # absent where the kernel has no swap at all
            _set(self.folder / "memory.swap.max", "0", "memory and swap")
        _set(self.folder / "pids.max", str(limits.pids), "pids")
        _confirm(self.folder / "pids.max", limits.pids, "pids")
        quota = max(1000, int(limits.cpus * _PERIOD_US))
        _set(self.folder / "cpu.max", f"{quota} {_PERIOD_US}", "cpu")

    def usage(self) -> Usage:
        """See ControlGroup."""
        return Usage(
            cpu_seconds=_table(_read(self.folder / "cpu.stat")).get("usage_usec", 0) / 1e6,
            max_memory_bytes=int(_read(self.folder / "memory.peak") or 0),
            oom_killed=_table(_read(self.folder / "memory.events")).get("oom_kill", 0) > 0,
            pids_refused=_table(_read(self.folder / "pids.events")).get("max", 0) > 0,
        )

    def kill(self) -> None:
        """See ControlGroup."""
        with contextlib.suppress(OSError):  # cgroup.kill came with Linux 5.14
            (self.folder / "cgroup.kill").write_text("1", encoding="ascii")
        _kill_all(self.folder / "cgroup.procs")

    def remove(self) -> None:
        """See ControlGroup."""
        self.kill()
        _remove_with_parent(self.folder)


@functools.cache
def _mounted() -> dict[str, Path]:
    return hierarchies(Path("/proc/self/mountinfo").read_text(encoding="utf-8"))


def _parent(instance: str) -> str:
    if _NAME.fullmatch(instance) is None:
        raise YurtError(JAIL_LIMITS_UNAVAILABLE, what=f"instance name {instance!r}")
    return f"yurt-{instance}"


def _group_v1(roots: Mapping[str, Path], instance: str, name: str) -> GroupV1:
    return GroupV1({controller: roots[controller] / _parent(instance) / name for controller in _NEEDED})


def _create_v2(root: Path, instance: str, name: str, limits: Limits) -> GroupV2:
    parent = root / _parent(instance)
    try:
        parent.mkdir(exist_ok=True)
        for folder in (root, parent):
            enabled = _read(folder / "cgroup.subtree_control").split()
            missing = [controller for controller in ("memory", "pids", "cpu") if controller not in enabled]
            if missing:
                enable = " ".join(f"+{controller}" for controller in missing)
                (folder / "cgroup.subtree_control").write_text(enable, encoding="ascii")
        group = GroupV2(parent / name)
        group.folder.mkdir()
    except OSError as error:
        raise YurtError(JAIL_LIMITS_UNAVAILABLE, what="control group") from error
    try:
        group.limit(limits)
    except YurtError:
        group.remove()
        raise
    return group


def create(instance: str, name: str, limits: Limits, roots: Mapping[str, Path] | None = None) -> ControlGroup:
    """A new group with its limits in force. Raises JAIL_LIMITS_UNAVAILABLE, leaving nothing behind.

    `roots` is where the controllers are mounted, as `hierarchies` gives it; None asks this machine.
    """
    roots = _mounted() if roots is None else roots
    if not all(controller in roots for controller in _NEEDED):
        if "" not in roots:
            raise YurtError(JAIL_LIMITS_UNAVAILABLE, what="control group")
        return _create_v2(roots[""], instance, name, limits)
    group = _group_v1(roots, instance, name)
    made: list[Path] = []
    try:
        for folder in dict.fromkeys(group.folders.values()):
            _make(folder)
            made.append(folder)
        group.limit(limits)
    except (OSError, YurtError) as error:
        for folder in made:
            _remove_with_parent(folder)
        if isinstance(error, YurtError):
            raise
        raise YurtError(JAIL_LIMITS_UNAVAILABLE, what="control group") from error
    return group


def existing(instance: str, roots: Mapping[str, Path] | None = None) -> list[str]:
    """Names of the jails that have a group, running or left over."""
    roots = _mounted() if roots is None else roots
    places = {roots[key] / _parent(instance) for key in ("", *_NEEDED) if key in roots}
    return sorted({entry.name for place in places if place.is_dir() for entry in place.iterdir() if entry.is_dir()})


def sweep(instance: str, names: Sequence[str] | None = None, roots: Mapping[str, Path] | None = None) -> list[str]:
    """Kill and remove the groups of `names`, or of every jail of the instance. Gives the names removed.

    For a platform that starts again after a crash: nothing of an earlier life keeps running.
    """
    roots = _mounted() if roots is None else roots
    removed = [name for name in existing(instance, roots) if names is None or name in names]
    places = list(dict.fromkeys(roots[key] / _parent(instance) for key in ("", *_NEEDED) if key in roots))
    for name in removed:
        folders = [place / name for place in places if (place / name).is_dir()]
        for folder in folders:
            _kill_all(folder / "cgroup.procs")
        for folder in folders:
            _remove(folder)
    for place in places:
        if names is None and place.is_dir():
            _remove(place)
    return removed


def prune(instance: str, roots: Mapping[str, Path] | None = None) -> None:
    """Remove groups whose starter, whose process id their name holds, is gone and that are empty. Kills nothing.

    For commands that share an instance and must not end each other's jails.
    """
    roots = _mounted() if roots is None else roots
    for name in existing(instance, roots):
        starter = name.split("-")[1] if name.count("-") == 2 else ""
        if starter.isdigit() and not Path(f"/proc/{starter}").exists():
            for key in ("", *_NEEDED):
                if key in roots:
                    with contextlib.suppress(OSError):  # not there, or not empty
                        (roots[key] / _parent(instance) / name).rmdir()
                        (roots[key] / _parent(instance)).rmdir()
