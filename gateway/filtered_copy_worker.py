"""Writes one filtered copy: `python -m gateway.filtered_copy_worker`, told on its pipe what to write.

DuckDB here may read the source and write the one new file, and nothing else. Exit status 0: the file is whole and on
disk, and its columns have the names and types of the source's.
"""

import json
import os
import resource
import sys
import threading

import duckdb

from gateway import wire

LABEL = "yurt_filtered_copy"
"""Key of the Parquet file's metadata under which it says what it is a copy of."""


def main() -> None:
    """Write what the first message says; end with whoever asked for it."""
    os.umask(0o077)
    os.nice(10)  # questions go first
    hello, _ = wire.receive(sys.stdin.buffer)
    threading.Thread(target=_ends_with_its_reader, daemon=True).start()
    memory = int(hello["memory_bytes"])
    resource.setrlimit(resource.RLIMIT_AS, (memory * 4 + (4 << 30),) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(hello["most_bytes"]),) * 2)
    source, target = str(hello["source"]), str(hello["target"])
    written(source, target, str(hello["condition"]), hello["label"], memory)
    with open(target, "rb") as file:
        os.fsync(file.fileno())


def written(source: str, target: str, condition: str, label: dict[str, str], memory: int) -> None:
    """Write the rows of `source` for which `condition` (SQL over `r`) holds. Raises duckdb.Error, ValueError where a
    type would not come back as it was."""
    config = {
        "allow_unsigned_extensions": "false",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    with duckdb.connect(config=config) as connection:
        connection.execute("SET allowed_paths = $1", [[source, target]])
        connection.read_parquet(source).create_view("source")
        for setting, value in {
            "threads": 1,
            "memory_limit": f"{memory}B",
            "temp_directory": "",
            "python_enable_replacements": False,
            "enable_external_access": False,
            "lock_configuration": True,
        }.items():
            connection.execute(f"SET {setting} = $1", [value])
        connection.execute(
            f'COPY (SELECT * FROM source AS "r" WHERE {condition}) TO {_text(target)}'  # noqa: S608  a policy's filter
            f" (FORMAT parquet, USE_TMP_FILE false, KV_METADATA {{{LABEL}: {_text(json.dumps(label))}}})"
        )
        if _columns(connection.view("source")) != _columns(connection.read_parquet(target)):
            raise ValueError("a column came out otherwise")


def _columns(relation: duckdb.DuckDBPyRelation) -> list[tuple[str, str]]:
    return [(name, str(kind)) for name, kind in zip(relation.columns, relation.types, strict=True)]


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _ends_with_its_reader() -> None:
    os.read(0, 1)
    os._exit(1)


if __name__ == "__main__":
    main()
