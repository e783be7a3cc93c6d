"""Content-addressed copies of scripts and dataset files: what a manifest's digests point at.

A copy is made before the digest is known to anyone, is read-only, and is verified each time it is handed out, because
the only bytes that count are those that will be mounted.
"""

import hashlib
import os
import tempfile
from pathlib import Path
from typing import BinaryIO

from scheduler.errors import BLOB_UNKNOWN, JOB_DIGEST_MISMATCH
from store.errors import YurtError

_CHUNK = 1 << 20


class Blobs:
    """Files kept under `folder/ab/abcdef…` by their SHA-256."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def path(self, digest: str) -> Path:
        """Where the content with this digest is, or would be."""
        return self.folder / digest[:2] / digest

    def add(self, source: Path) -> str:
        """Keep a copy of a file; its digest. Adding the same content again changes nothing."""
        with source.open("rb") as reader:
            return self._keep(reader)

    def add_bytes(self, content: bytes) -> str:
        """Keep these bytes; their digest."""
        digest = hashlib.sha256(content).hexdigest()
        target = self.path(digest)
        if not target.exists():
            target.parent.mkdir(mode=0o700, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as writer:
                writer.write(content)
            _settle(Path(writer.name), target)
        return digest

    def stage(self, digest: str, target: Path, *, job: str, what: str) -> None:
        """Copy the content to `target` while hashing it, so that the bytes verified are the bytes mounted.

        Raises BLOB_UNKNOWN, or JOB_DIGEST_MISMATCH after removing the copy when a single byte differs.
        """
        try:
            with self.path(digest).open("rb") as reader, target.open("xb") as writer:
                found = _copy(reader, writer)
        except FileNotFoundError:
            raise YurtError(BLOB_UNKNOWN, digest=digest) from None
        if found != digest:
            target.unlink()
            raise YurtError(JOB_DIGEST_MISMATCH, what=what, job=job)
        target.chmod(0o444)

    def _keep(self, reader: BinaryIO) -> str:
        with tempfile.NamedTemporaryFile(dir=self.folder, delete=False) as writer:
            digest = _copy(reader, writer)
        target = self.path(digest)
        target.parent.mkdir(mode=0o700, exist_ok=True)
        _settle(Path(writer.name), target)
        return digest


def _settle(made: Path, target: Path) -> None:
    made.chmod(0o444)
    os.replace(made, target)


def _copy(reader: BinaryIO, writer: "BinaryIO | tempfile._TemporaryFileWrapper[bytes]") -> str:
    digest = hashlib.sha256()
    while chunk := reader.read(_CHUNK):
        digest.update(chunk)
        writer.write(chunk)
    return digest.hexdigest()
