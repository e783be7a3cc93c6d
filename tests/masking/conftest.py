"""Labelled samples, `[value|TYPE]` in plain text: a test with an argument `labelled` or `trap` runs for each."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest

LABEL = re.compile(r"\[([^\]|]+)\|([A-Z0-9_]+)\]")


class Sample(NamedTuple):
    """A text and its spans (start, end, type)."""

    text: str
    spans: list[tuple[int, int, str]]


def read(path: Path) -> list[Sample]:
    """Every sample of a file, comments left out."""
    made = []
    for line in path.read_text("utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        text, spans, last = "", [], 0
        for match in LABEL.finditer(line):
            text += line[last : match.start()]
            spans.append((len(text), len(text) + len(match[1]), match[2]))
            text += match[1]
            last = match.end()
        made.append(Sample(text + line[last:], spans))
    return made


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
