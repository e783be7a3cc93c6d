"""Makes the word lists that others collected: `python -m masking.training.lists`. NOTICE names them and their licences.

    common.txt       words of two to four characters of jieba's dictionary, the rare ones and all names left out
    places.txt       its place names, and countries, languages and cities of Unicode CLDR (by Babel)
    traditional.txt  a traditional character and its simplified one, of OpenCC

The model reads these lists (`masking.ner.lexicon`): after a change it has to be trained again.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from importlib.resources import files
from pathlib import Path

from babel import Locale

from masking.places import words

FOLDER = Path(__file__).parents[1] / "data"
SEEN = 20
"""How often a common word has to occur in what jieba's counts were taken from."""
OFTEN, SEEN_PLACE = 400, 10
HAN = re.compile("[\u4e00-\u9fff]+")
NAMES = ("nr", "ns", "nt", "nz")
"""Tags of people, places, organisations and other names."""


def _jieba() -> Iterator[tuple[str, int, str]]:
    """Word, count and tag."""
    for line in (files("jieba") / "dict.txt").read_text("utf-8").splitlines():
        word, count, tag = line.split(" ")
        if HAN.fullmatch(word):
            yield word, int(count), tag


def common() -> set[str]:
    """Words of everyday use. What could be a given name as well has to be frequent: 一鸣 is one, 可能 is none."""
    given = set("".join(words("given.txt")))
    return {
        word
        for word, count, tag in _jieba()
        if 2 <= len(word) <= 4
        and count >= (OFTEN if len(word) == 2 and set(word) <= given else SEEN)
        and not tag.startswith(NAMES)
    }


def known_places() -> set[str]:
    """Places near and far."""
    chinese = Locale("zh")
    world = (*chinese.territories.values(), *chinese.languages.values(), *_cities(chinese))
    places = {
        word for word, count, tag in _jieba() if 2 <= len(word) <= 5 and count >= SEEN_PLACE and tag.startswith("ns")
    }
    return places | {name for name in world if HAN.fullmatch(name) and len(name) >= 2}


def _cities(chinese: Locale) -> Iterator[str]:
    for zone in chinese.time_zones.values():
        if "city" in zone:
            yield zone["city"]


def traditional() -> list[str]:
    """Pairs of one character each."""
    lines = (files("opencc") / "dictionary" / "TSCharacters.txt").read_text("utf-8").splitlines()
    pairs = (line.split("\t") for line in lines)
    return [one + others.split()[0] for one, others in pairs if one != others.split()[0]]


def _lines(words: Iterable[str], size: int) -> str:
    """Words in lines by their first character, or so many a line."""
    words = list(words)
    return "".join(" ".join(words[start : start + size]) + "\n" for start in range(0, len(words), size))


def made() -> dict[str, str]:
    """File name -> text."""
    return {
        "common.txt": _lines(sorted(common()), 40),
        "places.txt": _lines(sorted(known_places() - common()), 40),
        "traditional.txt": _lines(traditional(), 58),
    }


def main() -> int:
    """Write them all."""
    for name, text in made().items():
        (FOLDER / name).write_text(text, "utf-8")
        print(f"{name}: {len(text.split()):,} words")
    return 0


if __name__ == "__main__":
    sys.exit(main())
