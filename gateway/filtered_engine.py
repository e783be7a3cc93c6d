"""DuckDB over files, reading filtered copies in their place where there are any, and having them made where not."""

import logging
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from gateway.duckdb import DuckDBEngine, Processes
from gateway.engine import Limits, Rows, Stop, Tables
from gateway.errors import ENGINE_FAILED
from gateway.filtered_copies import FilteredCopies
from gateway.filtered_copy import Copy
from policies.decision import Allowed
from policies.filtered import Stand, over_stands, stand_name
from store.errors import YurtError

SWEEP_S = 600.0
"""How often copies that nothing needs any more are looked for."""

_log = logging.getLogger(__name__)
_Set = tuple[tuple[tuple[str, Path], ...], tuple[Copy, ...]]


class CopyMaker:
    """One thread that makes copies after the questions that would have used them, then starts a process that holds
    them. It may be behind: no question waits for it."""

    def __init__(self, copies: FilteredCopies, processes: Processes) -> None:
        self.copies, self.processes = copies, processes
        self._changed = threading.Condition()
        self._asked: dict[_Set, set[Copy]] = {}
        self._unopened: set[_Set] = set()
        self._busy = self._closed = False
        self._thread = threading.Thread(target=self._work, name="filtered-copies", daemon=True)
        self._thread.start()

    def tables(self, files: Mapping[str, Path], wanted: Iterable[Copy]) -> Tables:
        """The files, and those copies that are whole."""
        whole = {stand_name(copy.digest): self.copies.path(copy) for copy in wanted if self.copies.whole(copy)}
        return Tables(files=files, copies=whole)

    def want(self, files: Mapping[str, Path], wanted: Iterable[Copy], missing: Iterable[Copy]) -> None:
        """Have the `missing` ones made, and a process started over the files and all `wanted` copies there are."""
        key = (tuple(sorted(files.items())), tuple(wanted))
        with self._changed:
            self._asked.setdefault(key, set()).update(missing)
            self._changed.notify_all()

    def settled(self, timeout_s: float) -> bool:
        """Wait until nothing is left to be made."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._asked and not self._busy, timeout_s)

    def close(self) -> None:
        """End the thread and what it is making."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self.copies.close()
        self._thread.join()

    def _work(self) -> None:
        swept = 0.0
        while True:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._closed or self._asked, SWEEP_S)
                if self._closed:
                    return
                asked, self._asked, self._busy = self._asked, {}, True
            try:
                if any(asked.values()) or time.monotonic() - swept > SWEEP_S:
                    self.copies.sweep()
                    swept = time.monotonic()
                for copy in {copy for missing in asked.values() for copy in missing}:
                    if not self._closed:
                        self.copies.make(copy)
                for each in asked:
                    self._prepare(each)
            except Exception as error:  # noqa: BLE001  without copies everything is as right, only slower
                _log.warning("filtered copies: %s", type(error).__name__)

    def _prepare(self, each: _Set) -> None:
        tables = self.tables(dict(each[0]), each[1])
        if self._closed or not tables.copies or each in self._unopened:
            return
        try:
            self.processes.prepare(tables)
        except YurtError as error:
            self._unopened.add(each)
            _log.warning("a process over filtered copies could not be had: %s", error.code)


class FilteredEngine(DuckDBEngine):
    """One project's files for one person. What was allowed reads the copies that this person's row filters make, where
    a process that holds these and no others waits; the guard's own questions read the files."""

    def __init__(self, files: Mapping[str, Path], wanted: Mapping[str, Copy], maker: CopyMaker) -> None:
        """`wanted`: table -> the copy of it that may be read in its place."""
        super().__init__(Tables(files=files), processes=maker.processes)
        self._wanted, self._maker, self._copies = wanted, maker, maker.copies

    def stream_allowed(self, decision: Allowed, limits: Limits, stop: Stop | None = None) -> Rows:
        """See `Engine`. A copy is never waited for, one that fails is as good as none, and what lacks is made after."""
        read = {table: copy for table, copy in self._wanted.items() if table.lower() in decision.tables}
        held = self._over_copies(decision, read, limits, stop) if read else None
        rows = held if held is not None else super().stream_allowed(decision, limits, stop)
        missing = [copy for copy in read.values() if self._copies.lacking(copy)]
        if not missing and (held is not None or not read):
            return rows

        def close() -> None:
            rows.close()
            self._maker.want(self._tables.files, self._wanted.values(), missing)

        return Rows(rows.schema, rows, close)

    def _over_copies(
        self, decision: Allowed, read: Mapping[str, Copy], limits: Limits, stop: Stop | None
    ) -> Rows | None:
        """The answer from those copies there are; None where none is, or no process that holds them waits."""
        tables = self._maker.tables(self._tables.files, self._wanted.values())
        stands = (Stand(table, copy.condition, stand_name(copy.digest)) for table, copy in read.items())
        last = decision.masked_last
        sql = last.sql if last is not None else decision.sql
        turned = over_stands(sql, frozenset(stand for stand in stands if stand.name in tables.copies))
        process = self._processes.waiting(tables) if turned != sql else None
        if process is None:
            return None
        release = self._copies.hold(read.values())

        def done() -> None:
            release()
            self._processes.give(tables, process)

        try:
            return process.run(turned, limits, stop or Stop(), done, masks=last.masks if last is not None else ())
        except YurtError as error:
            if error.code != ENGINE_FAILED.name:
                raise
            return None
