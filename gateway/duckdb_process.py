"""One locked DuckDB process, from the gateway's side: one query at a time, stopped when it overruns, killed if deaf."""

import fcntl
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import pyarrow as pa

from gateway import wire
from gateway.engine import EngineLimits, Limits, Rows, Stop, Tables
from gateway.errors import (
    ANSWER_TOO_LARGE,
    ENGINE_CANCELLED,
    ENGINE_FAILED,
    ENGINE_MEMORY,
    ENGINE_TIMEOUT,
    ENGINE_UNAVAILABLE,
)
from masking.errors import MASK_BAD_MODEL
from policies.decision import LastMask
from store.errors import ErrorCode, YurtError

START_S = 60.0
"""How long a process may take to open its tables."""
GRACE_S = 1.0
"""How long a query that is told to stop may take to do so before its process is killed."""
_LOOK_S = 0.1
"""How often a wish to stop is looked for while the engine works."""
_PIPE_BYTES = 1 << 20
_CODES: dict[str, ErrorCode] = {"memory": ENGINE_MEMORY, "cancelled": ENGINE_CANCELLED, "large": ANSWER_TOO_LARGE}
ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "PYTHONPATH", "VIRTUAL_ENV", "TZ")
"""What a process over data may know of the environment."""


class DuckDBProcess:
    """A started process with its tables open. Raises ENGINE_UNAVAILABLE where it cannot be had."""

    def __init__(self, tables: Tables, limits: EngineLimits, root_key: bytes | None, name_model: str = "") -> None:
        """`root_key`: root of the masking keys; it reaches the process through its pipe alone. `name_model`: the reader
        of names of the settings. Raises MASK_BAD_MODEL where that one cannot be used."""
        self._number = 0
        self._inbox = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "gateway.duckdb_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env={name: os.environ[name] for name in ENVIRONMENT if name in os.environ},
            cwd=Path(__file__).resolve().parent.parent,
            start_new_session=True,
        )
        self._output = cast(BinaryIO, self._process.stdout)
        fcntl.fcntl(self._output, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self.columns: dict[str, dict[str, str]] = self._opened(tables, limits, root_key, name_model)

    @property
    def pid(self) -> int:
        """The number the operating system knows it by."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """May it be asked."""
        return self._process.poll() is None

    def run(
        self,
        sql: str,
        limits: Limits,
        stop: Stop,
        done: Callable[[], None],
        given: pa.Table | None = None,
        masks: tuple[LastMask, ...] = (),
    ) -> Rows:
        """Start a query over the process's tables and what is `given` with it, `masks` put on what it gives; `done` is
        called once, when the process is free again or gone."""
        self._number += 1
        query = _Query(self, self._number, time.monotonic() + limits.timeout_s, stop)
        try:
            asked = {"run": query.number, "sql": sql, "max_rows": limits.max_rows, "max_bytes": limits.max_bytes}
            asked["masks"] = [[mask.position, mask.operator, dict(mask.arguments)] for mask in masks]
            self.tell(asked, wire.packed(given.schema, given.to_batches()) if given is not None else b"")
            first = query.next()
        except BaseException:
            query.end()
            done()
            raise

        def close() -> None:
            try:
                query.end()
            finally:
                done()

        return Rows(first.schema, query.batches(first), close)

    def tell(self, header: dict[str, Any], body: bytes | memoryview = b"") -> None:
        """Send a message. Raises ENGINE_MEMORY: a process that is gone was ended for what it used."""
        try:
            with self._inbox:
                wire.send(cast(BinaryIO, self._process.stdin), header, body)
        except (OSError, ValueError):
            self.kill()
            raise YurtError(ENGINE_MEMORY) from None

    def hear(self, seconds: float) -> tuple[dict[str, Any], bytearray] | None:
        """The next message; None where none comes in time. Raises ENGINE_MEMORY as above."""
        try:
            if not select.select([self._output], [], [], max(0.0, seconds))[0]:
                return None
            return wire.receive(self._output)
        except (wire.Closed, OSError, ValueError):
            self.kill()
            raise YurtError(ENGINE_MEMORY) from None

    def kill(self) -> None:
        """End the process now."""
        self._process.kill()
        self._shut()

    def close(self) -> None:
        """Let an idle process end by itself."""
        self._process.stdin.close()  # type: ignore[union-attr]
        try:
            self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._shut()

    def _shut(self) -> None:
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def _opened(
        self, tables: Tables, limits: EngineLimits, root_key: bytes | None, name_model: str
    ) -> dict[str, dict[str, str]]:
        hello: dict[str, Any] = {
            "files": {name: str(Path(path).resolve()) for name, path in {**tables.files, **tables.copies}.items()},
            "memory_bytes": limits.memory_bytes,
            "threads": limits.threads,
            "open_files": limits.files,
            "name_model": name_model,
        }
        if tables.database is not None:
            hello["database"] = str(Path(tables.database).resolve())
        if root_key is not None:
            hello["root_key"] = root_key.hex()
        try:
            self.tell(hello)
            said = self.hear(START_S)
        except YurtError:
            raise YurtError(ENGINE_UNAVAILABLE) from None
        if said is None or said[0].get("status") != "ready":
            self.kill()
            if said is not None and said[0].get("status") == "model":
                raise YurtError(MASK_BAD_MODEL, name=name_model, why="an engine process could not load it")
            raise YurtError(ENGINE_UNAVAILABLE)
        return dict(said[0]["tables"])


class _Query:
    """The one query a process works on."""

    def __init__(self, process: DuckDBProcess, number: int, deadline: float, stop: Stop) -> None:
        self.number = number
        self._process, self._deadline, self._stop = process, deadline, stop
        self._over = False  # the process has said its last word about this query, or is gone

    def next(self) -> Any:
        """The next `pyarrow.Table`: at least one, None at the end. Raises ENGINE_…"""
        while not self._over:
            left = self._deadline - time.monotonic()
            if self._stop.wished or left <= 0:
                self.end()
                raise YurtError(ENGINE_CANCELLED if self._stop.wished else ENGINE_TIMEOUT)
            said = self._heard(min(left, _LOOK_S))
            if said is None:
                continue
            status = str(said[0].get("status"))
            self._over = status != "rows"
            if status not in ("rows", "end"):
                raise YurtError(_CODES.get(status, ENGINE_FAILED))
            return wire.unpacked(said[1])
        return None

    def batches(self, first: Any) -> Iterator[Any]:
        """Record batches of the first table and of those that follow."""
        table = first
        while table is not None:
            yield from table.to_batches()
            table = self.next()

    def end(self) -> None:
        """Leave the process ready for another query: stop this one, or kill a process that does not listen."""
        deadline = time.monotonic() + GRACE_S
        while not self._over:
            if time.monotonic() > deadline:
                self._over = True
                self._process.kill()
                return
            try:
                self._process.tell({"cancel": self.number})  # again and again: it may have come before its query began
                said = self._heard(_LOOK_S)
            except YurtError:
                return
            self._over = said is not None and said[0].get("status") != "rows"

    def _heard(self, seconds: float) -> tuple[dict[str, Any], bytearray] | None:
        try:
            return self._process.hear(seconds)
        except YurtError:
            self._over = True
            raise
