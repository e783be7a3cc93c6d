"""A policy against data on disk, without a platform: what `yurt policy run` does."""

import secrets
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from gateway.answer import Answer, Failed, answer
from gateway.dp_account import MemoryAccountant
from gateway.duckdb import DuckDBEngine
from gateway.engine import Engine, Limits, Tables
from gateway.errors import DATA_INVALID
from gateway.probing import ProbeMemory
from policies.decide import decide
from policies.decision import Refused
from policies.explain import as_rows, asked_about, explained
from policies.history import History
from policies.model import Policy
from policies.schema import Schema
from store.errors import YurtError


def tables_at(data: Path) -> Tables:
    """The tables of a .duckdb file, or of a folder of TABLE.parquet / TABLE.csv. Raises DATA_INVALID."""
    if data.is_file() and data.suffix in (".duckdb", ".db"):
        return Tables(database=data)
    if data.is_dir():
        files = {path.stem: path for path in sorted(data.iterdir()) if path.suffix.lower() in (".csv", ".parquet")}
        if files:
            return Tables(files=files)
    raise YurtError(DATA_INVALID)


def schema_of(engine: DuckDBEngine, policy: Policy) -> Schema:
    """Names and types as the engine sees them; a unit that is unique in the data counts as a key."""
    keys: dict[str, str] = {}
    for name, columns in engine.columns.items():
        dataset = policy.datasets.get(name.lower())
        unit = next(
            (each for each in columns if dataset and dataset.unit and each.lower() == dataset.unit.lower()), None
        )
        if unit is not None and unique(engine, name, unit):
            keys[name.lower()] = unit.lower()
    return Schema.from_mapping(engine.columns, keys=keys)


def unique(engine: Engine, table: str, column: str) -> bool:
    """Does each row of the table have its own value in the column."""
    from sqlglot import exp

    unit = exp.column(column, quoted=True)
    query = exp.select(
        exp.EQ(this=exp.Count(this=exp.Distinct(expressions=[unit.copy()])), expression=exp.Count(this=exp.Star())).as_(
            "one"
        )
    ).from_(exp.to_table(exp.to_identifier(table, quoted=True).sql("duckdb"), dialect="duckdb"))
    return bool(engine.execute(query.sql("duckdb"), Limits()).column("one")[0].as_py())


def run(
    lines: Iterable[dict[str, Any]], policy: Policy, data: Path, keep_history: bool = False, name_model: str = ""
) -> Iterator[dict[str, Any]]:
    """Answer each line `{"id", "sql", "setup"?}` in order; the output lines of CONTRACTS.md. Texts are masked with the
    names that `name_model` reads, as the settings name it."""
    with DuckDBEngine(tables_at(data), root_key=secrets.token_bytes(32), name_model=name_model) as engine:
        schema = schema_of(engine, policy)
        history, accountant, memory = History(), MemoryAccountant(), ProbeMemory()
        for line in lines:
            if not keep_history:
                history, accountant = History(), MemoryAccountant()
            for sql in line.get("setup") or []:
                earlier = answer(str(sql), policy, schema, engine, history, accountant=accountant, memory=memory)
                history = earlier.history if isinstance(earlier, Answer) else history
            about = asked_about(str(line.get("sql", "")))
            if about is not None:
                decision = decide(about, policy, schema, history=history)
                yield {"id": line.get("id"), **explanation(explained(decision, policy, sql=about))}
                continue
            result = answer(
                str(line.get("sql", "")), policy, schema, engine, history, accountant=accountant, memory=memory
            )
            if isinstance(result, Answer):
                history = result.history
            yield {"id": line.get("id"), **described(result)}


def explanation(parts: Mapping[str, Any]) -> dict[str, Any]:
    """EXPLAIN POLICY asked like a query: a table of its parts."""
    return {
        "outcome": "answer", "code": None, "message": None, "columns": ["part", "explanation"],
        "rows": [list(row) for row in as_rows(parts)], "suppressed": 0,
        "elapsed_ms": {"decide": 0.0, "execute": 0.0, "release": 0.0},
    }  # fmt: skip


def described(result: Answer | Refused | Failed) -> dict[str, Any]:
    """An outcome as an output line."""
    empty: dict[str, Any] = {"code": None, "message": None, "columns": None, "rows": None, "suppressed": None}
    if isinstance(result, Answer):
        elapsed = {name: round(getattr(result.elapsed, name), 3) for name in ("decide", "execute", "release")}
        rows = [
            [_plain(value) for value in row]
            for row in zip(*(each.to_pylist() for each in result.table.columns), strict=True)
        ]
        bars = {"error_bars": dict(result.half_widths)} if result.half_widths else {}
        notes = {"notes": list(result.notes)} if result.notes else {}
        return {
            **empty, **bars, **notes, "outcome": "answer", "columns": result.table.column_names, "rows": rows,
            "suppressed": result.suppressed, "elapsed_ms": elapsed,
        }  # fmt: skip
    outcome = "refuse" if isinstance(result, Refused) and result.code != "SQL_INVALID" else "error"
    return {
        **empty,
        "outcome": outcome,
        "code": result.code,
        "message": f"{result.message} {result.hint}",
        "elapsed_ms": None,
    }


def _plain(value: Any) -> Any:
    """A value as JSON: decimals as numbers, dates and times as ISO 8601."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, Decimal) and value == value.to_integral_value() and value.as_tuple().exponent == 0:
        return int(value)
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value)
    return number if number == number and abs(number) != float("inf") else None
