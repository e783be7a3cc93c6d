"""The one interface behind which every data engine stands."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from gateway.errors import ANSWER_TOO_LARGE
from policies.decision import Allowed
from store.errors import YurtError


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query may use. An answer ends with the batch that passes `max_rows`; past `max_bytes` it fails."""

    timeout_s: float = 30.0  # from the start to the last batch
    max_rows: int = 10_001
    max_bytes: int = 1 << 30  # of Arrow buffers


@dataclass(frozen=True, slots=True)
class EngineLimits:
    """What one engine process may use as a whole."""

    memory_bytes: int = 1 << 30
    threads: int = 2
    files: int = 256


@dataclass(frozen=True, slots=True)
class Tables:
    """Where an engine finds its tables: a database file, or one file per table; and filtered copies of such files,
    under names that no query can write."""

    database: Path | None = None
    files: Mapping[str, Path] = field(default_factory=dict)
    copies: Mapping[str, Path] = field(default_factory=dict)


class Stop:
    """The wish that a question end: set once, from any thread, by whoever no longer wants the answer."""

    def __init__(self) -> None:
        self._set, self._lock = False, threading.Lock()
        self._calls: list[Callable[[], None]] = []

    @property
    def wished(self) -> bool:
        """Has it been set."""
        return self._set

    def set(self) -> None:
        """End the question; setting it twice does nothing more."""
        with self._lock:
            self._set, calls, self._calls = True, self._calls, []
        for call in calls:
            call()

    @contextmanager
    def calling(self, call: Callable[[], None]) -> Iterator[None]:
        """While the block runs, `call` is made (in the thread of the one who sets it) when the wish comes, or at once
        if it has come."""
        with self._lock:
            come = self._set
            if not come:
                self._calls.append(call)
        if come:
            call()
        try:
            yield
        finally:
            with self._lock:
                if call in self._calls:
                    self._calls.remove(call)


class Rows:
    """An answer on its way: iterate once over its `pyarrow.RecordBatch`es, and close it whatever happens.

    Iterating raises ENGINE_… errors. Closing before the end stops the query; closing twice does nothing.
    """

    def __init__(self, schema: Any, batches: Iterable[Any], close: Callable[[], None] = lambda: None) -> None:
        self.schema = schema  # pyarrow.Schema
        self._batches, self._close = iter(batches), close

    def __enter__(self) -> "Rows":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Any]:
        return self._batches

    def close(self) -> None:
        """Free what the query holds."""
        close, self._close = self._close, lambda: None
        close()


def capped(batches: Iterable[Any], limits: Limits) -> Iterator[Any]:
    """Batches up to and including the one that passes `max_rows`. Raises ANSWER_TOO_LARGE past `max_bytes`."""
    rows = size = 0
    for batch in batches:
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if size > limits.max_bytes:
            raise YurtError(ANSWER_TOO_LARGE)
        yield batch
        if rows > limits.max_rows:
            return


def _together(rows: Rows) -> Any:
    with rows:
        return pa.Table.from_batches(list(rows), rows.schema)


class Engine(Protocol):
    """Runs SQL that the policy has decided on, and nothing else. Safe to share between threads."""

    def stream(self, sql: str, limits: Limits, stop: Stop | None = None) -> Rows:
        """The answer, batch by batch, with `limits` kept (see `capped`). The schema is known when this returns.

        Raises ENGINE_… errors, whose texts are fixed: ENGINE_TIMEOUT past the time limit, ENGINE_CANCELLED soon after
        `stop` is set, also while batches are read.
        """

    def execute(self, sql: str, limits: Limits, stop: Stop | None = None) -> Any:
        """The whole answer as a `pyarrow.Table`."""
        return _together(self.stream(sql, limits, stop))

    def stream_allowed(self, decision: Allowed, limits: Limits, stop: Stop | None = None) -> Rows:
        """The answer to what was allowed, its masks in the query; an engine may put some of them on what it sends."""
        return self.stream(decision.sql, limits, stop)

    def execute_allowed(self, decision: Allowed, limits: Limits, stop: Stop | None = None) -> Any:
        """The whole answer to what was allowed."""
        return _together(self.stream_allowed(decision, limits, stop))

    def close(self) -> None:
        """End the engine."""
