"""Which few people the sums over released cells isolate when they are added and subtracted: exact linear algebra.

Rows that no condition and no group key of any statistic tells apart form an *atom*. A released cell is a 0/1 vector
over atoms, and what one can compute from released sums is the row space of these vectors (Chin & Ozsoyoglu 1982;
Denning & Schlörer's trackers of 1980 are members of it). A vector of that space whose atoms hold 1 to k - 1 people
gives a statistic of those people away. Where a sum multiplies rows with something that is known of them, rows that
differ in it are atoms of their own, and the vector holds the factors.

Atoms with k people or more cannot be part of such a vector. So first come the combinations that cancel on all of
these: each such atom is an equation over the cells' coefficients, solved one by one while they are sparse; tables and
their totals leave few unknowns. What the combinations leave on the small atoms is a linear code, and the vectors looked
for are its light words. Every vector of least support is a row of the echelon form for some choice of pivots, so a few
choices are tried, those on the largest atoms first (information sets; Prange 1962). Arithmetic is modulo a prime: what
is zero over the integers is zero here, and the converse fails with negligible chance for whoever cannot know the prime,
so each process draws one of its own.
"""

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Any

import numpy as np


def _drawn() -> int:
    """A prime of 31 bits, so that products of two residues have room in eight bytes."""
    while True:
        number = 2**30 + 2 * secrets.randbelow(2**29) + 1
        if all(number % divisor for divisor in range(3, int(number**0.5) + 1, 2)):
            return number


PRIME = _drawn()
MAX_WORK = 150_000_000
"""Entries that one elimination may touch; about a second."""
MAX_STEPS = 3_000_000
"""Terms that solving the equations of large atoms may write; seconds."""
MAX_FREE = 2_000
"""Combinations that cancel on all large atoms."""
MOST_TRIALS = 12
"""Choices of pivots that are tried, fewer where each is costly."""
MOST_CHOICES = 500
"""Choices of people who could be singled out that are all tried."""
_SEED = 20260101  # any: it only has to be independent of the data

