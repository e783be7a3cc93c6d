"""The engine process: locked, limited, replaceable; its errors say nothing."""

import os
import threading
import time
from pathlib import Path

import pytest

from gateway.duckdb import DuckDBEngine
from gateway.engine import EngineLimits, Limits, Tables
from store.errors import YurtError

SLOW = "SELECT count(*) FROM range(100000000) a, range(100000000) b WHERE a.range % 7 = b.range % 5"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM glob('/etc/*')",
        "SET enable_external_access = true",
        "SET memory_limit = '10GB'",
        "CREATE TABLE x AS SELECT 1",
        "COPY citizen TO '/tmp/stolen.csv'",
        "ATTACH '/tmp/other.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SELECT * FROM hello",
        "DELETE FROM citizen",
    ],
)
def test_the_engine_itself_refuses_what_the_check_would_never_send(engine: DuckDBEngine, sql: str) -> None:
    with pytest.raises(YurtError) as caught:
        engine.execute(sql, Limits())
    assert caught.value.code == "ENGINE_FAILED"


def test_an_engine_error_carries_no_value(engine: DuckDBEngine) -> None:
    with pytest.raises(YurtError) as caught:
        engine.execute("SELECT CAST(name AS INTEGER) FROM citizen", Limits())
    assert (
        str(caught.value)
        == "ENGINE_FAILED: The query could not be computed. Check types and functions, then ask again."
    )


def test_files_beside_the_attached_ones_stay_shut(database: Path) -> None:
    with DuckDBEngine(Tables(files={"citizen": database.parent / "citizen.parquet"})) as engine:
        assert engine.execute("SELECT count(*) AS n FROM citizen", Limits()).column("n")[0].as_py() == 1247
        with pytest.raises(YurtError):
            engine.execute(f"FROM '{database.parent / 'visit.parquet'}'", Limits())


def test_an_overrun_kills_the_process_and_the_next_query_gets_a_new_one(database: Path) -> None:
    with DuckDBEngine(Tables(database=database)) as engine:
        first = engine.pid
        with pytest.raises(YurtError) as caught:
            engine.execute(SLOW, Limits(timeout_s=0.5))
        assert caught.value.code == "ENGINE_TIMEOUT"
        assert engine.execute("SELECT 1 AS one", Limits()).to_pylist() == [{"one": 1}]
        assert engine.pid != first
        assert first is not None
        with pytest.raises(ProcessLookupError):
            os.kill(first, 0)


def test_a_cancelled_query_stops_and_the_process_stays(database: Path) -> None:
    with DuckDBEngine(Tables(database=database)) as engine:
        before, caught = engine.pid, []

        def ask() -> None:
            try:
                engine.execute(SLOW, Limits(timeout_s=60))
            except YurtError as error:
                caught.append(error.code)

        asking = threading.Thread(target=ask)
        asking.start()
        time.sleep(1)
        engine.cancel()
        asking.join(timeout=30)
        assert caught == ["ENGINE_CANCELLED"]
        assert engine.pid == before


def test_memory_is_limited(database: Path) -> None:
    with DuckDBEngine(Tables(database=database), EngineLimits(memory_bytes=64 << 20)) as engine:
        with pytest.raises(YurtError) as caught:
            engine.execute(
                "SELECT count(DISTINCT a.range * 1000 + b.range) FROM range(20000) a, range(2000) b", Limits()
            )
        assert caught.value.code == "ENGINE_MEMORY"


def test_keys_are_in_no_argument_and_no_environment(database: Path) -> None:
    key = b"a-very-secret-root-key"
    with DuckDBEngine(Tables(database=database), root_key=key) as engine:
        shown = Path(f"/proc/{engine.pid}/cmdline").read_bytes() + Path(f"/proc/{engine.pid}/environ").read_bytes()
        assert key not in shown
        assert key.hex().encode() not in shown


def test_the_pipe_carries_at_most_a_batch_beyond_the_row_limit(engine: DuckDBEngine) -> None:
    table = engine.execute("SELECT * FROM range(1000000)", Limits(max_rows=10))
    assert 10 < table.num_rows <= 65_536
