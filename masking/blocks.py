"""Masking in blocks of rows what no expression of the engine can mask: noise, shuffling, micro-aggregation.

The engine masks the other columns and hands over both these and the plain values such operators need; what comes back
is a stream again, one block in memory at a time.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
from sqlglot import exp

from masking.operators import BLOCK, OPERATORS, Operator, Result

Chosen = Mapping[str, tuple[str, Mapping[str, object]]]
"""Operator and arguments of each column that is kept."""


def blocks(reader: Any, size: int = BLOCK) -> Iterator[pa.Table]:
    """The rows in blocks of `size`, the last of up to twice as many: no value is left with few others at the end."""
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in reader:
        waiting.append(batch)
        rows += batch.num_rows
        while rows >= 2 * size:
            table = pa.Table.from_batches(waiting)
            yield table.slice(0, size)
            waiting = table.slice(size).to_batches()
            rows -= size
    if rows:
        yield pa.Table.from_batches(waiting)


def _plain(chosen: Chosen) -> list[str]:
    """Columns whose plain values some operator of the blocks needs."""
    needed: dict[str, None] = {}
    for name, (operator, args) in chosen.items():
        if OPERATORS[operator].files_only:
            needed |= dict.fromkeys([name, *OPERATORS[operator].parse(args).beside()])
    return list(needed)


def staged_select(chosen: Chosen, table: str) -> exp.Select:
    """The statement that reads `table` masked as far as expressions go, and beside it what the blocks need."""
    outputs: list[exp.Expr] = []
    for place, (name, (operator, args)) in enumerate(chosen.items()):
        if not OPERATORS[operator].files_only:
            column = exp.column(exp.to_identifier(name, quoted=True))
            outputs.append(exp.alias_(OPERATORS[operator].sql(column, args), f"masked{place}"))
    for place, name in enumerate(_plain(chosen)):
        outputs.append(exp.alias_(exp.column(exp.to_identifier(name, quoted=True)), f"plain{place}"))
    return exp.select(*outputs).from_(exp.to_identifier(table, quoted=True))


def _changed(block: pa.Table, chosen: Chosen, schema: pa.Schema) -> pa.RecordBatch:
    plain = _plain(chosen)
    rows = block.select([f"plain{place}" for place in range(len(plain))]).rename_columns(plain)
    made = []
    for place, (name, (operator, args)) in enumerate(chosen.items()):
        over = OPERATORS[operator].over
        column = block[f"masked{place}"] if over is None else over(rows, name, OPERATORS[operator].parse(args))
        made.append(column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column)
    return pa.RecordBatch.from_arrays(made, schema=schema)


def _type(operator: Operator, masked: pa.Schema, place: int, plain: int) -> pa.DataType:
    if not operator.files_only:
        return masked.field(f"masked{place}").type
    return pa.float64() if operator.result is Result.NUMBER else masked.field(f"plain{plain}").type


def masked_blocks(reader: Any, chosen: Chosen) -> Any:
    """A reader of the masked columns, by their names, over a reader of `staged_select`."""
    plain = _plain(chosen)
    schema = pa.schema(
        [
            (name, _type(OPERATORS[operator], reader.schema, place, plain.index(name) if name in plain else -1))
            for place, (name, (operator, _)) in enumerate(chosen.items())
        ]
    )
    return pa.RecordBatchReader.from_batches(schema, (_changed(block, chosen, schema) for block in blocks(reader)))
