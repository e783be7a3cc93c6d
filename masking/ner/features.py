"""Attributes of each character for the CRF, from the character, its neighbours and the words around it.

The same function serves training and use. It reads the whole text, so that a window cut out of it has its true
neighbours; beyond the ends stands a line feed.
"""

from collections.abc import Callable

from masking.ner.lexicon import FUNCTION, Lexicon

PAD = 3
_ALWAYS: Callable[[str], bool] = lambda word: True  # noqa: E731
_TYPES = dict.fromkeys("，,、；;：:。.！!？?", ",") | dict.fromkeys("()（）[]{}<>《》“”\"'‘’|=/\\", "(")
_FOLDED = {"0": "0", "a": "a", "A": "A", " ": " ", "·": "·"}
_ALONE = dict.fromkeys(FUNCTION, 0.9)
_STRAY = 1.2
"""Cost of a Han character that is no part of a word; a word costs 1, so the fewest words and strays win."""


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


_seen: dict[str, tuple[str, str, str]] = {}


def _look(letter: str, known: Lexicon) -> tuple[str, str, str]:
    """Class of a character, the character as an attribute, what it is in names; remembered, for there are few."""
    kind = kind_of(letter)
    folded = "o" if "\ud800" <= letter <= "\udfff" else _FOLDED.get(kind, letter)  # CRFsuite wants UTF-8
    name = known.surnames.get(letter, "") + known.given.get(letter, "") or "-" if kind == "h" else kind
    _seen[letter] = kind, folded, name
    return _seen[letter]


def segmented(
    text: str, low: int, high: int, known: Lexicon, keep: Callable[[str], bool] = _ALWAYS
) -> tuple[list[int], list[bool]]:
    """text[low:high] cut into the cheapest words: the end of the word that begins at each offset (0 inside a word),
    and whether any word of the lexicon spans the gap before each offset. `keep` forgets words during training."""
    size = high - low
    cost, back = [0.0] + [1e9] * size, [0] * (size + 1)
    spanned = [False] * (size + 1)
    words = known.words
    for start in range(size):
        here, end = cost[start], start + 1
        total = here + _ALONE.get(text[low + start], _STRAY)
        if total < cost[end]:
            cost[end], back[end] = total, start
        end += 1
        while end <= size:
            word = text[low + start : low + end]
            kinds = words.get(word)
            if kinds is None:
                break
            if kinds and keep(word):
                for gap in range(start + 1, end):
                    spanned[gap] = True
                if here + 1.0 < cost[end]:
                    cost[end], back[end] = here + 1.0, start
            end += 1
    ends, at = [0] * size, size
    while at:
        ends[back[at]] = at
        at = back[at]
    return ends, spanned


def attributes(
    text: str, low: int, high: int, known: Lexicon, keep: Callable[[str], bool] = _ALWAYS
) -> list[list[str]]:
    """One list of attributes per character of text[low:high]."""
    left, right = max(0, low - PAD), min(len(text), high + PAD)
    blank = PAD - (low - left)
    kinds, letters, names = [","] * blank, ["\n"] * blank, [" "] * blank
    for letter in text[left:right]:
        kind, folded, name = _seen.get(letter) or _look(letter, known)
        kinds.append(kind)
        letters.append(folded)
        names.append(name)
    size = len(letters)
    codes, before, after, gaps = list(kinds), letters[:], letters[:], ["0"] * (size + PAD + 1)
    ends, spanned = segmented(text, left, right, known, keep)
    at = 0
    while at < len(ends):
        end = ends[at]
        if end > at + 1:
            word, first, last = text[left + at : left + end], blank + at, blank + end - 1
            code = known.words[word]
            codes[first], codes[last] = code + "b", code + "e"
            for inside in range(first + 1, last):
                codes[inside] = code + "i"
            before[last], after[first] = word, word
        at = end
    for offset, crossed in enumerate(spanned):
        if crossed:
            gaps[blank + offset] = "1"
    more = [""] * PAD
    kinds += [","] * PAD
    letters += ["\n"] * PAD
    names += [" "] * PAD
    codes += more
    before += more
    after += more
    made = []
    for i in range(PAD, PAD + high - low):
        a, b, c, d, e = letters[i - 2 : i + 3]
        m, n, o, p = names[i - 1 : i + 3]
        v, w, x, y, z = codes[i - 2 : i + 3]
        around = gaps[i - 1] + gaps[i] + gaps[i + 1] + gaps[i + 2]
        made.append(
            [
                "1" + c, "2" + b, "3" + d, "4" + a, "5" + e, "6" + b + c, "7" + c + d, "8" + a + b, "9" + d + e,
                "C" + before[i - 1], "D" + after[i + 1],
                "E" + n, "F" + m + "_" + n, "G" + n + "_" + o, "H" + n + "_" + o + "_" + p,
                "K" + x, "L" + w, "M" + y, "N" + w + "_" + x, "O" + x + "_" + y, "P" + w + "_" + x + "_" + y,
                "Q" + w + "_" + n + "_" + o, "R" + m + "_" + n + "_" + y, "S" + v + "_" + w, "T" + y + "_" + z,
                "W" + kinds[i - 1] + kinds[i] + kinds[i + 1],
                "X" + around + n + o, "Y" + around + m + n, "Z" + before[i - 1] + "_" + n,
            ]
        )  # fmt: skip
    return made
