"""Appending to the log: one sequencer (a lock on the file), one fsync before anybody is told it was written.

A line is `{"hash":"<leaf hash>","record":<canonical JSON, RFC 8785>}`. Every process of the platform may append; each
catches up with what the others wrote while it holds the lock.
"""

import fcntl
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.checkpoint import Checkpoint
from audit.events import EventName
from audit.merkle import Frontier, TreeHash
from audit.verify import MIDDLE, PREFIX, LogBroken, split_line


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof for the writer: the record's number and its leaf hash in hexadecimal."""

    index: int
    leaf_hash: str


class AuditLog:
    """The log in one folder: `log.jsonl`, the newest signed `checkpoint` and the public `key` to check it with.

    `signing_key` is 32 bytes. Any failure to write raises, and the caller must then not do what it wanted recorded.
    """

    def __init__(self, folder: Path, signing_key: bytes, algorithm: str = "sm3") -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = folder / "log.jsonl"
        self.checkpoint_path = folder / "checkpoint"
        self.key_path = folder / "key"
        self._key = Ed25519PrivateKey.from_private_bytes(signing_key)
        if not self.key_path.exists():
            self.key_path.write_text(self._key.public_key().public_bytes_raw().hex())
        self._frontier = Frontier(TreeHash(algorithm))
        self._offset = 0
        self._threads = threading.Lock()

    def append(self, event: EventName, *, actor: str, subject: str, **details: Any) -> Receipt:
        """Write one record and return once it is on disk.

        `actor` did it, `subject` is what it was done to; `details` are codes, digests and counts, never data values.
        """
        with self._threads, self._locked() as descriptor:
            self._catch_up(descriptor)
            index = self._frontier.size
            record = rfc8785.dumps(
                {
                    "index": index,
                    "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
                    "event": str(event),
                    "actor": actor,
                    "subject": subject,
                    "details": details,
                }
            )
            leaf_hash = self._frontier.hash.leaf(record)
            line = PREFIX + leaf_hash.hex().encode() + MIDDLE + record + b"}\n"
            os.pwrite(descriptor, line, self._offset)
            os.fsync(descriptor)
            self._offset += len(line)
            self._frontier.append(leaf_hash)
            self._write_checkpoint()
            return Receipt(index, leaf_hash.hex())

    @contextmanager
    def _locked(self) -> Iterator[int]:
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)

    def _catch_up(self, descriptor: int) -> None:
        """Read what others appended; a torn last line (a crash while writing) was never acknowledged: cut it."""
        with os.fdopen(os.dup(descriptor), "rb") as file:
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    os.ftruncate(descriptor, self._offset)
                    break
                parts = split_line(line)
                if parts is None or self._frontier.hash.leaf(parts[1]).hex() != parts[0]:
                    raise LogBroken(self._frontier.size, "the log was changed; nothing more can be recorded in it")
                self._frontier.append(bytes.fromhex(parts[0]))
                self._offset += len(line)

    def _write_checkpoint(self) -> None:
        checkpoint = Checkpoint(self._frontier.hash.algorithm, self._frontier.size, self._frontier.root())
        temporary = self.checkpoint_path.with_suffix(".new")
        temporary.write_text(checkpoint.sign(self._key))
        temporary.replace(self.checkpoint_path)


def read_records(path: Path, start: int = 0) -> Iterator[dict[str, Any]]:
    """The records of a log from number `start` on, as they were written; for display, not for proof."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for index, line in enumerate(file):
            parts = split_line(line)
            if index >= start and parts is not None:
                yield json.loads(parts[1])
