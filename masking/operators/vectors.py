"""Columns of a block as numpy vectors of numbers, and back."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


def numbers_of(column: Any) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The values as floats and which of them are finite numbers; text is read as a number where it is one."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        written = pc.utf8_trim_whitespace(array)
        plain = pc.match_substring_regex(written, r"^[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]{1,3})?$")
        array = pc.if_else(plain, pc.utf8_ltrim(written, "+"), None)
    elif not (pa.types.is_integer(array.type) or pa.types.is_floating(array.type) or pa.types.is_decimal(array.type)):
        array = pa.nulls(len(array), pa.float64())
    values = array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return values, np.isfinite(values)


def numbers_where(good: NDArray[np.bool_], made: NDArray[np.float64]) -> pa.Array:
    """A column with `made` where `good` and NULL elsewhere."""
    whole = np.zeros(len(good))
    whole[good] = made
    return pa.array(whole, mask=~good)
