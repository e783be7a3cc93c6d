"""What format-preserving encryption keeps, encrypts and repairs in each type of number.

A format splits a column of values of one length into numbers to encrypt and a tweak (what stays visible), and puts new
numbers back, check characters computed anew. Only rows with valid check characters are understood: an invalid one could
not be restored.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from masking.checksums import USCC_ALPHABET
from masking.operators import checkdigits
from masking.operators.ff1 import FF1, Numerals, check_domain, number_of, numerals_of, walked

Codes = NDArray[np.uint8]
Good = NDArray[np.bool_]

ALPHABETS = {
    "digits": "0123456789",
    "hex": "0123456789abcdef",
    "lower": "abcdefghijklmnopqrstuvwxyz",
    "upper": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "alnum": "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
}
WALK_RADIX, WALK_LENGTH = 93, 4
"""93**4 is just above the 73,049 days of two centuries times 1,000, so that 98 of 100 walks are one step long."""
FIRST_BIRTH, LAST_BIRTH = date(1900, 1, 1), date(2099, 12, 31)


class Format(ABC):
    """One type of number; all methods take (N, length) ASCII codes."""

    @abstractmethod
    def valid(self, codes: Codes) -> Good:
        """Which rows have this format."""

    @abstractmethod
    def crypt(self, codes: Codes, cipher: FF1, *, decrypting: bool) -> Codes:
        """Valid rows with their secret part encrypted or decrypted."""


def _permuted(cipher: FF1, part: Numerals, radix: int, tweak: bytes | Numerals, *, decrypting: bool) -> Numerals:
    return (cipher.decrypt if decrypting else cipher.encrypt)(part, radix, tweak)


def _values(alphabet: str) -> NDArray[np.uint8]:
    table = np.full(256, 255, np.uint8)
    table[np.frombuffer(alphabet.encode(), np.uint8)] = range(len(alphabet))
    return table


@dataclass(frozen=True, slots=True)
class Plain(Format):
    """Letters of one alphabet; `head` and `tail` characters stay and are the tweak. `luhn`: a check digit ends it."""

    alphabet: str
    head: int = 0
    tail: int = 0
    luhn: bool = False
    lengths: tuple[int, int] = (1, 64)

    def valid(self, codes: Codes) -> Good:
        length = codes.shape[1]
        inner = length - self.head - self.tail - self.luhn
        try:
            check_domain(len(self.alphabet), inner)
        except (ValueError, OverflowError):
            return np.zeros(len(codes), bool)
        if not self.lengths[0] <= length <= self.lengths[1]:
            return np.zeros(len(codes), bool)
        good: Good = (_values(self.alphabet)[codes[:, self.head : length - self.tail]] != 255).all(axis=1)
        if self.luhn:
            good &= (codes >= 48).all(axis=1) & (codes <= 57).all(axis=1)
            good &= checkdigits.luhn_check(codes[:, :-1]) == codes[:, -1]
        return good

    def crypt(self, codes: Codes, cipher: FF1, *, decrypting: bool) -> Codes:
        end = codes.shape[1] - self.tail - self.luhn
        kept = np.r_[0 : self.head, codes.shape[1] - self.tail : codes.shape[1]]
        tweak = codes[:, kept]
        letters = np.frombuffer(self.alphabet.encode(), np.uint8)
        part = _values(self.alphabet)[codes[:, self.head : end]]
        made = codes.copy()
        made[:, self.head : end] = letters[_permuted(cipher, part, len(self.alphabet), tweak, decrypting=decrypting)]
        if self.luhn:
            made[:, -1] = checkdigits.luhn_check(made[:, :-1])
        return made


class Mobile(Plain):
    """Mainland mobile numbers: eleven digits beginning with 13 to 19; the first three stay."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(ALPHABETS["digits"], head=3, lengths=(11, 11))

    def valid(self, codes: Codes) -> Good:
        good: Good = super().valid(codes)
        if codes.shape[1] == 11:
            good = good & (codes[:, 0] == ord("1")) & (codes[:, 1] >= ord("3"))
        return good


