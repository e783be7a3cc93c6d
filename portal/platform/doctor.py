"""What a machine needs, each thing with a check and the one line that mends it."""

import hashlib
import os
import shutil
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sandbox.environment import environment_path
from store.settings import Settings

MEMORY_GIB = 5
DISK_GIB = 5


@dataclass(frozen=True, slots=True)
class Check:
    """One thing needed: `holds()` looks, `mend` says what to do when it is missing."""

    what: str
    holds: Callable[[], bool]
    mend: str


def _program(name: str) -> Callable[[], bool]:
    return lambda: shutil.which(name) is not None


def _debian_package(program: str, package: str) -> Check:
    return Check(f"{program} (Debian package {package})", _program(program), f"apt-get install -y {package}")


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def _loopback_listens() -> bool:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return True


def _cgroups() -> bool:
    root = Path("/sys/fs/cgroup")
    return (root / "memory").is_dir() or "memory" in (root / "cgroup.controllers").read_text().split()


def checks(settings: Settings) -> list[Check]:
    """Everything the platform needs on this machine, cheapest to check first."""
    setup = "make setup"
    return [
        Check("root", lambda: os.geteuid() == 0, "run the command with sudo"),
        Check("Python 3.11", lambda: sys.version_info[:2] == (3, 11), "apt-get install -y python3 python3-venv"),
        Check("Debian's own /usr/bin/python3", Path("/usr/bin/python3").exists, "apt-get install -y python3"),
        Check(f"{MEMORY_GIB} GiB of memory", lambda: _memory_gib() >= MEMORY_GIB, "use a larger machine"),
        Check(
            f"{DISK_GIB} GiB of free disk",
            lambda: shutil.disk_usage(settings.home.resolve().parent).free >= DISK_GIB * 2**30,
            "free some space, or choose another home with YURT_HOME",
        ),
        _debian_package("bwrap", "bubblewrap"),
        _debian_package("setpriv", "util-linux"),
        _debian_package("unshare", "util-linux"),
        _debian_package("ip", "iproute2"),
        Check("Node.js 20 or newer", _program("node"), "apt-get install -y nodejs npm, or Node's own packages"),
        Check("control groups for memory", _cgroups, "mount cgroup v2 (or the v1 memory controller) at /sys/fs/cgroup"),
        Check("SM3 in the system's OpenSSL", lambda: "sm3" in hashlib.algorithms_available, "use Debian's OpenSSL 3"),
        Check("a loopback address to listen on", _loopback_listens, "bring up lo: ip link set lo up"),
        Check("the hub's proxy", (settings.node_modules / ".bin/configurable-http-proxy").exists, setup),
        Check("the sandbox environment", lambda: environment_path().exists(), setup),
        Check("the joint-computation environment", (settings.spu_env / "bin/python").exists, setup),
    ]


def report() -> int:
    """Print one line per check; exit status 0 when all hold, else 1."""
    missing = 0
    for check in checks(Settings()):
        try:
            held = check.holds()
        except OSError:
            held = False
        missing += not held
        print(f"{'ok     ' if held else 'MISSING'}  {check.what}" + ("" if held else f"  →  {check.mend}"))
    print("This machine is ready." if not missing else f"{missing} missing; mend them in this order.")
    return 1 if missing else 0
