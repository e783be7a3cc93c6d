"""Shuffling: the values of a column change places, so that their distribution stays and their rows do not."""

import os
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field

from masking.operators.interface import Arguments, Family, Operator, Result, no_expression

FEWEST = 5
"""Values that must be there to change places with; fewer are hidden."""


class ShuffleArguments(Arguments):
    """`within`: a column of the same table; values change places only between rows that have the same value there."""

    within: str | None = Field(None, min_length=1, max_length=128)

    def beside(self) -> tuple[str, ...]:
        """The column of the groups."""
        return () if self.within is None else (self.within,)


def permutation(count: int) -> NDArray[np.int64]:
    """A uniform permutation of `count` places: by the order of 64 random bits each, from the operating system."""
    return np.argsort(np.frombuffer(os.urandom(8 * count), np.uint64), kind="stable")


def _groups(rows: pa.Table, present: NDArray[np.int64], within: str | None) -> list[NDArray[np.int64]]:
    """Places of the values that change places with each other."""
    if within is None:
        return [present]
    keys = rows[within].combine_chunks().take(pa.array(present))
    codes = keys.cast(pa.string()).dictionary_encode(null_encoding="encode").indices.to_numpy()
    order = np.argsort(codes, kind="stable")
    return np.split(present[order], np.flatnonzero(np.diff(codes[order])) + 1)


def _over(rows: pa.Table, column: str, args: Any) -> pa.Array:
    values = rows[column].combine_chunks()
    present = np.flatnonzero(pc.is_valid(values).to_numpy(zero_copy_only=False))
    source = np.full(len(values), -1)
    for places in _groups(rows, present, args.within):
        if len(places) >= FEWEST:
            source[places] = places[permutation(len(places))]
    return values.take(pa.array(source, mask=source < 0))


SHUFFLE = Operator(
    "shuffle",
    "Values change places within the column, within groups of rows if asked.",
    Family.PERMUTATION,
    Result.SAME,
    ShuffleArguments,
    no_expression,
    format_kept=True,
    attack="Every value is still there: one that names somebody by itself stays readable, and in a small or uniform "
    "group hardly anything moves.",
    over=_over,
)
