"""Warehouses for whole-query tests: identity policies made from a schema, and small deterministic data."""

from pathlib import Path

from sqlglot import exp

from policies.load import load_policy
from policies.model import Policy
from policies.schema import Schema

DATA = Path(__file__).parent.parent / "data"
ALL_USES = "[read, filter, group, join, aggregate, count]"


def schema_text(warehouse: str) -> str:
    """CREATE TABLE statements of `tests/data/WAREHOUSE`."""
    return (DATA / warehouse / "schema.sql").read_text(encoding="utf-8")


def texts(warehouse: str) -> dict[str, str]:
    """Query name -> SQL, of `tests/data/WAREHOUSE`."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted((DATA / warehouse).glob("q*.sql"))}


def named_texts(warehouse: str) -> dict[str, str]:
    """Query name -> SQL, of `tests/data/WAREHOUSE/queries.sql`, where each query follows a line `-- name: …`."""
    parts = (DATA / warehouse / "queries.sql").read_text(encoding="utf-8").split("-- name: ")[1:]
    return {name: sql.strip() for name, _, sql in (part.partition("\n") for part in parts)}


def identity_policy(schema: Schema, rows: dict[str, str] | None = None) -> Policy:
    """Rows mode and every use of every column; `rows`: table -> row filter."""
    lines = ["project: W001", "purpose: whole queries", "release: {mode: rows, max_rows: 1000000}", "datasets:"]
    for table in schema.tables.values():
        lines.append(f"  {table.name}:")
        if rows and table.name in rows:
            lines.append(f"    rows: {rows[table.name]}")
        lines.append("    columns:")
        lines += [f"      {exp.to_identifier(column).name}: {ALL_USES}" for column in table.columns]
    return load_policy("\n".join(lines))
