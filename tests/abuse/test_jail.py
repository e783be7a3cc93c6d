"""What an attacker inside the jail meets. The attacks themselves run only there."""

import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from sandbox.jail import Bind, JailResult, JailSpec, backend_named, cgroup, run_jailed
from sandbox.profile import MIB, Limits
from store.errors import YurtError

pytestmark = pytest.mark.abuse
_PROBE = Path(__file__).with_name("jail_probe.py")


@pytest.fixture(params=["bubblewrap", "gvisor"])
def backend(request: pytest.FixtureRequest) -> str:
    try:
        backend_named(request.param)
    except YurtError as error:
        pytest.skip(error.message)
    return str(request.param)


def _python(instance: str, backend: str, script: str, **limits: float) -> JailResult:
    spec = JailSpec(["python3", "-S", "-c", script], limits=Limits(**{"wall_s": 60, **limits}), instance=instance)  # type: ignore[arg-type]
    return run_jailed(spec, backend_named(backend), capture=True)


@pytest.fixture
def host_listener() -> Iterator[int]:
    """A port of the host's own loopback that would answer."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def probe(instance: str, host_listener: int, tmp_path: Path) -> dict[str, object]:
    """What every attack of the probe came to, under bubblewrap."""
    secret = tmp_path / "secret"
    secret.write_text("canary")
    with socket.socket(socket.AF_UNIX) as abstract:
        name = f"yurt-abuse-{instance}"
        abstract.bind("\0" + name)
        abstract.listen()
        spec = JailSpec(
            ["python3", "-S", "/probe.py", str(host_listener), name, str(secret)],
            binds=[Bind(_PROBE, PurePosixPath("/probe.py"))],
            limits=Limits(wall_s=60),
            instance=instance,
        )
        result = run_jailed(spec, backend_named("bubblewrap"), capture=True)
    if result.status != 0:
        pytest.fail(result.stderr.decode())
    found: dict[str, object] = json.loads(result.stdout)
    return found


def test_nothing_the_probe_tries_works(probe: dict[str, object]) -> None:
    assert probe["uid"] == [20001, 20001, 20001, []]
    none = "0000000000000000"
    assert probe["status"] == {
        "CapInh": none, "CapPrm": none, "CapEff": none, "CapBnd": none, "CapAmb": none,
        "NoNewPrivs": "1", "Seccomp": "2",
    }  # fmt: skip
    assert probe["interfaces"] == ["lo"]
    assert probe["processes"] == 2
    assert probe["roots"] == [
        "bin", "dev", "etc", "home", "lib", "lib64", "probe.py", "proc", "sbin", "tmp", "usr",
    ]  # fmt: skip
    assert probe["descriptors"] == ["0", "1", "2"]
    assert probe["hostname"] == "sandbox"
    network = {
        "host loopback": "ECONNREFUSED", "internet v4": "ENETUNREACH", "internet v6": "ENETUNREACH",
        "cloud metadata": "ENETUNREACH", "udp": "ENETUNREACH", "dns": "unresolved",
        "abstract socket of the host": "ECONNREFUSED",
        "raw socket": "EPERM", "packet socket": "EAFNOSUPPORT", "vsock": "EAFNOSUPPORT",
        "crypto socket": "EAFNOSUPPORT", "bluetooth": "EAFNOSUPPORT", "netlink route": "allowed",
        "netlink audit": "EAFNOSUPPORT",
    }  # fmt: skip
    # Which of these it is depends on the kernel's build; a read or a write that worked is what must not be.
    closed = {"ENOENT", "EACCES", "EPERM", "EROFS", "EINVAL"}
    files = [attack for attack in probe if attack.startswith(("read ", "write "))]
    assert probe.pop("read /proc/1/root") == "False"  # it may look at its own root, where nothing of the host is
    assert {attack: probe[attack] for attack in files if attack in probe and probe[attack] not in closed} == {}
    assert probe["setuid(0)"] in closed
    refused = dict.fromkeys(
        ["mknod device", "mount", "umount /usr", "remount /", "chroot", "pivot_root", "open_tree",
         "unshare user", "unshare mount", "setns", "clone newuser", "ptrace", "process_vm_readv", "bpf",
         "perf_event_open", "keyctl", "add_key", "io_uring_setup", "userfaultfd", "open_by_handle_at", "init_module",
         "kexec_load", "personality", "syslog", "TIOCSTI", "TIOCSTI with high bits"], "EPERM",
    )  # fmt: skip
    refused |= {"clone3": "ENOSYS", "an unknown call": "ENOSYS"}
    expected = network | refused
    assert {attack: probe[attack] for attack in expected} == expected


def test_a_program_of_another_architecture_is_killed(instance: str) -> None:
    # x32 getpid: __X32_SYSCALL_BIT | 39. Without the check it would be a second, unfiltered table of system calls.
    script = "import ctypes; ctypes.CDLL(None).syscall(ctypes.c_long(0x40000000 | 39)); print('allowed')"
    result = _python(instance, "bubblewrap", script)
    assert (result.status, result.stdout) == (128 + 31, b"")


def test_a_fork_bomb_is_contained(instance: str, backend: str) -> None:
    script = (
        "import os, time\ncount = 0\ntry:\n  while count < 1000:\n    if os.fork() == 0: time.sleep(60); os._exit(0)\n"
        "    count += 1\nexcept OSError: pass\nprint(count); os._exit(9)"
    )
    result = _python(instance, backend, script, pids=64)
    assert result.pids_refused
    assert int(result.stdout or b"0") < 64
    assert result.exceeded is not None
    assert result.exceeded.code == "JAIL_PIDS_EXCEEDED"
    assert cgroup.existing(instance) == []


def test_a_memory_hog_is_killed_with_its_code(instance: str, backend: str) -> None:
    result = _python(instance, backend, "x = bytearray(1 << 30); print('allowed')", memory_bytes=128 * MIB)
    assert b"allowed" not in result.stdout
    assert (result.status, result.oom_killed) == (137, True)
    assert result.max_memory_bytes <= 128 * MIB
    assert result.exceeded is not None
    assert result.exceeded.code == "JAIL_MEMORY_EXCEEDED"


def test_files_in_scratch_space_count_and_are_sized(instance: str) -> None:
    script = (
        "import errno\nfor place in ('/tmp/x', '/dev/shm/x', '/home/researcher/x'):\n"
        "  written = 0\n"
        "  try:\n    with open(place, 'wb', buffering=0) as file:\n"
        "      while written < 64 << 20: written += file.write(bytes(1 << 20))\n"
        "  except OSError as error: print(errno.errorcode[error.errno], written >> 20)\n"
    )
    result = _python(instance, "bubblewrap", script, tmp_bytes=4 * MIB)
    assert result.stdout.decode().split() == ["ENOSPC", "4"] * 3
    assert result.max_memory_bytes >= 12 * MIB


def test_processor_time_is_held_to_its_share(instance: str) -> None:
    # A quarter of a processor for a second and a half of wall time: the kernel's count decides, not a clock of ours.
    result = _python(instance, "bubblewrap", "while True: pass", cpus=0.25, wall_s=1.5)
    assert result.timed_out
    assert result.cpu_seconds < 0.25 * result.wall_s + 0.2


def test_a_process_left_running_dies_with_the_command(instance: str, backend: str) -> None:
    script = "import os, time\nif os.fork() == 0:\n  os.setsid(); time.sleep(1000)\nos._exit(4)"
    assert _python(instance, backend, script).status == 4
    assert cgroup.existing(instance) == []


def test_a_device_or_a_dangling_link_cannot_be_bound(instance: str, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("/nowhere")
    for source in (Path("/dev/null"), link):
        with pytest.raises(YurtError) as refused:
            run_jailed(JailSpec(["true"], binds=[Bind(source, PurePosixPath("/data"))], instance=instance))
        assert refused.value.code == "JAIL_SETUP_FAILED"


def test_a_setuid_program_gains_nothing(instance: str) -> None:
    result = run_jailed(JailSpec(["su", "-c", "id"], instance=instance), capture=True)
    assert result.status != 0
    assert b"uid=0" not in result.stdout


def test_the_terminal_is_not_the_jails_to_take(instance: str) -> None:
    # Its own session: no controlling terminal, so nothing to type into.
    result = run_jailed(JailSpec(["sh", "-c", "exec 3</dev/tty"], instance=instance), capture=True)
    assert result.status != 0


def test_host_processes_cannot_be_seen_or_signalled(instance: str) -> None:
    with subprocess.Popen(["sleep", "60"]) as bystander:
        result = run_jailed(JailSpec(["kill", "-9", str(bystander.pid)], instance=instance), capture=True)
        alive = bystander.poll() is None
        bystander.terminate()
    assert (result.status != 0, alive) == (True, True)
