"""Sentences for training: filled templates, and the label of every character (B, I, E of a type; O)."""

import random
import re
from collections.abc import Iterator
from functools import cache
from importlib import resources

from masking.training.settings import ENTITIES, slot

SLOT = re.compile(r"\{([a-z]+)\}")
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
        made = fill(draw.choice(templates(name)), draw)
        if name == "negatives" and draw.random() < 0.4:
            more = fill(draw.choice(templates(name)), draw)
            made = made[0] + more[0], made[1] + more[1]
        yield _varied(made, draw)
