"""Files under their own digest: what was reviewed is what is handed out, because the name is the content."""

import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sandbox.airlock import contained
from sandbox.airlock.codes import CODES
from sandbox.airlock.errors import VAULT_DAMAGED, VAULT_MISSING
from sandbox.airlock.limits import DEFAULT_LIMITS, InspectionLimits
from sandbox.airlock.manifest import FileEntry
from store.errors import ErrorCode, YurtError

_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")


class Vault:
    """A content-addressed store in one folder. Files are read-only and never change once deposited."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def deposit(self, path: Path, name: str | None = None, limits: InspectionLimits = DEFAULT_LIMITS) -> FileEntry:
        """Copy a file in. Raises `YurtError` with the finding's code for links, devices, empty or over-large files."""
        try:
            with contained.sealed_copy(path, limits) as copy:
                target = self._place(copy.digest)
                if not target.exists():
                    target.parent.mkdir(exist_ok=True, mode=0o700)
                    with tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as part:
                        at = 0
                        while data := os.pread(copy.fd, 1 << 20, at):
                            part.write(data)
                            at += len(data)
                        part.flush()
                        os.fsync(part.fileno())
                        os.fchmod(part.fileno(), 0o400)
                    os.replace(part.name, target)
                return FileEntry(name or path.name, copy.digest, copy.size)
        except contained.Refused as refused:
            finding = CODES[refused.reason]
            raise YurtError(ErrorCode(finding.name, 422, finding.why, "Choose another file.")) from refused

    @contextlib.contextmanager
    def open(self, digest: str) -> Iterator[Path]:
        """A path to the file, verified just now. Raises VAULT_MISSING, VAULT_DAMAGED."""
        place = self._place(digest)
        if not place.is_file() or place.is_symlink():
            raise YurtError(VAULT_MISSING)
        with place.open("rb") as file:
            actual = hashlib.file_digest(file, "sha256").hexdigest()
        if f"sha256:{actual}" != digest:
            raise YurtError(VAULT_DAMAGED)
        yield place

    def _place(self, digest: str) -> Path:
        match = _DIGEST.fullmatch(digest)
        if match is None:
            raise YurtError(VAULT_MISSING)
        return self._folder / match[1][:2] / match[1]
