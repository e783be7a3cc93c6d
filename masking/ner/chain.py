"""Decoding of a linear-chain CRF over many short sequences at once: one step per character of the longest.

Viterbi 1967 for the labels, forward and backward sums (Lafferty, McCallum, Pereira 2001) for how sure they are.
Sequences are half-open ranges of rows of `scores`, one column per label.
"""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from masking.ner.trie import Ints

Scores = NDArray[np.float32]
LANES = 1024
"""Sequences read side by side: their scores stay in the processor's cache."""
_TAG, _TAGS, _NEVER = 4, 15, 1 << 24


def ordered(labels: Iterable[str]) -> list[str]:
    """B, E and I of every kind, then O: the order in which labels are numbered."""
    return sorted(labels)


def lanes(starts: Ints, sizes: Ints) -> Iterator[tuple[Ints, Ints]]:
    """Starts and sizes of sequences, the longest first, in groups."""
    order = np.argsort(-sizes, kind="stable")
    for low in range(0, len(order), LANES):
        some = order[low : low + LANES]
        yield starts[some], sizes[some]


def best(scores: NDArray[np.int16], moves: Ints, starts: Ints, sizes: Ints) -> Ints:
    """The best label of every row among whole names, B I* E; -1 outside of all sequences. Whole numbers, at most 16
    labels in the order of `ordered`.

    The label a path came from travels in the low four bits of its score, so that one maximum gives both.
    """
    made = np.full(len(scores), -1)
    kinds = len(moves) // 3
    begin, end, inside, none = slice(0, kinds), slice(kinds, 2 * kinds), slice(2 * kinds, 3 * kinds), 3 * kinds
    across = moves.astype(np.int32) << _TAG
    apart, fresh = [*range(kinds, 2 * kinds), none], [*range(kinds), none]
    between = across[np.ix_(apart, fresh)][:, :, None]
    on = [(to, across[begin, to].diagonal()[:, None], across[inside, to].diagonal()[:, None]) for to in (inside, end)]
    tags = np.arange(len(moves), dtype=np.int32)[:, None]
    for first, size in lanes(starts, sizes):
        longest = int(size[0])
        open_for = np.searchsorted(-size, -np.arange(longest), side="left")
        total = scores.take(first, axis=0).T.astype(np.int32)
        total[end.start : none] -= _NEVER
        came = np.zeros((longest, len(moves), len(first)), np.int8)
        last = total.copy()
        for step in range(1, longest):
            active = int(open_for[step])
            tagged = (total[:, :active] << _TAG) | tags
            reached = np.empty_like(tagged)
            reached[fresh] = (tagged[apart][:, None, :] + between).max(axis=0)
            for to, begun, kept in on:
                np.maximum(tagged[begin] + begun, tagged[inside] + kept, out=reached[to])
            came[step, :, :active] = reached & _TAGS
            total = (reached >> _TAG) + scores.take(first[:active] + step, axis=0).T
            last[:, :active] = total
        last[begin] -= _NEVER
        last[inside] -= _NEVER
        label = last.argmax(axis=0)
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
    for first, size in lanes(starts, sizes):
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
