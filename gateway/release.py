"""The release guard: what of a computed table may leave; the last look, after the engine and before the reader."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gateway.differencing import located
from gateway.errors import TOO_MANY_ROWS
from policies.decision import Guard, ReleasePlan, Withhold
from store.errors import YurtError


@dataclass(frozen=True, slots=True)
class Released:
    """The answer's table, and how many groups and cells were withheld."""

    table: Any  # pyarrow.Table
    suppressed: int | None  # None where the engine withheld inside the query, uncounted


def release(table: Any, plan: ReleasePlan, withheld: Sequence[Withhold] = ()) -> Released:
    """Withhold what `plan` forbids. Raises TOO_MANY_ROWS.

    `withheld`: cells that would give others away, as `gateway.differencing` found before the query ran. A withheld
    group loses its row; a withheld cell becomes NULL.
    """
    if table.num_rows > plan.max_rows:
        raise YurtError(TOO_MANY_ROWS)
    hidden = {name: table.column(name).to_pylist() for name in dict.fromkeys(guard.hidden for guard in plan.guards)}
    whole = [guard for guard in plan.guards if guard.outputs is None]
    cells = [guard for guard in plan.guards if guard.outputs is not None]
    kept = [all(_holds(guard, hidden[guard.hidden][row]) for guard in whole) for row in range(table.num_rows)]
    visible = [table.column(place) for place in range(plan.visible)]
    given_away = located(table, withheld)
    for cells_place, rows in given_away:
        if cells_place.outputs is None:
            kept = [keep and not gone for keep, gone in zip(kept, rows, strict=True)]
    suppressed = kept.count(False)
    masks = [[False] * table.num_rows for _ in range(plan.visible)]
    for guard in cells:
        for row, value in enumerate(hidden[guard.hidden]):
            if kept[row] and not _holds(guard, value):
                for place in guard.outputs or ():
                    suppressed += not masks[place][row]
                    masks[place][row] = True
    for cells_place, rows in given_away:
        for row in range(table.num_rows):
            if kept[row] and rows[row]:
                for output in cells_place.outputs or ():
                    suppressed += not masks[output][row]
                    masks[output][row] = True
    columns = [_withheld(column, mask) for column, mask in zip(visible, masks, strict=True)]
    names = [table.schema.field(place).name for place in range(plan.visible)]
    out = pa.Table.from_arrays(columns, names=names)
    told = None if plan.uncounted or (plan.nested and not suppressed) else suppressed
    return Released(out if all(kept) else out.filter(_flags(kept)), told)


def nothing_left(computed: Any, released: Any) -> bool:
    """Was everything there was withheld."""
    values = any(released.column(place).null_count < released.num_rows for place in range(released.num_columns))
    return bool(computed.num_rows and not values)


def _flags(values: list[bool]) -> Any:
    """A boolean array; built from its bits, since `pa.array` imports pandas where it is installed."""
    bits = np.packbits(np.fromiter(values, dtype=bool, count=len(values)), bitorder="little").tobytes()
    return pa.Array.from_buffers(pa.bool_(), len(values), [None, pa.py_buffer(bits)])


def _holds(guard: Guard, value: Any) -> bool:
    if value is None:
        return True  # this guard belongs to another branch of the query
    if guard.kind == "least":
        return bool(value >= guard.bound)
    if guard.kind == "apart":
        return not 1 <= value < guard.bound
    return bool(value == 0)


def _withheld(column: Any, mask: list[bool]) -> Any:
    if not any(mask):
        return column
    return pc.if_else(_flags(mask), pa.nulls(len(mask), column.type), column.combine_chunks())
