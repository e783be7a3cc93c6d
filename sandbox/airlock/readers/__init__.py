"""One reader per allowed kind: parse strictly, note what does not belong, hand tables and texts to the checks.

A reader runs only inside the contained process (`worker`), never in the platform's own.
"""

from collections.abc import Callable
from importlib import import_module
from typing import BinaryIO, cast

from sandbox.airlock.findings import Findings
from sandbox.airlock.kinds import Kind
from sandbox.airlock.tables import Context

Reader = Callable[[BinaryIO, Context, Findings], None]

# Module and function; loaded when used, since a CSV needs no Arrow.
READERS: dict[Kind, tuple[str, str]] = {
    Kind.CSV: ("delimited", "read_csv"),
    Kind.TSV: ("delimited", "read_tsv"),
    Kind.JSON: ("json_file", "read"),
    Kind.PARQUET: ("parquet", "read"),
    Kind.PNG: ("png", "read"),
    Kind.TXT: ("text", "read"),
    Kind.MD: ("text", "read"),
    Kind.NOTEBOOK: ("notebook", "read"),
}


def reader_of(kind: Kind) -> Reader:
    """The reader of a kind."""
    module, function = READERS[kind]
    return cast(Reader, getattr(import_module(f"sandbox.airlock.readers.{module}"), function))
