"""The release guard: what of a computed table may leave; the last look, after the engine and before the reader."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gateway.errors import TOO_MANY_ROWS
from policies.decision import Guard, ReleasePlan
from store.errors import YurtError


@dataclass(frozen=True, slots=True)
class Released:
    """The answer's table, and how many groups and cells were withheld."""

    table: Any  # pyarrow.Table
    suppressed: int | None  # None where the engine withheld inside the query, uncounted


def release(
    table: Any, plan: ReleasePlan, violations: Sequence[tuple[tuple[int, ...], tuple[object, ...]]] = ()
) -> Released:
    """Withhold what `plan` forbids. Raises TOO_MANY_ROWS.

    `violations`: (positions of key columns, their values) of groups that an earlier answer gives away. A withheld group
    loses its row; a withheld cell becomes NULL. With `plan.complementary`, groups are withheld until those withheld
    hold at least `min_group` units together, so that a total minus the rest tells nothing.
    """
    if table.num_rows > plan.max_rows:
        raise YurtError(TOO_MANY_ROWS)
    hidden = {name: table.column(name).to_pylist() for name in dict.fromkeys(guard.hidden for guard in plan.guards)}
    whole = [guard for guard in plan.guards if guard.outputs is None]
    cells = [guard for guard in plan.guards if guard.outputs is not None]
    kept = [all(_holds(guard, hidden[guard.hidden][row]) for guard in whole) for row in range(table.num_rows)]
    visible = [table.column(place) for place in range(plan.visible)]
    for positions, values in violations:
        columns = [visible[place].to_pylist() for place in positions]
        for row in range(table.num_rows):
            if tuple(column[row] for column in columns) == values:
                kept[row] = False
    if plan.complementary:
        order = _order(visible)
        _complement(whole, hidden, kept, order)
    suppressed = kept.count(False)
    masks = [[False] * table.num_rows for _ in range(plan.visible)]
    for guard in cells:
        for row, value in enumerate(hidden[guard.hidden]):
            if kept[row] and not _holds(guard, value):
                for place in guard.outputs or ():
                    suppressed += not masks[place][row]
                    masks[place][row] = True
    if plan.complementary:
        suppressed += _complement_cells(cells, hidden, kept, masks, order)
    columns = [_withheld(column, mask) for column, mask in zip(visible, masks, strict=True)]
    names = [table.schema.field(place).name for place in range(plan.visible)]
    out = pa.Table.from_arrays(columns, names=names)
    return Released(out if all(kept) else out.filter(_flags(kept)), None if plan.nested else suppressed)


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


def _order(visible: Sequence[Any]) -> list[tuple[str, ...]]:
    """What sets rows of one size apart: their content, not their place, which engines choose anew each time. Two
    answers to one question that withheld different rows would give both away."""
    return list(zip(*([str(value) for value in column.to_pylist()] for column in visible), strict=True))


def _complement(
    whole: Sequence[Guard], hidden: dict[str, list[Any]], kept: list[bool], order: list[tuple[str, ...]]
) -> None:
    """Withhold the smallest released groups until the withheld ones are as large together as one group must be."""
    for guard in whole:
        sizes = hidden[guard.hidden]
        rows = [row for row, size in enumerate(sizes) if size is not None]
        gone = [row for row in rows if not kept[row]]
        total = sum(sizes[row] for row in gone)
        for row in sorted((row for row in rows if kept[row]), key=lambda row: (sizes[row], order[row])):
            if not gone or total >= guard.bound:
                break
            kept[row] = False
            total += sizes[row]


def _complement_cells(
    cells: Sequence[Guard],
    hidden: dict[str, list[Any]],
    kept: list[bool],
    masks: list[list[bool]],
    order: list[tuple[str, ...]],
) -> int:
    """The same for single cells of a column that were withheld for their size."""
    more = 0
    for guard in cells:
        if guard.kind != "least":
            continue
        sizes = hidden[guard.hidden]
        for place in guard.outputs or ():
            rows = [row for row, size in enumerate(sizes) if kept[row] and size is not None]
            gone = [row for row in rows if masks[place][row]]
            total = sum(sizes[row] for row in gone)
            open_ = (row for row in rows if not masks[place][row])
            for row in sorted(open_, key=lambda row: (sizes[row], order[row])):
                if not gone or total >= guard.bound:
                    break
                masks[place][row] = True
                total += sizes[row]
                more += 1
    return more
