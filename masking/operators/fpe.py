"""Format-preserving encryption: the value becomes another of its form, and the holder of the key can go back."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Literal, Self

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator
from sqlglot import exp

from masking.errors import MASK_NO_KEY
from masking.operators.column import Texts
from masking.operators.ff1 import FF1, Algorithm, check_domain
from masking.operators.formats import ALPHABETS, PRESETS, Format, Plain
from masking.operators.interface import Arguments, Family, Operator, Result, function, literal, text_of
from masking.operators.keyed import LABEL
from store.errors import YurtError

FUNCTIONS: Mapping[Algorithm, str] = {"aes": "yurt_fpe_aes", "sm4": "yurt_fpe_sm4"}


class FpeArguments(Arguments):
    """A `preset` that keeps check characters right, or an `alphabet` with `head` and `tail` characters left as they are
    (and, where all values have one length, `length`). `scope`: label of the key. `algorithm`: aes or sm4."""

    preset: Literal["id_card", "mobile", "bank_card", "uscc"] | None = None
    alphabet: Literal["digits", "hex", "lower", "upper", "alnum"] | None = None
    head: int = Field(0, ge=0, le=32)
    tail: int = Field(0, ge=0, le=32)
    length: int | None = Field(None, ge=2, le=64)
    scope: str = Field("default", pattern=LABEL)
    algorithm: Algorithm = "sm4"

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.preset is None) == (self.alphabet is None):
            raise ValueError("give a preset or an alphabet")
        if self.preset is not None and self.model_fields_set & {"head", "tail", "length"}:
            raise ValueError("a preset takes no counts")
        if self.alphabet is not None and self.length is not None:
            check_domain(len(ALPHABETS[self.alphabet]), self.length - self.head - self.tail)
        return self


def format_of(spec: str) -> Format:
    """The format a function's second argument names: a preset, or alphabet:head:tail:length (0: any)."""
    if spec in PRESETS:
        return PRESETS[spec]
    alphabet, head, tail, length = spec.split(":")
    lengths = (int(length), int(length)) if int(length) else (1, 64)
    return Plain(ALPHABETS[alphabet], int(head), int(tail), lengths=lengths)


def _spec(args: FpeArguments) -> str:
    return args.preset or f"{args.alphabet}:{args.head}:{args.tail}:{args.length or 0}"


def _fpe(column: exp.Expression, args: FpeArguments) -> exp.Expression:
    return function(FUNCTIONS[args.algorithm], text_of(column), literal(_spec(args)), literal(args.scope))


class FormatCipher:
    """The engine function of one algorithm and direction; every label and format has a key of its own."""

    def __init__(self, keys: Mapping[str, bytes], algorithm: Algorithm, *, decrypting: bool = False) -> None:
        self.keys, self.algorithm, self.decrypting = keys, algorithm, decrypting
        self.ciphers: dict[tuple[str, str], FF1] = {}

    def _cipher(self, label: str, spec: str) -> FF1:
        if (label, spec) not in self.ciphers:
            try:
                key = self.keys[label]
            except KeyError:
                raise YurtError(MASK_NO_KEY, label=label) from None
            purpose = f"yurt/fpe/ff1-{self.algorithm}/{spec}".encode()
            self.ciphers[label, spec] = FF1(hmac.digest(key, purpose, hashlib.sha256)[:16], self.algorithm)
        return self.ciphers[label, spec]

    def __call__(self, values: Any, specs: Any, labels: Any) -> pa.Array:
        """Values encrypted under the label of the column; those of another form become `MASKED`, NULL stays NULL."""
        if len(values) == 0:
            return pa.array([], pa.string())
        (spec,), (label,) = pc.unique(specs).to_pylist(), pc.unique(labels).to_pylist()  # constants of the statement
        form, cipher = format_of(spec), self._cipher(label, spec)

        return Texts(values).changed(form.valid, lambda codes: form.crypt(codes, cipher, decrypting=self.decrypting))


FPE = Operator(
    "fpe",
    "The value becomes another of the same form by FF1 (NIST SP 800-38G Rev. 1); the key leads back.",
    Family.PSEUDONYMISATION,
    Result.TEXT,
    FpeArguments,
    _fpe,
    reversible=True,
    joinable=True,
    format_kept=True,
    keyed=True,
    attack="Equal values stay equal, kept parts are in the open, and a result may happen to be somebody's number.",
)
