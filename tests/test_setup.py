"""Set-up says in one line what a machine lacks."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def run(script: str, *arguments: str, **changed: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(ROOT / "setup" / script), *arguments],
        env={**os.environ, **changed}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def test_this_machine_has_what_set_up_needs() -> None:
    assert run("prerequisites.sh").returncode == 0


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"PYTHON": "/nowhere/python3"}, "Python 3.11 is missing"),
        ({"PYTHON": "/bin/true", "PATH": "/nowhere"}, "Node.js 20 or newer is missing"),
    ],
)
def test_a_missing_prerequisite_is_one_line_that_says_what_to_do(changed: dict[str, str], said: str) -> None:
    done = run("prerequisites.sh", **changed)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert said in done.stderr


def test_nothing_is_installed_where_the_program_is_there() -> None:
    done = run("debian-packages.sh", "sh=no-such-package", PATH=os.environ["PATH"])
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_without_a_way_to_install_the_packages_are_named(tmp_path: Path) -> None:
    for program in ("dpkg-query", "grep"):
        (tmp_path / program).symlink_to(f"/usr/bin/{program}")
    done = run("debian-packages.sh", "nothere=no-such-package", PATH=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.strip().endswith("no-such-package")
