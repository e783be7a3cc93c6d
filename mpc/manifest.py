"""What the approvers sign: a job bound to keys, a nonce and a time, and the checks an agent makes before it joins.

The digest is SHA-256 over the canonical JSON (RFC 8785) of every field; it travels in every frame between agents.
"""

import datetime
import hashlib
import secrets
from collections.abc import Mapping
from pathlib import Path

import rfc8785
from pydantic import Field

from mpc import registry
from mpc.environment import ENGINE
from mpc.errors import EXPIRED, IDENTITY_MISMATCH, REPLAYED, SIGNATURE_INVALID, SIGNATURE_MISSING
from mpc.identity import Card, sign, verifies
from mpc.job import JobFile, Part
from store.errors import YurtError

VALID_FOR = datetime.timedelta(hours=24)
_JOB_DOMAIN = b"yurt joint job v1\0"
_RECORD_DOMAIN = b"yurt joint record v1\0"


class Keys(Part):
    """By what a party is recognised in this job."""

    certificate_sha256: str
    agent_key: str
    approver_key: str


class Manifest(Part):
    """A job that can be signed. Changing any field changes the digest."""

    version: int
    job: JobFile
    engine: str  # engine and version that every party must run
    leakage: tuple[str, ...]  # what the job discloses besides the result, in words
    keys: dict[str, Keys]  # party name to keys
    nonce: str  # 32 hex digits, never used twice
    issued_at: datetime.datetime
    expires_at: datetime.datetime

    def digest(self) -> str:
        """SHA-256 over the canonical JSON, hex."""
        return hashlib.sha256(rfc8785.dumps(self.model_dump(mode="json"))).hexdigest()


class SignedJob(Part):
    """A manifest with the approvers' signatures, by party name."""

    manifest: Manifest
    signatures: dict[str, str] = Field(default_factory=dict)

    def signed(self, party: str, key_file: Path) -> "SignedJob":
        """The same with the signature of `party`'s approver added."""
        signature = sign(key_file, _JOB_DOMAIN + bytes.fromhex(self.manifest.digest()))
        return SignedJob(manifest=self.manifest, signatures={**self.signatures, party: signature})


def issue(job: JobFile, cards: Mapping[str, Card], *, now: datetime.datetime | None = None) -> SignedJob:
    """Bind a job to the parties' keys with a fresh nonce. Raises what `registry.check` raises."""
    registry.check(job)
    moment = (now or datetime.datetime.now(datetime.UTC)).replace(microsecond=0)
    keys = {name: keys_of(cards[name]) for name in job.names}
    return SignedJob(
        manifest=Manifest(
            version=1,
            job=job,
            engine=ENGINE,
            leakage=registry.leakage(job),
            keys=keys,
            nonce=secrets.token_hex(16),
            issued_at=moment,
            expires_at=moment + VALID_FOR,
        )
    )


def keys_of(card: Card) -> Keys:
    """The part of a card that a manifest binds."""
    return Keys(certificate_sha256=card.fingerprint, agent_key=card.agent_key, approver_key=card.approver_key)


def verify(signed: SignedJob, me: str, cards: Mapping[str, Card], now: datetime.datetime) -> None:
    """Everything that must hold before an agent looks at its own policy.

    Raises IDENTITY_MISMATCH, SIGNATURE_MISSING, SIGNATURE_INVALID, EXPIRED or what `registry.check` raises.
    """
    manifest = signed.manifest
    message = _JOB_DOMAIN + bytes.fromhex(manifest.digest())
    for name in manifest.job.names:
        keys = manifest.keys.get(name)
        if name not in cards or keys != keys_of(cards[name]) or len(manifest.keys) != len(manifest.job.parties):
            raise YurtError(IDENTITY_MISMATCH, peer=name, party=me)
        if name not in signed.signatures:
            raise YurtError(SIGNATURE_MISSING, party=name)
        if not verifies(cards[name].approver_key, signed.signatures[name], message):
            raise YurtError(SIGNATURE_INVALID, party=name)
    if not manifest.issued_at - datetime.timedelta(minutes=5) <= now < manifest.expires_at:
        raise YurtError(EXPIRED)
    registry.check(manifest.job)
    # The approvers signed words as well as settings: they must be the words that belong to the settings.
    if manifest.leakage != registry.leakage(manifest.job) or manifest.engine != ENGINE:
        raise YurtError(SIGNATURE_INVALID, party=me)


def spend_nonce(state: Path, nonce: str, me: str) -> None:
    """Remember the nonce for good, or raise REPLAYED if it is known. The file is created exclusively: no race."""
    folder = state / "nonces"
    folder.mkdir(mode=0o700, exist_ok=True)
    try:
        (folder / hashlib.sha256(nonce.encode()).hexdigest()).touch(mode=0o600, exist_ok=False)
    except FileExistsError:
        raise YurtError(REPLAYED, party=me) from None


def sign_record(record: Mapping[str, object], key_file: Path) -> dict[str, object]:
    """A party's statement about a job, signed by its agent."""
    return {"record": dict(record), "signature": sign(key_file, _RECORD_DOMAIN + rfc8785.dumps(dict(record)))}  # type: ignore[arg-type]


def record_holds(record: Mapping[str, object], signature: str, agent_key: str) -> bool:
    """Whether a statement was signed by that agent."""
    return verifies(agent_key, signature, _RECORD_DOMAIN + rfc8785.dumps(dict(record)))  # type: ignore[arg-type]
