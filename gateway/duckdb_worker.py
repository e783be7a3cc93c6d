"""The engine process: DuckDB, locked, alone. `python -m gateway.duckdb_worker`; speaks `gateway.wire` on its pipes.

Keys come in the first message, never in SQL, arguments or the environment. Errors go back as one word of a few.
"""

import os
import queue
import resource
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any, BinaryIO

import duckdb
import pyarrow as pa

from gateway import wire
from gateway.engine import Limits, capped
from gateway.errors import ANSWER_TOO_LARGE
from masking.keys import KeyRing
from masking.operators import OPERATORS, EngineFunction, engine_functions
from masking.operators.finishing import finisher
from store.errors import YurtError

BATCH_ROWS = 32_768
GIVEN = "given"
"""The name of a table that comes with a query."""
MOST_BOUND = 64
"""Queries that are not read and bound again when they are asked again, which would cost a millisecond."""

_READERS: dict[str, Callable[..., Any]] = {
    ".parquet": duckdb.DuckDBPyConnection.read_parquet,
    ".csv": duckdb.DuckDBPyConnection.read_csv,
}
_WORDS = {"Out of Memory": "memory", "INTERRUPT": "cancelled"}
_Ending = tuple[str, bytes | memoryview]
"""One word for how a query ended, and the last of its rows."""
_FAILED: _Ending = ("failed", b"")


def main() -> None:
    """Answer messages until the pipe closes."""
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing but messages on the pipe
    inbox = sys.stdin.buffer
    try:
        hello, _ = wire.receive(inbox)
        functions = tuple(engine_functions(KeyRing(bytes.fromhex(hello["root_key"])))) if hello.get("root_key") else ()
        if hello.get("name_model"):
            from masking.ner.slot import use

            use(str(hello["name_model"]))  # before the first text: where it cannot be had, nothing is read instead
        connection = opened(hello, functions)
    except (duckdb.Error, wire.Closed, OSError, KeyError, ValueError):
        wire.send(output, {"status": "failed"})
        return
    except YurtError:
        wire.send(output, {"status": "model"})
        return
    wire.send(output, {"status": "ready", "tables": described(connection)})
    desk = Desk(connection, output, functions)
    threading.Thread(target=desk.listen, args=(inbox,), daemon=True).start()
    desk.work()


