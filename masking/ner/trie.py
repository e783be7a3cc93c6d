"""The words that begin at every character of a text, looked up for all characters at once.

A trie whose edges lie in a cuckoo hash (Pagh and Rodler 2001) by multiplying and shifting (Dietzfelbinger et al. 1997):
two places per edge, so a look-up is two gathers.
Nodes are numbers: below PLANE the code points, which are the prefixes of one character, then the longer prefixes; 0 is
none.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

PLANE = 0x10000
LETTER_BITS, NODE_BITS = 16, 20
_NODE = (1 << NODE_BITS) - 1


def spelled(words: Iterable[str]) -> dict[int, Ints]:
    """Words by length: one row of code points each."""
    by_size: dict[int, list[str]] = {}
    for word in words:
        by_size.setdefault(len(word), []).append(word)
    return {
        size: np.frombuffer("".join(some).encode("utf-32-le"), "<u4").astype(np.int64).reshape(-1, size)
        for size, some in sorted(by_size.items())
    }


class Trie:
    """Nodes of all prefixes of some words, characters of the first plane."""

    def __init__(self, words: Iterable[str]) -> None:
        rows = spelled(words)
        self.longest = max(rows)
        self.size = PLANE
        edges, nodes = [], []
        at = {size: row[:, 0] for size, row in rows.items()}
        for depth in range(1, self.longest):
            deep = [size for size in rows if size > depth]
            keys = np.concatenate([at[size] << LETTER_BITS | rows[size][:, depth] for size in deep])
            edge, inverse = np.unique(keys, return_inverse=True)
            child = np.arange(self.size, self.size + len(edge))
            reached = np.split(child[inverse], np.cumsum([len(rows[size]) for size in deep])[:-1])
            at |= dict(zip(deep, reached, strict=True))
            self.size += len(edge)
            edges.append(edge)
            nodes.append(child)
        self._place(np.concatenate(edges), np.concatenate(nodes))
        self.parent = np.zeros(self.size, np.bool_)
        self.parent[np.concatenate(edges) >> LETTER_BITS] = True

    def _place(self, edges: Ints, nodes: Ints) -> None:
        """Fill the two halves of the hash: who is thrown out of a place tries the other one."""
        bits = max(8, int(len(edges) / 0.8).bit_length())  # at most 0.4 of both halves together
        for seed in range(1, 64):
            draw = np.random.default_rng(
                seed
            )  # the two must not be related, or edges that meet in one half meet in both
            self.factors = [draw.integers(1 << 63, dtype=np.uint64) * np.uint64(2) + np.uint64(1) for _ in range(2)]
            self.shift = np.uint64(64 - bits)
            places = self._places(edges)
            owner = np.full((2, 1 << bits), -1)
            waiting, half = np.arange(len(edges)), np.zeros(len(edges), np.int64)
            for _ in range(200):
                side, place = half[waiting], np.where(half[waiting] == 0, places[0][waiting], places[1][waiting])
                before = owner[side, place]
                owner[side, place] = waiting
                won = owner[side, place] == waiting
                out = np.unique(before[won])
                waiting = np.concatenate([waiting[~won], out[out >= 0]])
                half[waiting] ^= 1
                if not len(waiting):
                    packed = np.append(edges << NODE_BITS | nodes, 0)
                    self.halves = [packed[row] for row in owner]
                    return
        raise ValueError("the words of the lexicon cannot be placed")

    def _places(self, edges: Ints) -> list[Ints]:
        keys = edges.view(np.uint64)
        return [((keys * factor) >> self.shift).view(np.int64) for factor in self.factors]

    def step(self, nodes: Ints, letter: Ints) -> Ints:
        """The node each letter leads to from each node; 0 for none."""
        edges = nodes << LETTER_BITS | letter
        found = np.zeros(len(edges), np.int64)
        for half, place in zip(self.halves, self._places(edges), strict=True):
            packed = half.take(place)
            found |= np.where(packed >> NODE_BITS == edges, packed & _NODE, 0)
        return found

    def find(self, words: list[str]) -> Ints:
        """The node of each word; 0 for one that is not here."""
        found = np.zeros(len(words), np.int64)
        for size, rows in spelled(words).items():
            node = rows[:, 0]
            for depth in range(1, size):
                node = self.step(node, rows[:, depth])
            found[[i for i, word in enumerate(words) if len(word) == size]] = node
        return found
