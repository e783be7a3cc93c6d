"""The engine process: DuckDB, locked, alone. `python -m gateway.duckdb_worker`; speaks `gateway.wire` on its pipes.

Keys come in the first message, never in SQL, arguments or the environment. Errors go back as one of four words.
"""

import os
import resource
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any, BinaryIO

import duckdb
import pyarrow as pa

from gateway import wire
from masking.keys import KeyRing
from masking.operators import engine_functions

_READERS: dict[str, Callable[..., Any]] = {
    ".parquet": duckdb.DuckDBPyConnection.read_parquet,
    ".csv": duckdb.DuckDBPyConnection.read_csv,
}


def main() -> None:
    """Answer messages until the pipe closes."""
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing but messages on the pipe
    inbox = sys.stdin.buffer
    try:
        hello, _ = wire.receive(inbox)
        connection = opened(hello)
    except (duckdb.Error, wire.Closed, OSError, KeyError, ValueError):
        wire.send(output, {"status": "failed"})
        return
    wire.send(output, {"status": "ready", "tables": described(connection)})
    signal.signal(signal.SIGUSR1, lambda *_: threading.Thread(target=connection.interrupt, daemon=True).start())
    while True:
        try:
            request, _ = wire.receive(inbox)
        except wire.Closed:
            return
        answer(connection, output, request)


def opened(hello: dict[str, Any]) -> duckdb.DuckDBPyConnection:
    """A connection with the tables attached and everything else shut."""
    _limited(hello)
    config = {
        "allow_unsigned_extensions": "false",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    database, files = hello.get("database"), {str(name): str(path) for name, path in hello.get("files", {}).items()}
    connection = duckdb.connect(database or ":memory:", read_only=bool(database), config=config)
    if hello.get("root_key"):
        for name, call, takes, gives in engine_functions(KeyRing(bytes.fromhex(hello["root_key"]))):
            connection.create_function(name, call, takes, gives, type="arrow")
    connection.execute("SET allowed_paths = $1", [list(files.values())])
    for name, path in files.items():
        read = _READERS[os.path.splitext(path)[1].lower()]
        read(connection, path).create_view(name)
    for setting, value in {
        "threads": int(hello.get("threads", 2)),
        "memory_limit": f"{int(hello.get('memory_bytes', 1 << 30))}B",
        "temp_directory": "",
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


def answer(connection: duckdb.DuckDBPyConnection, output: BinaryIO, request: dict[str, Any]) -> None:
    """Run one query; send its rows as Arrow IPC, or one word about the failure."""
    try:
        reader = connection.execute(str(request["sql"])).to_arrow_reader(65_536)
        rows, batches = 0, []
        for batch in reader:
            rows += batch.num_rows
            batches.append(batch)
            if rows > int(request["max_rows"]):
                break
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, reader.schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
        wire.send(output, {"status": "rows", "rows": rows}, memoryview(sink.getvalue()))
    except duckdb.InterruptException:
        wire.send(output, {"status": "cancelled"})
    except (duckdb.OutOfMemoryException, MemoryError):
        wire.send(output, {"status": "memory"})
    except (duckdb.Error, pa.ArrowException, RuntimeError, ValueError, KeyError):
        wire.send(output, {"status": "failed"})


if __name__ == "__main__":
    main()
