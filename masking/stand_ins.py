"""Made-up values for columns that identify people: right in form, valid where there is a check digit, nobody's.

Identity numbers, names, telephones and addresses of one row belong to one made-up resident (`masking.identifiers`), so
that a birth date or sex beside an identity number agrees with it. Other types come from ranges that are not given out,
as far as public lists tell, set aside for documentation (RFC 2606, RFC 5737) or locally administered; what has no such
range becomes a running number.
"""

from collections.abc import Callable, Sequence

import numpy as np

from masking.checksums import USCC_ALPHABET, USCC_WEIGHTS, luhn
from masking.classify import ColumnSuggestion
from masking.entities import EntityType
from masking.identifiers import synthetic_residents

OF_RESIDENT = {"CN_ID_CARD": "id_no", "PERSON": "name", "CN_MOBILE": "phone", "ADDRESS": "address"}
BESIDE_ID = {"DATE_OF_BIRTH": "birth_date", "GENDER": "gender"}
"""Taken from the resident where the table has an identity number, which says both."""
TEXT = "合成文本，不含任何真实信息。"


def _check(body: str, valid: Callable[[str], bool]) -> str:
    return next(body + digit for digit in "0123456789" if valid(body + digit))


def _uscc(number: int) -> str:
    """Registry 9 for others, class 9, an unissued area; GB 32100."""
    body = f"99159900{number % 10**9:09d}"
    total = sum(weight * USCC_ALPHABET.index(sign) for weight, sign in zip(USCC_WEIGHTS, body, strict=True))
    return body + USCC_ALPHABET[(31 - total % 31) % 31]


MAKERS: dict[str, Callable[[int], str]] = {
    EntityType.EMAIL_ADDRESS: lambda n: f"user{n:07d}@example.cn",
    EntityType.CN_BANK_CARD: lambda n: _check(f"620000{n % 10**12:012d}", luhn),
    EntityType.CREDIT_CARD: lambda n: _check(f"400000{n % 10**9:09d}", luhn),
    EntityType.CN_LANDLINE: lambda n: f"0489-2{n % 10**6:06d}",  # no city has the code 0489
    EntityType.CN_PLATE: lambda n: f"蒙Z{n % 10**5:05d}",  # the region has no registry Z
    EntityType.CN_USCC: _uscc,
    EntityType.IP_ADDRESS: lambda n: f"{('192.0.2', '198.51.100', '203.0.113')[n // 254 % 3]}.{n % 254 + 1}",
    EntityType.MAC_ADDRESS: lambda n: f"02:00:5E:{n >> 16 & 255:02X}:{n >> 8 & 255:02X}:{n & 255:02X}",
    EntityType.WECHAT: lambda n: f"wxid_synthetic{n:07d}",
    EntityType.CN_PASSPORT: lambda n: f"EI{n % 10**7:07d}",  # I and O are never used
    "FREE_TEXT": lambda _: TEXT,
    "MIXED": lambda _: TEXT,
}


class StandIns:
    """Draws the made-up columns of a table, row by row of one resident each."""

    def __init__(self, suggestions: Sequence[ColumnSuggestion], random: np.random.Generator) -> None:
        self._random = random
        self._given = 0
        with_id = any(s.type == "CN_ID_CARD" for s in suggestions)
        known = OF_RESIDENT | (BESIDE_ID if with_id else {})
        self._resident = {s.column: known[s.type] for s in suggestions if s.type in known}
        self._made = {
            s.column: MAKERS.get(str(s.type), _running)
            for s in suggestions
            if s.role == "direct" and s.column not in self._resident
        }

    def covers(self, suggestion: ColumnSuggestion) -> bool:
        """Is the column made up, not drawn from a marginal?"""
        return suggestion.column in self._resident or suggestion.column in self._made

    def draw(self, rows: int) -> dict[str, list[str | None]]:
        """`rows` values of each made-up column; running numbers count on from draw to draw."""
        made: dict[str, list[str | None]] = {}
        if self._resident:
            people = synthetic_residents(rows, int(self._random.integers(2**63)))
            for column, part in self._resident.items():
                made[column] = [str(value) for value in people[part].to_pylist()]
        for column, maker in self._made.items():
            made[column] = [maker(self._given + place + 1) for place in range(rows)]
        self._given += rows
        return made


def _running(number: int) -> str:
    return str(10**9 + number)
