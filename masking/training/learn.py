"""Learning the weights: CRFsuite (L-BFGS) on attributes written as text, then only what matters, as whole numbers."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
import pycrfsuite
from numpy.typing import NDArray

from masking.ner.chain import ordered
from masking.ner.features import PAD, SIZES, TEMPLATES, Sight, code_points, number
from masking.ner.lexicon import lexicon
from masking.ner.trie import PLANE
from masking.ner.weights import Attributes, quantised, spelled_out, spelling, written

FORGOTTEN = (0.0, 0.03, 0.12)
"""Shares of lexicon words a sentence may forget, so that the model does not take every unknown word for a name."""

Sentence = tuple[str, list[str]]


def attributes(sight: Sight, text: str, keep: Callable[[int], NDArray[np.bool_]] | None = None) -> list[list[str]]:
    """The attributes of every character of `text` as CRFsuite takes them: template and number."""
    look = sight.look(code_points("\n" * PAD + text + "\n" * PAD), keep)
    start, end = PAD, PAD + len(text)
    columns = []
    for at, template in enumerate(TEMPLATES):
        (name, shift), rest = template[0], template[1:]
        if name == "p":  # the trie of a trained model knows only the pairs that matter
            letters = look["l"]
            numbers = letters[start + shift : end + shift] * PLANE + letters[start + shift + 1 : end + shift + 1]
        else:
            numbers = number(look, ((name, shift), *rest), start, end)
        columns.append([f"{at}:{value}" for value in numbers.tolist()])
    return [list(row) for row in zip(*columns, strict=True)]


def _keeps(seed: int) -> Callable[[int], NDArray[np.bool_]]:
    draw = np.random.default_rng(seed)
    share = FORGOTTEN[int(draw.integers(len(FORGOTTEN)))]
    return lambda count: draw.random(count) >= share


def learn(sentences: Iterable[Sentence], options: Mapping[str, float], model: Path) -> bytes:
    """The weights learned from `sentences`, as a file; CRFsuite's own model is left at `model`."""
    known = lexicon()
    sight = Sight(known)
    trainer = pycrfsuite.Trainer(algorithm="lbfgs", verbose=False)
    trainer.set_params(options)
    for seed, (text, labels) in enumerate(sentences):
        trainer.append(pycrfsuite.ItemSequence(attributes(sight, text, _keeps(seed))), labels)
    trainer.train(str(model))
    tagger = pycrfsuite.Tagger()
    tagger.open(str(model))
    found = tagger.info()
    labels = ordered(found.labels)
    place = {label: at for at, label in enumerate(labels)}
    moves = np.zeros((len(labels), len(labels)), np.float32)
    for (here, there), weight in found.transitions.items():
        moves[place[here], place[there]] = weight
    words = spelling(known, sight)
    learned: list[dict[str | tuple[str, int] | int, NDArray[np.float64]]] = [
        defaultdict(lambda: np.zeros(len(labels))) for _ in TEMPLATES
    ]
    for (attribute, label), weight in found.state_features.items():
        at, _, value = attribute.partition(":")
        learned[int(at)][_key(int(at), int(value), words)][place[label]] += weight
    made: list[Attributes] = list(learned)
    return written(quantised(labels, moves, made))


def _key(at: int, value: int, words: Mapping[int, str]) -> str | tuple[str, int] | int:
    """What the number of an attribute stands for, in a form that outlives this run's trie."""
    template = TEMPLATES[at]
    name = template[0][0]
    if name in SIZES:
        return value
    if name == "p":
        return chr(value // PLANE) + chr(value % PLANE)
    if len(template) == 2:
        node, kind = divmod(value, SIZES[template[1][0]])
        return spelled_out(node, words), kind
    return spelled_out(value, words)
