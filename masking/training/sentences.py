"""Sentences for training: filled templates, and the label of every character (B, I, E of a type; O)."""

import random
import re
from collections.abc import Iterator
from functools import cache
from importlib import resources

from masking.training.people import parts
from masking.training.settings import ENTITIES, slot

SLOT = re.compile(r"\{([a-z]+)\}")
COMPOSED = 0.5
"""Share of sentences put together from contexts; the others are whole templates."""
LABELLED = 0.1
"""Share of composed sentences whose name is an ordinary word, behind a label."""
STAND_INS = (
    "{c}", "{c}", "{cs}", "{cs}", "{cs}", "{pl}", "{c}{c}", "{n}", "{xing}{tit}", "{call}{xing}",
    "{also}{v}", "{also}{c}",
)  # fmt: skip
LISTED = (("{cs}",), ("{cs}", "{c}"), ("{cs}", "{drug}"), ("{cs}", "{n}", "{pl}"))
"""What stands where a name might, alone and in lists."""
COMMAS = ("，", ",", "、", " ", "；")


@cache
def templates(name: str) -> list[str]:
    """Lines of a template file, comments left out."""
    text = resources.files("masking.training").joinpath("data", f"{name}.txt").read_text("utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def fill(template: str, draw: random.Random) -> tuple[str, list[str]]:
    """A sentence and its labels, one per character."""
    text, labels, last = "", [], 0
    for match in SLOT.finditer(template):
        before = template[last : match.start()]
        name = match[1]
        if name in ENTITIES:
            kind, make = ENTITIES[name]
            value = make(draw)
            marks = [f"B-{kind}", *[f"I-{kind}"] * (len(value) - 2), f"E-{kind}"]
        else:
            value = slot(name, draw)
            marks = ["O"] * len(value)
        text += before + value
        labels += ["O"] * len(before) + marks
        last = match.end()
    rest = template[last:]
    return text + rest, labels + ["O"] * len(rest)


def _clause(draw: random.Random) -> str:
    """A name-free clause, or nothing."""
    kind = draw.random()
    if kind < 0.35:
        return ""
    if kind < 0.7:
        return "".join(
            draw.choice(("{n}", "{v}", "{w}", "{a}", "{c}", "{c}", "{cs}")) for _ in range(draw.randint(1, 4))
        )
    return draw.choice(templates("negatives")).rstrip("。")


def composed(draw: random.Random) -> str:
    """A template from what stands before and after names: one name or a list of them, in a clause or between two."""
    context = parts("contexts")
    before, after = draw.choice(context["before"]), draw.choice(context["after"])
    kind = draw.random()
    names = "{per}"
    if kind < 0.14:
        mark = draw.choice(("、", "、", "、", "，", ",", " ", "和", "与", "/", "；", "及", "跟"))
        names = mark.join(["{per}"] * draw.randint(2, 5))
    elif kind < 0.2:
        names = "{per}" + draw.choice(context["after"]) + draw.choice(context["before"]) + "{per}"
    first, last = _clause(draw), _clause(draw)
    label = draw.random()
    if label < LABELLED:
        before = draw.choice(context["naming"] + context["labels"]) + draw.choice(("", "", "：", ":", " "))
        names = "{perw}"
    elif label < 0.28:
        before = ""
    if draw.random() < 0.12:
        after = ""
    made = first + draw.choice(COMMAS if first else ("",)) * (draw.random() < 0.55) + before + names + after
    made += draw.choice(("", "", "，")) + last + draw.choice(("。", "。", "", "！", "；"))
    return made.replace("_", " ")


@cache
def _unnamed() -> list[str]:
    return [word for word in parts("contexts")["before"] if word not in parts("contexts")["naming"]]


def decoy(draw: random.Random) -> str:
    """The same without a name: a word, a place or a surname with a title stands there instead."""
    context = parts("contexts")
    stand_in = draw.choice(STAND_INS)
    if draw.random() < 0.15:
        words = draw.choice(LISTED)
        stand_in = draw.choice(("、", "、", "，", " ", "和", "与")).join(draw.choices(words, k=draw.randint(2, 5)))
    first, last = _clause(draw), _clause(draw)
    made = first + draw.choice(COMMAS if first else ("",)) * (draw.random() < 0.55)
    if draw.random() < 0.5:
        made += draw.choice(_unnamed())
    made += stand_in + (draw.choice(context["after"]) if draw.random() < 0.5 else "")
    return (made + draw.choice(("", "", "，")) + last + draw.choice(("。", "。", "", "！", "；"))).replace("_", " ")


def _varied(sentence: tuple[str, list[str]], draw: random.Random) -> tuple[str, list[str]]:
    """Now and then: punctuation lost, as in chats and on scanned forms, or half-width."""
    text, labels = sentence
    kind = draw.random()
    if kind < 0.1:
        kept = [i for i, letter in enumerate(text) if letter not in "，。；：、" or labels[i] != "O"]
        return "".join(text[i] for i in kept), [labels[i] for i in kept]
    if kind < 0.4:
        return text.translate(str.maketrans("，：；（）", ",:;()")), labels
    return text, labels


def sentences(count: int, negative_share: float, seed: int) -> Iterator[tuple[str, list[str]]]:
    """`count` sentences in a fixed order; `negative_share` of them without any entity."""
    draw = random.Random(seed)  # noqa: S311 - training data, not a secret
    for _ in range(count):
        name = "negatives" if draw.random() < negative_share else "templates"
        free = composed if name == "templates" else decoy
        made = fill(free(draw) if draw.random() < COMPOSED else draw.choice(templates(name)), draw)
        if name == "negatives" and draw.random() < 0.4:
            more = fill(draw.choice(templates(name)), draw)
            made = made[0] + more[0], made[1] + more[1]
        yield _varied(made, draw)
