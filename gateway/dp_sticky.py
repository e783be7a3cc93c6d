"""Noisy tables remembered: what was released once is released again as it was, and costs nothing more.

The same noise again tells nothing new (post-processing; Dwork & Roth 2014, proposition 2.1), while fresh noise would
have to be paid for, and could be averaged away as far as the budget lasts. What is kept has left the platform already.
A restart forgets it: then the question is asked, and paid for, anew.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Any

from gateway.dp_release import Noisy
from gateway.probing import moving
from policies.dp_plan import Release

MOST_CELLS = 500_000
"""Of all tables kept; the one unused longest is forgotten first."""
_OVERHEAD = 20

_Key = tuple[str, str, Release]


@dataclass(frozen=True, slots=True)
class Remembered:
    """A noisy table and the types of its keys."""

    found: Noisy
    schema: Any  # pyarrow.Schema of the exact table

    @property
    def cells(self) -> int:
        """How large it is."""
        return len(self.found.rows) * max(1, len(self.schema.names)) + _OVERHEAD


class StickyMemory:
    """Noisy tables by project, version of policy and data, and release. Safe to share between threads."""

    def __init__(self, most_cells: int = MOST_CELLS) -> None:
        self._most, self._cells = most_cells, 0
        self._known: OrderedDict[_Key, Remembered] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, project: str, version: str, release: Release) -> Remembered | None:
        """What was released; None where nothing was."""
        key = _key(project, version, release)
        with self._lock:
            known = self._known.get(key)
            if known is not None:
                self._known.move_to_end(key)
            return known

    def put(self, project: str, version: str, release: Release, made: Remembered) -> None:
        """Remember a release; what was remembered before it stays. Not what depends on when it is asked."""
        if moving(release.sql) or made.cells > self._most // 4:
            return
        key = _key(project, version, release)
        with self._lock:
            if key in self._known:
                return
            self._known[key] = made
            self._cells += made.cells
            while self._cells > self._most:
                self._cells -= self._known.popitem(last=False)[1].cells


@dataclass(frozen=True, slots=True)
class Sticky:
    """The memory of one project over one version of its policy and data."""

    memory: StickyMemory
    project: str
    version: str

    def get(self, release: Release) -> Remembered | None:
        """See `StickyMemory`."""
        return self.memory.get(self.project, self.version, release)

    def put(self, release: Release, made: Remembered) -> None:
        """See `StickyMemory`."""
        self.memory.put(self.project, self.version, release, made)


def _key(project: str, version: str, release: Release) -> _Key:
    return project, version, replace(release, table="")  # what a query calls the table is no part of the release
