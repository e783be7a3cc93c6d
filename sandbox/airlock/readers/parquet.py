"""Parquet: the footer is judged before a page is unpacked, then rows are read in batches within the caps."""

from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sandbox.airlock import codes
from sandbox.airlock.findings import Findings, Stop
from sandbox.airlock.identities import DIRECT
from sandbox.airlock.tables import Context, Table, check_table

# What Arrow, pandas and polars write about the schema; a rewrite drops it.
_OWN_METADATA = frozenset({b"ARROW:schema", b"pandas"})
_MAX_OWN_METADATA = 64 << 10
_BATCH = 512


def read(source: BinaryIO, context: Context, findings: Findings) -> None:
    """Check a Parquet file."""
    try:
        file = pq.ParquetFile(source, thrift_string_size_limit=4 << 20, thrift_container_size_limit=100_000)
    except (pa.ArrowException, OSError, ValueError) as error:
        findings.add(codes.UNREADABLE, "footer")
        raise Stop from error
    meta = file.metadata
    _check_footer(file, meta, context, findings)
    _check_bytes(source, meta, findings)
    _check_values(file, context, findings)


def _check_footer(file: Any, meta: Any, context: Context, findings: Findings) -> None:
    if meta.num_rows > context.limits.rows:
        findings.add(codes.TOO_MANY_ROWS, "rows")
        raise Stop
    if meta.num_columns > context.limits.columns:
        findings.add(codes.TOO_MANY_COLUMNS, "columns")
        raise Stop
    unpacked = sum(meta.row_group(g).total_byte_size for g in range(meta.num_row_groups))
    if unpacked > context.limits.parquet_bytes or meta.num_row_groups > context.limits.rows:
        findings.add(codes.INSPECTION_LIMIT, "row groups")
        raise Stop
    for index, field in enumerate(file.schema_arrow):
        if not _is_plain(field.type):
            findings.add(codes.BINARY_COLUMN, f"column {index + 1}")
        if field.metadata and set(field.metadata) - {b"PARQUET:field_id"}:
            findings.add(codes.FILE_METADATA, f"column {index + 1}")
    metadata = meta.metadata or {}
    if set(metadata) - _OWN_METADATA or sum(map(len, metadata.values())) > _MAX_OWN_METADATA:
        findings.add(codes.FILE_METADATA, "file")
    for value in metadata.values():
        if context.scanner.types(value.decode("utf-8", "replace")) & DIRECT:
            findings.add(codes.IDENTITY, "file metadata")


def _is_plain(kind: Any) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_plain(kind.value_type)
    tests = (
        pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_string, pa.types.is_large_string,
        pa.types.is_date, pa.types.is_time, pa.types.is_timestamp, pa.types.is_decimal, pa.types.is_null,
        pa.types.is_string_view,
    )  # fmt: skip
    return any(test(kind) for test in tests)


def _check_bytes(source: BinaryIO, meta: Any, findings: Findings) -> None:
    """Bytes between the parts: a person looks when page indexes or Bloom filters may explain them."""
    size = source.seek(0, 2)
    source.seek(size - 8)
    footer = int.from_bytes(source.read(4), "little")
    columns = [meta.row_group(g).column(c) for g in range(meta.num_row_groups) for c in range(meta.num_columns)]
    accounted = 4 + footer + 8 + sum(column.total_compressed_size for column in columns)
    if size == accounted:
        return
    indexed = any(column.has_offset_index or column.has_column_index for column in columns)
    findings.add(codes.FILE_METADATA if indexed and size > accounted else codes.HIDDEN_BYTES, "file")


def _check_values(file: Any, context: Context, findings: Findings) -> None:
    names = [str(name) for name in file.schema_arrow.names]
    rows: list[list[str]] = []
    dictionaries: dict[int, set[str]] = {}
    try:
        for batch in file.iter_batches(batch_size=_BATCH, use_threads=False):
            if len(rows) + batch.num_rows > context.limits.rows or batch.nbytes > context.limits.parquet_bytes:
                findings.add(codes.INSPECTION_LIMIT, "row groups")  # the footer lied
                raise Stop
            for index in range(batch.num_columns):
                if (
                    _longest(batch.column(index)) > 4 * context.limits.cell_characters
                ):  # bytes; UTF-8 has at most 4 each
                    findings.add(codes.CELL_TOO_LONG, f"column {index + 1}")
                    raise Stop
            columns = [_texts(batch.column(i)) for i in range(batch.num_columns)]
            for index in range(batch.num_columns):
                if pa.types.is_dictionary(batch.column(index).type):
                    dictionaries.setdefault(index, set()).update(map(str, batch.column(index).dictionary.to_pylist()))
            rows += [list(row) for row in zip(*columns, strict=True)]
    except (pa.ArrowException, OSError, ValueError) as error:
        findings.add(codes.UNREADABLE, "row groups")
        raise Stop from error
    for index, values in dictionaries.items():
        if values - {row[index] for row in rows}:
            findings.add(codes.HIDDEN_VALUES, f"column {index + 1}")
    check_table(Table(names, rows), context, findings)


def _longest(column: Any) -> int:
    """Bytes of the longest text, dictionary entries included; 0 for columns that hold none."""
    values = column.dictionary if pa.types.is_dictionary(column.type) else column
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        return 0
    return int(pc.max(pc.binary_length(values)).as_py() or 0)


def _texts(column: Any) -> list[str]:
    if not _is_plain(column.type):
        return [""] * len(column)
    return ["" if value is None else str(value) for value in column.to_pylist()]