class Desk:
    """Two threads: one works on queries, in order; the other listens, so that a query can be told to stop."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, output: BinaryIO, functions: Iterable[EngineFunction] = ()
    ) -> None:
        self._connection, self._output = connection, output
        self._functions = {function.name: function.call for function in functions}
        self._waiting: queue.SimpleQueue[tuple[dict[str, Any], bytearray]] = queue.SimpleQueue()
        self._bound: OrderedDict[str, duckdb.DuckDBPyRelation] = OrderedDict()  # by its words
        self._lock = threading.Lock()
        self._current: int | None = None
        self._stopped: int | None = None

    def listen(self, inbox: BinaryIO) -> None:
        """Hear queries and wishes to stop. When the gateway is gone so is this process, in mid-query too."""
        while True:
            try:
                said, body = wire.receive(inbox)
            except wire.Closed:
                os._exit(0)
            if "cancel" not in said:
                self._waiting.put((said, body))
                continue
            with self._lock:  # a late wish must not hit the next query
                self._stopped = said["cancel"]
                if self._current == self._stopped:
                    self._connection.interrupt()

    def work(self) -> None:
        """Run one query after the other."""
        while True:
            request, body = self._waiting.get()
            with self._lock:
                self._current = request["run"]
            status, last = self._answered(request, body)
            with self._lock:
                self._current = None
            wire.send(self._output, {"status": status}, last)

    def _answered(self, request: dict[str, Any], body: bytearray) -> _Ending:
        """The answer to a query, with the table that came with it, if one did."""
        if not body:
            return self._streamed(request)
        try:
            self._connection.register(GIVEN, wire.unpacked(body))
            return self._streamed(request)
        except (duckdb.Error, pa.ArrowException):
            return _FAILED
        finally:
            self._connection.unregister(GIVEN)

    def _streamed(self, request: dict[str, Any]) -> _Ending:
        """Send all batches but the last, as Arrow IPC streams of their own; give the last one, without rows where
        there are none, with the word for the end: a short answer is one message."""
        limits = Limits(max_rows=int(request["max_rows"]), max_bytes=int(request["max_bytes"]))
        sql = str(request["sql"])
        try:
            query = self._bound.pop(sql, None)
            if query is None:  # not `or`: the truth of a query is that it has rows, and asking for it runs it
                query = self._read(sql)
            if query is None:
                return _FAILED
            masks = LastMasks(request["masks"], self._functions)
            reader = query.to_arrow_reader(BATCH_ROWS)
            last = None
            for batch in capped(map(masks.over, reader), limits):
                if self._stopped == request["run"]:
                    return "cancelled", b""
                if last is not None:
                    wire.send(self._output, {"status": "rows"}, wire.packed(last.schema, [last]))
                last = batch
            if last is None:  # not `from_pylist`, which imports pandas: two seconds of every process's first query
                nothing = [pa.nulls(0, field.type) for field in reader.schema]
                last = masks.over(pa.RecordBatch.from_arrays(nothing, schema=reader.schema))
            self._keep(sql, query)
            return "end", wire.packed(last.schema, [last])
        except duckdb.InterruptException:
            return "cancelled", b""
        except (duckdb.OutOfMemoryException, MemoryError):
            return "memory", b""
        except YurtError as error:
            return ("large", b"") if error.code == ANSWER_TOO_LARGE.name else _FAILED
        except (
            OSError
        ) as error:  # what an engine says in the middle of a stream reaches us through Arrow, as text alone
            return _WORDS.get(str(error).partition(" Error:")[0].rpartition("\n")[2], "failed"), b""
        except (duckdb.Error, pa.ArrowException, RuntimeError, ValueError, KeyError):
            return _FAILED

    def _read(self, sql: str) -> duckdb.DuckDBPyRelation | None:
        """A query as the engine understands it; None where it is anything but one SELECT: tables over files live in
        memory, where only this keeps a statement from writing."""
        statements = self._connection.extract_statements(sql)
        if [each.type for each in statements] != [duckdb.StatementType.SELECT]:
            return None
        return self._connection.sql(statements[0])

    def _keep(self, sql: str, query: duckdb.DuckDBPyRelation) -> None:
        """Keep a query that went well for the next time it is asked: the tables never change, so it means the same."""
        if GIVEN not in sql:
            self._bound[sql] = query
            while len(self._bound) > MOST_BOUND:
                self._bound.popitem(last=False)


class LastMasks:
    """What is put on the batches of one answer before they leave; see `policies.last`.

    Raises KeyError, ValueError or YurtError for masks that cannot be made: then nothing leaves.
    """

    def __init__(self, masks: Iterable[tuple[int, str, dict[str, object]]], functions: dict[str, Any]) -> None:
        self._finish = {
            int(position): finisher(OPERATORS[operator], arguments, functions)
            for position, operator, arguments in masks
        }

    def over(self, batch: Any) -> Any:
        """The batch, masked."""
        if not self._finish:
            return batch
        if max(self._finish) >= batch.num_columns:
            raise ValueError("a mask for a column that is not there")
        columns = [
            self._finish[position](column) if position in self._finish else column
            for position, column in enumerate(batch.columns)
        ]
        return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def opened(hello: dict[str, Any], functions: Iterable[EngineFunction] = ()) -> duckdb.DuckDBPyConnection:
    """A connection with the tables attached and everything else shut."""
    _limited(hello)
    config = {
        "allow_unsigned_extensions": "false",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    database, files = hello.get("database"), {str(name): str(path) for name, path in hello.get("files", {}).items()}
    connection = duckdb.connect(database or ":memory:", read_only=bool(database), config=config)
    for name, call, takes, gives in functions:
        connection.create_function(name, call, takes, gives, type="arrow")
    connection.execute("SET allowed_paths = $1", [list(files.values())])
    for name, path in files.items():
        read = _READERS[os.path.splitext(path)[1].lower()]
        read(connection, path).create_view(name)
    for setting, value in {
        "threads": int(hello.get("threads", 2)),
        "memory_limit": f"{int(hello.get('memory_bytes', 1 << 30))}B",
        "temp_directory": "",
        "parquet_metadata_cache": True,  # published files never change
        "disable_parquet_prefetching": True,  # that is for files far away; here it costs 5 %
        "python_enable_replacements": False,
        "enable_external_access": False,
        "lock_configuration": True,
    }.items():
        connection.execute(f"SET {setting} = $1", [value])
    return connection


def _limited(hello: dict[str, Any]) -> None:
    """Limits of the operating system, below those of DuckDB."""
    address_space = int(hello.get("memory_bytes", 1 << 30)) * 4 + (4 << 30)  # a heap and its mappings
    resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
    resource.setrlimit(resource.RLIMIT_NOFILE, (int(hello.get("open_files", 256)),) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # it writes no file, spilled rows included


def described(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    """table -> column -> type of every table and view."""
    found: dict[str, dict[str, str]] = {}
    listed = connection.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal AND schema_name = 'main'"
        " ORDER BY table_name, column_index"
    )
    for table, column, type_ in listed.fetchall():
        found.setdefault(table, {})[column] = type_
    return found


if __name__ == "__main__":
    main()
