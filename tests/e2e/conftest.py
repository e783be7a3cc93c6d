"""A whole platform as people run it, and the proof that it leaves nothing behind."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from portal.platform.namespace import instance_of
from scheduler.service import jail_instance

ROOT = Path(__file__).parent.parent.parent
YURT = [sys.executable, "-m", "portal.cli.main"]


def footprint(home: Path) -> dict[str, set[str]]:
    """What the platform on this home could leave behind; other platforms may run on this machine meanwhile."""
    instances = (instance_of(home), jail_instance(home))
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    temporary = {path.name for pattern in ("*yurt*", "ray*") for path in Path("/tmp").glob(pattern)}
    return {
        "mounts": {line for line in mounts if any(name in line for name in (str(home), *instances))},
        "groups": {str(path) for name in instances for path in Path("/sys/fs/cgroup").glob(f"**/yurt-{name}*")},
        "run": {name for name in instances if (Path("/run/yurt") / name).exists()},
        # a platform's temporary files belong in its run folder; pytest's and the hub tests' folders are others'
        "temporary": {name for name in temporary if not name.startswith(("pytest-", "yurt-hub-"))},
    }


def processes(home: Path) -> list[str]:
    """Command lines of processes that speak of this home."""
    found = []
    for process in psutil.process_iter(["pid", "cmdline"]):
        line = " ".join(process.info["cmdline"] or [])
        if str(home) in line and process.pid != os.getpid():
            found.append(line)
    return found


class Platform:
    """A running `yurt up` or `yurt demo` whose output can be waited for."""

    def __init__(self, home: Path, *arguments: str) -> None:
        self.home = home
        self.output = home.with_suffix(".out")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("YURT_HOME")}
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [*YURT, *arguments, "--home", str(home)], cwd=ROOT, env=environment, stdout=output,
                stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip

    def text(self) -> str:
        return self.output.read_text()

    def wait_for(self, pattern: str, seconds: float = 240) -> None:
        deadline = time.monotonic() + seconds
        while not re.search(pattern, self.text()):
            assert self.process.poll() is None, self.text()
            assert time.monotonic() < deadline, self.text()
            time.sleep(0.2)

    def inner(self) -> psutil.Process:
        """The first process of the platform's namespace."""
        return next(
            child for child in psutil.Process(self.process.pid).children(recursive=True)
            if "portal.platform.inner" in child.cmdline() and child.name() != "unshare"
        )  # fmt: skip

    def service(self, *words: str, seconds: float = 60) -> psutil.Process:
        """The process of the platform whose command line has all these words, once there is one."""
        deadline = time.monotonic() + seconds
        while True:
            for child in self.inner().children(recursive=True):
                with suppress(psutil.NoSuchProcess):  # it ended while we looked
                    if all(word in " ".join(child.cmdline()) for word in words):
                        return child
            assert time.monotonic() < deadline, self.text()
            time.sleep(0.1)


@contextmanager
def nothing_left(home: Path) -> Iterator[Path]:
    """Checks at the end that no process speaks of this home and the machine looks as before."""
    before = footprint(home)
    yield home
    assert processes(home) == []
    assert {kind: left - before[kind] for kind, left in footprint(home).items() if left - before[kind]} == {}


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with nothing_left(tmp_path_factory.mktemp("platform") / "home") as home:
        yield home


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform whose story was told and that stays up; then it is stopped by Ctrl-C and leaves nothing."""
    with nothing_left(tmp_path_factory.mktemp("platform") / "home") as home:
        platform = Platform(home, "demo")
        try:
            platform.wait_for("Press Ctrl-C", 600)
            yield platform
        finally:
            platform.process.send_signal(signal.SIGINT)
            status = platform.process.wait(90)
        assert status == 0, platform.text()
