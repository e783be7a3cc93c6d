"""A jailed command runs as itself: its status, its streams, its binds, its measures; and nothing is left."""

import os
import subprocess
import sys
import time
from pathlib import Path, PurePosixPath

import pytest

from sandbox.jail import Bind, JailResult, JailSpec, backend_named, cgroup, run_jailed, start_jailed, sweep
from sandbox.profile import MIB, Limits
from store.errors import YurtError


def _run(instance: str, *command: str, **fields: object) -> JailResult:
    return run_jailed(JailSpec(command, instance=instance, **fields), capture=True)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("script", "status"),
    [("exit 0", 0), ("exit 7", 7), ("exit 255", 255), ("kill -TERM $$", 143), ("kill -KILL $$", 137),
     ("kill -SEGV $$", 139), ("(sleep 60 &) ; exit 3", 3)],
)  # fmt: skip
def test_the_exit_status_is_the_commands_own(instance: str, script: str, status: int) -> None:
    result = _run(instance, "sh", "-c", script)
    assert result.status == status
    assert result.exceeded is None


def test_a_command_that_does_not_exist_is_127_and_one_that_cannot_run_is_126(instance: str) -> None:
    assert _run(instance, "no-such-program").status == 127
    assert _run(instance, "/etc/passwd").status == 126
    assert _run(instance, "A=b").status == 127


def test_streams_pass_through_byte_for_byte(instance: str, tmp_path: Path) -> None:
    content = bytes(range(256)) * 1000
    source, target = tmp_path / "in", tmp_path / "out"
    source.write_bytes(content)
    with source.open("rb") as stdin, target.open("wb") as stdout:
        run_jailed(JailSpec(["cat"], stdin=stdin, stdout=stdout, instance=instance))
    assert target.read_bytes() == content


def test_arguments_are_not_read_by_a_shell(instance: str) -> None:
    words = ["a b", "$HOME", "*", "--", "-x", "数据", "a\nb", ""]
    result = _run(instance, "python3", "-c", "import sys; print(sys.argv[1:])", *words)
    assert result.stdout.decode() == f"{words}\n"


def test_only_the_named_environment_exists(instance: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YURT_TEST_SECRET", "not for jails")
    result = _run(instance, "env", environment={"SEEN": "yes"})
    names = {line.partition("=")[0] for line in result.stdout.decode().splitlines()}
    assert names - {"PWD"} == {
        "PATH", "HOME", "USER", "LOGNAME", "LANG", "TMPDIR", "PYTHONDONTWRITEBYTECODE", "MPLBACKEND", "SEEN",
    }  # fmt: skip


def test_a_private_folder_of_root_can_be_lent_read_only(instance: str, tmp_path: Path) -> None:
    folder = tmp_path / "private"
    folder.mkdir(mode=0o700)
    (folder / "file").write_text("lent")
    (folder / "file").chmod(0o600)
    bind = Bind(folder, PurePosixPath("/data"))
    assert _run(instance, "cat", "/data/file", binds=[bind]).stdout == b"lent"
    assert b"Read-only" in _run(instance, "sh", "-c", "echo x > /data/file", binds=[bind]).stderr
    assert (folder / "file").read_text() == "lent"


def test_a_writable_bind_takes_files_of_the_jails_user_and_needs_its_ownership(instance: str, tmp_path: Path) -> None:
    own, foreign = tmp_path / "own", tmp_path / "foreign"
    for folder in (own, foreign):
        folder.mkdir(mode=0o700)
    os.chown(own, 20001, 20001)
    binds = [Bind(own, PurePosixPath("/out"), False), Bind(foreign, PurePosixPath("/no"), False)]
    result = _run(instance, "sh", "-c", "echo x > /out/a; echo x > /no/a", binds=binds)
    assert b"Permission denied" in result.stderr
    assert ((own / "a").stat().st_uid, list(foreign.iterdir())) == (20001, [])


@pytest.mark.parametrize("target", ["/", "/etc", "/usr/bin", "/proc", "/dev/shm", "/bin", "relative", "/a/../etc"])
def test_a_bind_cannot_replace_a_part_of_the_jail(target: str, tmp_path: Path) -> None:
    with pytest.raises(YurtError) as refused:
        Bind(tmp_path, PurePosixPath(target))
    assert refused.value.code == "JAIL_BIND_INVALID"


def test_a_jail_that_cannot_be_built_is_no_result(instance: str) -> None:
    for fields in ({"cwd": "/nowhere"}, {"binds": [Bind(Path("/nowhere"), PurePosixPath("/data"))]}):
        with pytest.raises(YurtError) as refused:
            _run(instance, "true", **fields)
        assert refused.value.code == "JAIL_SETUP_FAILED"
    assert cgroup.existing(instance) == []


def test_time_over_stops_it_with_its_code(instance: str) -> None:
    result = _run(instance, "sleep", "100", limits=Limits(wall_s=0.5))
    assert result.status == 137
    assert result.exceeded is not None
    assert result.exceeded.code == "JAIL_TIME_EXCEEDED"


def test_use_is_measured_by_the_kernel(instance: str) -> None:
    script = "x = bytearray(100 << 20)\nimport time\nwhile time.process_time() < 0.3: pass"
    result = _run(instance, "python3", "-c", script)
    assert 0.3 <= result.cpu_seconds < 5
    assert 100 * MIB <= result.max_memory_bytes <= 200 * MIB
    assert result.wall_s >= 0.3


def test_captured_output_is_bounded(instance: str) -> None:
    result = _run(instance, "head", "-c", str(20 * MIB), "/dev/zero")
    assert (result.status, len(result.stdout), result.truncated) == (0, 16 * MIB, True)


def test_a_started_jail_can_be_asked_and_stopped(instance: str) -> None:
    with start_jailed(JailSpec(["sleep", "100"], instance=instance)) as jail:
        assert jail.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            jail.wait(timeout=0.2)
        assert cgroup.existing(instance) == [jail.name]
        assert jail.stop().status == 137
    assert cgroup.existing(instance) == []


def test_no_descriptor_and_no_group_is_left_behind(instance: str) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        _run(instance, "true")
    assert len(os.listdir("/proc/self/fd")) == before
    assert cgroup.existing(instance) == []


def test_killing_the_starter_ends_the_jail_and_the_sweep_removes_its_group(instance: str) -> None:
    starter = (
        "import sys; from sandbox.jail import JailSpec, start_jailed\n"
        f"jail = start_jailed(JailSpec(['sleep', '1000'], instance={instance!r}))\n"
        "print(jail.name, flush=True); jail.wait()"
    )
    process = subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    name = process.stdout.readline().strip()
    procs = [root / f"yurt-{instance}" / name / "cgroup.procs" for root in set(cgroup.hierarchies(
        Path("/proc/self/mountinfo").read_text()).values())]  # fmt: skip
    procs = [path for path in procs if path.exists()]
    process.kill()
    process.wait()
    process.stdout.close()
    deadline = time.monotonic() + 20
    while any(path.read_text() for path in procs) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert [path.read_text() for path in procs] == [""] * len(procs)
    assert sweep(instance) == [name]
    assert cgroup.existing(instance) == []


def test_a_missing_or_unknown_backend_says_so() -> None:
    with pytest.raises(YurtError) as refused:
        backend_named("chroot")
    assert refused.value.code == "JAIL_BACKEND_UNKNOWN"


def test_only_root_can_build_one(instance: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(YurtError) as refused:
        _run(instance, "true")
    assert refused.value.code == "JAIL_NEEDS_ROOT"
