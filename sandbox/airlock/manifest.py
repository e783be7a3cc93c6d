"""What a release is about, frozen: the digest covers every field, and approval is for the digest."""

import hashlib
from dataclasses import asdict, dataclass

import rfc8785

FORMAT = 1  # raise it when a field is added: old digests stay what they were


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file as it would leave."""

    name: str
    digest: str  # "sha256:…" of the bytes in the vault
    size: int  # bytes


@dataclass(frozen=True, slots=True)
class ReleaseManifest:
    """One release request's content."""

    project: str
    author: str  # natural person id
    involved: tuple[str, ...]  # natural person ids of everyone who made or ran what made the files
    grade: int  # highest grade of the data behind the files, 1–4
    purpose: str
    recipient: str  # natural person id of who may download
    files: tuple[FileEntry, ...]
    format: int = FORMAT

    def digest(self) -> str:
        """ "sha256:…" over the canonical JSON (RFC 8785) of all fields."""
        return f"sha256:{hashlib.sha256(rfc8785.dumps(asdict(self))).hexdigest()}"
