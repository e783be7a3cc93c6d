"""Tables in files: CSV, Parquet and DuckDB, opened by a DuckDB of its own with every CSV value as text.

CSV keeps its text as written (an identity number is no integer, a leading zero is part of a code). What a file is, its
first bytes say, not its name. Text may be UTF-8, UTF-16 or GB 18030; what is not UTF-8 is read once into the
connection. That has the limits of the query engine: nothing but the files named, no extension, a fixed share of memory,
no spilling to disk, its settings locked.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from pyarrow import csv as arrow_csv
from pyarrow import parquet
from sqlglot import exp

from masking.encodings import encoding_of
from masking.errors import MASK_BAD_FILE, MASK_BROKEN_LINES, MASK_TOO_LARGE
from store.errors import YurtError

PARQUET = b"PAR1"
DUCKDB = b"DUCK"
ARCHIVES = (b"PK\x03\x04", b"\x1f\x8b", b"\xd0\xcf\x11\xe0", b"%PDF", b"7z\xbc\xaf")
"""Zip (and with it .xlsx), gzip, old Office, PDF, 7z: not tables that can be read here."""
DELIMITERS = (",", "\t", ";", "|")
LOCKED = {"python_enable_replacements": False, "enable_external_access": False, "lock_configuration": True}
ATTACHED = "source"
MEMORY_MIB, PASSING_MIB = 2048, 256
"""What the engine may hold in memory of a table it works on, and of one whose rows only pass."""
COLUMN_MIB = 0.25
"""Room besides for each column, of which vectors lie between the steps of the engine."""
CONFIGURED = {
    "allow_community_extensions": "false",
    "allow_unsigned_extensions": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "memory_limit": f"{MEMORY_MIB}MiB",
    "enable_external_file_cache": "false",  # a file is read once, so that remembering its parts only costs memory
    "temp_directory": "",  # nothing of the data is written but what is asked for
}
LONGEST_LINE = 16 << 20
"""Bytes; a longer one is no line of a table."""


@dataclass(frozen=True, slots=True)
class Tables:
    """An open connection and the tables of the file, by name, each as a relation of that connection.

    `comments` are what the file says about columns (comments of a database, metadata of a Parquet field), by table and
    column; `broken` counts lines of a CSV file that were left out as they have not as many fields as the header.
    """

    connection: Any
    relations: dict[str, Any]
    comments: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    broken: int = 0


def _connected() -> Any:
    connection = duckdb.connect(config=CONFIGURED)
    connection.execute("SET enable_progress_bar = false")  # it would stand among the answers on standard output
    return connection


def _lock(tables: Tables, *paths: Path, once: bool) -> None:
    """Shuts everything but these files, and gives less memory where rows only pass. Cannot be undone."""
    connection = tables.connection
    widest = max(len(relation.columns) for relation in tables.relations.values())
    memory = (PASSING_MIB if once else MEMORY_MIB) + COLUMN_MIB * widest
    connection.execute("SET memory_limit = $1", [f"{memory:.0f}MiB"])
    connection.execute("SET allowed_paths = $1", [[str(path) for path in paths]])
    for setting, value in LOCKED.items():
        connection.execute(f"SET {setting} = $1", [value])


def kind_of_file(path: Path) -> str | None:
    """`parquet`, `duckdb` or `csv` by the first bytes; None for an empty file and for what is no table."""
    with path.open("rb") as file:
        head = file.read(16)
    if not head or head.startswith(ARCHIVES):
        return None
    if head.startswith(PARQUET):
        return "parquet"
    return "duckdb" if head[8:12] == DUCKDB else "csv"


def _header(path: Path, encoding: str) -> tuple[str, list[str]]:
    """The separator and the names of the columns, unlike each other. Raises MASK_BAD_FILE.

    The first line alone says both: guessing from all lines takes broken ones for another kind of table.
    """
    with path.open(encoding="utf-8-sig" if encoding == "utf-8" else encoding, errors="replace", newline="") as file:
        line = file.readline(LONGEST_LINE)
        sign = max(DELIMITERS, key=lambda each: (line.count(each), -DELIMITERS.index(each)))
        file.seek(0)
        try:
            written = next(csv.reader(file, delimiter=sign, strict=True), [])
        except csv.Error:
            raise YurtError(MASK_BAD_FILE, path=path) from None
    names: dict[str, str] = {}  # by what the engine, which knows no case, tells them apart
    for place, name in enumerate(written):
        chosen, turn = name or f"column{place}", 0
        while chosen.lower() in names:
            turn += 1
            chosen = f"{name or f'column{place}'}_{turn}"
        names[chosen.lower()] = chosen
    if not names:
        raise YurtError(MASK_BAD_FILE, path=path)
    return sign, list(names.values())


def _utf8_csv(connection: Any, path: Path, *, lenient: bool) -> tuple[Any, int]:
    """The relation, and how many broken lines are left out; MASK_BROKEN_LINES where none may be."""
    sign, names = _header(path, "utf-8")
    options: dict[str, Any] = {
        "auto_detect": False, "columns": dict.fromkeys(names, "VARCHAR"), "header": True, "sep": sign,
        "quotechar": '"', "escapechar": '"', "max_line_size": LONGEST_LINE,
    }  # fmt: skip
    try:
        relation = connection.read_csv(str(path), **options)
        relation.limit(1000).fetchall()
    except duckdb.OutOfMemoryException:
        raise YurtError(MASK_TOO_LARGE, path=path) from None
    except duckdb.Error:
        if not lenient:
            raise YurtError(MASK_BROKEN_LINES, path=path) from None
    else:
        if not lenient:
            return relation, 0
    try:
        relation = connection.read_csv(str(path), **options, ignore_errors=True, store_rejects=True)
        relation.limit(100_000).to_arrow_table()
    except duckdb.OutOfMemoryException:
        raise YurtError(MASK_TOO_LARGE, path=path) from None
    except duckdb.Error:
        raise YurtError(MASK_BAD_FILE, path=path) from None
    ((broken,),) = connection.execute("SELECT COUNT(DISTINCT line) FROM reject_errors").fetchall()
    return relation, broken


def _other_csv(connection: Any, path: Path, encoding: str, *, once: bool) -> Any:
    """A CSV file that is not UTF-8, read through Arrow, batch by batch: as a stream or into a temporary table."""
    sign, names = _header(path, encoding)
    read = arrow_csv.ReadOptions(encoding=encoding, column_names=names, skip_rows_after_names=1)
    parse = arrow_csv.ParseOptions(delimiter=sign, newlines_in_values=True)
    convert = arrow_csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
    )
    reader = arrow_csv.open_csv(path, read, parse, convert)
    if once:
        return connection.from_arrow(reader)
    with reader:
        connection.from_arrow(reader).create("transcoded")
    return connection.table("transcoded")


def _quoted(*names: str) -> str:
    return ".".join(exp.to_identifier(name, quoted=True).sql("duckdb") for name in names)


def _stored(connection: Any, path: Path) -> tuple[dict[str, Any], dict[str, dict[str, str]]]:
    """Every base table of a database file (views run foreign SQL and are left out), with its comments.

    The file is attached beside an empty database of our own, in which views can be made.
    """
    connection.execute(f"ATTACH {exp.Literal.string(str(path)).sql('duckdb')} AS {ATTACHED} (READ_ONLY)")
    relations, comments = {}, dict[str, dict[str, str]]()
    found = connection.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = $1 AND NOT internal ORDER BY ALL",
        [ATTACHED],
    )
    for schema, table in found.fetchall():
        name = table if schema == "main" else f"{schema}.{table}"
        relations[name] = connection.table(_quoted(ATTACHED, schema, table))
        said = connection.execute(
            "SELECT column_name, comment FROM duckdb_columns() "
            "WHERE database_name = $1 AND schema_name = $2 AND table_name = $3 AND comment IS NOT NULL",
            [ATTACHED, schema, table],
        )
        comments[name] = dict(said.fetchall())
    return relations, comments


def _metadata(schema: pa.Schema) -> dict[str, str]:
    """Comments in the metadata of fields, as Spark, pandas and Hive writers leave them."""
    made = {}
    for column in schema:
        for key, value in (column.metadata or {}).items():
            if key.lower() in {b"comment", b"description", b"title"}:
                made[column.name] = value.decode("utf-8", "replace")
    return made


def _opened(connection: Any, path: Path, kind: str, *, lenient: bool, once: bool) -> Tables:
    if kind == "duckdb":
        relations, comments = _stored(connection, path)
        if not relations:
            raise YurtError(MASK_BAD_FILE, path=path)
        return Tables(connection, relations, comments)
    if kind == "parquet":
        schema = parquet.read_schema(path)
        return Tables(connection, {path.stem: connection.read_parquet(str(path))}, {path.stem: _metadata(schema)})
    encoding = encoding_of(path)
    if encoding is None:
        raise YurtError(MASK_BAD_FILE, path=path)
    if encoding == "utf-8":
        relation, broken = _utf8_csv(connection, path, lenient=lenient)
        return Tables(connection, {path.stem: relation}, broken=broken)
    return Tables(connection, {path.stem: _other_csv(connection, path, encoding, once=once)})


@contextmanager
def open_tables(
    source: Path | str | pa.Table,
    *,
    lenient: bool = False,
    once: bool = False,
    writes: Sequence[Path] = (),
) -> Iterator[Tables]:
    """The tables of a CSV, Parquet or DuckDB file (read-only) or of an Arrow table, in a locked connection.

    `lenient` leaves out broken lines of a CSV file and counts them, for who only looks; without it they are an error.
    `once`: the rows will be read a single time, so that nothing is kept of a file that is not UTF-8. `writes` are the
    only files that may be written. Raises MASK_BAD_FILE, MASK_BROKEN_LINES, also for a fault that shows only while rows
    are read, and MASK_TOO_LARGE.
    """
    if isinstance(source, pa.Table):
        with _connected() as connection:
            comments = {"table": _metadata(source.schema)}
            tables = Tables(connection, {"table": connection.from_arrow(source)}, comments)
            _lock(tables, *writes, once=once)
            yield tables
        return
    path = Path(source)
    kind = kind_of_file(path) if path.is_file() else None
    if kind is None:
        raise YurtError(MASK_BAD_FILE, path=path)
    try:
        with _connected() as connection:
            tables = _opened(connection, path, kind, lenient=lenient, once=once)
            _lock(tables, path, *writes, once=once)
            try:
                yield tables
            except duckdb.OutOfMemoryException:
                raise YurtError(MASK_TOO_LARGE, path=path) from None
            except duckdb.Error as error:
                if kind == "csv" and _of_lines(error):  # far down, past what was looked at first
                    raise YurtError(MASK_BROKEN_LINES, path=path) from None
                raise
    except (duckdb.Error, pa.ArrowException, UnicodeError) as error:  # their texts may quote a value
        raise YurtError(MASK_BROKEN_LINES if _of_lines(error) else MASK_BAD_FILE, path=path) from None


def _of_lines(error: Exception) -> bool:
    return any(sign in str(error) for sign in ("CSV Error", "CSV Parser", "CSV parse error"))
