"""The slot for another name model: the operator names one, it is looked at once, and from then on it reads the names.

A name is an entry point of the group `yurt.name_models` or `package.module:factory`. The factory takes nothing and
gives an object with `read(text, windows)` as `CrfModel` has it. Code named here runs with the rights of the process
that loads it: only commands and services do, from a setting, never from data.
"""

import importlib
from collections.abc import Iterable, Iterator
from importlib.metadata import entry_points
from typing import Protocol

from masking.errors import MASK_BAD_MODEL
from masking.ner.model import KINDS, Name, NameModel, choose
from store.errors import YurtError

GROUP = "yurt.name_models"
PROBE = "申请人王秀英住呼和浩特市新城区海拉尔东路5号，在内蒙古恒泽建筑有限公司工作。"


class Factory(Protocol):
    """What an entry point or `package.module:factory` names."""

    def __call__(self) -> NameModel:
        """A model ready to read."""


class CheckedModel:
    """A foreign model whose every answer is looked at: ranges inside the text, known types, sureness from 0 to 1."""

    def __init__(self, name: str, model: NameModel) -> None:
        self.name, self.model = name, model

    def read(self, text: str, windows: Iterable[tuple[int, int]]) -> Iterator[Name]:
        """The model's names; MASK_BAD_MODEL for one that is none. What the model raises is not passed on: a message of
        foreign code may hold the text."""
        try:
            found = [Name(*each) for each in self.model.read(text, windows)]
            fits = all(
                0 <= n.start < n.end <= len(text) and 0 <= n.sureness <= 1 and n.type in KINDS.values() for n in found
            )
        except Exception as error:  # noqa: BLE001 - foreign code may raise anything
            raise YurtError(MASK_BAD_MODEL, name=self.name, why=f"reading raised {type(error).__name__}") from None
        if not fits:
            raise YurtError(MASK_BAD_MODEL, name=self.name, why="a range, type or sureness is out of bounds")
        yield from found


def _factory(name: str) -> Factory:
    module, colon, attribute = name.partition(":")
    try:
        if colon:
            made: Factory = getattr(importlib.import_module(module), attribute)
        else:
            (point,) = entry_points(group=GROUP, name=name)
            made = point.load()
    except (ImportError, AttributeError, ValueError) as error:
        raise YurtError(MASK_BAD_MODEL, name=name, why=f"loading raised {type(error).__name__}") from None
    return made


def load(name: str) -> NameModel:
    """The model of that name, after it has read a sentence; raises MASK_BAD_MODEL."""
    factory = _factory(name)
    try:
        model = factory()
    except Exception as error:  # noqa: BLE001 - foreign code may raise anything
        raise YurtError(MASK_BAD_MODEL, name=name, why=f"its factory raised {type(error).__name__}") from None
    if not callable(getattr(model, "read", None)):
        raise YurtError(MASK_BAD_MODEL, name=name, why="it has no method `read`")
    checked = CheckedModel(name, model)
    list(checked.read(PROBE, [(0, len(PROBE))]))
    return checked


def use(name: str) -> None:
    """From now on this process reads names with the model of that name; '' leaves its own."""
    if name:
        choose(load(name))
