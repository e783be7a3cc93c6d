"""Start a command in a jail, wait for it, measure it, and leave nothing behind."""

import json
import os
import secrets
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import IO, Self

from sandbox.errors import JAIL_BACKEND_UNKNOWN, JAIL_NEEDS_ROOT, JAIL_SETUP_FAILED
from sandbox.jail import cgroup, launch, layout
from sandbox.jail.bubblewrap import Bubblewrap
from sandbox.jail.gvisor import GVisor
from sandbox.jail.interface import Backend, Bind, JailResult, JailSpec, Launch
from store.errors import YurtError

BACKENDS: Mapping[str, type[Backend]] = {Bubblewrap.name: Bubblewrap, GVisor.name: GVisor}
# Where the launcher attaches binds, in a mount namespace of its own: a folder that every Linux has (FHS 3.12).
_STAGE = PurePosixPath("/mnt")
_OUTPUT_KEPT = 16 * 1024 * 1024


def backend_named(name: str) -> Backend:
    """The backend, checked to be usable here. Raises JAIL_BACKEND_UNKNOWN or JAIL_BACKEND_MISSING."""
    if name not in BACKENDS:
        raise YurtError(JAIL_BACKEND_UNKNOWN, backend=name, known=", ".join(BACKENDS))
    backend = BACKENDS[name]()
    backend.check()
    return backend


class _Output:
    """Reads one pipe to its end and keeps the first bytes, so that no command can fill the host's memory."""

    def __init__(self, pipe: IO[bytes], keep: int) -> None:
        self._pipe, self._keep = pipe, keep
        self.kept, self.truncated = bytearray(), False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with self._pipe:
            while chunk := os.read(self._pipe.fileno(), 65536):
                room = self._keep - len(self.kept)
                self.kept += chunk[:room]
                self.truncated = self.truncated or len(chunk) > room

    def finish(self) -> bytes:
        """What was kept, once the pipe has ended."""
        self._thread.join()
        return bytes(self.kept)


