"""DuckDB as an engine: a bounded number of locked processes, shared by the sets of tables that need one."""

import threading
import time
from collections import OrderedDict
from functools import partial
from pathlib import Path

import pyarrow as pa

from gateway.duckdb_process import START_S, DuckDBProcess
from gateway.engine import Engine, EngineLimits, Limits, Rows, Stop, Tables
from gateway.errors import ENGINE_UNAVAILABLE
from policies.decision import Allowed, LastMask
from store.errors import YurtError

_Files = tuple[tuple[str, Path], ...]
_Key = tuple[Path | None, _Files, _Files]

RESTED_S = 60.0
"""How long a process has to have been idle before one that no question waits for may take its place."""


class Processes:
    """At most `most` engine processes.

    Idle ones wait for the next query about their tables; the one idle longest is ended when another set of tables needs
    its place. A process never changes its tables, so none can read what a project may not use.
    """

    def __init__(
        self, most: int, limits: EngineLimits | None = None, root_key: bytes | None = None, name_model: str = ""
    ) -> None:
        self._most, self._limits, self._root_key = most, limits or EngineLimits(), root_key
        self._name_model = name_model
        self._changed = threading.Condition()
        self._idle: OrderedDict[DuckDBProcess, tuple[_Key, float]] = OrderedDict()  # longest idle first, and since when
        self._count = 0
        self._closed = False

    def take(self, tables: Tables, wait_s: float) -> DuckDBProcess:
        """An idle process over exactly `tables`, or a new one. Raises ENGINE_UNAVAILABLE."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._closed or self._idle or self._count < self._most, wait_s):
                raise YurtError(ENGINE_UNAVAILABLE)
            if self._closed:
                raise YurtError(ENGINE_UNAVAILABLE)
            waiting = self._waiting(_key(tables))
            if waiting is not None:
                return waiting
            evicted = None
            if self._count >= self._most:
                evicted, _ = self._idle.popitem(last=False)
            else:
                self._count += 1
        return self._started(tables, evicted)

    def waiting(self, tables: Tables) -> DuckDBProcess | None:
        """An idle process over exactly `tables`, if there is one."""
        with self._changed:
            return self._waiting(_key(tables))

    def prepare(self, tables: Tables) -> None:
        """Start a process over files and copies of them, which no question waits for, unless one is idle. It takes the
        place of one with fewer of the copies, a free one, or that of one idle for a while; else none is started.

        Raises ENGINE_UNAVAILABLE.
        """
        database, files, copies = key = _key(tables)
        with self._changed:
            held = {process: (each, since) for process, (each, since) in self._idle.items()}
            if self._closed or any(each == key for each, _ in held.values()):
                return
            evicted = next(
                (
                    process
                    for process, (each, since) in held.items()
                    if (each[:2] == (database, files) and each[2] and {*each[2]} < {*copies})
                    or (self._count >= self._most and time.monotonic() - since > RESTED_S)
                ),
                None,
            )
            if evicted is not None:
                del self._idle[evicted]
            elif self._count >= self._most:
                return
            else:
                self._count += 1
        self.give(tables, self._started(tables, evicted))

    def _waiting(self, key: _Key) -> DuckDBProcess | None:
        for process in [each for each, (held, _) in reversed(self._idle.items()) if held == key]:
            del self._idle[process]
            if process.alive:
                return process
            self._count -= 1
        return None

    def _started(self, tables: Tables, evicted: DuckDBProcess | None) -> DuckDBProcess:
        """A new process, in the place of another if need be; its place is counted already."""
        try:
            if evicted is not None:
                evicted.close()
            return DuckDBProcess(tables, self._limits, self._root_key, self._name_model)
        except BaseException:
            self._left()
            raise

    def give(self, tables: Tables, process: DuckDBProcess) -> None:
        """Take back a process that is free again or gone."""
        if not process.alive:
            self._left()
            return
        with self._changed:
            if not self._closed:
                self._idle[process] = (_key(tables), time.monotonic())
                self._changed.notify()
                return
        process.close()

    @property
    def pids(self) -> list[int]:
        """Of the idle processes."""
        with self._changed:
            return [process.pid for process in self._idle]

    def close(self) -> None:
        """End every idle process now, and each busy one when its query is over."""
        with self._changed:
            idle, self._idle, self._closed = list(self._idle), OrderedDict(), True
            self._changed.notify_all()
        for process in idle:
            process.close()

    def _left(self) -> None:
        with self._changed:
            self._count -= 1
            self._changed.notify()


class DuckDBEngine(Engine):
    """One set of tables. Close it, or use it as a context manager; processes given to it stay their owner's."""

    def __init__(
        self,
        tables: Tables,
        limits: EngineLimits | None = None,
        root_key: bytes | None = None,
        processes: Processes | None = None,
        name_model: str = "",
    ) -> None:
        """`root_key`: root of the masking keys; `name_model`: the reader of names of the settings. Without `processes`
        the engine has one of its own, and only then do they and `limits` count."""
        self._tables, self._own = tables, processes is None
        self._processes = processes or Processes(1, limits, root_key, name_model)
        if self._own:
            self.columns  # noqa: B018  a process that cannot be had is said now

    def __enter__(self) -> "DuckDBEngine":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def columns(self) -> dict[str, dict[str, str]]:
        """table -> column -> type, as the engine sees them."""
        process = self._processes.take(self._tables, START_S)
        self._processes.give(self._tables, process)
        return process.columns

    @property
    def pids(self) -> list[int]:
        """Of the idle processes."""
        return self._processes.pids

    def stream(self, sql: str, limits: Limits, stop: Stop | None = None, given: pa.Table | None = None) -> Rows:
        """See `Engine`. `given`: a table that the query knows as `given`."""
        return self._run(sql, limits, stop, given=given)

    def stream_allowed(self, decision: Allowed, limits: Limits, stop: Stop | None = None) -> Rows:
        """See `Engine`: masks of columns that the query only passes on are put on whole batches."""
        last = decision.masked_last
        if last is None:
            return self.stream(decision.sql, limits, stop)
        return self._run(last.sql, limits, stop, masks=last.masks)

    def _run(
        self,
        sql: str,
        limits: Limits,
        stop: Stop | None,
        given: pa.Table | None = None,
        masks: tuple[LastMask, ...] = (),
    ) -> Rows:
        process = self._processes.take(self._tables, limits.timeout_s)
        done = partial(self._processes.give, self._tables, process)
        return process.run(sql, limits, stop or Stop(), done, given, masks)

    def close(self) -> None:
        """End the engine's own process."""
        if self._own:
            self._processes.close()


def _key(tables: Tables) -> _Key:
    return tables.database, tuple(sorted(tables.files.items())), tuple(sorted(tables.copies.items()))
