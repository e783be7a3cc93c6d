"""Which numbers of people may, added and subtracted, tell about a few: looked for in sketches, before people are.

    people in January + people in February - people in either = people in both

A group's sketch (`policies.people`) is linear: for each of some buckets of people, how many they are and the sums of
their hashes. What a combination of groups leaves of its people it leaves of their buckets, so one about fewer than k
people leaves little of anything, and nothing of all but k - 1 buckets. Of many groups, least squares find those that
little may be left of, and which others take it away: the rest of a group is at least what is left when all others take
away what they can. Among few groups the combination is a light word of a code, looked for by information sets (Prange
1962): some buckets are drawn, the combinations that vanish on them are few, and one of them is the word if none of its
buckets was drawn. Of 48 groups and 10 people each trial finds it with one half. What is suspected is looked at exactly
(`policies.persons`).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from policies.combinations import PRIME, echelon, modulo
from policies.people import BUCKETS, MAX_SKETCH, PART, Sketch

MAX_GROUPS = 500
"""Groups that are looked at; of more, those of the statistics asked last. One statistic of more is not looked at."""
FEW = 48
"""Groups among which light words are looked for."""
TRIALS = 24
MOST_IN_VAIN = 8
"""New groups of an answer that a combination is looked for with, those that least is left of first, until none is
found with so many."""
MOST_TOGETHER = 12
"""Statistics that are looked at exactly at once, where no combination needs more of them."""
Counted = tuple[Any, Any, Any]
"""A number and two sums, of each row of a sketch."""
_EQUATIONS = 3
"""Of each bucket."""
_SPARE = 3
"""Buckets drawn beyond those that leave no combination but by chance."""
_MOST = 7 * 4**2
"""What a person may leave, in standard deviations squared: a number and two sums, four times over."""
_ROUNDING = 1e-12
"""Of what a group has, squared: nothing."""
_SEED = 20260101  # any: it only has to be independent of the data


def suspects(sketches: Sequence[Sketch], counted: Sequence[Counted], old: int, minimum: int) -> list[list[int]]:
    """The statistics of combinations that may be about fewer than `minimum` people: those to look at together.

    `counted`: of each sketch, people once or as often as they have rows. The first `old` were answered before; what
    they tell without the others is left as it is.
    """
    owners, groups = _groups(sketches, counted)
    random = np.random.Generator(np.random.PCG64(_SEED))
    found: dict[frozenset[int], None] = {}
    in_vain = 0
    for some in _together(groups, owners >= old, minimum):
        light = _light(groups[some], owners[some] >= old, minimum, random)
        before = len(found)
        found |= {frozenset(owners[some][combination].tolist()): None for combination in light}
        in_vain = 0 if len(found) > before else in_vain + 1
        if in_vain == MOST_IN_VAIN:
            break
    return _gathered(found)


def _gathered(found: Iterable[frozenset[int]]) -> list[list[int]]:
    """Sets of statistics put together where they are few, each as a whole."""
    together: list[set[int]] = []
    for each in sorted(found, key=lambda some: (-len(some), sorted(some))):
        place = next((some for some in together if len(some | each) <= max(MOST_TOGETHER, len(some))), None)
        if place is None:
            together.append(set(each))
        else:
            place |= each
    return [sorted(some) for some in together]


def _groups(sketches: Sequence[Sketch], counted: Sequence[Counted]) -> tuple[Any, Any]:
    """The statistic of each group, and groups × buckets × equations; the last statistics' first."""
    owners: list[int] = []
    tables = [np.zeros((0, BUCKETS, _EQUATIONS), dtype=np.int64)]
    for owner, sketch in reversed(list(enumerate(sketches))):
        names, place = np.unique(sketch.group, return_inverse=True)
        if len(sketch.group) > MAX_SKETCH or len(owners) + len(names) > MAX_GROUPS:
            continue
        table = np.zeros((len(names), BUCKETS, _EQUATIONS), dtype=np.int64)
        table[place, sketch.bucket] = np.stack(counted[owner], axis=-1)
        owners += [owner] * len(names)
        tables.append(table)
    return np.array(owners, dtype=np.int64), np.concatenate(tables)


