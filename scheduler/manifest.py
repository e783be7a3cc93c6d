"""The job manifest: everything an approver decides about, frozen, under one digest.

The digest is SHA-256 over the RFC 8785 (JSON Canonicalization Scheme) text of every field, so that two people who hold
the same manifest compute the same 64 hexadecimal digits and no field can change after an approval without showing.

Changing a field's name, type or meaning needs a new `MANIFEST_VERSION` and a new line in `FINGERPRINTS`; a test
compares the fields with the fingerprint of the version. An old manifest is refused, never converted: its approval was
for its bytes.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import MappingProxyType
from typing import Annotated, Any

import rfc8785
from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from scheduler.errors import JOB_MANIFEST_INVALID, JOB_MANIFEST_VERSION
from scheduler.resources import Resources
from store.errors import YurtError

MANIFEST_VERSION = 1
FINGERPRINTS = {1: "8c3207c92b68956dbc7d12c0f9c518a055cb6ad902f8aa530420511bf149bec3"}
"""Digest of the field names and types of each version ever issued."""

_STRICT = ConfigDict(extra="forbid", strict=True)
_MAX_SAFE_INTEGER = 2**53 - 1  # RFC 8785 keeps numbers as IEEE 754 doubles

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
JobId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}\.[a-z0-9]{1,8}$")]
Label = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")]
Prose = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Whole = Annotated[int, Field(ge=-_MAX_SAFE_INTEGER, le=_MAX_SAFE_INTEGER)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Scalar = bool | Whole | Number | Annotated[str, StringConstraints(max_length=2000)]
Parameters = Annotated[
    Mapping[Name, Scalar | tuple[Scalar, ...]],
    AfterValidator(lambda given: MappingProxyType(dict(given))),  # frozen like the rest
]


@dataclass(frozen=True, slots=True, config=_STRICT)
class Dataset:
    """One dataset a job reads, pinned to its bytes. Inside the jail it is `/data/<name>.parquet`."""

    name: Name  # catalogue name, also the file's name in the jail
    version: Label  # catalogue version the approver saw
    digest: Digest  # SHA-256 of the Parquet file that will be mounted


@dataclass(frozen=True, slots=True, config=_STRICT)
class Request:
    """What a job may use at most; each is enforced by the jail, not merely booked."""

    cpus: Annotated[float, Field(gt=0, le=4096, multiple_of=0.001)]  # processors, to a thousandth
    memory_bytes: Annotated[int, Field(ge=16 * 2**20, le=_MAX_SAFE_INTEGER)]  # cgroup limit
    gpus: Annotated[int, Field(ge=0, le=4096)]  # whole devices: they are not shared between tenants
    wall_s: Annotated[int, Field(ge=1, le=30 * 86400)]  # seconds until the job is killed

    @property
    def resources(self) -> Resources:
        """The request as the scheduler's vector."""
        return Resources(round(self.cpus * 1000), self.memory_bytes, self.gpus * 1000)


@dataclass(frozen=True, slots=True, config=_STRICT)
class JobManifest:
    """What will run, on what, for whom, why, and what may come out."""

    manifest_version: int  # format of this manifest: MANIFEST_VERSION
    job_id: JobId  # unique on the platform; also names the job's folders
    project: Label  # project whose grants and quota the job uses
    agency: Label  # agency the project belongs to: first level of the quota tree
    author: Label  # person who wrote and submitted it; never its approver
    code_digest: Digest  # SHA-256 of the script mounted at /job/main.py
    parameters: Parameters  # what /job/parameters.json will hold
    environment_digest: Digest  # digest of the sandbox environment (scheduler.environment)
    datasets: Annotated[tuple[Dataset, ...], Field(max_length=64)]  # every file mounted under /data
    request: Request  # limits: processors, memory, GPUs, wall time
    outputs: Annotated[tuple[FileName, ...], Field(min_length=1, max_length=64)]  # files taken from /out, no others
    grant: Label  # grant under which the data may be used
    purpose: Prose  # why, in words an approver reads

    def __post_init__(self) -> None:
        if self.manifest_version != MANIFEST_VERSION:
            raise YurtError(JOB_MANIFEST_VERSION, found=self.manifest_version, known=MANIFEST_VERSION)
        for where, names in (("datasets", [d.name for d in self.datasets]), ("outputs", list(self.outputs))):
            if len(set(names)) != len(names):
                raise YurtError(JOB_MANIFEST_INVALID, where=where, why="each name may appear once")

    @classmethod
    def parse(cls, text: str | bytes) -> "JobManifest":
        """A manifest from JSON text. Raises JOB_MANIFEST_INVALID (unknown field, wrong type, a key given twice)."""
        try:
            value = json.loads(text, object_pairs_hook=_no_duplicates, parse_int=_exact)
            return _ADAPTER.validate_json(json.dumps(value))
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False, include_context=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "the top"
            raise YurtError(JOB_MANIFEST_INVALID, where=where, why=_why(first["type"])) from None
        except (ValueError, RecursionError):
            raise YurtError(JOB_MANIFEST_INVALID, where="the top", why="it must be one JSON object") from None

    def canonical(self) -> bytes:
        """The RFC 8785 text of every field, UTF-8."""
        return rfc8785.dumps(plain(self))

    def digest(self) -> str:
        """SHA-256 of `canonical()` as 64 hexadecimal digits: what an approver signs."""
        return hashlib.sha256(self.canonical()).hexdigest()

    @property
    def path(self) -> tuple[str, str, str]:
        """Where the job stands in the quota tree: agency, project, user."""
        return (self.agency, self.project, self.author)


def plain(value: Any) -> Any:
    """A manifest, or part of one, as plain JSON values."""
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return value


def fingerprint() -> str:
    """Digest of the present fields' names, types and rules; must be the one recorded for MANIFEST_VERSION."""
    return hashlib.sha256(rfc8785.dumps(_ADAPTER.json_schema())).hexdigest()


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """RFC 8785 builds on I-JSON (RFC 7493), which forbids a key given twice: readers would differ on which counts."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("duplicate key")
    return found


def _exact(digits: str) -> int:
    """An integer that a double holds exactly; a larger one would read as another number elsewhere (RFC 8785, D)."""
    if abs(number := int(digits)) > _MAX_SAFE_INTEGER:
        raise ValueError("integer too large")
    return number


def _why(kind: str) -> str:
    """pydantic's error type in words; its own message may quote the value."""
    return {"missing": "it is missing", "unexpected_keyword_argument": "this field is unknown"}.get(
        kind, f"it must satisfy the rule {kind.replace('_', ' ')}"
    )


_ADAPTER: TypeAdapter[JobManifest] = TypeAdapter(JobManifest)
