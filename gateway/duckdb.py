"""DuckDB as an engine: the client of a locked process, which is killed and started anew when a query overruns."""

import os
import select
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, BinaryIO, cast

import pyarrow as pa

from gateway import wire
from gateway.engine import EngineLimits, Limits, Tables
from gateway.errors import ENGINE_CANCELLED, ENGINE_FAILED, ENGINE_MEMORY, ENGINE_TIMEOUT, ENGINE_UNAVAILABLE
from store.errors import ErrorCode, YurtError

START_S = 60.0
"""How long a process may take to open its tables."""
_CODES: dict[str, ErrorCode] = {"failed": ENGINE_FAILED, "memory": ENGINE_MEMORY, "cancelled": ENGINE_CANCELLED}
_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "PYTHONPATH", "VIRTUAL_ENV", "TZ")


class DuckDBEngine:
    """One process, one query at a time. Close it, or use it as a context manager."""

    def __init__(self, tables: Tables, limits: EngineLimits | None = None, root_key: bytes | None = None) -> None:
        """`root_key`: root of the masking keys; it reaches the process through its pipe alone."""
        self._tables, self._limits, self._root_key = tables, limits or EngineLimits(), root_key
        self._lock = threading.Lock()
        self._cancelled = False
        self._process: subprocess.Popen[bytes] | None = None
        self.columns: dict[str, dict[str, str]] = {}
        self._start()

    def __enter__(self) -> "DuckDBEngine":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The process, while there is one."""
        return self._process.pid if self._process else None

    def execute(self, sql: str, limits: Limits) -> Any:
        """The result of decided SQL as a `pyarrow.Table`; at most one batch beyond `limits.max_rows` rows."""
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._start()
            self._cancelled = False
            header, body = self._ask({"sql": sql, "max_rows": limits.max_rows}, limits.timeout_s)
        if header.get("status") != "rows":
            raise YurtError(_CODES.get(str(header.get("status")), ENGINE_FAILED))
        return pa.ipc.open_stream(body).read_all()

    def cancel(self) -> None:
        """Stop the running query; the process stays."""
        process = self._process
        if process is not None and process.poll() is None and self._lock.locked():
            self._cancelled = True
            process.send_signal(10)  # SIGUSR1: the worker interrupts its connection

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    continue  # the process is gone already
        try:
            process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _start(self) -> None:
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "gateway.duckdb_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd=Path(__file__).resolve().parent.parent,
            start_new_session=True,
        )
        hello: dict[str, Any] = {
            "files": {name: str(Path(path).resolve()) for name, path in dict(self._tables.files).items()},
            "memory_bytes": self._limits.memory_bytes,
            "threads": self._limits.threads,
            "open_files": self._limits.files,
        }
        if self._tables.database is not None:
            hello["database"] = str(Path(self._tables.database).resolve())
        if self._root_key is not None:
            hello["root_key"] = self._root_key.hex()
        header, _ = self._ask(hello, START_S)
        if header.get("status") != "ready":
            self._kill()
            raise YurtError(ENGINE_UNAVAILABLE)
        self.columns = dict(header["tables"])

    def _ask(self, header: dict[str, Any], timeout_s: float) -> tuple[dict[str, Any], bytes]:
        """One message each way. Past the time limit the process is killed; the next query starts another."""
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise YurtError(ENGINE_UNAVAILABLE)
        deadline = time.monotonic() + timeout_s
        try:
            wire.send(cast(BinaryIO, process.stdin), header)
            if not select.select([process.stdout], [], [], max(0.0, deadline - time.monotonic()))[0]:
                self._kill()
                raise YurtError(ENGINE_TIMEOUT)
            return wire.receive(cast(BinaryIO, process.stdout))
        except (wire.Closed, OSError):
            self._kill()
            raise YurtError(ENGINE_MEMORY if not self._cancelled else ENGINE_CANCELLED) from None

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    continue