def _together(groups: Any, fresh: Any, minimum: int) -> Iterator[Any]:
    """Groups among which there may be a combination: all if they are few; else each new one of which little may be
    left, with those that take most of it away."""
    if len(groups) <= FEW:
        yield np.arange(len(groups))
        return
    numbers, low, high = np.moveaxis(groups.astype(np.float64), 2, 0)
    mean, deviation = PART / 2, PART / 12**0.5
    flat = np.concatenate([numbers, (low - mean * numbers) / deviation, (high - mean * numbers) / deviation], axis=1)
    basis = _basis(flat[~fresh])
    left = flat[fresh] - flat[fresh] @ basis.T @ basis
    apart = _independent(left, flat[fresh])
    new = np.flatnonzero(fresh)[apart]
    again = np.setdiff1d(np.flatnonzero(fresh), new)
    rest = 1 / np.diag(np.linalg.inv(left[apart] @ left[apart].T))
    bound = (minimum - 1) * _MOST
    for place in sorted(np.flatnonzero(rest <= bound), key=lambda each: rest[each]):
        others = np.setdiff1d(np.arange(len(groups)), [new[place], *again])
        takes, *_ = np.linalg.lstsq(flat[others].T, flat[new[place]], rcond=None)
        most = others[np.argsort(-np.abs(takes), kind="stable")[: FEW - 1]]
        yield np.sort(np.concatenate([most, [new[place]], again]))


def _basis(rows: Any) -> Any:
    """An orthonormal basis of the space of some rows."""
    if not len(rows):
        return rows
    _, strength, directions = np.linalg.svd(rows, full_matrices=False)
    return directions[strength > _ROUNDING**0.5 * strength[0]]


def _independent(rows: Any, before: Any) -> Any:
    """Which of some rows the others do not add up to; `before` they were made smaller."""
    basis = np.zeros((0, rows.shape[1]))
    found: list[int] = []
    for place in np.argsort(-(rows**2).sum(axis=1), kind="stable"):
        left = rows[place] - rows[place] @ basis.T @ basis
        size = left @ left
        if size > _ROUNDING * (before[place] @ before[place]):
            basis = np.concatenate([basis, [left / size**0.5]])
            found.append(int(place))
    return np.array(found, dtype=np.int64)


def _light(groups: Any, fresh: Any, minimum: int, random: Any) -> Iterator[Any]:
    """The groups in each combination with a fresh one that leaves few buckets."""
    groups = groups % PRIME
    there = np.flatnonzero(groups.any(axis=(0, 2)))
    if not fresh.any() or len(there) < minimum:
        return
    drawn = min(-(-len(groups) // _EQUATIONS) + _SPARE, max(1, len(there) - minimum + 1))
    count = len(groups)
    for _ in range(TRIALS):
        some = random.permutation(there)[:drawn]
        rows, how = echelon(groups[:, some].reshape(count, -1), np.eye(count, dtype=np.int64))
        vanishing = how[~rows.any(axis=1)]
        with_fresh, vanishing = echelon(vanishing[:, fresh], vanishing)
        left = _product(vanishing, groups.reshape(count, -1))
        before = left[~with_fresh.any(axis=1)]
        told, _ = echelon(before, before[:, :0])
        told = told[told.any(axis=1)]
        left, how = echelon(left, vanishing)
        buckets = left.reshape(len(left), BUCKETS, _EQUATIONS).any(axis=2).sum(axis=1)
        for row in np.flatnonzero((buckets > 0) & (buckets < minimum)):
            if modulo(left[[row]], told).any():  # more than earlier ones tell without the fresh
                yield np.flatnonzero(_in_other_words(how[row] != 0, how[buckets == 0] != 0))


def _in_other_words(groups: Any, nothing: Any) -> Any:
    """The groups of a combination, and those that others of its groups add up to: without one of them it can still be
    made."""
    while (more := groups | nothing[(nothing & groups).any(axis=1)].any(axis=0)).sum() > groups.sum():
        groups = more
    return groups


def _product(one: Any, other: Any) -> Any:
    """The product of two matrices modulo PRIME, whose entries are too large to be added up first."""
    made = np.zeros((len(one), other.shape[1]), dtype=np.int64)
    for place in range(other.shape[0]):
        users = np.flatnonzero(one[:, place])
        if len(users):
            made[users] = (made[users] + one[users, place][:, None] * other[place]) % PRIME
    return made
