"""What is known of each character: the character, what it is in names, and the word it is part of; for all at once.

`TEMPLATES` say which of it makes an attribute of the CRF. The same code serves training and use.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from masking.ner.lexicon import FUNCTION, Lexicon
from masking.ner.segment import ALONE, STRAY, cut
from masking.ner.trie import PLANE, Ints, Trie

PAD = 3
"""Line feeds on either side of a text: what stands beyond its ends."""
FIRST_HAN, LAST_HAN = 0x4E00, 0x9FFF
KINDS = "h0aA,(· o"
_COMMAS, _BRACKETS = "，,、；;：:。.！!？?", "()（）[]{}<>《》“”\"'‘’|=/\\"
_SURNAME, _GIVEN = ".ABC", ("", "a", "b", "c", "s", "as", "bs", "cs", "r")
NAMES = len(KINDS) - 1 + len(_SURNAME) * len(_GIVEN)
_WORDS = {
    "w": 0, "p": 1, "pu": 1, "m": 2, "wp": 3, "c": 4, "wc": 4, "wcf": 4, "wcft": 4, "f": 5, "wf": 5, "wft": 5, "S": 6,
    "wS": 6, "pS": 6, "o": 7, "wo": 7, "wm": 8, "u": 9, "wu": 9, "t": 10, "wt": 10, "pm": 11, "wpm": 11,
}  # fmt: skip
CODES = len(KINDS) + 3 * (max(_WORDS.values()) + 1)

SIZES = {"k": len(KINDS), "n": NAMES, "w": CODES, "g": 2}
"""Values of the columns that are classes: k class of character, n what it is in names, w kind of word and place in it,
g whether a word spans the gap before. The other columns are nodes of the trie: l the character, p the pair it begins,
b the word that ends here, a the word that begins here (or the character alone)."""

Template = tuple[tuple[str, int], ...]
TEMPLATES: tuple[Template, ...] = (
    (("l", 0),), (("l", -1),), (("l", 1),), (("l", -2),), (("l", 2),),
    (("p", -1),), (("p", 0),), (("p", -2),), (("p", 1),),
    (("b", -1),), (("a", 1),), (("b", -1), ("n", 0)),
    (("n", 0),), (("n", -1), ("n", 0)), (("n", 0), ("n", 1)), (("n", 0), ("n", 1), ("n", 2)),
    (("w", 0),), (("w", -1),), (("w", 1),), (("w", -1), ("w", 0)), (("w", 0), ("w", 1)),
    (("w", -1), ("w", 0), ("w", 1)),
    (("w", -1), ("n", 0), ("n", 1)), (("n", -1), ("n", 0), ("w", 1)), (("w", -2), ("w", -1)), (("w", 1), ("w", 2)),
    (("k", -1), ("k", 0), ("k", 1)),
    (("w", -1), ("k", 1), ("k", 2), ("k", 3)), (("w", -2), ("n", -1), ("k", 1)), (("w", -3), ("n", -2), ("k", 1)),
    (("n", 0), ("w", 2)), (("n", 0), ("w", 3)),
    (("g", -1), ("g", 0), ("g", 1), ("g", 2), ("n", 0), ("n", 1)),
    (("g", -1), ("g", 0), ("g", 1), ("g", 2), ("n", -1), ("n", 0)),
)  # fmt: skip
"""Columns, and how far from the character, that make one attribute together. Those with k after w or n see a label, a
surname and one or two characters up to an edge."""


Look = dict[str, Ints]
"""Columns of a text, one value per character."""


def number(look: Look, template: Template, start: int, end: int) -> Ints:
    """The columns of a template for the characters `start` to `end`, as digits of one number each."""
    made: Ints | None = None
    for name, shift in template:
        column = look[name][start + shift : end + shift]
        made = column if made is None else made * SIZES[name] + column
    if made is None:
        raise ValueError("a template has columns")
    return made


class Sight:
    """The tables that turn characters into columns."""

    def __init__(self, known: Lexicon, more: tuple[str, ...] = ()) -> None:
        """`more`: pairs of characters that get a node though they are no word."""
        words = sorted(known.words)
        self.trie = Trie([*words, *more])
        self.words = np.zeros(self.trie.size, np.bool_)
        self.codes = np.zeros(self.trie.size, np.int64)
        nodes = self.trie.find(words)
        self.words[nodes] = True
        self.codes[nodes] = [
            len(KINDS) + 3 * _WORDS.get(known.words[word], _WORDS[known.words[word][0]]) for word in words
        ]
        self.kinds = np.array([KINDS.index(_kind(chr(code))) for code in range(PLANE)])
        self.folded = np.arange(PLANE)
        for kind in "0aA ·":
            self.folded[self.kinds == KINDS.index(kind)] = ord(kind)
        self.folded[0xD800:0xE000] = self.folded[PLANE - 1] = ord("o")
        self.names = self.kinds - 1
        self.names[self.kinds == 0] = len(KINDS) - 1
        for letter in known.surnames.keys() | known.given.keys():
            surname, given = _SURNAME.index(known.surnames.get(letter, ".")), _GIVEN.index(known.given.get(letter, ""))
            self.names[ord(letter)] = len(KINDS) - 1 + surname * len(_GIVEN) + given
        self.stray = np.full(PLANE, STRAY)
        self.stray[[ord(letter) for letter in FUNCTION]] = ALONE

    def look(self, codes: Ints, keep: Callable[[int], NDArray[np.bool_]] | None = None) -> Look:
        """Columns of a text given as code points (`code_points`). `keep` forgets words, during training."""
        kinds, folded = self.kinds.take(codes), self.folded.take(codes)
        found = cut(self.trie, folded, self.words, self.stray.take(codes), keep)
        code, before, after = kinds.copy(), folded.copy(), folded.copy()
        last = found.starts + found.sizes - 1
        kind = self.codes[found.nodes]
        code[found.starts], code[last] = kind, kind + 2
        for inside in range(1, self.trie.longest - 1):
            long = found.sizes > inside + 1
            code[found.starts[long] + inside] = kind[long] + 1
        before[last] = after[found.starts] = found.nodes
        return {
            "k": kinds, "n": self.names.take(codes), "w": code, "g": found.spanned.astype(np.int64), "l": folded,
            "b": before, "a": after, "p": found.pairs,
        }  # fmt: skip


def code_points(text: str) -> Ints:
    """Code points, those beyond the first plane as one."""
    read = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
    made: Ints = np.minimum(read, PLANE - 1).astype(np.int64)
    return made


def _kind(letter: str) -> str:
    """Class of a character: h Han, 0 digit, a and A Latin, comma for stops, bracket, · dot, blank, other."""
    if FIRST_HAN <= ord(letter) <= LAST_HAN:
        return "h"
    if letter in _COMMAS:
        return ","
    if letter in _BRACKETS:
        return "("
    if letter in "·•・":
        return "·"
    if letter.isspace():
        return " "
    if letter.isascii() and letter.isalnum():
        return "0" if letter.isdigit() else "a" if letter.islower() else "A"
    return "o"
