"""A text cut into the cheapest words of the lexicon, everywhere at once.

No word crosses a gap that no word spans, so the text falls into short runs that are cut apart from each other: all runs
together, one step per character of the longest.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from masking.ner.trie import Ints, Trie

WORD, STRAY, ALONE = 10, 12, 9
"""Cost of a word, of a character that is no part of one, and of one that is often a word of its own (的): the fewest
words and strays win; of equals, the longer last word."""
_NEVER = 1 << 20


class Cut(NamedTuple):
    """Where words of two and more characters begin, their length and node; per character, whether a word spans the gap
    before it, and the node of the pair it begins."""

    starts: Ints
    sizes: Ints
    nodes: Ints
    spanned: NDArray[np.bool_]
    pairs: Ints


def cut(
    trie: Trie, letter: Ints, words: NDArray[np.bool_], stray: Ints, keep: Callable[[int], NDArray[np.bool_]] | None
) -> Cut:
    """The cheapest words of a text of `letter`s. `words`: which nodes of the trie end a word; `stray`: what each
    character costs alone; `keep(n)` says which of n words found are not forgotten."""
    count, longest = len(letter), trie.longest
    masks = np.zeros(count, np.int64)
    spanned = np.zeros(count + longest, np.bool_)
    at_start = np.zeros((longest + 1, count), np.int32)
    at, node = np.arange(count - 1), letter[:-1]
    pairs = np.zeros(count, np.int64)
    for size in range(2, longest + 1):
        inside = at + size <= count
        at, node = at[inside], node[inside]
        node = trie.step(node, letter[at + size - 1])
        if size == 2:
            pairs[:-1] = node
        there = node > 0
        at, node = at[there], node[there]
        ends = words[node]
        if keep is not None:
            ends[ends] = keep(int(ends.sum()))
        here, found = at[ends], node[ends]
        masks[here] |= 1 << size
        at_start[size, here] = found
        for gap in range(1, size):
            spanned[here + gap] = True
        more = trie.parent[node]
        at, node = at[more], node[more]
    spanned = spanned[:count]
    sizes = _cheapest(masks, spanned, stray, longest)
    starts = np.flatnonzero(sizes > 1)
    long = sizes[starts]
    return Cut(starts, long, at_start[long, starts].astype(np.int64), spanned, pairs)


def _cheapest(masks: Ints, spanned: NDArray[np.bool_], stray: Ints, longest: int) -> Ints:
    """Length of the word chosen at each offset where one begins; 0 elsewhere."""
    runs = np.flatnonzero(~spanned)
    lengths = np.diff(runs, append=len(masks))
    chosen = np.zeros(len(masks), np.int64)
    chosen[runs[lengths == 1]] = 1
    chosen[runs[lengths == 2]] = 2  # what spans the one gap inside is a word of both
    long = lengths > 2
    runs, lengths = runs[long], lengths[long]
    if not len(runs):
        return chosen
    order = np.argsort(-lengths, kind="stable")
    runs, lengths = runs[order], lengths[order]
    most, used = int(lengths[0]), int(np.bitwise_or.reduce(masks))
    open_for = np.searchsorted(-lengths, -np.arange(most + 1), side="right")
    cost = np.zeros((most + 1, len(runs)), np.int64)
    taken = np.zeros((most + 1, len(runs)), np.int64)
    for end in range(1, most + 1):
        active = open_for[end]
        first = runs[:active]
        # in the low three bits stands 7 less the length of the last word, so that the least also breaks ties
        best = (cost[end - 1, :active] + stray[first + (end - 1)]) * 8 + 6
        for size in range(2, min(longest, end) + 1):
            if used >> size & 1:
                begins = masks[first + (end - size)] >> size & 1
                best = np.minimum(best, (cost[end - size, :active] + WORD + (1 - begins) * _NEVER) * 8 + (7 - size))
        cost[end, :active], taken[end, :active] = best >> 3, 7 - (best & 7)
    lane = np.arange(len(runs))
    while len(lane):
        last = taken[lengths[lane], lane]
        lengths[lane] -= last
        chosen[runs[lane] + lengths[lane]] = last
        lane = lane[lengths[lane] > 0]
    return chosen
