"""Invented names: Han, Mongolian, other peoples of China, foreign; in Chinese characters and in Latin letters."""

import random
import tomllib
from functools import cache
from importlib import resources

from masking import places
from masking.ner.lexicon import rare_letters


@cache
def parts(name: str) -> dict[str, list[str]]:
    """Word lists of a TOML file of this package by their names."""
    text = resources.files("masking.training").joinpath("data", f"{name}.toml").read_text("utf-8")
    return {key: value.split() for key, value in tomllib.loads(text).items()}


@cache
def _surnames() -> tuple[list[str], list[float], list[str]]:
    """Surnames of one character, their weights by rank, and the longer ones."""
    lines = places.lines("surnames.txt")
    single = list(dict.fromkeys("".join(line for line in lines if " " not in line)))
    weights = [1 / (rank + 6) for rank in range(len(single))]
    return single, weights, [name for name in places.words("surnames.txt") if name not in lines]


@cache
def _given() -> tuple[list[str], list[float], list[str]]:
    letters = list(dict.fromkeys("".join(places.words("given.txt"))))
    return letters, [1 / (rank + 80) for rank in range(len(letters))], parts("names")["wide"][0:1]


def _given_letter(draw: random.Random) -> str:
    letters, weights, wide = _given()
    kind = draw.random()
    if kind < 0.08:
        return draw.choice(wide[0])
    return draw.choice(rare_letters()) if kind < 0.14 else draw.choices(letters, weights)[0]


@cache
def _given_words() -> list[str]:
    """Common words that serve as given names: both characters are ones of given names."""
    letters = set(_given()[0])
    return [word for word in places.words("common.txt") if len(word) == 2 and set(word) <= letters]


@cache
def _any_words() -> list[str]:
    """Words and places of two characters, whatever they mean: only what stands around tells that one is a name."""
    every = (*places.words("common.txt"), *places.words("places.txt"))
    return [word for word in dict.fromkeys(every) if len(word) == 2]


@cache
def surname_words() -> list[str]:
    """Common words of two or three characters that begin with a surname."""
    single = set(_surnames()[0][:420])
    both = (*places.words("words.txt"), *places.words("common.txt"))
    return [word for word in dict.fromkeys(both) if len(word) <= 3 and word[0] in single]


@cache
def name_words() -> list[str]:
    """Words that might as well be a name: surname and a character of given names (高兴, 黄河, 常乐)."""
    letters = set(_given()[0])
    return [word for word in surname_words() if len(word) == 2 and word[1] in letters]


def han(draw: random.Random) -> str:
    """Surname and one or two characters; now and then a compound surname or a wife's double one."""
    single, weights, long = _surnames()
    kind = draw.random()
    if kind < 0.03:
        word = draw.choice(name_words())
        return word if draw.random() < 0.3 else word + _given_letter(draw)
    if kind < 0.15:
        return draw.choices(single, weights)[0] + draw.choice(_given_words())
    surname = draw.choices(single, weights)[0] if kind < 0.62 else draw.choice(single[:300] if kind < 0.84 else single)
    if kind > 0.955:
        surname = draw.choice(long)
    elif kind > 0.95:
        surname += draw.choices(single, weights)[0]
    length = draw.random()
    if length < 0.03:
        return surname + draw.choice("小小小大晓") + _given_letter(draw)
    if length < 0.42:
        return surname + _given_letter(draw)
    if length < 0.45:
        return surname + _given_letter(draw) * 2
    return surname + _given_letter(draw) + _given_letter(draw)


def named_word(draw: random.Random) -> str:
    """A name that is an ordinary word as well, or ends in one: only what stands around it tells."""
    if draw.random() < 0.4:
        return draw.choice(name_words())
    single, weights, _ = _surnames()
    return draw.choices(single, weights)[0] + draw.choice(_any_words())


def mongolian(draw: random.Random) -> str:
    """One or two morphemes, letters that only sound Mongolian, a clan or a father in front, a Han surname in front."""
    lists = parts("names")
    heads, tails, sounds = lists["mongolian_heads"], lists["mongolian_tails"], lists["sounds"][0]
    kind = draw.random()
    head = draw.choice(heads)
    if kind < 0.22:
        return head
    if kind < 0.66:
        return head + draw.choice(tails)
    if kind < 0.72:
        return head + draw.choice(heads)
    if kind < 0.8:
        return "".join(draw.choices(sounds, k=draw.randint(2, 3))) + draw.choice(tails)
    if kind < 0.86:
        return head + "".join(draw.choices(sounds, k=draw.randint(1, 2)))
    if kind < 0.9:
        return "".join(draw.choices(sounds, k=draw.randint(3, 5)))
    if kind < 0.93:
        return draw.choice("包白何王吴韩孟齐乌云那宝陈李赵梁海金敖席鲍佟巴图康邰洪常戴胡暴春") + draw.choice(heads)
    if kind < 0.96:
        return draw.choice(lists["clans"]) + draw.choice("··.") + head + draw.choice(["", draw.choice(tails)])
    if kind < 0.99:
        return head + "·" + draw.choice(heads) + draw.choice(["", draw.choice(tails)])
    return draw.choice(lists["clans"]) + head


def minority(draw: random.Random) -> str:
    """Uyghur, Kazakh, Tibetan, Korean, Hui and Manchu names."""
    lists = parts("names")
    kind = draw.random()
    if kind < 0.4:
        people = lists["uyghur"] if kind < 0.32 else lists["kazakh"]
        name = draw.choice(people)
        return name if draw.random() < 0.2 else name + draw.choice("····•・") + draw.choice(people)
    if kind < 0.6:
        return draw.choice(lists["tibetan"]) + (draw.choice(lists["tibetan"]) if draw.random() < 0.85 else "")
    if kind < 0.75:
        return (
            draw.choice(lists["korean_surnames"])
            + draw.choice(lists["korean_given"])
            + (draw.choice(lists["korean_given"])[0] if draw.random() < 0.4 else "")
        )
    if kind < 0.93:
        return draw.choice(lists["hui_surnames"]) + draw.choice(lists["hui_given"])
    return draw.choice(lists["manchu"])


def foreign(draw: random.Random) -> str:
    """First name, dot, surname, transliterated."""
    lists = parts("names")
    if draw.random() < 0.2:
        return draw.choice(lists["western_first"])
    return draw.choice(lists["western_first"]) + draw.choice("···.") + draw.choice(lists["western_last"])


def person(draw: random.Random) -> str:
    """A name in Chinese characters of any people."""
    kind = draw.random()
    if kind < 0.58:
        return han(draw)
    if kind < 0.85:
        return mongolian(draw)
    return minority(draw) if kind < 0.97 else foreign(draw)
