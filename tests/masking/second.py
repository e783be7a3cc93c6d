"""A second name model, small and real: a CRF over bare characters, trained when asked for on some hundred sentences."""

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pycrfsuite

from masking.entities import EntityType
from masking.ner.model import Name
from masking.training.sentences import sentences


def _attributes(text: str) -> list[list[str]]:
    line = f"\r\r{text}\r\r"
    return [[f"{at}{line[i + at]}" for at in range(5)] for i in range(len(text))]


class SmallCrf:
    """Knows people only; reads the whole text, windows or not."""

    def __init__(self, path: Path) -> None:
        self.weights = path.read_bytes()
        self.tagger = pycrfsuite.Tagger()
        self.tagger.open_inmemory(self.weights)

    def read(self, text: str, windows: Iterable[tuple[int, int]]) -> Iterator[Name]:
        """Runs of characters labelled as a person."""
        labels = [*self.tagger.tag(_attributes(text)), "O"]
        start = None
        for at, label in enumerate(labels):
            if start is not None and label != "P":
                yield Name(start, at, EntityType.PERSON, 0.9)
                start = None
            if start is None and label == "P":
                start = at


def small_crf() -> SmallCrf:
    """A model of 400 sentences."""
    trainer = pycrfsuite.Trainer(algorithm="lbfgs", verbose=False)
    trainer.set_params({"c1": 0.1, "c2": 0.1, "max_iterations": 20})
    for text, labels in sentences(400, 0.3, 5):
        trainer.append(_attributes(text), ["P" if label.endswith("PERSON") else "O" for label in labels])
    with tempfile.TemporaryDirectory() as folder:
        trainer.train(f"{folder}/small.crfsuite")
        return SmallCrf(Path(folder) / "small.crfsuite")


class Silent:
    """Has no `read`."""


class OutOfBounds:
    """Answers with a range beyond the text."""

    def read(self, text: str, windows: object) -> list[Name]:
        """Too far."""
        return [Name(0, len(text) + 1, EntityType.PERSON, 0.9)]


class Talkative:
    """Raises with the text in its message."""

    def read(self, text: str, windows: object) -> list[Name]:
        """Never answers."""
        raise RuntimeError(text)


class ReadsNoName:
    """Finds nobody, whatever it reads."""

    def read(self, text: str, windows: object) -> list[Name]:
        """Nothing."""
        return []
