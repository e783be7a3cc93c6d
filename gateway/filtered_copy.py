"""One filtered copy: the rows of a published file for which a row filter holds, as a Parquet file; and its writing.

It is named by all that decides what is in it, so it never has to be compared with its source: other data or another
filter has another name.
"""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa
import pyarrow.parquet as parquet

from gateway import wire
from gateway.duckdb_process import ENVIRONMENT
from gateway.filtered_copy_worker import LABEL

FORMAT = 1
"""Part of every name: what is written otherwise is another copy."""
WRITE_S = 3600.0
"""How long writing one may take."""

State = tuple[int, int, int]
"""Size, time of change (ns) and number of a file: a file that was written anew has another."""


@dataclass(frozen=True, slots=True)
class Copy:
    """The rows of `source` (an absolute path) for which `condition` (SQL over `r`) holds."""

    source: str
    condition: str
    digest: str


def copy_of(source: Path | str, condition: str) -> Copy | None:
    """The copy of a file as it is now; None where it is gone."""
    path = os.path.abspath(source)
    state = state_of(path)
    if state is None:
        return None
    described = json.dumps([FORMAT, path, *state[:2], condition])
    return Copy(path, condition, hashlib.sha256(described.encode()).hexdigest())


def state_of(path: Path | str) -> State | None:
    """The file's state; None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino


def labelled(path: Path) -> Copy | None:
    """The copy that a file says it is, if that one can still be made; None where it says nothing or is torn."""
    try:
        label = json.loads((parquet.read_metadata(path).metadata or {})[LABEL.encode()])
        return copy_of(label["source"], label["condition"])
    except (OSError, pa.ArrowException, ValueError, KeyError, TypeError):
        return None


class CopyWriter:
    """Writes one copy at a time, each in a process of its own."""

    def __init__(self, memory_bytes: int) -> None:
        self._memory = memory_bytes
        self._process: subprocess.Popen[bytes] | None = None
        self.closed = False

    def write(self, copy: Copy, target: Path, most_bytes: int) -> bool:
        """Write it to the new file `target`; False where that failed or took more than `most_bytes`."""
        hello = {
            "source": copy.source,
            "target": os.path.abspath(target),
            "condition": copy.condition,
            "label": {"source": copy.source, "condition": copy.condition},
            "memory_bytes": self._memory,
            "most_bytes": most_bytes,
        }
        process = self._process = subprocess.Popen(
            [sys.executable, "-m", "gateway.filtered_copy_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={name: os.environ[name] for name in ENVIRONMENT if name in os.environ},
            cwd=Path(__file__).resolve().parent.parent,
            start_new_session=True,
        )
        pipe = cast(BinaryIO, process.stdin)
        try:
            wire.send(pipe, hello)
            return not self.closed and process.wait(WRITE_S) == 0
        except (OSError, subprocess.TimeoutExpired):
            return False
        finally:
            process.kill()
            process.wait()
            pipe.close()

    def close(self) -> None:
        """End what is being written."""
        self.closed = True
        if self._process is not None:
            self._process.kill()