Held = Mapping[int, int]
"""The cells that rows are in, and how often they count in each, modulo PRIME: once, unless a sum multiplies them."""
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

    def __init__(
        self,
        atoms: Sequence[Held],
        cells: int,
        old: int,
        sizes: Sequence[int],
        people: People,
        minimum: int,
        who: Sequence[AbstractSet[int]] = (),
    ) -> None:
        """`atoms`: for each the released cells it is in, of `cells` cells, the first `old` of which were answered
        before. `sizes`: people per atom; `who`: these people, where the atom is small. Raises TooMuch."""
        self._old, self._people, self._minimum = old, people, minimum
        weights = np.asarray(sizes, dtype=np.int64)
        self._columns = np.flatnonzero(weights < minimum)
        self._columns = self._columns[np.argsort(-weights[self._columns], kind="stable")]
        self._weights = weights[self._columns]
        self._who = [who[int(atom)] for atom in self._columns] if who else []
        free = _solved((held for held, size in zip(atoms, sizes, strict=True) if size >= minimum), cells)
        if len(free) ** 2 * max(cells, len(self._columns)) > MAX_WORK:
            raise TooMuch
        self._work = len(free) ** 2 * len(self._columns)
        # first those that take new cells, then those of old cells alone
        fresh, every = echelon(free[:, old:], free)
        live = fresh.any(axis=1)
        small = np.zeros((len(every), len(self._columns)), dtype=np.int64)
        for column, atom in enumerate(self._columns):
            held = atoms[int(atom)]
            factors = np.fromiter(held.values(), dtype=np.int64, count=len(held))
            small[:, column] = (every[:, list(held)] * factors % PRIME).sum(axis=1) % PRIME
        self._base, _ = echelon(small[~live], small[~live][:, :0])
        self._base = self._base[self._base.any(axis=1)]
        # with new cells, modulo those of old cells alone; `how` holds the new cells' coefficients
        self._new, self._how = echelon(modulo(small[live], self._base), fresh[live])

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
            self._new, self._how = echelon(self._new, self._how)

    def _orders(self) -> Iterator[Any]:
        """Orders of the columns, in which pivots are chosen: large atoms first, then at random."""
        count = len(self._columns)
        if not count or not self._new.any():
            return
        yield np.arange(count)
        random = np.random.Generator(np.random.PCG64(_SEED))
        if len(self._base) + len(self._new) == 1:
            return  # there is but one row
        for trial in range(1, min(MOST_TRIALS, max(2, 4 * MAX_WORK // max(1, self._work)))):
            spread = random.random(count) * (self._minimum if trial % 2 else 2)
            yield np.argsort(spread - self._weights, kind="stable")
        yield from self._orders_by_people(random)

    def _orders_by_people(self, random: Any) -> Iterator[Any]:
        """Where people are in several atoms, those of some of them last: what is left of the others then is a row of
        the echelon form. All choices of so few people are tried where there are not many, else some at random."""
        everyone = sorted({person for each in self._who for person in each})
        if len(everyone) == sum(map(len, self._who)):
            return
        few = self._minimum - 1
        number, most = comb(len(everyone), min(few, len(everyone))), 4 * MAX_WORK // max(1, self._work)
        if number <= min(MOST_CHOICES, most):
            chosen: Iterable[Iterable[int]] = combinations(everyone, min(few, len(everyone)))
        else:
            chosen = (random.permutation(len(everyone))[:few].tolist() for _ in range(min(MOST_TRIALS, most)))
            chosen = ([everyone[place] for place in places] for places in chosen)
        for some in map(frozenset, chosen):
            outside = np.array([not each <= some for each in self._who])
            yield np.concatenate([np.flatnonzero(outside), np.flatnonzero(~outside)])

    def _light(self, order: Any) -> list[Isolated]:
        """The light rows of the echelon form whose pivots are the first columns in `order` that can be."""
        live = self._new.any(axis=1)
        rows = np.concatenate([self._base, self._new[live]])[:, order]
        how = np.concatenate([np.zeros((len(self._base), self._how.shape[1]), dtype=np.int64), self._how[live]])
        rows, how = echelon(rows, how)
        back = np.empty_like(rows)
        back[:, order] = rows
        replaced = self._how[~live].any(axis=0)  # other new cells add up to the same
        found: list[Isolated] = []
        for row in np.flatnonzero(how.any(axis=1)):
            atoms = self._columns[np.flatnonzero(back[row])].tolist()
            if self._people(atoms) < self._minimum and modulo(back[[row]], self._base).any():
                used = how[row] != 0
                cells = tuple(self._old + int(cell) for cell in np.flatnonzero(used))
                essential = frozenset(self._old + int(cell) for cell in np.flatnonzero(used & ~replaced))
                found.append(Isolated(cells, essential, tuple(atoms)))
        return found


def _inverse(value: int) -> int:
    return pow(int(value), PRIME - 2, PRIME)


def _solved(atoms: Iterable[Held], cells: int) -> Any:
    """A basis of the combinations of cells that cancel on each of `atoms`: a row of coefficients for each.

    A cell's coefficient is kept as a sum over those unknowns that are still free. Raises TooMuch.
    """
    terms: list[dict[int, int]] = [{cell: 1} for cell in range(cells)]
    users: list[set[int]] = [{cell} for cell in range(cells)]  # of an unknown: the cells that have it
    steps = 0
    for held in sorted(atoms, key=len):
        total: dict[int, int] = {}
        for cell, times in held.items():
            for unknown, factor in terms[cell].items():
                total[unknown] = (total.get(unknown, 0) + factor * times) % PRIME
        total = {unknown: factor for unknown, factor in total.items() if factor}
        if not total:
            continue
        pivot = min(total, key=lambda unknown: (len(users[unknown]), unknown))
        scale = PRIME - _inverse(total.pop(pivot))
        for cell in users[pivot]:
            mine = terms[cell]
            share = mine.pop(pivot) * scale % PRIME
            steps += len(total) + 1
            for unknown, factor in total.items():
                value = (mine.get(unknown, 0) + share * factor) % PRIME
                if value:
                    mine[unknown] = value
                    users[unknown].add(cell)
                elif mine.pop(unknown, None) is not None:
                    users[unknown].discard(cell)
        users[pivot] = set()
        if steps > MAX_STEPS:
            raise TooMuch
    free = [unknown for unknown in range(cells) if users[unknown]]
    if len(free) > MAX_FREE:
        raise TooMuch
    basis = np.zeros((len(free), cells), dtype=np.int64)
    for row, unknown in enumerate(free):
        for cell in users[unknown]:
            basis[row, cell] = terms[cell][unknown]
    return basis


def modulo(rows: Any, base: Any) -> Any:
    """What of `rows` is left when multiples of the echelon rows of `base` are taken off."""
    for row in base:
        pivot = int(np.flatnonzero(row)[0])
        users = np.flatnonzero(rows[:, pivot])
        if len(users):
            rows = rows.copy()
            rows[users] = (rows[users] - rows[users][:, [pivot]] * row) % PRIME
    return rows


def echelon(rows: Any, how: Any) -> tuple[Any, Any]:
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
