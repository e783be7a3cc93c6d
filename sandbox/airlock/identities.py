"""Finding identities in cells and texts. The recognisers are `masking`'s; this decides what their hits mean here."""

import base64
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol


class SpanLike(Protocol):
    """What a recogniser reports; offsets in code points."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def type(self) -> str: ...
    @property
    def score(self) -> float: ...


Detect = Callable[[str], Sequence[SpanLike]]

# Numbers of one person, account or device: one is enough to block.
DIRECT = frozenset({
    "CN_ID_CARD", "CN_ID_CARD_15", "CN_FPR_ID", "CN_HKMT_RESIDENCE", "CN_HKMT_PERMIT", "CN_EXIT_PERMIT", "CN_PASSPORT",
    "CN_MILITARY_ID", "CN_DRIVER_FILE_NO", "CN_BANK_CARD", "CN_MOBILE", "CN_PLATE", "CN_SOCIAL_SECURITY_CARD",
    "CN_MEDICAL_INSURANCE", "MEDICAL_RECORD_NO", "CN_REALTY_CERT", "CN_REALTY_UNIT", "VIN", "IMEI", "EMAIL_ADDRESS",
    "CREDIT_CARD", "IBAN_CODE", "US_SSN",
})  # fmt: skip
# Names of places and bodies are what aggregates are grouped by.
HARMLESS = frozenset({"LOCATION", "ORG"})
# A bare number is only taken for these, whose checksum or shape chance seldom meets.
IN_NUMBERS = frozenset({"CN_ID_CARD", "CN_BANK_CARD", "CREDIT_CARD", "CN_MOBILE", "CN_FPR_ID", "CN_HKMT_RESIDENCE"})
CHECKED = IN_NUMBERS - {"CN_MOBILE"}
MIN_SCORE = 0.5
MANY_CELLS = 3
BLOCK_CHARACTERS = 4_000
# Long lines are scanned in windows: recognisers may take time quadratic in the length of one token.
WINDOW, OVERLAP = 2_000, 100

NUMBER = re.compile(r"[+-]?(\d*)(?:\.(\d*))?(?:[eE][+-]?\d{1,4})?")
_ENCODED = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")
_WORD = re.compile(r"[A-Za-z]*\d{0,8}")
_JOINTS = re.compile(r"[_/=+-]")
_SEPARATORS = re.compile(r"(?<=\d)[\s\-_.·,/]+(?=\d)")


@dataclass(frozen=True, slots=True)
class Hit:
    """One identity in one cell of a column: the cell's index and what kind it is."""

    cell: int
    type: str


class Scanner:
    """Recognisers bound to what their findings mean at the airlock."""

    def __init__(self, detect: Detect) -> None:
        self._detect = detect

    def types(self, text: str) -> set[str]:
        """Entity types in a text, as written and with compatibility forms (full width, circled) folded."""
        found = {span.type for span in self._detect(text) if span.score >= MIN_SCORE}
        folded = unicodedata.normalize("NFKC", text)
        if folded != text:
            found |= {span.type for span in self._detect(folded) if span.score >= MIN_SCORE}
        return found - HARMLESS

    def is_direct(self, text: str) -> bool:
        """Whether a short text holds a direct identifier."""
        return bool(text) and bool(self.types(text) & DIRECT)

    def column(self, cells: Sequence[str]) -> list[Hit]:
        """Identities in a column's cells. Cells are scanned in blocks, one cell a line; numbers are read apart."""
        hits: list[Hit] = []
        texts: list[tuple[int, str]] = []
        for index, cell in enumerate(cells):
            number = NUMBER.fullmatch(cell.strip())
            if number and cell.strip():
                hits += [Hit(index, kind) for kind in self._in_number(number)]
            elif len(cell.strip()) > 1:
                line = " ".join(cell.split())
                texts += [(index, line[at : at + WINDOW]) for at in range(0, len(line), WINDOW - OVERLAP)]
        return hits + self._in_texts(texts)

    def _in_number(self, number: re.Match[str]) -> set[str]:
        """Identities written as a number: whole numbers of the right length, and checked ones hidden in decimals."""
        whole, fraction = number.group(1) or "", number.group(2) or ""
        found: set[str] = set()
        if 11 <= len(whole) <= 19 and not fraction.strip("0"):
            found |= self.types(whole) & IN_NUMBERS
        for digits in (fraction, whole + fraction):
            # Eighteen digits are more than a float64 prints, so no computed figure is taken for a number of this kind.
            if fraction and len(digits) == 18 and digits[0] != "0":
                found |= self.types(digits) & {"CN_ID_CARD"}
        return found

    def _in_texts(self, texts: Sequence[tuple[int, str]]) -> list[Hit]:
        hits = []
        block: list[tuple[int, str]] = []
        length = 0
        for position, (index, text) in enumerate(texts):
            block.append((index, text))
            length += len(text) + 1
            if length >= BLOCK_CHARACTERS or position == len(texts) - 1:
                hits += self._in_block(block)
                block, length = [], 0
        return hits

    def _in_block(self, block: Sequence[tuple[int, str]]) -> list[Hit]:
        """One scan over many cells, mapped back by line; a hit that spans lines is an artefact of the joining."""
        lines = [unicodedata.normalize("NFKC", text).replace("\n", " ") for _, text in block]
        joined = "\n".join(lines)
        starts = [0]
        for line in lines:
            starts.append(starts[-1] + len(line) + 1)
        hits = []
        line_no = 0
        for span in sorted(self._detect(joined), key=lambda s: s.start):
            while starts[line_no + 1] <= span.start:
                line_no += 1
            if span.score >= MIN_SCORE and span.type not in HARMLESS and span.end < starts[line_no + 1]:
                hits.append(Hit(block[line_no][0], span.type))
        for (index, _), line in zip(block, lines, strict=True):
            closed = _SEPARATORS.sub("", line)  # 6101 0319-9001 …: grouping does not hide a number
            if closed != line and re.search(r"\d{11}", closed):
                hits += [Hit(index, kind) for kind in self.types(closed) & IN_NUMBERS]
        return hits


def encoded_strings(text: str) -> list[str]:
    """Long runs of a base64 or hexadecimal alphabet, other than plain words, paths and numbers."""
    return [run for run in _ENCODED.findall(text) if _looks_encoded(run)]


def _looks_encoded(run: str) -> bool:
    mixed = re.search(r"\d", run) and re.search(r"[A-Za-z]", run)
    return bool(mixed) and not all(_WORD.fullmatch(word) for word in _JOINTS.split(run))


def decoded(run: str) -> str | None:
    """What a base64 or hexadecimal string says, if it says anything printable."""
    plain = run.rstrip("=").replace("-", "+").replace("_", "/")
    padded = plain + "=" * (-len(plain) % 4)
    for decode in (_from_hex, _from_base64):
        text = decode(run if decode is _from_hex else padded)
        if text is not None and text.isprintable():
            return text
    return None


def _from_hex(run: str) -> str | None:
    try:
        return bytes.fromhex(run).decode("utf-8")
    except ValueError:
        return None


def _from_base64(run: str) -> str | None:
    try:
        return base64.b64decode(run, validate=True).decode("utf-8")
    except ValueError:  # binascii.Error is one
        return None
