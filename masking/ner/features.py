"""Attributes of each character for the CRF, from the character, its neighbours and the lexicon.

The same function serves training and use. It reads the whole text, so that a window cut out of it has its true
neighbours; beyond the ends stands a line feed.
"""

from collections.abc import Callable

from masking.ner.lexicon import LONGEST, Lexicon

PAD = 3
_ALWAYS: Callable[[str], bool] = lambda word: True  # noqa: E731
_TYPES = dict.fromkeys("，,、；;：:。.！!？?", ",") | dict.fromkeys("()（）[]{}<>《》“”\"'‘’|=/\\", "(")


def kind_of(letter: str) -> str:
    """Class of a character: h Han, 0 digit, a and A Latin, comma for stops, bracket, · dot, blank, other."""
    if "一" <= letter <= "鿿":
        return "h"
    if letter in _TYPES:
        return _TYPES[letter]
    if letter in "·•・":
        return "·"
    if letter.isspace():
        return " "
    if letter.isascii() and letter.isalnum():
        return "0" if letter.isdigit() else "a" if letter.islower() else "A"
    return "o"


_FOLDED = {"0": "0", "a": "a", "A": "A", " ": " ", "·": "·"}


def marks(text: str, low: int, high: int, known: Lexicon, keep: Callable[[str], bool] = _ALWAYS) -> list[str]:
    """For each character of text[low:high] the words of the lexicon it stands in: kind and b(egin), i(nside), e(nd).

    Longest word first, per kind; `keep` forgets words at random during training.
    """
    found = [""] * (high - low)
    free: dict[str, int] = {}
    words, starts = known.words, known.starts
    for start in range(max(0, low - LONGEST), high):
        if text[start] not in starts:
            continue
        for size in range(min(LONGEST, len(text) - start), 1, -1):
            kinds = words.get(text[start : start + size])
            if kinds is None or not keep(text[start : start + size]):
                continue
            end = start + size
            for kind in kinds:
                if free.get(kind, 0) > start:
                    continue
                free[kind] = end
                if start >= low:
                    found[start - low] += kind + "b"
                for inside in range(max(start + 1, low), min(end - 1, high)):
                    found[inside - low] += kind + "i"
                if low < end <= high:
                    found[end - 1 - low] += kind + "e"
    return found


def attributes(
    text: str, low: int, high: int, known: Lexicon, keep: Callable[[str], bool] = _ALWAYS
) -> list[list[str]]:
    """One list of attributes per character of text[low:high]."""
    left, right = max(0, low - PAD), min(len(text), high + PAD)
    before, after = "\n" * (PAD - (low - left)), "\n" * (PAD - (right - high))
    kinds, letters, names = [], [], []
    for letter in before + text[left:right] + after:
        kind = kind_of(letter)
        kinds.append(kind)
        letters.append(_FOLDED.get(kind, letter) if not "\ud800" <= letter <= "\udfff" else "o")  # CRFsuite wants UTF-8
        names.append(known.surnames.get(letter, "") + known.given.get(letter, "") or "-" if kind == "h" else kind)
    inside = marks(text, left, right, known, keep)
    codes = (
        [""] * len(before)
        + [code or kind for code, kind in zip(inside, kinds[len(before) :], strict=False)]
        + [""] * len(after)
    )
    made = []
    for i in range(PAD, PAD + high - low):
        a, b, c, d, e = letters[i - 2 : i + 3]
        k, m, n, o, p = names[i - 2 : i + 3]
        v, w, x, y, z = codes[i - 2 : i + 3]
        made.append(
            [
                "1" + c, "2" + b, "3" + d, "4" + a, "5" + e, "6" + b + c, "7" + c + d, "8" + a + b, "9" + d + e,
                "A" + b + c + d, "B" + b + d, "C" + a + b + c, "D" + c + d + e,
                "E" + n, "F" + m + "_" + n, "G" + n + "_" + o, "H" + n + "_" + o + "_" + p, "I" + m + "_" + n + "_" + o,
                "J" + k + "_" + m + "_" + n,
                "K" + x, "L" + w, "M" + y, "N" + w + "_" + x, "O" + x + "_" + y, "P" + w + "_" + x + "_" + y,
                "Q" + w + "_" + n + "_" + o, "R" + m + "_" + n + "_" + y, "S" + v + "_" + w, "T" + y + "_" + z,
                "U" + b + "_" + n + "_" + o, "V" + m + "_" + n + "_" + d, "W" + kinds[i - 1] + kinds[i] + kinds[i + 1],
            ]
        )  # fmt: skip
    return made
