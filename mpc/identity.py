"""A party's keys and the folder they live in.

    PARTY/identity.json       the party's name
    PARTY/agent/              the agent's signing key (Ed25519), TLS key and self-signed certificate
    PARTY/approver/           the approver's signing key; the agent never opens it
    PARTY/peers/SLUG.json     what this party pinned of every party, itself included: certificate and public keys
    PARTY/policy.yaml         what its agent may join
    PARTY/data/ results/ state/ tmp/ audit.jsonl

Folders are 0700 and files 0600. Pinning means that a certificate is its own trust anchor: no authority can add a peer.
"""

import base64
import datetime
import hashlib
import json
import os
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

from mpc.errors import FOLDER_INVALID
from mpc.job import Part
from store.errors import YurtError

_PEM, _RAW = serialization.Encoding.PEM, serialization.Encoding.Raw
_PKCS8, _PLAIN = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
CERTIFICATE_DAYS = 365


class Card(Part):
    """What others know of a party: enough to recognise its agent, its approver and its TLS certificate."""

    name: str
    certificate: str  # PEM
    agent_key: str  # Ed25519 public key, base64
    approver_key: str

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the DER certificate, hex."""
        return certificate_fingerprint(x509.load_pem_x509_certificate(self.certificate.encode()))


def slug(name: str) -> str:
    """A folder and host name for any party name: `p-` and 16 hex digits of its SHA-256. Unique, not reversible."""
    return "p-" + hashlib.sha256(name.encode()).hexdigest()[:16]


def hostname(name: str) -> str:
    """The DNS name in a party's certificate; under .internal, so that it can never be someone else's host."""
    return f"{slug(name)}.party.internal"


def certificate_fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of the DER form, hex."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def create_party(folder: Path, name: str) -> Card:
    """Make a party's folder and keys (kept if they exist) and return its card."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    for part in ("agent", "approver", "peers", "data", "results", "state", "tmp"):
        (folder / part).mkdir(exist_ok=True, mode=0o700)
    if not (folder / "identity.json").exists():
        for key in ("agent/agent.key", "approver/approver.key"):
            write_private(folder / key, ed25519.Ed25519PrivateKey.generate().private_bytes(_PEM, _PKCS8, _PLAIN))
        tls = ec.generate_private_key(ec.SECP256R1())
        write_private(folder / "agent/tls.key", tls.private_bytes(_PEM, _PKCS8, _PLAIN))
        write_private(folder / "agent/tls.crt", _certificate(tls, name).public_bytes(_PEM))
        write_private(folder / "identity.json", json.dumps({"name": name}, ensure_ascii=False).encode())
    return own_card(folder)


def own_card(folder: Path) -> Card:
    """The card of the party in this folder. Raises FOLDER_INVALID."""
    try:
        return Card(
            name=json.loads((folder / "identity.json").read_text(encoding="utf-8"))["name"],
            certificate=(folder / "agent/tls.crt").read_text(),
            agent_key=_public(folder / "agent/agent.key"),
            approver_key=_public(folder / "approver/approver.key"),
        )
    except (OSError, ValueError, KeyError) as error:
        raise YurtError(FOLDER_INVALID, folder=folder.name) from error


def party_name(folder: Path) -> str:
    """The party's name, for its agent, which cannot make a whole card: it does not read the approver's key."""
    try:
        return str(json.loads((folder / "identity.json").read_text(encoding="utf-8"))["name"])
    except (OSError, ValueError, KeyError) as error:
        raise YurtError(FOLDER_INVALID, folder=folder.name) from error


def pin(folder: Path, cards: list[Card]) -> None:
    """Let the party in `folder` trust exactly these parties (they must include itself)."""
    for card in cards:
        write_private(folder / "peers" / f"{slug(card.name)}.json", card.model_dump_json().encode())


def pinned(folder: Path) -> dict[str, Card]:
    """Name to card of every party that this one trusts."""
    cards = [Card.model_validate_json(path.read_text()) for path in sorted((folder / "peers").glob("*.json"))]
    return {card.name: card for card in cards}


def sign(key_file: Path, message: bytes) -> str:
    """Ed25519 signature (RFC 8032), base64."""
    return base64.b64encode(_private(key_file).sign(message)).decode()


def verifies(public_key: str, signature: str, message: bytes) -> bool:
    """Whether `signature` (base64) is the key's signature of `message`."""
    try:
        key = ed25519.Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
        key.verify(base64.b64decode(signature, validate=True), message)
    except (InvalidSignature, ValueError):
        return False
    return True


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, replacing it in one step."""
    beside = path.with_name(path.name + ".new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    beside.replace(path)


def _private(path: Path) -> ed25519.Ed25519PrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise ValueError("not an Ed25519 key")
    return key


def _public(path: Path) -> str:
    raw = _private(path).public_key().public_bytes(_RAW, serialization.PublicFormat.Raw)
    return base64.b64encode(raw).decode()


def _certificate(key: ec.EllipticCurvePrivateKey, name: str) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, slug(name))])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=CERTIFICATE_DAYS))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(hostname(name))]), critical=False)
        # Self-signed and pinned: each certificate is its own anchor and can sign no other (path length 0).
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
