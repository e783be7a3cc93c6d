"""Where a name may begin: a linear model over classes of characters, far cheaper than the CRF it saves work.

Each character gets a sum of table look-ups (its class and those of its neighbours, whether pairs of them lie in a
word of the lexicon, the characters themselves); vectorised, a hundred nanoseconds a character. The tables are
learned from the sentences the CRF is trained on (`masking/training/gate.py`), the threshold so that next to no name is
lost.
"""

from functools import cache
from importlib import resources
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from masking.ner.features import kind_of
from masking.ner.lexicon import Lexicon, lexicon

CLASSES = 48
PAIRS = 1 << 22
FIRST_HAN, LAST_HAN = 0x4E00, 0x9FFF
LETTERS = LAST_HAN - FIRST_HAN + 2
"""One index per Han character, 0 for any other."""
_KINDS = "0aA,(· o\n"
_NO_WORD_KINDS = "mS"

Array = NDArray[np.int64]


class Looks(NamedTuple):
    """Indexes into the tables for every character; one row per table of `SIZES`."""

    rows: tuple[Array, ...]


HASHED = 1 << 16
SIZES = (CLASSES * CLASSES * 8, CLASSES * CLASSES * 4, CLASSES * CLASSES * 8) + (LETTERS,) * 5 + (HASHED,) * 4


class Sight:
    """What the gate sees of a text."""

    def __init__(self, known: Lexicon) -> None:
        self.classes = np.full(0x10000, 1 + _KINDS.index("o"), np.int64)
        for code in range(0x10000):
            if FIRST_HAN <= code <= LAST_HAN or 0xD800 <= code < 0xE000:
                continue
            self.classes[code] = 1 + _KINDS.index("\n" if code in (0, 10) else kind_of(chr(code)))
        self.classes[FIRST_HAN : LAST_HAN + 1] = 10
        for letter in known.surnames.keys() | known.given.keys():
            given = known.given.get(letter, "")
            rank = (
                ".ABC".index(known.surnames.get(letter, ".")) * 8
                + ".abc".index(given[:1] if given[:1] in "abc" and given else ".") * 2
            )
            self.classes[ord(letter)] = 11 + rank + ("s" in given)
        self.letters = np.zeros(0x10000, np.int64)
        self.letters[FIRST_HAN : LAST_HAN + 1] = np.arange(1, LETTERS)
        self.pairs = np.zeros(PAIRS, np.bool_)
        words = [word for word, kinds in known.words.items() if kinds and kinds[0] not in _NO_WORD_KINDS]
        joined = _codes("\n".join(words))
        self.pairs[_hashed(joined[:-1], joined[1:])] = True
        ends = np.flatnonzero(joined == 10)
        breaks = np.unique(
            np.concatenate([_hashed(joined[ends - 1], joined[ends]), _hashed(joined[ends], joined[ends + 1])])
        )
        self.pairs[breaks] = False

    def looks(self, codes: Array) -> tuple[Array, ...]:
        """One row of indexes per table; `codes` carries two line feeds on either side, which get none themselves."""
        kinds, letters = self.classes[codes], self.letters[codes]
        pairs = _hashed(codes[:-1], codes[1:])
        inside, mixed = self.pairs[pairs].astype(np.int64), pairs % HASHED
        before, here, after, then = kinds[1:-3], kinds[2:-2], kinds[3:-1], kinds[4:]
        gaps = inside[1:-2], inside[2:-1], inside[3:]
        far = np.concatenate([gaps[2][1:], [0]])
        return (
            ((here * CLASSES + after) * 2 + gaps[0]) * 4 + gaps[1] * 2 + gaps[2],
            ((before * CLASSES + here) * 2 + gaps[0]) * 2 + gaps[1],
            ((after * CLASSES + then) * 2 + gaps[1]) * 4 + gaps[2] * 2 + far,
            letters[:-4], letters[1:-3], letters[2:-2], letters[3:-1], letters[4:],
            mixed[:-3], mixed[1:-2], mixed[2:-1], mixed[3:],
        )  # fmt: skip


def _codes(text: str) -> Array:
    """Code points, those beyond the first plane as one."""
    read = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
    made: Array = np.minimum(read, 0xFFFF).astype(np.int64)
    return made


def padded(text: str) -> Array:
    """Code points with two line feeds on either side."""
    return _codes(f"\n\n{text}\n\n")


def _hashed(left: Array, right: Array) -> Array:
    hashed: Array = (left * 40_503 + right * 2_654_435) % PAIRS
    return hashed


class Gate:
    """Which characters may begin a name."""

    def __init__(self) -> None:
        raw = resources.files("masking").joinpath("data", "names.gate").read_bytes()
        head = np.frombuffer(raw[:8], "<f4")
        self.scale, self.threshold = float(head[0]), float(head[1])
        table = np.frombuffer(raw[8:], np.int8)
        self.tables = np.split(table.astype(np.int32), np.cumsum(SIZES)[:-1])
        self.sight = Sight(lexicon())

    def starts(self, text: str) -> Array:
        """Offsets, in order, at which a name may begin."""
        total = sum(table[row] for table, row in zip(self.tables, self.sight.looks(padded(text)), strict=True))
        found: Array = np.flatnonzero(total >= self.threshold)
        return found


@cache
def gate() -> Gate:
    """The gate, loaded at first use."""
    return Gate()
