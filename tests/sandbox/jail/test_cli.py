"""`yurt jail exec` as people and scripts call it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.jail import cgroup

_PROGRAM = "import typer; from portal.cli import jail; a = typer.Typer(); a.add_typer(jail.app, name='jail'); a()"


def _yurt(*arguments: str, **options: object) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        [sys.executable, "-c", _PROGRAM, "jail", "exec", *arguments], capture_output=True, check=False, **options
    )


def test_status_and_streams_are_the_commands(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("lent")
    bind = f"--bind={tmp_path}:/data:ro"
    done = _yurt("--memory", "256M", "--cpus", "1", "--pids", "64", bind, "--", "sh", "-c", "cat /data/file -; exit 7",
                 input=b" in")  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (7, b"lent in", b"")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--memory", "lots"], "JAIL_LIMITS_INVALID"),
        (["--pids", "0"], "JAIL_LIMITS_INVALID"),
        (["--backend", "chroot"], "JAIL_BACKEND_UNKNOWN"),
        (["--bind", "/nowhere:/data:ro"], "JAIL_BIND_INVALID"),
        (["--bind", "/tmp:/etc:ro"], "JAIL_BIND_INVALID"),
        (["--bind", "/tmp"], "JAIL_BIND_INVALID"),
    ],
)
def test_bad_usage_is_2_with_one_line(arguments: list[str], code: str) -> None:
    done = _yurt(*arguments, "--", "true")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode().startswith(f"{code}: ")
    assert done.stderr.count(b"\n") == 1


def test_a_killed_command_says_which_limit_it_met() -> None:
    done = _yurt("--memory", "64M", "--", "python3", "-S", "-c", "bytearray(200 << 20)")
    assert (done.returncode, b"JAIL_MEMORY_EXCEEDED" in done.stderr) == (137, True)


def test_a_signal_ends_the_jail_too() -> None:
    arguments = ["jail", "exec", "--", "sh", "-c", "echo up; sleep 1000"]
    with subprocess.Popen([sys.executable, "-c", _PROGRAM, *arguments], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        process.terminate()
        assert process.wait(20) == 143
    assert [name for name in cgroup.existing("cli") if f"-{process.pid}-" in name] == []
    assert os.getpid() != process.pid
