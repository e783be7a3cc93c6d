"""The weights of the name model: a compact file, and tables that give every character a score for each label.

The file holds per template the attributes that matter and a row of weights for each, one per label. Loaded, the rows of
templates over classes alone are folded into a few dense tables, so that most attributes cost nothing; characters, pairs
and words are looked up by their node.
"""

import io
import json
import zipfile
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from masking.ner.chain import Scores
from masking.ner.features import PAD, SIZES, TEMPLATES, Look, Sight, Template, number
from masking.ner.lexicon import Lexicon
from masking.ner.trie import PLANE, Ints

FOLDED: tuple[Template, ...] = (
    (("w", -1), ("w", 0), ("w", 1)), (("w", -2), ("w", -1)), (("w", 1), ("w", 2)),
    (("n", 0), ("n", 1), ("n", 2)), (("w", -1), ("n", 0), ("n", 1)), (("n", -1), ("n", 0), ("w", 1)),
    (("k", -1), ("k", 0), ("k", 1)),
    (("w", -1), ("k", 1), ("k", 2), ("k", 3)), (("w", -2), ("n", -1), ("k", 1)), (("w", -3), ("n", -2), ("k", 1)),
    (("n", 0), ("w", 2), ("w", 3)),
    (("g", -1), ("g", 0), ("g", 1), ("g", 2), ("n", 0), ("n", 1)),
    (("g", -1), ("g", 0), ("g", 1), ("g", 2), ("n", -1), ("n", 0)),
)  # fmt: skip
"""The dense tables; every template over classes alone is part of one."""
BLOCK = 8192
"""Characters scored at once: their scores stay in the processor's cache."""
_LOUDEST, _FINEST = 32_000, 1000.0

Rows = NDArray[np.int16]
Attributes = Mapping[str | tuple[str, int] | int, NDArray[np.float64]]
"""Rows of a template by character, pair or word (with a class where the template has one), else by number."""


class Weights(NamedTuple):
    """What the file holds. `keys` and `rows` per template; scores are hundredths or so: `scale` of them make 1."""

    labels: list[str]
    scale: float
    moves: Scores
    keys: list[list[str | tuple[str, int] | int]]
    rows: list[Rows]


def quantised(labels: list[str], moves: Scores, learned: list[Attributes]) -> Weights:
    """Whole numbers as fine as a sum of one row of every template allows without overflow."""
    keys = [sorted(some, key=str) for some in learned]
    whole = [
        np.array([some[key] for key in order]).reshape(-1, len(labels))
        for some, order in zip(learned, keys, strict=True)
    ]
    scale = min(_FINEST, _LOUDEST / max(1e-9, sum(float(np.abs(rows).max(initial=0)) for rows in whole)))
    return Weights(labels, scale, moves, keys, [np.round(rows * scale).astype(np.int16) for rows in whole])


def written(weights: Weights) -> bytes:
    """A zip of arrays and one JSON text; the same weights give the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        head = {"labels": weights.labels, "scale": weights.scale, "moves": weights.moves.tolist(), "keys": weights.keys}
        for name, content in (
            ("weights.json", json.dumps(head, ensure_ascii=False).encode()),
            *((f"{at}.i16", rows.T.astype("<i2").tobytes()) for at, rows in enumerate(weights.rows)),
        ):
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(entry, content)
    return out.getvalue()


def loaded(raw: bytes) -> Weights:
    """What `written` wrote."""
    with zipfile.ZipFile(io.BytesIO(raw)) as file:
        head = json.loads(file.read("weights.json"))
        count = len(head["labels"])
        rows = [
            np.frombuffer(file.read(f"{at}.i16"), "<i2").astype(np.int16).reshape(count, -1).T
            for at in range(len(head["keys"]))
        ]
    keys = [[tuple(key) if isinstance(key, list) else key for key in some] for some in head["keys"]]
    return Weights(head["labels"], head["scale"], np.array(head["moves"], np.float32), keys, rows)


class Tables:
    """Weights where a look-up finds them."""

    def __init__(self, weights: Weights, known: Lexicon) -> None:
        by_template = dict(zip(TEMPLATES, zip(weights.keys, weights.rows, strict=True), strict=True))
        pairs = {key for template in TEMPLATES if template[0][0] == "p" for key in by_template[template][0]}
        self.sight = Sight(known, tuple(sorted(str(pair) for pair in pairs)))
        self.labels, self.scale, self.count = weights.labels, weights.scale, len(weights.labels)
        self.folded = [self._fold(target, by_template) for target in FOLDED]
        self.lexical: list[tuple[Template, Ints | None, Rows]] = []
        for template in TEMPLATES:
            if template[0][0] in SIZES:
                continue
            keys, rows = by_template[template]
            table = np.concatenate([np.zeros((1, self.count), np.int16), rows])
            nodes = self.sight.trie.find([key[0] if isinstance(key, tuple) else str(key) for key in keys])
            if len(template) == 1:
                index = np.zeros(self.sight.trie.size, np.int64)
                index[nodes] = np.arange(1, len(table))
                index[0] = 0
                self.lexical.append((template, index, table))
                continue
            size = SIZES[template[1][0]]
            word = np.zeros(self.sight.trie.size, np.int64)
            unique = np.unique(nodes)
            word[unique] = np.arange(1, len(unique) + 1)
            word[0] = 0
            place = np.zeros((len(unique) + 1) * size, np.int64)
            place[word[nodes] * size + [key[1] for key in keys if isinstance(key, tuple)]] = np.arange(1, len(table))
            place[:size] = 0
            self.both = template, word, place, table

    def _fold(self, target: Template, by_template: Mapping[Template, tuple[list, Rows]]) -> Rows:  # type: ignore[type-arg]
        """One dense table, the sum of the templates that are part of it and of no earlier one."""
        shape = tuple(SIZES[name] for name, _ in target)
        total = np.zeros((*shape, self.count), np.int16)
        for template, (keys, rows) in by_template.items():
            if next((one for one in FOLDED if set(template) <= set(one)), None) != target:
                continue
            own = np.zeros((int(np.prod([SIZES[name] for name, _ in template])), self.count), np.int16)
            own[np.array(keys, np.int64)] = rows
            total += own.reshape([SIZES[part[0]] if part in template else 1 for part in target] + [self.count])
        return total.reshape(-1, self.count)

    def scores(self, look: Look) -> Rows:
        """A row of scores per character, none for the PAD first and last of `look`."""
        length = len(look["l"]) - 2 * PAD
        made = np.zeros((length, self.count), np.int16)
        for low in range(0, length, BLOCK):
            some = made[low : low + BLOCK]
            start, end = low + PAD, low + PAD + len(some)
            row = np.empty_like(some)
            for template, table in zip(FOLDED, self.folded, strict=True):
                some += table.take(number(look, template, start, end), axis=0, out=row, mode="clip")
            for template, index, table in self.lexical:
                nodes = number(look, template, start, end)
                some += table.take(nodes if index is None else index.take(nodes), axis=0, out=row, mode="clip")
            template, word, place, table = self.both
            (first, other), size = template, SIZES[template[1][0]]
            both = word.take(number(look, (first,), start, end)) * size + number(look, (other,), start, end)
            some += table.take(place.take(both), axis=0, out=row, mode="clip")
        return made


def spelling(known: Lexicon, sight: Sight) -> dict[int, str]:
    """The word of each node that ends one."""
    words = sorted(known.words)
    return dict(zip(sight.trie.find(words).tolist(), words, strict=True))


def spelled_out(node: int, words: Mapping[int, str]) -> str:
    """A node as the character or word it stands for."""
    return chr(node) if node < PLANE else words[node]
