"""Learning the gate's tables: logistic regression by AdaGrad (Duchi, Hazan, Singer 2011) on the CRF's own sentences."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from masking.ner.gate import SIZES, Sight, padded
from masking.ner.lexicon import lexicon

KEPT = 0.985
"""Share of names in sentences not learned from that must pass."""
ROUNDS, BATCH, RATE, WEIGHT = 4, 4096, 0.15, 12.0

Sentence = tuple[str, list[str]]


def train(sentences: Iterable[Sentence], checks: Iterable[Sentence], out: Path) -> None:
    """Write scale, threshold (float32 each) and the tables (int8), learned from `sentences`, cut at `checks`."""
    sight = Sight(lexicon())
    offsets = np.concatenate([[0], np.cumsum(SIZES)[:-1]])
    looks, wanted = [], []
    for text, labels in sentences:
        looks.append(np.stack(sight.looks(padded(text))) + offsets[:, None])
        wanted.append([label[0] == "B" for label in labels])
    rows, truth = np.concatenate(looks, axis=1).T, np.concatenate(wanted).astype(np.float64)
    weights, seen = np.zeros(sum(SIZES)), np.full(sum(SIZES), 1e-3)
    order = np.random.default_rng(1)
    for _ in range(ROUNDS):
        turns = order.permutation(len(truth))
        for start in range(0, len(turns), BATCH):
            chosen = turns[start : start + BATCH]
            these, right = rows[chosen], truth[chosen]
            error = 1 / (1 + np.exp(-weights[these].sum(axis=1))) - right
            error *= np.where(right > 0, WEIGHT, 1.0)
            slope = np.bincount(these.ravel(), np.repeat(error, these.shape[1]), len(weights)) / BATCH
            touched = slope != 0
            seen[touched] += slope[touched] ** 2
            weights[touched] -= RATE * slope[touched] / np.sqrt(seen[touched])
    scale = 127 / max(1e-9, float(np.quantile(np.abs(weights[weights != 0]), 0.9995)))
    table = np.clip(np.round(weights * scale), -127, 127).astype(np.int8)
    best = []
    whole = table.astype(np.int64)
    for text, labels in checks:
        score = whole[np.stack(sight.looks(padded(text))) + offsets[:, None]].sum(axis=0)
        best += [score[at] for at, label in enumerate(labels) if label[0] == "B"]
    threshold = float(np.quantile(best, 1 - KEPT))
    out.write_bytes(np.array([scale, threshold], "<f4").tobytes() + table.tobytes())
