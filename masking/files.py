"""Tables in files: CSV, Parquet and DuckDB, opened by a DuckDB of its own with every CSV value as text.

CSV keeps its text as written (an identity number is no integer, a leading zero is part of a code). Files in GB 18030,
still common in government systems, are read where UTF-8 does not fit.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from pyarrow import csv as arrow_csv

from masking.errors import MASK_BAD_FILE
from store.errors import YurtError


@dataclass(frozen=True, slots=True)
class Tables:
    """An open connection and the tables of the file, by name, each as a relation of that connection."""

    connection: Any
    relations: dict[str, Any]


def _csv(connection: Any, path: Path) -> Any:
    try:
        relation = connection.read_csv(str(path), all_varchar=True, header=True)
        relation.limit(1000).fetchall()
    except (duckdb.Error, UnicodeDecodeError):
        options = arrow_csv.ReadOptions(encoding="gb18030")
        with path.open("rb") as file:
            header = file.readline().decode("gb18030").rstrip("\r\n").split(",")
        types = {name.strip('"'): pa.string() for name in header}
        table = arrow_csv.read_csv(path, options, convert_options=arrow_csv.ConvertOptions(column_types=types))
        return connection.from_arrow(table)
    return relation


@contextmanager
def open_tables(source: Path | str | pa.Table) -> Iterator[Tables]:
    """The tables of a `.csv`, `.parquet` or `.duckdb` file (read-only) or of an Arrow table; raises MASK_BAD_FILE."""
    if isinstance(source, pa.Table):
        connection = duckdb.connect()
        try:
            yield Tables(connection, {"table": connection.from_arrow(source)})
        finally:
            connection.close()
        return
    path = Path(source)
    if not path.is_file() or path.stat().st_size == 0:
        raise YurtError(MASK_BAD_FILE, path=path)
    stored = path.suffix.lower() in {".duckdb", ".db"}
    opened: Any = None
    try:
        opened = duckdb.connect(str(path), read_only=True) if stored else duckdb.connect()
        if stored:
            names = [row[0] for row in opened.execute("SELECT table_name FROM duckdb_tables() ORDER BY ALL").fetchall()]
            relations = {name: opened.table(f'"{name}"') for name in names}
        elif path.suffix.lower() == ".parquet":
            relations = {path.stem: opened.read_parquet(str(path))}
        else:
            relations = {path.stem: _csv(opened, path)}
    except (duckdb.Error, pa.ArrowException, UnicodeDecodeError):
        if opened is not None:
            opened.close()
        raise YurtError(MASK_BAD_FILE, path=path) from None
    try:
        yield Tables(opened, relations)
    finally:
        opened.close()
