"""The name model: a linear-chain CRF over characters.

CRF: Lafferty, McCallum, Pereira 2001; trained and run by CRFsuite (python-crfsuite). What it was trained on and what
it can do: `masking/data/names.md`.
"""

import threading
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import NamedTuple, Protocol

import pycrfsuite

from masking.entities import EntityType
from masking.ner.features import attributes
from masking.ner.lexicon import lexicon

KINDS = {kind.value: kind for kind in (EntityType.PERSON, EntityType.ADDRESS, EntityType.ORG)}


class Name(NamedTuple):
    """A half-open range of the text, what it names, and how sure the model is (0 to 1)."""

    start: int
    end: int
    type: EntityType
    sureness: float


class NameModel(Protocol):
    """What can stand in the place of `CrfModel`; `slot.py` loads another one."""

    def read(self, text: str, windows: Iterable[tuple[int, int]]) -> Iterable[Name]:
        """Names inside `windows`, half-open ranges of `text` in order that do not overlap; the rest is context only."""


class CrfModel:
    """What finds names of people, addresses and organisations in running Chinese text. May be used by many threads."""

    def __init__(self) -> None:
        self.weights = resources.files("masking").joinpath("data", "names.crfsuite").read_bytes()
        self.tagger = pycrfsuite.Tagger()
        self.tagger.open_inmemory(self.weights)  # CRFsuite reads these bytes in place: they must outlive the tagger
        self.lexicon, self.turn = lexicon(), threading.Lock()

    def read(self, text: str, windows: Iterable[tuple[int, int]]) -> Iterable[Name]:
        """Names inside `windows`, half-open ranges of `text` in order that do not overlap; the rest is context only.

        A piece of text read before in the same call is not read again.
        """
        seen: dict[str, list[tuple[int, int, str, float]]] = {}
        for low, high in windows:
            around = text[max(0, low - 3) : high + 3]
            found = seen.get(around)
            if found is None:
                found = seen[around] = self._spans(text, low, high)
            for start, end, kind, sureness in found:
                yield Name(low + start, low + end, KINDS[kind], sureness)

    def _spans(self, text: str, low: int, high: int) -> list[tuple[int, int, str, float]]:
        features = attributes(text, low, high, self.lexicon)
        with self.turn:  # a tagger remembers the text it was given last
            return self._tagged(features)

    def _tagged(self, features: list[list[str]]) -> list[tuple[int, int, str, float]]:
        tagger = self.tagger
        tagger.set(features)
        labels: list[str] = tagger.tag()
        found, at = [], 0
        while at < len(labels):
            if labels[at][0] != "B":
                at += 1
                continue
            kind, end = labels[at][2:], at + 1
            while end < len(labels) and labels[end] == f"I-{kind}":
                end += 1
            if end < len(labels) and labels[end] == f"E-{kind}":
                end += 1
            sure = sum(tagger.marginal(f"{mark}-{kind}", i) for i in range(at, end) for mark in "BIE") / (end - at)
            found.append((at, end, kind, sure))
            at = end
        return found


_chosen: list[NameModel] = []


def choose(model: NameModel | None) -> None:
    """Read names with `model` in this process; None: with ours again. For the edge, before the first text."""
    _chosen[:] = [] if model is None else [model]


def name_model() -> NameModel:
    """The chosen model, or ours, loaded at first use."""
    return _chosen[0] if _chosen else _own()


@cache
def _own() -> CrfModel:
    return CrfModel()
