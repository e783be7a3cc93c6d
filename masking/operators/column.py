"""Text columns as byte matrices and back: operators work on a whole batch with numpy and no loop over values."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from masking.operators.interface import MASKED

Codes = NDArray[np.uint8]
Places = NDArray[np.int64]
_MASKED = np.frombuffer(MASKED.encode(), np.uint8)


class Texts:
    """The bytes (UTF-8) of an Arrow text array: where each value starts, how long it is, which ones are there."""

    def __init__(self, values: Any) -> None:
        array = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
        if array.type != pa.string():
            array = array.cast(pa.string())
        _, offsets, data = array.buffers()
        self.count = len(array)
        edges = (
            np.frombuffer(offsets, np.int32)[array.offset : array.offset + self.count + 1].astype(np.int64)
            if self.count
            else np.zeros(1, np.int64)
        )
        self.starts, self.lengths = edges[:-1], np.diff(edges)
        self.data = np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(1, np.uint8)
        self.missing = array.is_null().to_numpy(zero_copy_only=False) if array.null_count else None
        self.validity = None if self.missing is None else pa.array(~self.missing).buffers()[1]
        self.present = np.arange(self.count) if self.missing is None else np.flatnonzero(~self.missing)

    def by_length(self) -> Iterator[tuple[Places, Codes]]:
        """Places and (N, length) codes of the values of each length; values that are not ASCII never come."""
        for length, places in _alike(self.present, self.lengths[self.present]):
            if length:
                codes = self._codes(places, length)
                if int(codes.max()) < 128:
                    yield places, codes
                else:
                    ascii_only = (codes < 128).all(axis=1)
                    yield places[ascii_only], codes[ascii_only]

    def rows(self, length: int) -> Codes | None:
        """(N, length) bytes where every value is there and has this many; None otherwise."""
        if not self.count or self.missing is not None or not (self.lengths == length).all():
            return None
        return self._codes(self.present, length)

    def _codes(self, places: Places, length: int) -> Codes:
        """Bytes of values of one length; without a copy where they lie side by side."""
        first, last = int(self.starts[places[0]]), int(self.starts[places[-1]])
        if len(places) == self.count and last - first == (len(places) - 1) * length:
            side_by_side: Codes = self.data[first : last + length].reshape(-1, length)
            return side_by_side
        gathered: Codes = self.data[self.starts[places][:, None] + np.arange(length)]
        return gathered

    def padded(self, multiple: int) -> Iterator[tuple[Places, Codes, NDArray[np.int64]]]:
        """Places, bytes and lengths of the values, those together that need as many times `multiple` bytes (one time
        for an empty value); the bytes behind a value are zero."""
        lengths = self.lengths[self.present]
        if len(lengths) and lengths.min() == lengths.max() > 0:  # as identifiers mostly are
            length = int(lengths[0])
            padded = np.zeros((len(lengths), -(-length // multiple) * multiple), np.uint8)
            padded[:, :length] = self._codes(self.present, length)
            yield self.present, padded, lengths
            return
        for times, places in _alike(self.present, np.maximum(1, -(-lengths // multiple))):
            widths = self.lengths[places]
            at = np.arange(times * multiple)
            codes = self.data[np.minimum(self.starts[places][:, None] + at, len(self.data) - 1)]
            codes[at >= widths[:, None]] = 0
            yield places, codes, widths

    def fixed(self, codes: Codes) -> pa.Array:
        """A text array of one ASCII row for each value; NULL where the value was."""
        offsets = np.arange(self.count + 1, dtype=np.int32) * np.int32(codes.shape[1])
        buffers = [self.validity, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(codes))]
        return pa.Array.from_buffers(pa.string(), self.count, buffers)

    def changed(self, valid: Callable[[Codes], NDArray[np.bool_]], change: Callable[[Codes], Codes]) -> pa.Array:
        """Each valid value by `change`, which keeps lengths, the others `MASKED`; both take values of one length."""
        lengths = np.full(self.count, len(_MASKED), np.int64)
        if self.missing is not None:
            lengths[self.missing] = 0
        made: list[tuple[Places, Codes]] = []
        for places, codes in self.by_length():
            good = valid(codes)
            if good.any():
                whole = bool(good.all())
                if whole and len(places) == self.count:
                    return self.fixed(change(codes))
                made.append((places, change(codes)) if whole else (places[good], change(codes[good])))
                lengths[made[-1][0]] = codes.shape[1]
        offsets = np.zeros(self.count + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        data = np.empty(int(offsets[-1]), np.uint8)
        hidden = np.ones(self.count, bool)
        for places, codes in made:
            data[offsets[places][:, None] + np.arange(codes.shape[1])] = codes
            hidden[places] = False
        stars = np.flatnonzero(hidden & (lengths > 0))
        data[offsets[stars][:, None] + np.arange(len(_MASKED))] = _MASKED
        buffers = [self.validity, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(data)]
        return pa.Array.from_buffers(pa.string(), self.count, buffers)


def _alike(places: Places, sizes: NDArray[np.int64]) -> Iterator[tuple[int, Places]]:
    """Each size with the places that have it."""
    if len(sizes) and sizes.min() == sizes.max():
        yield int(sizes[0]), places
        return
    for size in np.unique(sizes).tolist():
        yield size, places[sizes == size]


def hexadecimal(codes: Codes) -> Codes:
    """Each row of bytes as a row of twice as many lower-case hexadecimal digits."""
    return np.frombuffer(codes.tobytes().hex().encode(), np.uint8).reshape(len(codes), 2 * codes.shape[1])


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
