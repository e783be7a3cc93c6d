"""Which columns go together, released with differential privacy: a tree of pairs, and their joint counts.

The selection is that of MST (McKenna, Miklau and Sheldon 2021, "Winning the NIST Contest", algorithm 2): pairs of
columns are joined to a spanning tree one after the other, each by the exponential mechanism over the L1 distance
between the true joint counts and those that independent columns would have. What independence says comes from counts
released before, so one record more or less moves a score by at most 1. Rows are then drawn along the tree, each column
given its parent, from the noisy joint counts. All noise is OpenDP's; what is drawn from released counts costs nothing
more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from masking.noise import noisy_best, noisy_counts

Bins = NDArray[np.int16]
Draw = np.random.Generator
MOST_BINS, MOST_COLUMNS = 16, 24
SELECTING = 0.2
"""Share of the budget that goes into choosing the pairs; the rest counts them."""


@dataclass(frozen=True, slots=True)
class Coarse:
    """A column in a few bins, made from its released counts alone: the bin of every key, the weights of the bins."""

    bin_of: Mapping[str, int]
    weights: NDArray[np.float64]


def coarse(keys: Sequence[str], weights: Sequence[int], *, ordered: bool, most: int) -> Coarse:
    """At most `most` bins: neighbours of about equal weight where the keys have an order (they come in it), else the
    most frequent ones each, the others together."""
    share = np.asarray(weights, np.float64)
    if len(keys) <= most:
        places = np.arange(len(keys))
    elif ordered:
        middle = np.cumsum(share) - share / 2
        places = np.unique((middle / share.sum() * most).astype(np.int64), return_inverse=True)[1]
    else:
        places = np.full(len(keys), most - 1)
        places[np.argsort(-share, kind="stable")[: most - 1]] = np.arange(most - 1)
    bins = dict(zip(keys, places.tolist(), strict=True))
    return Coarse(bins, np.bincount(places, share).astype(np.float64) if len(keys) else np.zeros(0))


def bins_affordable(rows: float, epsilon: float, columns: int) -> int:
    """Bins per column with which a cell of a joint count holds, on average, four times its noise."""
    pairs = max(1, columns - 1)
    return int(np.clip(sqrt(max(rows, 0) * epsilon * (1 - SELECTING) / pairs / 4), 2, MOST_BINS))


@dataclass(frozen=True, slots=True)
class Tree:
    """Columns in the order they are drawn, each but the first of a component with its parent, and for each the chances
    of its bins: one row for each bin of the parent."""

    order: tuple[str, ...]
    parents: Mapping[str, str]
    chances: Mapping[str, NDArray[np.float64]]

    def draw(self, rows: int, random: Draw) -> dict[str, Bins]:
        """Bins of every column of the tree, row by row."""
        made: dict[str, Bins] = {}
        for name in self.order:
            parent = self.parents.get(name)
            given = made[parent] if parent is not None else np.zeros(rows, np.int16)
            edges = np.cumsum(self.chances[name], axis=1)
            picked = (random.random(rows)[:, None] >= edges[given]).sum(axis=1)
            made[name] = np.minimum(picked, edges.shape[1] - 1).astype(np.int16)
        return made


def tree_of(columns: Mapping[str, Coarse], codes: Mapping[str, Bins], epsilon: float) -> Tree:
    """A tree over `columns`, epsilon-differentially private for one record more or less.

    `codes`: the bin of each row in each column, -1 where its value was not released; such rows count in no pair.
    """
    names = [name for name in columns if len(columns[name].weights) > 1][:MOST_COLUMNS]
    joint = {pair: _joint(columns, codes, pair) for pair in combinations(names, 2)}
    apart = {pair: float(np.abs(joint[pair] - _independent(columns, pair)).sum()) for pair in joint}
    picks = max(1, len(names) - 1)
    pairs: list[tuple[str, str]] = []
    part = {name: name for name in names}
    while open_pairs := [pair for pair in joint if part[pair[0]] != part[pair[1]]]:
        best = noisy_best([apart[pair] for pair in open_pairs], epsilon * SELECTING / picks)
        one, other = open_pairs[best]
        pairs.append((one, other))
        joined, gone = part[one], part[other]
        part = {name: joined if kind == gone else kind for name, kind in part.items()}
    counted = {pair: _counted(joint[pair], epsilon * (1 - SELECTING) / picks) for pair in pairs}
    return _directed(columns, names, counted, picks / (epsilon * (1 - SELECTING)))


def _joint(columns: Mapping[str, Coarse], codes: Mapping[str, Bins], pair: tuple[str, str]) -> NDArray[np.int64]:
    one, other = (codes[name].astype(np.int64) for name in pair)
    high, wide = (len(columns[name].weights) for name in pair)
    known = (one >= 0) & (other >= 0)
    return np.bincount(one[known] * wide + other[known], minlength=high * wide).reshape(high, wide)


def _independent(columns: Mapping[str, Coarse], pair: tuple[str, str]) -> NDArray[np.float64]:
    one, other = (columns[name].weights for name in pair)
    product: NDArray[np.float64] = np.outer(one, other) / max(1.0, sqrt(float(one.sum()) * float(other.sum())))
    return product


def _counted(table: NDArray[np.int64], epsilon: float) -> NDArray[np.float64]:
    return np.asarray(noisy_counts(table.ravel().tolist(), epsilon), np.float64).reshape(table.shape)


def _directed(
    columns: Mapping[str, Coarse],
    names: Sequence[str],
    counted: Mapping[tuple[str, str], NDArray[np.float64]],
    scale: float,
) -> Tree:
    """The tree from a root outwards, with the chances of each column given its parent."""
    order: list[str] = []
    parents: dict[str, str] = {}
    chances: dict[str, NDArray[np.float64]] = {}
    for root in names:
        if root in chances:
            continue
        weights = columns[root].weights
        chances[root] = (weights / weights.sum())[None, :]
        order.append(root)
        waiting = [root]
        while waiting:
            parent = waiting.pop()
            for (one, other), table in counted.items():
                child = other if one == parent else one if other == parent else None
                if child is None or child in chances:
                    continue
                chances[child] = _given(table if one == parent else table.T, columns[parent], columns[child], scale)
                parents[child] = parent
                order.append(child)
                waiting.append(child)
    return Tree(tuple(order), parents, chances)


def _given(table: NDArray[np.float64], parent: Coarse, child: Coarse, scale: float) -> NDArray[np.float64]:
    """Chances of the child's bins for each bin of the parent. Cells below twice the noise are taken for nothing; what a
    row lacks is spread as the child is distributed."""
    kept = np.where(table >= 2 * scale, table, 0.0)
    lacking = np.maximum(parent.weights - kept.sum(axis=1), 1e-9)
    whole = kept + lacking[:, None] * child.weights / child.weights.sum()
    chances: NDArray[np.float64] = whole / whole.sum(axis=1, keepdims=True)
    return chances
