"""What is known of a character or a word before any statistics: surname, given name, sound, place, common word, cue."""

from functools import cache
from typing import NamedTuple

from masking import places

LONGEST = 7
FUNCTION = "的了在是和与及或也都就还又把被将向对从由到给为以等而但不没有无这那其该此我你他她它们个"
"""Characters that are words of their own more often than parts of one."""


class Lexicon(NamedTuple):
    """Codes per character, and per word (2 to LONGEST characters) the kinds it belongs to.

    Kinds: w common word, p place, m morpheme of a transliterated name, c cue before names, f word after names,
    u unit of an address, o legal form, t title, S long surname.
    """

    surnames: dict[str, str]
    given: dict[str, str]
    words: dict[str, str]


def _add(words: dict[str, str], kind: str, more: frozenset[str] | tuple[str, ...]) -> None:
    for word in more:
        if 2 <= len(word) <= LONGEST and kind not in words.get(word, ""):
            words[word] = words.get(word, "") + kind


@cache
def rare_letters() -> tuple[str, ...]:
    """Characters of the second level of GB/T 2312-1980 (its rows 56 to 87): in running text most are part of a word of
    the lexicon or of a name."""
    return tuple(bytes((row, cell)).decode("gb2312") for row in range(0xD8, 0xF8) for cell in range(0xA1, 0xFF))


@cache
def lexicon() -> Lexicon:
    """All lists of this package, read once."""
    lines = places.lines("surnames.txt")
    surnames: dict[str, str] = {}
    for rank, name in enumerate(dict.fromkeys("".join(line for line in lines if " " not in line))):
        surnames[name] = "A" if rank < 60 else "B" if rank < 220 else "C"
    given: dict[str, str] = {}
    for rank, letter in enumerate(dict.fromkeys("".join(places.words("given.txt")))):
        given[letter] = "a" if rank < 160 else "b" if rank < 420 else "c"
    for letter in rare_letters():
        given.setdefault(letter, "r")
    sounds = set("".join(places.words("mongolian.txt")))
    for letter in sounds:
        given[letter] = given.get(letter, "").strip("r") + "s"
    words: dict[str, str] = {}
    _add(words, "w", places.words("words.txt"))
    _add(words, "w", places.words("common.txt"))
    _add(words, "p", places.place_names())
    _add(words, "p", tuple(place for place in places.words("places.txt") if place not in words))
    _add(words, "m", places.words("mongolian.txt"))
    _add(words, "c", places.word_list("cues"))
    _add(words, "f", places.word_list("follow"))
    _add(words, "t", places.word_list("titles"))
    _add(words, "u", ("号楼", "单元", "小区", "嘎查", "苏木", "街道", "社区", "大街", "大道", "胡同", "花园", "家园"))
    _add(words, "o", places.word_list("company_forms"))
    _add(words, "S", tuple(word for word in places.words("surnames.txt") if word not in lines))
    return Lexicon(surnames, given, words)
