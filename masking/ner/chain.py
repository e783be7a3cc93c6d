"""Decoding of a linear-chain CRF over many short sequences at once: one step per character of the longest.

Viterbi 1967 for the labels, forward and backward sums (Lafferty, McCallum, Pereira 2001) for how sure they are.
Sequences are half-open ranges of rows of `scores`, one column per label.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from masking.ner.trie import Ints

Scores = NDArray[np.float32]
LANES = 1024
"""Sequences read side by side: their scores stay in the processor's cache."""


def lanes(starts: Ints, sizes: Ints) -> Iterator[tuple[Ints, Ints, Ints]]:
    """Sequences in groups, the longest first: their numbers, starts and sizes."""
    order = np.argsort(-sizes, kind="stable")
    for low in range(0, len(order), LANES):
        some = order[low : low + LANES]
        yield some, starts[some], sizes[some]


def best(scores: Scores, moves: Scores, starts: Ints, sizes: Ints) -> Ints:
    """The best label of every row (0 outside of all sequences)."""
    made = np.zeros(len(scores), np.int64)
    for _, first, size in lanes(starts, sizes):
        longest = int(size[0])
        open_for = np.searchsorted(-size, -np.arange(longest), side="left")
        total = scores.take(first, axis=0).T.copy()
        came = np.zeros((longest, len(moves), len(first)), np.int8)
        end = total.copy()
        for step in range(1, longest):
            active = int(open_for[step])
            reached = total[:, None, :active] + moves[:, :, None]
            came[step, :, :active] = reached.argmax(axis=0)
            total = reached.max(axis=0) + scores.take(first[:active] + step, axis=0).T
            end[:, :active] = total
        label = end.argmax(axis=0)
        for step in range(longest - 1, -1, -1):
            active = int(open_for[step])
            made[first[:active] + step] = label[:active]
            if step:
                label[:active] = came[step, label[:active], np.arange(active)]
    return made


def shares(scores: Scores, moves: Scores, starts: Ints, sizes: Ints) -> Scores:
    """The probability of every label in every row of the sequences; zeros outside of them."""
    made = np.zeros(scores.shape, np.float32)
    across = np.exp(moves.astype(np.float64))
    for _, first, size in lanes(starts, sizes):
        longest = int(size[0])
        open_for = np.searchsorted(-size, -np.arange(longest), side="left")
        odds = np.zeros((longest, len(first), len(moves)))
        for step in range(longest):
            here = scores.take(first[: open_for[step]] + step, axis=0)
            odds[step, : open_for[step]] = np.exp(np.maximum(here - here.max(axis=1, keepdims=True), -200.0))
        forward = odds.copy()
        for step in range(1, longest):
            active = open_for[step]
            forward[step, :active] *= forward[step - 1, :active] @ across
            forward[step, :active] /= forward[step, :active].sum(axis=1, keepdims=True)
        backward = np.ones((len(first), len(moves)), np.float32)
        for step in range(longest - 1, -1, -1):
            active = open_for[step]
            if step + 1 < longest:
                after = open_for[step + 1]
                backward[:after] = (odds[step + 1, :after] * backward[:after]) @ across.T
                backward[:after] /= backward[:after].sum(axis=1, keepdims=True)
            share = forward[step, :active] * backward[:active]
            made[first[:active] + step] = share / share.sum(axis=1, keepdims=True)
    return made