class Jail:
    """A running jail. Use as a context manager, or call `wait` or `stop`: each ends in an empty, removed group.

    The jail dies with the thread that started it (PR_SET_PDEATHSIG), so that thread must outlive it.
    """

    def __init__(self, spec: JailSpec, backend: Backend, capture: bool) -> None:
        if os.geteuid() != 0:
            raise YurtError(JAIL_NEEDS_ROOT)
        own = tuple(Bind(folder, PurePosixPath(folder)) for folder in layout.python_mounts(spec.python))
        self.spec = spec = replace(spec, binds=(*own, *spec.binds))
        self._longest_s = min((s for s in (spec.granted.wall_s, backend.longest_s) if s is not None), default=None)
        self.name = f"jail-{os.getpid()}-{secrets.token_hex(6)}"
        self._timed_out = self._closed = False
        self._result: JailResult | None = None
        self._outputs: list[_Output] = []
        staged = {bind.target: Path(_STAGE / str(number)) for number, bind in enumerate(spec.binds)}
        self._launch: Launch = backend.prepare(spec, staged, self.name)
        self._descriptors, self._report = list(self._launch.descriptors), -1
        try:
            cgroup.prune(spec.instance)
            self._group = cgroup.create(spec.instance, self.name, spec.granted)
        except YurtError:
            self._release()
            raise
        self._report = -1 if self._launch.report is None else os.dup(self._launch.report)
        self._started = time.monotonic()
        try:
            self._process = self._start(staged, capture)
        except BaseException:
            self._group.remove()
            self._release()
            raise
        self._close_descriptors()

    def _start(self, staged: Mapping[PurePosixPath, Path], capture: bool) -> "subprocess.Popen[bytes]":
        spec, profile = self.spec, self.spec.profile
        errors_read, errors_write = os.pipe()
        self._errors = errors_read
        plan = {
            "argv": list(self._launch.argv),
            "binds": [
                {"source": str(bind.source), "staged": str(staged[bind.target]), "read_only": bind.read_only}
                for bind in spec.binds
            ],
            "cgroup_procs": [str(path) for path in self._group.procs],
            "errors": errors_write,
            "gid": profile.gid,
            "parent": os.getpid(),
            "rlimits": {"RLIMIT_CORE": 0, "RLIMIT_NOFILE": profile.open_files},
            "stage": str(_STAGE),
            "uid": profile.uid,
        }
        plan_file = os.memfd_create("plan")
        os.write(plan_file, json.dumps(plan).encode())
        os.lseek(plan_file, 0, os.SEEK_SET)
        try:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", launch.__file__, str(plan_file)],
                stdin=subprocess.DEVNULL if spec.stdin is None else spec.stdin,
                stdout=subprocess.PIPE if capture else spec.stdout,
                stderr=subprocess.PIPE if capture else spec.stderr,
                cwd="/",
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
                pass_fds=(plan_file, errors_write, *self._launch.descriptors),
            )
        except BaseException:
            os.close(errors_read)
            raise
        finally:
            os.close(plan_file)
            os.close(errors_write)
        if capture and process.stdout and process.stderr:
            self._outputs = [_Output(process.stdout, _OUTPUT_KEPT), _Output(process.stderr, _OUTPUT_KEPT)]
        return process

    def _close_descriptors(self) -> None:
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors.clear()

    def _release(self) -> None:
        self._close_descriptors()
        if self._report >= 0:
            os.close(self._report)
            self._report = -1
        if self._launch.scratch:
            shutil.rmtree(self._launch.scratch, ignore_errors=True)

    @property
    def pid(self) -> int:
        """The jail builder's process on the host."""
        return self._process.pid

    @property
    def stdin(self) -> IO[bytes] | None:
        """The pipe to the command, where the spec's stdin is PIPE."""
        return self._process.stdin

    @property
    def stdout(self) -> IO[bytes] | None:
        """The pipe from the command, where the spec's stdout is PIPE."""
        return self._process.stdout

    def poll(self) -> int | None:
        """Exit status of an ended command, None while it runs."""
        status = self._process.poll()
        return status if status is None or status >= 0 else 128 - status

    def wait(self, timeout: float | None = None) -> JailResult:
        """Wait until the command ends or its time is over, then clean up.

        Raises JAIL_SETUP_FAILED where the jail could not be built, and subprocess.TimeoutExpired where `timeout` (not
        the jail's own limit) passed first: the jail then still runs.
        """
        if self._result is not None:
            return self._result
        allowed = self._longest_s
        left = None if allowed is None else max(0.0, self._started + allowed - time.monotonic())
        try:
            self._process.wait(left if timeout is None or (left is not None and left <= timeout) else timeout)
        except subprocess.TimeoutExpired:
            if left is None or (timeout is not None and timeout < left):
                raise
            self._timed_out = True
        return self._finish()

    def stop(self) -> JailResult:
        """End it now, whatever it is doing. Processes inside cannot refuse."""
        return self._result if self._result is not None else self._finish()

    def _finish(self) -> JailResult:
        """Kill what is left, collect the measures, remove the group."""
        self._group.kill()
        status = self._process.wait()
        wall_s = time.monotonic() - self._started
        usage = self._group.usage()
        outputs = [output.finish() for output in self._outputs] or [b"", b""]
        with os.fdopen(self._errors, "rb") as errors:
            why = errors.read().decode("utf-8", "replace")
        if not why and status == 1 and self._report >= 0 and b"exit-code" not in os.pread(self._report, 65536, 0):
            why = f"{self._launch.argv[0]} gave up before the command"
        self._close()
        if why:
            raise YurtError(JAIL_SETUP_FAILED, why=why)
        self._result = JailResult(
            status=status if status >= 0 else 128 - status,
            wall_s=wall_s,
            cpu_seconds=usage.cpu_seconds,
            max_memory_bytes=usage.max_memory_bytes,
            oom_killed=usage.oom_killed,
            pids_refused=usage.pids_refused,
            timed_out=self._timed_out,
            limits=self.spec.granted,
            stdout=outputs[0],
            stderr=outputs[1],
            truncated=any(output.truncated for output in self._outputs),
        )
        return self._result

    def _close(self) -> None:
        if not self._closed:
            self._closed = True
            self._group.remove()
            self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._closed:
            self._finish()


def start_jailed(spec: JailSpec, backend: Backend | None = None, *, capture: bool = False) -> Jail:
    """Start the command and return at once. Raises JAIL_NEEDS_ROOT, JAIL_LIMITS_UNAVAILABLE, JAIL_BACKEND_MISSING."""
    return Jail(spec, backend if backend is not None else backend_named(Bubblewrap.name), capture)


def run_jailed(spec: JailSpec, backend: Backend | None = None, *, capture: bool = False) -> JailResult:
    """Run the command to its end, or to the end of its time. With `capture`, the first 16 MiB of each output are kept.

    Raises what `start_jailed` raises, and JAIL_SETUP_FAILED. An exceeded limit is in the result, not raised.
    """
    with start_jailed(spec, backend, capture=capture) as jail:
        return jail.wait()


def sweep(instance: str, names: Sequence[str] | None = None) -> list[str]:
    """Kill and remove what an earlier life of this instance left behind. Gives the names of the jails removed."""
    return cgroup.sweep(instance, names)
