"""Keyed operators: pseudonym and date_shift. In SQL they are a function call with a scope label, never a key.

CMAC with SM4 (GB/T 15852.1) or AES (NIST SP 800-38B), a column at a time, or HMAC per RFC 2104 over SM3 (GM/T 0004) or
SHA-256, value by value. A plain hash would not do: identity and phone numbers are few enough to be enumerated in
minutes.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC
from pydantic import Field
from sqlglot import exp

from masking.errors import MASK_NO_KEY
from masking.operators.cmac import CMAC
from masking.operators.column import Texts, hexadecimal
from masking.operators.interface import Arguments, Family, Operator, Result, function, literal, number, text_of
from store.errors import YurtError

LABEL = r"^[A-Za-z0-9_.:/\u4e00-\u9fff-]{1,100}$"
REMEMBERED = 1 << 17
"""HMAC pseudonyms an engine process keeps per label, so that the next query need not compute them again (30 MB)."""
DIGITS = 32  # hexadecimal digits of a pseudonym: 128 bits
SM3_AVAILABLE = "sm3" in hashlib.algorithms_available
PseudonymAlgorithm = Literal["sm4-cmac", "aes-cmac", "hmac-sm3", "hmac-sha256"]
PSEUDONYM_FUNCTIONS: Mapping[PseudonymAlgorithm, str] = {
    "sm4-cmac": "yurt_pseudonym",
    "aes-cmac": "yurt_pseudonym_aes",
    "hmac-sm3": "yurt_pseudonym_sm3",
    "hmac-sha256": "yurt_pseudonym_sha256",
}
DIGESTS = {"hmac-sm3": "sm3", "hmac-sha256": "sha256"}
CIPHERS: Mapping[str, Literal["aes", "sm4"]] = {"sm4-cmac": "sm4", "aes-cmac": "aes"}


class PseudonymArguments(Arguments):
    """`scope`: label whose key is used; same label, same pseudonyms. `algorithm` is part of the SQL function's name."""

    scope: str = Field("default", pattern=LABEL)
    algorithm: PseudonymAlgorithm = "sm4-cmac"


class DateShiftArguments(Arguments):
    """Shift by -`days`..+`days`, the same for all dates of one `subject` (a column of the same table), never 0."""

    subject: str = Field(min_length=1, max_length=128)
    days: int = Field(30, ge=1, le=3650)
    scope: str = Field("default", pattern=LABEL)

    def beside(self) -> tuple[str, ...]:
        """The column that says whose date it is."""
        return (self.subject,)


def _pseudonym(column: exp.Expression, args: PseudonymArguments) -> exp.Expression:
    return function(PSEUDONYM_FUNCTIONS[args.algorithm], text_of(column), literal(args.scope))


def _date_shift(column: exp.Expression, args: DateShiftArguments) -> exp.Expression:
    table = column.args.get("table") if isinstance(column, exp.Column) else None
    subject = exp.Column(this=exp.to_identifier(args.subject, quoted=True), table=table.copy() if table else None)
    shift = function("yurt_shift_days", text_of(subject), number(args.days), literal(args.scope))
    return exp.Add(this=exp.TryCast(this=column, to=exp.DataType.build("date")), expression=shift)


class CodedColumns:
    """The engine function of one cipher: pseudonyms by CMAC; every label has a key of its own."""

    def __init__(self, keys: Mapping[str, bytes], cipher: Literal["aes", "sm4"]) -> None:
        self.keys, self.cipher = keys, cipher
        self.prepared: dict[str, CMAC] = {}

    def _cmac(self, label: str) -> CMAC:
        if label not in self.prepared:
            try:
                key = self.keys[label]
            except KeyError:
                raise YurtError(MASK_NO_KEY, label=label) from None
            purpose = f"yurt/pseudonym/{self.cipher}-cmac".encode()
            self.prepared[label] = CMAC(hmac.digest(key, purpose, hashlib.sha256)[:16], self.cipher)
        return self.prepared[label]

    def __call__(self, values: Any, labels: Any) -> pa.Array:
        """Pseudonyms of a text array under one label; NULL stays NULL. Raises MASK_NO_KEY."""
        if len(values) == 0:
            return pa.array([], pa.string())
        (label,) = pc.unique(labels).to_pylist()  # a constant of the statement
        texts = Texts(values)
        return texts.fixed(hexadecimal(self._cmac(label).codes(texts)))


class Keyed:
    """The engine functions of one digest: one prepared HMAC state per label, copied per value."""

    def __init__(self, keys: Mapping[str, bytes], digest: str) -> None:
        self.keys, self.digest = keys, digest
        self.states: dict[str, HMAC] = {}
        self.known: dict[str, dict[str, str]] = {}

    def prepared(self, label: str) -> HMAC:
        """The HMAC of a label's key, ready to be copied; raises MASK_NO_KEY."""
        if label not in self.states:
            try:
                key = self.keys[label]
            except KeyError:
                raise YurtError(MASK_NO_KEY, label=label) from None
            self.states[label] = HMAC(key, hashes.SM3() if self.digest == "sm3" else hashes.SHA256())
        return self.states[label]

    def mac(self, label: str, message: bytes) -> bytes:
        """HMAC of `message`; raises MASK_NO_KEY."""
        state = self.prepared(label).copy()
        state.update(message)
        return state.finalize()

    def pseudonyms(self, values: Any, labels: Any) -> pa.Array:
        """Pseudonyms of a text array under one label; NULL stays NULL. Values met lately are remembered."""
        if len(values) == 0:
            return pa.array([], pa.string())
        (label,) = pc.unique(labels).to_pylist()  # a constant of the statement
        prepared, known = self.prepared(label), self.known.setdefault(label, {})
        if len(known) > REMEMBERED:
            known.clear()
        texts = values.to_pylist()
        for text in texts:
            if text is not None and text not in known:
                state = prepared.copy()
                state.update(text.encode())
                known[text] = state.finalize()[: DIGITS // 2].hex()
        known_as = known.get  # NULL is never known
        return pa.array([known_as(text) for text in texts], pa.string())

    def shift_days(self, subjects: Any, spans: Any, labels: Any) -> pa.Array:
        """Days to shift, per subject: -span..span without 0. A NULL subject gives NULL, which hides the date."""
        made: list[int | None] = []
        for subject, span, label in zip(subjects.to_pylist(), spans.to_pylist(), labels.to_pylist(), strict=True):
            if subject is None or span is None:
                made.append(None)
                continue
            digest = self.mac(label, b"shift\x00" + subject.encode())
            step = int.from_bytes(digest[:8], "big") % (2 * span)
            made.append(step - span if step < span else step - span + 1)
        return pa.array(made, pa.int32())


PSEUDONYM = Operator(
    "pseudonym",
    "The value gives way to a keyed code; equal values get equal codes within a scope.",
    Family.PSEUDONYMISATION,
    Result.TEXT,
    PseudonymArguments,
    _pseudonym,
    joinable=True,
    keyed=True,
    attack="Frequencies survive: do not use it on values of few kinds, such as surnames.",
)
DATE_SHIFT = Operator(
    "date_shift",
    "All dates of one person move by the same secret number of days.",
    Family.RANDOMISATION,
    Result.DATE,
    DateShiftArguments,
    _date_shift,
    format_kept=True,
    keyed=True,
    attack="One known true date of a person reveals the shift of all of theirs.",
)
