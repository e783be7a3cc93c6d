"""Which few people the sums over released cells isolate when they are added and subtracted: exact linear algebra.

Rows that no condition and no group key of any statistic tells apart form an *atom*. A released cell is a 0/1 vector
over atoms, and what one can compute from released sums is the row space of these vectors (Chin & Ozsoyoglu 1982;
Denning & Schlörer's trackers of 1980 are members of it). A vector of that space whose atoms hold 1 to k - 1 people
gives a statistic of those people away.

Atoms with k people or more cannot be part of such a vector. So first come the combinations that cancel on all of
these: the left null space of their columns, found on a random projection of them. What the combinations leave on the
small atoms is a linear code, and the vectors looked for are its light words. Every vector of least support is a row of
the echelon form for some choice of pivots, so a few choices are tried, those on the largest atoms first (information
sets; Prange 1962). Arithmetic is modulo the prime 2^31 - 1: what is zero over the integers is zero here, and the
converse fails with negligible chance.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

PRIME = 2**31 - 1
MAX_WORK = 150_000_000
"""Entries that one elimination may touch; about a second."""
MOST_TRIALS = 24
"""Choices of pivots that are tried, fewer where each is costly."""
_SEED = 20260101  # any: it only has to be independent of the data

People = Callable[[Sequence[int]], int]
"""How many distinct people the rows of some atoms are about."""


class TooMuch(Exception):
    """The combinations are too many to be searched."""


@dataclass(frozen=True, slots=True)
class Isolated:
    """A combination of released cells that is about too few people."""

    cells: tuple[int, ...]  # the new cells in it, as rows of the matrix
    essential: frozenset[int]  # those without which it cannot be made, whatever takes their place
    atoms: tuple[int, ...]  # the columns it does not cancel


class Combinations:
    """What old and new cells together isolate, as new cells are taken away one by one."""

    def __init__(self, cells: Any, old: int, sizes: Sequence[int], people: People, minimum: int) -> None:
        """`cells`: 0/1 matrix, a row per released cell, the first `old` of them answered before; a column per atom.
        `sizes`: people per atom. Raises TooMuch."""
        matrix = np.asarray(cells, dtype=np.int64)
        self._old, self._people, self._minimum = old, people, minimum
        weights = np.asarray(sizes, dtype=np.int64)
        self._columns = np.flatnonzero(weights < minimum)
        self._columns = self._columns[np.argsort(-weights[self._columns], kind="stable")]
        self._weights = weights[self._columns]
        known, fresh = _null_space(matrix[:, weights >= minimum], old)
        self._work = (len(known) + len(fresh)) ** 2 * len(self._columns)
        if self._work > MAX_WORK:
            raise TooMuch
        small = matrix[:, self._columns]
        if not len(fresh):
            known = known[:0]
        # of old cells alone, in echelon form; and with new ones, modulo those: how holds the new cells' coefficients
        self._base, _ = _reduced(_times(known, small), np.zeros((len(known), 0), dtype=np.int64))
        self._base = self._base[self._base.any(axis=1)]
        self._new, self._how = _reduced(_modulo(_times(fresh, small), self._base), fresh[:, old:])

    def isolating(self) -> list[Isolated]:
        """Combinations about 1 to k - 1 people that old cells alone do not give away; none if none was found."""
        for order in self._orders():
            found = self._light(order)
            if found:
                return found
        return []

    def take_away(self, cell: int) -> None:
        """Keep only the combinations that do without a new cell."""
        column = cell - self._old
        users = np.flatnonzero(self._how[:, column])
        if not len(users):
            return
        pivot, others = users[-1], users[:-1]  # the last: the rows that are zero on all atoms stand at the end
        factors = self._how[others, column] * _inverse(self._how[pivot, column]) % PRIME
        self._new[others] = (self._new[others] - factors[:, None] * self._new[pivot]) % PRIME
        self._how[others] = (self._how[others] - factors[:, None] * self._how[pivot]) % PRIME
        stay = np.arange(len(self._new)) != pivot
        changed = bool(self._new[pivot].any())
        self._new, self._how = self._new[stay], self._how[stay]
        if changed:
            self._new, self._how = _reduced(self._new, self._how)

    def _orders(self) -> Iterator[Any]:
        """Orders of the columns, in which pivots are chosen: large atoms first, then at random."""
        count = len(self._columns)
        if not count or not self._new.any():
            return
        yield np.arange(count)
        random = np.random.Generator(np.random.PCG64(_SEED))
        for trial in range(1, min(MOST_TRIALS, max(2, 4 * MAX_WORK // max(1, self._work)))):
            spread = random.random(count) * (self._minimum if trial % 2 else 2)
            yield np.argsort(spread - self._weights, kind="stable")

    def _light(self, order: Any) -> list[Isolated]:
        """The light rows of the echelon form whose pivots are the first columns in `order` that can be."""
        live = self._new.any(axis=1)
        rows = np.concatenate([self._base, self._new[live]])[:, order]
        how = np.concatenate([np.zeros((len(self._base), self._how.shape[1]), dtype=np.int64), self._how[live]])
        rows, how = _reduced(rows, how)
        back = np.empty_like(rows)
        back[:, order] = rows
        replaced = self._how[~live].any(axis=0)  # other new cells add up to the same
        found: list[Isolated] = []
        for row in np.flatnonzero(how.any(axis=1)):
            support = np.flatnonzero(back[row])
            atoms = tuple(int(self._columns[column]) for column in support)
            if self._people(atoms) < self._minimum and _modulo(back[[row]], self._base).any():
                used = how[row] != 0
                cells = tuple(self._old + int(cell) for cell in np.flatnonzero(used))
                essential = frozenset(self._old + int(cell) for cell in np.flatnonzero(used & ~replaced))
                found.append(Isolated(cells, essential, atoms))
        return found


def _times(left: Any, zero_one: Any) -> Any:
    """The product with a 0/1 matrix, modulo PRIME; exact in floating point, since sums stay below 2^53."""
    return np.rint(left.astype(np.float64) @ zero_one.astype(np.float64)).astype(np.int64) % PRIME


def _inverse(value: int) -> int:
    return pow(int(value), PRIME - 2, PRIME)


def _null_space(columns: Any, old: int) -> tuple[Any, Any]:
    """Bases of the combinations of rows that cancel in all `columns`: of old rows alone, and with new rows.

    The columns are replaced by as many random combinations of them as there are rows and a few: a combination that
    cancels in these but not in all has a chance of about 1 in 2^31 each.
    """
    rows, count = columns.shape
    how = np.eye(rows, dtype=np.int64)
    if count > rows + 8:
        random = np.random.Generator(np.random.PCG64(_SEED)).integers(0, PRIME, (count, rows + 8))
        columns = _times(random.T, columns.T).T.copy()
    else:
        columns = columns.copy()
    if rows**2 * (rows + columns.shape[1]) > 4 * MAX_WORK:
        raise TooMuch
    rest = list(range(rows))
    for column in range(columns.shape[1]):
        held = [row for row, value in zip(rest, columns[rest, column], strict=True) if value]
        if not held:
            continue
        pivot, others = held[0], held[1:]  # older rows are used up first, so that they never depend on new ones
        if others:
            factors = columns[others, column] * _inverse(columns[pivot, column]) % PRIME
            columns[others] = (columns[others] - factors[:, None] * columns[pivot]) % PRIME
            how[others] = (how[others] - factors[:, None] * how[pivot]) % PRIME
        rest.remove(pivot)
    return how[[row for row in rest if row < old]], how[[row for row in rest if row >= old]]


def _modulo(rows: Any, base: Any) -> Any:
    """What of `rows` is left when multiples of the echelon rows of `base` are taken off."""
    for row in base:
        pivot = int(np.flatnonzero(row)[0])
        users = np.flatnonzero(rows[:, pivot])
        if len(users):
            rows = rows.copy()
            rows[users] = (rows[users] - rows[users][:, [pivot]] * row) % PRIME
    return rows


def _reduced(rows: Any, how: Any) -> tuple[Any, Any]:
    """Reduced row echelon form, zero rows last, and the combinations behind it."""
    rows, how = rows.copy(), how.copy()
    done = 0
    for column in range(rows.shape[1]):
        if done == len(rows):
            break
        below = np.flatnonzero(rows[done:, column])
        if not len(below):
            continue
        pivot = done + int(below[0])
        rows[[done, pivot]], how[[done, pivot]] = rows[[pivot, done]], how[[pivot, done]]
        scale = _inverse(rows[done, column])
        rows[done, column:] = rows[done, column:] * scale % PRIME
        how[done] = how[done] * scale % PRIME
        others = np.flatnonzero(rows[:, column])
        others = others[others != done]
        if len(others):
            factors = rows[others, column].copy()
            rows[others, column:] = (rows[others, column:] - factors[:, None] * rows[done, column:]) % PRIME
            how[others] = (how[others] - factors[:, None] * how[done]) % PRIME
        done += 1
    return rows, how
