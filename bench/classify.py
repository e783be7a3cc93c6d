"""Classifying a wide table of mixed columns against reading the same sample of rows, and per column."""

from collections.abc import Iterator
from random import Random

import pyarrow as pa

from bench.measure import Row, in_turns
from masking.classify import suggest_table
from masking.identifiers import synthetic_residents

WIDTH, HEIGHT = 200, 5000
NOTES = (
    "来电人反映供暖问题，回电{phone}，请尽快办理并答复",
    "诉求人{name}咨询医保报销",
    "现场核实无误，已办结",
    "住{address}，无人在家",
)


def wide_table() -> pa.Table:
    """200 columns: identifiers, names, addresses, dates, codes, amounts and notes, under names that say little."""
    random = Random(1)  # noqa: S311 - a benchmark's data
    residents = synthetic_residents(HEIGHT, seed=1)
    rows = residents.to_pylist()
    makers = {
        **{name: residents[name].cast(pa.string()) for name in residents.column_names},
        "note": pa.array([random.choice(NOTES).format(**row) for row in rows]),
        "amount": pa.array([f"{random.uniform(10, 99999):.2f}" for _ in rows]),
        "count": pa.array([random.randrange(1000) for _ in rows]),
        "code": pa.array([f"A{random.randrange(10**6):06d}" for _ in rows]),
        "empty": pa.nulls(HEIGHT, pa.string()),
        "day": pa.array([f"2025-{random.randint(1, 12):02d}-{random.randint(1, 28):02d}" for _ in rows]),
        "state": pa.array([random.choice(["已办结", "办理中", "退回"]) for _ in rows]),
    }
    names = list(makers)
    chosen = [names[turn % len(names)] for turn in range(WIDTH)]
    return pa.table({f"c{turn}_{'x' if turn % 2 else name}": makers[name] for turn, name in enumerate(chosen)})


def rows() -> Iterator[Row]:
    """One table, whole."""
    table = wide_table()
    yield in_turns(
        f"suggestions for {WIDTH} columns of {HEIGHT:,} rows",
        lambda: suggest_table(table),
        "the same table to Python strings",
        lambda: [[str(value) for value in column.to_pylist()] for column in table.columns],
        runs=3,
    )
