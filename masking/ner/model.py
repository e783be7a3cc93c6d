"""The name model: a linear-chain CRF over characters.

CRF: Lafferty, McCallum, Pereira 2001; trained by CRFsuite (`masking.training`), read here with numpy, all clauses of a
text at once. What it was trained on and what it can do: `masking/data/names.md`.
"""

from bisect import bisect
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib import resources
from itertools import accumulate
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from masking.entities import EntityType
from masking.ner import chain
from masking.ner.features import PAD, code_points
from masking.ner.lexicon import lexicon
from masking.ner.trie import Ints
from masking.ner.weights import Tables, loaded
from masking.ner.windows import windows

KINDS = {kind.value: kind for kind in (EntityType.PERSON, EntityType.ADDRESS, EntityType.ORG)}
PIECE, AROUND = 1 << 15, 64
"""Characters read at once, and how many around them are looked at."""


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

    def __init__(self, weights: bytes | None = None) -> None:
        """`weights`: a file of them; ours without one."""
        read = loaded(weights or resources.files("masking").joinpath("data", "names.weights").read_bytes())
        self.tables = Tables(read, lexicon())
        self.labels = read.labels
        self.moves = np.round(read.moves * read.scale).astype(np.int64)
        self.odds = read.moves
        self.begins = {at: label[2:] for at, label in enumerate(read.labels) if label[0] == "B"}
        self.inside = {at for at, label in enumerate(read.labels) if label[0] == "I"}
        self.of = {
            kind: [at for at, label in enumerate(read.labels) if label.endswith(f"-{kind}")]
            for kind in self.begins.values()
        }

    def read(self, text: str, windows: Iterable[tuple[int, int]]) -> Iterator[Name]:
        """Names inside `windows`, half-open ranges of `text` in order that do not overlap; the rest is context only."""
        ranges = np.array(list(windows), np.int64).reshape(-1, 2)
        codes = code_points("\n" * PAD + text + "\n" * PAD)
        at = 0
        while at < len(ranges):
            low = int(ranges[at, 0])
            end = max(at + 1, int(np.searchsorted(ranges[:, 1], low + PIECE, side="right")))
            some = ranges[at:end]
            first = max(0, low - AROUND)
            last = min(len(text), int(some[-1, 1]) + AROUND)
            for start, stop, kind, sure in self._piece(codes[first : last + 2 * PAD], some - first):
                yield Name(first + start, first + stop, KINDS[kind], sure)
            at = end

    def labelled(self, codes: Ints, ranges: Iterable[tuple[int, int]] | Ints) -> tuple[Ints, NDArray[np.int16]]:
        """The best label of each character inside `ranges` (-1 outside), and all scores, of a
        text given as code points with PAD line feeds on either side."""
        scores = self.tables.scores(self.tables.sight.look(codes))
        among = np.asarray(ranges)
        starts, sizes = among[:, 0], among[:, 1] - among[:, 0]
        return chain.best(scores, self.moves, starts, sizes), scores

    def _piece(self, codes: Ints, ranges: Ints) -> Iterator[tuple[int, int, str, float]]:
        labels, scores = self.labelled(codes, ranges)
        starts, sizes = ranges[:, 0], ranges[:, 1] - ranges[:, 0]
        begun = np.flatnonzero(np.isin(labels, list(self.begins)))
        if not len(begun):
            return
        held = np.searchsorted(ranges[:, 1], begun, side="right")
        holds = np.unique(held)
        shares = chain.shares(scores * np.float32(1 / self.tables.scale), self.odds, starts[holds], sizes[holds])
        for start in begun.tolist():
            kind = self.begins[int(labels[start])]
            end = start + 1
            while int(labels[end]) in self.inside:
                end += 1
            end += 1
            yield start, end, kind, min(1.0, float(shares[start:end, self.of[kind]].sum() / (end - start)))


_chosen: list[NameModel] = []


def choose(model: NameModel | None) -> None:
    """Read names with `model` in this process; None: with ours again. For the edge, before the first text."""
    _chosen[:] = [] if model is None else [model]


def name_model() -> NameModel:
    """The chosen model, or ours, loaded at first use."""
    return _chosen[0] if _chosen else _own()


def names_in(texts: Sequence[str]) -> list[list[Name]]:
    """Names in each of some texts. Ours reads them all at once, line feeds between them: that is what stands beyond the
    ends of a text anyway. A foreign model reads one after the other."""
    model = name_model()
    if not isinstance(model, CrfModel):
        return [list(model.read(text, windows(text))) for text in texts]
    found: list[list[Name]] = [[] for _ in texts]
    starts = [0, *accumulate(len(text) + PAD for text in texts)]
    joined = ("\n" * PAD).join(texts)
    for name in model.read(joined, windows(joined)):
        at = bisect(starts, name.start) - 1
        found[at].append(name._replace(start=name.start - starts[at], end=name.end - starts[at]))
    return found


@cache
def _own() -> CrfModel:
    return CrfModel()
