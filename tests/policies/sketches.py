"""Sketches of groups of people, as an engine makes them."""

import hashlib
from collections.abc import Iterable, Mapping

import numpy as np

from policies.people import BUCKETS, Sketch


def number(*values: object) -> int:
    return int.from_bytes(hashlib.sha256(repr(values).encode()).digest()[:8])


def sketch(*groups: Mapping[int, int], kind: str = "VARCHAR") -> Sketch:
    """Each group: how many rows of it each person has."""
    cells: dict[tuple[int, int], list[int]] = {}
    for place, group in enumerate(groups):
        for person, rows in group.items():
            told = (1, number(person) >> 8 & 0xFFFFFFF, number(person) >> 36)
            cell = cells.setdefault((place, number(person) % BUCKETS), [0] * 6)
            cell[:] = [
                so_far + each for so_far, each in zip(cell, (*told, *(rows * each for each in told)), strict=True)
            ]
    keys = np.array(list(cells), dtype=np.int64).reshape(-1, 2)
    one, two, three, four, five, six = np.array(list(cells.values()), dtype=np.int64).reshape(-1, 6).T
    return Sketch(frozenset([kind]), keys[:, 0], keys[:, 1], (one, two, three), (four, five, six))


def once(people: Iterable[int]) -> dict[int, int]:
    return dict.fromkeys(people, 1)
