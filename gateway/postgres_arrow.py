"""PostgreSQL's types as Arrow types. What is not in the table does not leave: its other types have no meaning here.

A computed `numeric` says nothing about its scale before its values are seen, so its type follows from the first rows.
"""

from collections.abc import Sequence
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Any, Protocol

import pyarrow as pa

from gateway.errors import ENGINE_FAILED
from store.errors import YurtError

NUMERIC = 1700
PRECISION = 38
EXACT_SCALE = 10
"""Digits after the point up to which a computed `numeric` stays decimal; longer ones (averages) become doubles, as in
DuckDB."""
TYPES = {
    16: pa.bool_(), 20: pa.int64(), 21: pa.int16(), 23: pa.int32(), 700: pa.float32(), 701: pa.float64(),
    19: pa.string(), 25: pa.string(), 1042: pa.string(), 1043: pa.string(),
    1082: pa.date32(), 1083: pa.time64("us"), 1114: pa.timestamp("us"), 1184: pa.timestamp("us", "UTC"),
    1000: pa.list_(pa.bool_()), 1005: pa.list_(pa.int16()), 1007: pa.list_(pa.int32()), 1016: pa.list_(pa.int64()),
    1021: pa.list_(pa.float32()), 1022: pa.list_(pa.float64()), 1231: pa.list_(pa.float64()),
    1009: pa.list_(pa.string()), 1014: pa.list_(pa.string()), 1015: pa.list_(pa.string()),
    1115: pa.list_(pa.timestamp("us")), 1182: pa.list_(pa.date32()),
}  # fmt: skip
"""Object identifiers of `pg_type.dat`, which never change, -> Arrow type."""
_EXACT = Context(prec=2 * PRECISION, traps=[Inexact, InvalidOperation])


class Described(Protocol):
    """A result column as the database API describes it (`psycopg.Column`)."""

    @property
    def name(self) -> str: ...
    @property
    def type_code(self) -> int: ...
    @property
    def precision(self) -> int | None: ...
    @property
    def scale(self) -> int | None: ...


def schema_of(columns: Sequence[Described], rows: Sequence[Sequence[Any]], *, whole: bool) -> Any:
    """The `pyarrow.Schema` of an answer, given its first rows, or `whole`, all of them. Raises ENGINE_FAILED for a type
    that is not known."""
    return pa.schema(
        [(column.name, _type(column, [row[place] for row in rows], whole)) for place, column in enumerate(columns)]
    )


def _type(column: Described, values: Sequence[Any], whole: bool) -> Any:
    if column.type_code != NUMERIC:
        if column.type_code not in TYPES:
            raise YurtError(ENGINE_FAILED)
        return TYPES[column.type_code]
    if column.precision is not None and column.precision <= PRECISION and 0 <= (column.scale or 0) <= column.precision:
        return pa.decimal128(column.precision, column.scale or 0)
    exponents = [value.as_tuple().exponent for value in values if value is not None]
    if any(not isinstance(each, int) for each in exponents):  # NaN and the infinities
        return pa.float64()
    scale = max((-each for each in exponents if isinstance(each, int)), default=0)
    digits = max((value.adjusted() + 1 for value in values if value is not None), default=0)
    if not whole and scale <= EXACT_SCALE:
        scale = EXACT_SCALE  # rows still to come may have more digits than these
    fits = scale <= EXACT_SCALE and digits + scale <= PRECISION
    return pa.decimal128(PRECISION, max(scale, 0)) if fits else pa.float64()


def batch_of(schema: Any, rows: Sequence[Sequence[Any]]) -> Any:
    """Rows as a `pyarrow.RecordBatch`. Raises ENGINE_FAILED where a value has no place in its type."""
    try:
        arrays = [_array(field.type, [row[place] for row in rows]) for place, field in enumerate(schema)]
    except (pa.ArrowException, ArithmeticError, TypeError, ValueError, OverflowError):
        raise YurtError(ENGINE_FAILED) from None
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _array(type_: Any, values: list[Any]) -> Any:
    if pa.types.is_float64(type_):
        return pa.array([None if each is None else float(each) for each in values], type_)
    if pa.types.is_list(type_) and pa.types.is_float64(type_.value_type):  # of `numeric`: each has its own scale
        values = [each and [None if part is None else float(part) for part in each] for each in values]
    if pa.types.is_decimal(type_):
        unit = Decimal(1).scaleb(-type_.scale)
        values = [None if each is None else each.quantize(unit, context=_EXACT) for each in values]
    return pa.array(values, type_)
