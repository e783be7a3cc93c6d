"""Text columns as byte matrices and back, so that operators work on a whole column with numpy."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from masking.operators.interface import MASKED

Codes = NDArray[np.uint8]


def by_length(values: list[str]) -> Iterator[tuple[NDArray[np.int64], Codes]]:
    """Positions and (N, length) ASCII codes of the values of each length; values that are not ASCII never come."""
    lengths: dict[int, list[int]] = {}
    for position, value in enumerate(values):
        if value.isascii():
            lengths.setdefault(len(value), []).append(position)
    for length, positions in lengths.items():
        if length:
            data = "".join([values[position] for position in positions]).encode()
            yield np.array(positions), np.frombuffer(data, np.uint8).reshape(-1, length)


def texts(codes: Codes) -> list[str]:
    """Each row of ASCII codes as text."""
    length = codes.shape[1]
    data = codes.tobytes().decode("ascii")
    return [data[start : start + length] for start in range(0, len(data), length)]


def each_distinct(values: Any, change: Callable[[list[str]], list[str]]) -> pa.Array:
    """`change` applied to the distinct values of an Arrow text array, NULL left out and left NULL."""
    coded = values.dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    changed = pa.array(change(coded.dictionary.to_pylist()), pa.string())
    return changed.take(coded.indices)


def changed_rows(
    values: list[str], valid: Callable[[Codes], NDArray[np.bool_]], change: Callable[[Codes], Codes]
) -> list[str]:
    """Each valid value by `change`, the others `MASKED`; both functions take the codes of values of one length."""
    made = [MASKED] * len(values)
    for positions, codes in by_length(values):
        good = valid(codes)
        if good.any():
            for position, text in zip(positions[good].tolist(), texts(change(codes[good])), strict=True):
                made[position] = text
    return made
