"""Running a parser on a hostile file: in a process of its own, with hard limits, that can do nothing but compute.

The file's bytes are first copied into a sealed memory file, so what is parsed is what was hashed. The process gets no
environment, no network, no way to start programs (`confine`), and what it answers is bounded and checked.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from sandbox.airlock.limits import InspectionLimits

_ANSWER_BYTES = 256 << 10
_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK


class Refused(Exception):
    """The file or its process did not get through; `reason` is the name of a finding code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Sealed:
    """A private, unchangeable copy of a file. `digest` is "sha256:" and hexadecimal."""

    fd: int
    digest: str
    size: int


@contextlib.contextmanager
def sealed_copy(path: Path, limits: InspectionLimits) -> Iterator[Sealed]:
    """Copy an ordinary file into sealed memory. Raises `Refused` for links, devices, folders, empty or large files."""
    try:
        # Non-blocking: opening a FIFO must not hang. No link is followed for the last part of the path.
        source = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Refused("NOT_A_FILE") from error
    copy = os.memfd_create("airlock", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        if not stat.S_ISREG(os.fstat(source).st_mode):
            os.close(source)
            raise Refused("NOT_A_FILE")
        with open(source, "rb") as reader:
            digest, size = hashlib.sha256(), 0
            while data := reader.read(1 << 20):
                size += len(data)
                if size > limits.file_bytes:
                    raise Refused("FILE_TOO_LARGE")
                digest.update(data)
                os.write(copy, data)
            if not size:
                raise Refused("FILE_EMPTY")
        fcntl.fcntl(copy, fcntl.F_ADD_SEALS, _SEALS)
        yield Sealed(copy, f"sha256:{digest.hexdigest()}", size)
    finally:
        os.close(copy)


def run(request: dict[str, object], limits: InspectionLimits, *fds: int) -> object:
    """One answer of the contained process (decoded JSON). Raises `Refused` when it is stopped by a limit or dies."""
    command = [sys.executable, "-I", "-B", "-m", "sandbox.airlock.worker"]
    environment = {"LANG": "C.UTF-8", "ARROW_DEFAULT_MEMORY_POOL": "system", "OMP_NUM_THREADS": "1"}
    question = json.dumps(request | {"fds": list(fds), "limits": asdict(limits)}).encode()
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, cwd="/",
        pass_fds=fds, start_new_session=True,
    ) as process:  # fmt: skip
        late = threading.Event()

        def stop() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(limits.wall_s, stop)
        timer.start()
        try:
            answer = _ask(process, question)
        finally:
            timer.cancel()
            process.kill()
    # -9 without our timer is the kernel's out-of-memory killer, -24 is SIGXCPU.
    if late.is_set() or (process.returncode in (-9, -24) and not answer):
        raise Refused("INSPECTION_LIMIT")
    try:
        return json.loads(answer)
    except ValueError as error:
        raise Refused("INSPECTION_FAILED") from error


def _ask(process: "subprocess.Popen[bytes]", question: bytes) -> bytes:
    if process.stdin is None or process.stdout is None:
        raise Refused("INSPECTION_FAILED")
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(question)
        process.stdin.close()
    answer = process.stdout.read(_ANSWER_BYTES + 1)
    if len(answer) > _ANSWER_BYTES:
        raise Refused("INSPECTION_FAILED")
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=1)
    return answer
