"""A signed checkpoint: the size and root of the log at one moment, in the note format of C2SP tlog-checkpoint.

    yurt/audit sm3
    42
    <root, base64>

    — yurt <Ed25519 signature over the lines above, base64>

Kept elsewhere, a checkpoint proves later that its part of the log is still what it was.
"""

import base64
import binascii
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SIGNER = "yurt"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What the log's keeper signed: `size` leaves under `root` (32 bytes), hashed by `algorithm`."""

    algorithm: str
    size: int
    root: bytes

    def body(self) -> str:
        """The text that is signed."""
        return f"yurt/audit {self.algorithm}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    def sign(self, key: Ed25519PrivateKey) -> str:
        """The whole note."""
        signature = base64.b64encode(key.sign(self.body().encode())).decode()
        return f"{self.body()}\n— {SIGNER} {signature}\n"


def parse_checkpoint(note: str) -> tuple[Checkpoint, bytes]:
    """The checkpoint and its signature; ValueError when `note` is not one."""
    lines = note.split("\n")
    if len(lines) != 6 or lines[3] or lines[5]:
        raise ValueError("not a checkpoint: expected three lines, an empty one and a signature")
    origin, _, algorithm = lines[0].partition(" ")
    mark, _, signature = lines[4].rpartition(" ")
    if origin != "yurt/audit" or algorithm not in ("sm3", "sha256") or mark != f"— {SIGNER}":
        raise ValueError("not a checkpoint of a Yurt audit log")
    try:
        root, signed = base64.b64decode(lines[2], validate=True), base64.b64decode(signature, validate=True)
    except binascii.Error as error:
        raise ValueError("not a checkpoint: damaged base64") from error
    return Checkpoint(algorithm, int(lines[1]), root), signed


def signed_by(checkpoint: Checkpoint, signature: bytes, key: Ed25519PublicKey) -> bool:
    """Whether `key` signed this checkpoint."""
    try:
        key.verify(signature, checkpoint.body().encode())
    except InvalidSignature:
        return False
    return True
