"""Files that appear whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from pyarrow import csv, parquet

from masking.errors import MASK_BAD_TARGET
from store.errors import YurtError


def check_target(source: Path, target: Path) -> None:
    """Raises MASK_BAD_TARGET for a file that cannot be the result, before any work is done."""
    if target.suffix.lower() not in {".csv", ".parquet"}:
        raise YurtError(MASK_BAD_TARGET, path=target, why="its name ends neither in .csv nor in .parquet")
    if not target.parent.is_dir():
        raise YurtError(MASK_BAD_TARGET, path=target, why="its folder does not exist")
    if target.exists() and not target.is_file():
        raise YurtError(MASK_BAD_TARGET, path=target, why="there is something that is no file")
    if target.exists() and source.exists() and target.samefile(source):
        raise YurtError(MASK_BAD_TARGET, path=target, why="it is the file to read, which would be lost")


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A path beside `target` to write to; it takes the target's place when the block ends well, and goes otherwise."""
    folder = Path(tempfile.mkdtemp(prefix=".mask-", dir=target.parent))
    try:
        part = folder / target.name
        yield part
        part.replace(target)
    finally:
        for left in folder.iterdir():
            left.unlink()
        os.rmdir(folder)


def write_table(table: pa.Table, target: Path) -> None:
    """The table as `.parquet`, or as CSV under any other name."""
    with replacing(target) as part:
        if target.suffix.lower() == ".parquet":
            parquet.write_table(table, part)
        else:
            csv.write_csv(table, part)
