"""The outer half of a platform command: it runs the inner half in a PID namespace of its own and tidies up after it.

Whatever happens to the inner half (an error, Ctrl-C, SIGKILL), the kernel ends every process of the namespace with it;
the outer half then removes control groups and the run-time folder, and passes the exit status on.
"""

import fcntl
import hashlib
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from portal.platform.errors import HOME_IN_USE, NOT_ROOT, PREREQUISITE_MISSING
from sandbox.jail.cgroup import sweep
from scheduler.enclosure import run_enclosed
from scheduler.service import jail_instance
from store.errors import YurtError


def instance_of(home: Path) -> str:
    """A short name for the platform on this home: 8 hexadecimal digits, the same every time."""
    return hashlib.sha256(str(home.resolve()).encode()).hexdigest()[:8]


def run_folder(instance: str) -> Path:
    """Where the platform keeps its sockets while it runs; short, since a socket's path may have 107 bytes."""
    return Path("/run/yurt") / instance


def run_inside(home: Path, arguments: Sequence[str]) -> int:
    """Run `python -m portal.platform.inner <arguments>` in a namespace of its own and return its exit status.

    Raises NOT_ROOT, HOME_IN_USE, PREREQUISITE_MISSING.
    """
    if os.geteuid() != 0:
        raise YurtError(NOT_ROOT)
    if shutil.which("unshare") is None:
        raise YurtError(PREREQUISITE_MISSING, what="The program unshare", how="Install the package util-linux.")
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    instance = instance_of(home)
    with _only_one(home), _tidied(instance, jail_instance(home)):
        return run_enclosed([sys.executable, "-m", "portal.platform.inner", *arguments], own_network=False)


@contextmanager
def _only_one(home: Path) -> Iterator[None]:
    with (home / "platform.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise YurtError(HOME_IN_USE, home=home) from None
        yield


@contextmanager
def _tidied(*instances: str) -> Iterator[None]:
    """Remove what an earlier crash may have left of these instances, and what this run leaves. The first one's folder
    is made anew."""
    _remove(instances)
    run_folder(instances[0]).mkdir(mode=0o711, parents=True)
    try:
        yield
    finally:
        _remove(instances)


def _remove(instances: Sequence[str]) -> None:
    for instance in instances:
        sweep(instance)
        shutil.rmtree(run_folder(instance), ignore_errors=True)
    with suppress(OSError):  # not there, or another platform's folders are in it
        run_folder(instances[0]).parent.rmdir()
