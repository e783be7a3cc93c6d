"""Files that appear whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from pyarrow import csv, parquet


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
