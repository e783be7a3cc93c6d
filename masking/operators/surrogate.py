"""Surrogates: valid-looking values that were never given to anybody, the same for the same value under one label.

Each kind draws on a range that is not issued, so that no surrogate is somebody's number:
* id_card, uscc: areas of 内蒙古 that no edition of GB/T 2260 ever held (`masking.identifiers`);
* mobile: prefixes assigned to no operator; email: example.com (RFC 2606);
* bank_card: 9999, the national range (ISO/IEC 7812-1) of country code 999, which ISO 3166-1 gives to no country.
"""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import cache
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field
from sqlglot import exp

from masking import checksums
from masking.identifiers import UNASSIGNED_MOBILE_PREFIXES, UNISSUED_COUNTY_DIGITS
from masking.operators import checkdigits
from masking.operators.column import each_distinct, texts
from masking.operators.ff1 import numerals_of
from masking.operators.interface import Arguments, Family, Operator, Result, function, literal, text_of
from masking.operators.keyed import LABEL, Keyed

Kind = Literal["id_card", "mobile", "bank_card", "uscc", "email"]
Draws = NDArray[np.uint64]
"""(N, 4) uniform 64-bit numbers, one row per value."""

CITIES = np.array([1501, 1502, 1503, 1504, 1505, 1506, 1507, 1508, 1509, 1522, 1525, 1529], np.uint64)
FIRST_BIRTH, DAYS = date(1940, 1, 1), 23_741  # to the end of 2004
FUNCTION = "yurt_surrogate"


class SurrogateArguments(Arguments):
    """`kind` of value to make up; `scope`: label of the key that ties surrogates to values."""

    kind: Kind
    scope: str = Field("default", pattern=LABEL)


def _areas(draws: Draws) -> NDArray[np.uint8]:
    county = UNISSUED_COUNTY_DIGITS.start + draws // np.uint64(len(CITIES)) % np.uint64(len(UNISSUED_COUNTY_DIGITS))
    return _digits(CITIES[draws % np.uint64(len(CITIES))] * np.uint64(100) + county.astype(np.uint64), 6)


def _digits(numbers: Draws, length: int) -> NDArray[np.uint8]:
    return numerals_of(numbers % np.uint64(10**length), 10, length) + np.uint8(48)


def _with(body: NDArray[np.uint8], check: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]) -> NDArray[np.uint8]:
    return np.concatenate([body, check(body)[:, None]], axis=1)


def _letters(text: str, count: int) -> NDArray[np.uint8]:
    return np.broadcast_to(np.frombuffer(text.encode(), np.uint8), (count, len(text)))


@cache
def _calendar() -> NDArray[np.uint64]:
    return np.array([int((FIRST_BIRTH + timedelta(day)).strftime("%Y%m%d")) for day in range(DAYS)], np.uint64)


def _id_card(draws: Draws) -> list[str]:
    born = _digits(_calendar()[(draws[:, 1] % np.uint64(DAYS)).astype(np.int64)], 8)
    body = np.concatenate([_areas(draws[:, 0]), born, _digits(draws[:, 2] % np.uint64(999) + np.uint64(1), 3)], axis=1)
    return texts(_with(body, checkdigits.id_check))


def _mobile(draws: Draws) -> list[str]:
    prefixes = np.array(UNASSIGNED_MOBILE_PREFIXES, np.uint64)[(draws[:, 0] % np.uint64(6)).astype(np.int64)]
    return texts(np.concatenate([_digits(prefixes, 3), _digits(draws[:, 1], 8)], axis=1))


def _bank_card(draws: Draws) -> list[str]:
    body = np.concatenate([_letters("9999", len(draws)), _digits(draws[:, 0], 11)], axis=1)
    return texts(_with(body, checkdigits.luhn_check))


def _uscc(draws: Draws) -> list[str]:
    alphabet = np.frombuffer(checksums.USCC_ALPHABET.encode(), np.uint8)
    organisation = _with(alphabet[numerals_of(draws[:, 1] % np.uint64(31**8), 31, 8)], checkdigits.org_check)
    body = np.concatenate([_letters("91", len(draws)), _areas(draws[:, 0]), organisation], axis=1)
    return texts(_with(body, checkdigits.uscc_check))


def _email(draws: Draws) -> list[str]:
    return [f"u{high:016x}@example.com" for high in draws[:, 0].tolist()]


KINDS: Mapping[str, Callable[[Draws], list[str]]] = {
    "id_card": _id_card, "mobile": _mobile, "bank_card": _bank_card, "uscc": _uscc, "email": _email,
}  # fmt: skip


class Surrogates:
    """The engine function: HMAC-SHA-256 of kind and value is the randomness a surrogate is made of."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self.keyed = Keyed(keys, "sha256")

    def __call__(self, values: Any, kinds: Any, labels: Any) -> pa.Array:
        """A surrogate for each text, whatever its form; NULL stays NULL."""
        if len(values) == 0:
            return pa.array([], pa.string())
        (kind,), (label,) = pc.unique(kinds).to_pylist(), pc.unique(labels).to_pylist()

        def change(distinct: list[str]) -> list[str]:
            macs = b"".join([self.keyed.mac(label, f"surrogate\0{kind}\0{value}".encode()) for value in distinct])
            draws = np.frombuffer(macs, ">u8").reshape(-1, 4).astype(np.uint64)
            return KINDS[kind](draws) if distinct else []

        return each_distinct(values, change)


def _surrogate(column: exp.Expression, args: SurrogateArguments) -> exp.Expression:
    return function(FUNCTION, text_of(column), literal(args.kind), literal(args.scope))


SURROGATE = Operator(
    "surrogate",
    "The value gives way to a made-up one with valid check characters from a range never issued.",
    Family.PSEUDONYMISATION,
    Result.TEXT,
    SurrogateArguments,
    _surrogate,
    format_kept=True,
    keyed=True,
    attack="Frequencies survive; in large columns two values may, rarely, get the same surrogate.",
)
