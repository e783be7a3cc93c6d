"""Micro-aggregation by MDAV: records alike in some numbers share the mean of at least k of them.

Domingo-Ferrer and Mateo-Sanz, "Practical data-oriented microaggregation for statistical disclosure control", IEEE TKDE
14(1), 2002, in the fixed-size form of Domingo-Ferrer and Torra (2005). The method is quadratic: columns are brought to
one scale, and each block of a file is cut into parts along the direction in which its records differ most.
"""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field

from masking.operators.interface import Arguments, Family, Operator, Result, no_expression
from masking.operators.vectors import numbers_of, numbers_where

PART = 4096
Points = NDArray[np.float64]
"""(N, columns) numbers."""


class MicroaggregateArguments(Arguments):
    """`k` records or more share a value. `with_columns`: numbers of the same table by which records are judged alike
    besides this one; columns that name each other get the same groups, and records are k-anonymous in all of them."""

    k: int = Field(5, ge=3, le=1000)
    with_columns: tuple[str, ...] = Field((), max_length=16)

    def beside(self) -> tuple[str, ...]:
        """The other numbers."""
        return self.with_columns


def mdav(points: Points, k: int) -> list[NDArray[np.int64]]:
    """Groups of k to 2k - 1 rows; one group of all where there are fewer than 2k, none where fewer than k."""
    left = np.arange(len(points))
    groups: list[NDArray[np.int64]] = []

    def apart(centre: Points) -> NDArray[np.float64]:
        difference = points[left] - centre
        distance: NDArray[np.float64] = np.einsum("ij,ij->i", difference, difference)
        return distance

    def split_off(place: int) -> None:
        """The record and its k - 1 nearest leave as a group."""
        nonlocal left
        distance = apart(points[left[place]])
        distance[place] = -1  # first, among records equal to it too
        near = np.argpartition(distance, k - 1)[:k]
        groups.append(left[near])
        left = np.delete(left, near)

    while len(left) >= 3 * k:
        far = points[left[int(np.argmax(apart(points[left].mean(axis=0))))]]
        split_off(int(np.argmin(apart(far))))
        split_off(int(np.argmax(apart(far))))
    if len(left) >= 2 * k:
        split_off(int(np.argmax(apart(points[left].mean(axis=0)))))
    if len(left) >= k:
        groups.append(left)
    return groups


def _scaled(points: Points) -> Points:
    spread = points.std(axis=0)
    spread[spread == 0] = 1
    scaled: Points = (points - points.mean(axis=0)) / spread
    return scaled


def _parts(points: Points) -> list[NDArray[np.int64]]:
    """Rows in parts of PART or somewhat more, neighbours along the first principal component."""
    if len(points) < 2 * PART:
        return [np.arange(len(points))]
    _, directions = np.linalg.eigh(points.T @ points)
    order = np.argsort(points @ directions[:, -1], kind="stable")
    return np.array_split(order, len(points) // PART)


def _over(rows: pa.Table, column: str, args: MicroaggregateArguments) -> pa.Array:
    names = sorted({column, *args.with_columns})  # in one order, so that columns that name each other agree
    vectors, goods = zip(*(numbers_of(rows[name]) for name in names), strict=True)
    good = np.logical_and.reduce(goods)
    own = vectors[names.index(column)][good]
    kept = np.zeros(len(own), bool)
    made = np.zeros(len(own))
    if len(own):
        points = _scaled(np.stack([vector[good] for vector in vectors], axis=1))
        for part in _parts(points):
            for group in mdav(points[part], args.k):
                made[part[group]], kept[part[group]] = own[part[group]].mean(), True
    whole = np.zeros(len(good), bool)
    whole[good] = kept
    return numbers_where(whole, made[kept])


MICROAGGREGATE = Operator(
    "microaggregate",
    "Records alike in some numbers get their mean, k or more at a time (MDAV).",
    Family.MICROAGGREGATION,
    Result.NUMBER,
    MicroaggregateArguments,
    no_expression,
    format_kept=True,
    attack="Columns treated one by one single people out together: name them to each other. Means of outliers stay far "
    "out.",
    over=_over,
)
