"""Labelled samples, `[value|TYPE]` in plain text: a test with an argument `labelled` or `trap` runs for each."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import duckdb
import pytest

from masking.keys import KeyRing
from masking.operators import engine_functions
from tests.masking import scoring


class Sample(NamedTuple):
    """A text and its spans (start, end, type)."""

    text: str
    spans: list[tuple[int, int, str]]


def read(path: Path) -> list[Sample]:
    """Every sample of a file, comments left out."""
    return [
        Sample(row["text"], [(span["start"], span["end"], span["type"]) for span in row["spans"]])
        for row in scoring.read(path)
    ]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One run per sample; the text names it."""
    every = read(Path(__file__).parent / "data" / "samples.txt")
    for name, wanted in (("labelled", True), ("trap", False)):
        if name in metafunc.fixturenames:
            chosen = [sample for sample in every if bool(sample.spans) is wanted]
            metafunc.parametrize(name, chosen, ids=[sample.text[:24] for sample in chosen])


@pytest.fixture(scope="session")
def sample_types() -> set[str]:
    """Every type that some sample carries."""
    every = read(Path(__file__).parent / "data" / "samples.txt")
    return {kind for sample in every for _, _, kind in sample.spans}


@pytest.fixture(scope="module")
def engine(request: pytest.FixtureRequest) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB that knows the masking functions, keyed by the ROOT of the test's module."""
    connection = duckdb.connect()
    functions = engine_functions(KeyRing(request.module.ROOT))
    for function in functions:
        connection.create_function(*function, type="arrow")
    yield connection
    for function in functions:
        connection.remove_function(function.name)
    connection.close()
