"""The census of the story on two engines: one for the governed side, one for the raw query."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.duckdb import DuckDBEngine
from gateway.engine import Engine, Tables
from portal.story.datasets import story_datasets


@contextmanager
def census_engines() -> Iterator[tuple[Engine, Engine]]:
    """Two processes over the same file of 48,842 people."""
    dataset = next(dataset for dataset in story_datasets() if dataset.id == "census")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        tables = Tables(files={"census": dataset.write(Path(folder))})
        with DuckDBEngine(tables) as governed, DuckDBEngine(tables) as raw:
            yield governed, raw