class IdCard(Format):
    """Identity numbers: the area stays; birth date and sequence become those of another day from 1900 to 2099."""

    def __init__(self) -> None:
        days = np.arange(np.datetime64(FIRST_BIRTH, "D"), np.datetime64(LAST_BIRTH, "D") + 1)
        years, months = days.astype("datetime64[Y]"), days.astype("datetime64[M]")
        self.calendar = (
            (years.astype(np.int64) + 1970) * 10_000
            + (months.astype(np.int64) % 12 + 1) * 100
            + (days - months).astype(np.int64)
            + 1
        )

    def valid(self, codes: Codes) -> Good:
        if codes.shape[1] != 18:
            return np.zeros(len(codes), bool)
        body = codes[:, :17]
        good: Good = (body >= 48).all(axis=1) & (body <= 57).all(axis=1) & (codes[:, 0] != 48)
        digits = np.where(good[:, None], body, 48).astype(np.uint8)
        last = np.where(codes[:, 17] == ord("x"), ord("X"), codes[:, 17])
        good &= checkdigits.id_check(digits) == last
        born = number_of(digits[:, 6:14] - np.uint8(48), 10).astype(np.int64)
        place = np.minimum(np.searchsorted(self.calendar, born), len(self.calendar) - 1)
        good &= self.calendar[place] == born
        return good

    def crypt(self, codes: Codes, cipher: FF1, *, decrypting: bool) -> Codes:
        digits, areas = codes[:, :17] - np.uint8(48), codes[:, :6]
        born = np.searchsorted(self.calendar, number_of(digits[:, 6:14], 10).astype(np.int64))
        numbers = born.astype(np.uint64) * np.uint64(1000) + number_of(digits[:, 14:17], 10)

        def step(walking: NDArray[np.uint64], rows: NDArray[np.int64]) -> NDArray[np.uint64]:
            part = numerals_of(walking, WALK_RADIX, WALK_LENGTH)
            return number_of(_permuted(cipher, part, WALK_RADIX, areas[rows], decrypting=decrypting), WALK_RADIX)

        day, sequence = np.divmod(walked(numbers, len(self.calendar) * 1000, step), np.uint64(1000))
        made = np.empty((len(codes), 18), np.uint8)
        made[:, :6] = areas
        made[:, 6:14] = numerals_of(self.calendar[day.astype(np.int64)].astype(np.uint64), 10, 8) + np.uint8(48)
        made[:, 14:17] = numerals_of(sequence, 10, 3) + np.uint8(48)
        made[:, 17] = checkdigits.id_check(made[:, :17])
        return made


class Uscc(Format):
    """Unified social credit codes: department, class and area stay; the organisation code becomes another one."""

    def valid(self, codes: Codes) -> Good:
        if codes.shape[1] != 18:
            return np.zeros(len(codes), bool)
        good: Good = (_values(USCC_ALPHABET)[codes] != 255).all(axis=1)
        good &= checkdigits.uscc_check(codes[:, :17]) == codes[:, 17]
        good &= checkdigits.org_check(codes[:, 8:16]) == codes[:, 16]
        return good

    def crypt(self, codes: Codes, cipher: FF1, *, decrypting: bool) -> Codes:
        letters = np.frombuffer(USCC_ALPHABET.encode(), np.uint8)
        part = _values(USCC_ALPHABET)[codes[:, 8:16]]
        made = codes.copy()
        made[:, 8:16] = letters[_permuted(cipher, part, len(letters), codes[:, :8], decrypting=decrypting)]
        made[:, 16] = checkdigits.org_check(made[:, 8:16])
        made[:, 17] = checkdigits.uscc_check(made[:, :17])
        return made


PRESETS: dict[str, Format] = {
    "id_card": IdCard(),
    "mobile": Mobile(),
    "bank_card": Plain(ALPHABETS["digits"], head=6, luhn=True, lengths=(13, 19)),
    "uscc": Uscc(),
}
