"""Verify a copy of the log. Needs the file and, to prove nothing was cut or rewritten, a checkpoint and its key.

Imports nothing of the platform but the tree and the checkpoint, so that an auditor can read it in one sitting.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit.checkpoint import Checkpoint, parse_checkpoint, signed_by
from audit.merkle import Frontier, TreeHash

PREFIX = b'{"hash":"'
MIDDLE = b'","record":'


class LogBroken(Exception):
    """The log is not what was written. `position` is the first bad record, counted from 0, where it can be told."""

    def __init__(self, position: int | None, reason: str) -> None:
        self.position = position
        self.reason = reason
        super().__init__(reason if position is None else f"record {position}: {reason}")


@dataclass(frozen=True, slots=True)
class Summary:
    """What a whole log amounts to."""

    records: int
    root: str
    first_time: str | None
    last_time: str | None
    checkpoint_size: int | None


def split_line(line: bytes) -> tuple[str, bytes] | None:
    """(hexadecimal leaf hash, record bytes) of one line of the log, or None when it is not one."""
    record_start = len(PREFIX) + 64 + len(MIDDLE)
    if not (line.startswith(PREFIX) and line[len(PREFIX) + 64 : record_start] == MIDDLE and line.endswith(b"}\n")):
        return None
    return line[len(PREFIX) : len(PREFIX) + 64].decode("ascii", "replace"), line[record_start:-2]


def verified_records(lines: Iterator[bytes], tree: TreeHash) -> Iterator[tuple[bytes, bytes]]:
    """(leaf hash, record bytes) of every line in turn; LogBroken at the first that was changed, moved or cut."""
    for position, line in enumerate(lines):
        parts = split_line(line)
        if parts is None:
            raise LogBroken(position, "the line is not a record of this log")
        stored, record = parts
        computed = tree.leaf(record)
        if computed.hex() != stored:
            raise LogBroken(position, "its hash does not fit its content")
        try:
            index = json.loads(record)["index"]
        except (ValueError, KeyError, TypeError):
            raise LogBroken(position, "its content is not a record") from None
        if index != position:
            raise LogBroken(position, f"it says it is number {index}: a record was removed, added or moved")
        yield computed, record


def verify_log(log: Path, checkpoint: Path | None = None, key: Path | None = None, algorithm: str = "sm3") -> Summary:
    """Check every record of `log`, and its tree against `checkpoint` signed by the public `key`, where given.

    With a checkpoint its algorithm counts. Raises LogBroken.
    """
    expected = _read_checkpoint(checkpoint, key) if checkpoint else None
    tree = TreeHash(expected.algorithm if expected else algorithm)
    frontier, first, last = Frontier(tree), None, None
    with log.open("rb") as file:
        for leaf_hash, record in verified_records(iter(file), tree):
            frontier.append(leaf_hash)
            last = record
            first = first or record
            if expected and frontier.size == expected.size and frontier.root() != expected.root:
                raise LogBroken(None, f"the first {expected.size} records are not those the checkpoint was signed over")
    if expected and frontier.size < expected.size:
        raise LogBroken(frontier.size, f"the log ends here, but the checkpoint counts {expected.size} records")
    return Summary(
        records=frontier.size,
        root=frontier.root().hex(),
        first_time=json.loads(first)["time"] if first else None,
        last_time=json.loads(last)["time"] if last else None,
        checkpoint_size=expected.size if expected else None,
    )


def _read_checkpoint(path: Path, key: Path | None) -> Checkpoint:
    try:
        checkpoint, signature = parse_checkpoint(path.read_text())
    except ValueError as error:
        raise LogBroken(None, str(error)) from None
    if key and not signed_by(checkpoint, signature, Ed25519PublicKey.from_public_bytes(bytes.fromhex(key.read_text()))):
        raise LogBroken(None, "the checkpoint's signature is not by this log's key")
    return checkpoint
