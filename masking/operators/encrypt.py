"""Encryption of whole values: deterministic (joinable) and randomised. Output is base64url text without padding.

Deterministic: AES-SIV, RFC 5297. Randomised: AES-256-GCM or SM4-GCM with 96 random bits as nonce; by SP 800-38D one
label then serves at most 2**32 values. The label is authenticated with each value, so that none can be moved elsewhere.
"""

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Callable, Mapping
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV
from pydantic import Field
from sqlglot import exp

from masking.errors import MASK_NO_KEY
from masking.operators.interface import MASKED, Arguments, Family, Operator, Result, function, literal, text_of
from masking.operators.keyed import LABEL
from store.errors import YurtError

Mode = Literal["aes-siv", "aes-gcm", "sm4-gcm"]
FUNCTIONS: Mapping[Mode, str] = {
    "aes-siv": "yurt_encrypt_siv",
    "aes-gcm": "yurt_encrypt_gcm",
    "sm4-gcm": "yurt_encrypt_sm4",
}
NONCE, TAG = 12, 16


class SivArguments(Arguments):
    """`scope`: label whose key is used; equal values under one label give equal texts."""

    scope: str = Field("default", pattern=LABEL)


class EncryptArguments(Arguments):
    """`scope`: label whose key is used. `algorithm`: sm4-gcm or aes-gcm."""

    scope: str = Field("default", pattern=LABEL)
    algorithm: Literal["aes-gcm", "sm4-gcm"] = "sm4-gcm"


def _siv(column: exp.Expression, args: SivArguments) -> exp.Expression:
    return function(FUNCTIONS["aes-siv"], text_of(column), literal(args.scope))


def _random(column: exp.Expression, args: EncryptArguments) -> exp.Expression:
    return function(FUNCTIONS[args.algorithm], text_of(column), literal(args.scope))


def _aes_siv(key: bytes, label: bytes) -> tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]:
    cipher = AESSIV(key)
    return lambda plain: cipher.encrypt(plain, [label]), lambda sealed: cipher.decrypt(sealed, [label])


def _aes_gcm(key: bytes, label: bytes) -> tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]:
    cipher = AESGCM(key[:32])

    def seal(plain: bytes) -> bytes:
        nonce = os.urandom(NONCE)
        return nonce + cipher.encrypt(nonce, plain, label)

    return seal, lambda sealed: cipher.decrypt(sealed[:NONCE], sealed[NONCE:], label)


def _sm4_gcm(key: bytes, label: bytes) -> tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]:
    cipher = algorithms.SM4(key[:16])

    def seal(plain: bytes) -> bytes:
        nonce = os.urandom(NONCE)
        context = Cipher(cipher, modes.GCM(nonce)).encryptor()
        context.authenticate_additional_data(label)
        return nonce + context.update(plain) + context.finalize() + context.tag

    def unseal(sealed: bytes) -> bytes:
        if len(sealed) < NONCE + TAG:
            raise InvalidTag
        context = Cipher(cipher, modes.GCM(sealed[:NONCE], sealed[-TAG:])).decryptor()
        context.authenticate_additional_data(label)
        return context.update(sealed[NONCE:-TAG]) + context.finalize()

    return seal, unseal


_MAKERS = {"aes-siv": _aes_siv, "aes-gcm": _aes_gcm, "sm4-gcm": _sm4_gcm}


class Sealer:
    """The engine function of one mode and direction."""

    def __init__(self, keys: Mapping[str, bytes], mode: Mode, *, decrypting: bool = False) -> None:
        self.keys, self.mode, self.decrypting = keys, mode, decrypting

    def _pair(self, label: str) -> tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]:
        try:
            key = self.keys[label]
        except KeyError:
            raise YurtError(MASK_NO_KEY, label=label) from None
        return _MAKERS[self.mode](
            hmac.digest(key, f"yurt/encrypt/{self.mode}".encode(), hashlib.sha512), label.encode()
        )

    def __call__(self, values: Any, labels: Any) -> pa.Array:
        """Each text encrypted or decrypted; NULL stays NULL. What cannot be decrypted with this key is `MASKED`."""
        if len(values) == 0:
            return pa.array([], pa.string())
        (label,) = pc.unique(labels).to_pylist()
        seal, unseal = self._pair(label)

        def back(text: str) -> str:
            try:
                return unseal(base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)).decode()
            except (InvalidTag, binascii.Error, ValueError):
                return MASKED

        def there(text: str) -> str:
            return base64.urlsafe_b64encode(seal(text.encode())).decode().rstrip("=")

        change = back if self.decrypting else there
        return pa.array([None if text is None else change(text) for text in values.to_pylist()], pa.string())


ENCRYPT_SIV = Operator(
    "encrypt_siv",
    "The value is encrypted by AES-SIV (RFC 5297): equal values stay equal, the key leads back.",
    Family.CRYPTOGRAPHIC,
    Result.TEXT,
    SivArguments,
    _siv,
    reversible=True,
    joinable=True,
    keyed=True,
    attack="Frequencies and the length of a value survive: do not use it on values of few kinds.",
)
ENCRYPT = Operator(
    "encrypt",
    "The value is encrypted with fresh randomness (SM4-GCM, AES-GCM); the key leads back.",
    Family.CRYPTOGRAPHIC,
    Result.TEXT,
    EncryptArguments,
    _random,
    reversible=True,
    keyed=True,
    attack="The length of a value survives.",
)
