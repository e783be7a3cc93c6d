"""The engine process: locked, limited, replaceable; its errors say nothing."""

import os
import signal
import threading
from pathlib import Path

import pytest

from gateway.duckdb import DuckDBEngine, Processes
from gateway.engine import EngineLimits, Limits, Stop, Tables
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


def test_a_query_asked_again_is_run_again(engine: DuckDBEngine) -> None:
    numbers = "SELECT range AS n FROM range(200000)"
    whole = engine.execute(numbers, Limits(max_rows=1_000_000))
    assert engine.execute(numbers, Limits(max_rows=10)).num_rows < 200_000  # ends with the batch that passes the limit
    assert engine.execute(numbers, Limits(max_rows=1_000_000)).equals(whole)
    drawn = {engine.execute("SELECT random() AS x", Limits()).column("x")[0].as_py() for _ in range(4)}
    assert len(drawn) == 4  # it is the query that is kept, not its answer


def test_a_query_that_was_stopped_or_failed_can_be_asked_again(engine: DuckDBEngine) -> None:
    for _ in range(2):
        with pytest.raises(YurtError) as caught:
            engine.execute(SLOW, Limits(timeout_s=0.2))
        assert caught.value.code == "ENGINE_TIMEOUT"
        with pytest.raises(YurtError) as caught:
            engine.execute("SELECT error('no') FROM citizen", Limits())
        assert caught.value.code == "ENGINE_FAILED"


def test_files_beside_the_attached_ones_stay_shut(database: Path) -> None:
    with DuckDBEngine(Tables(files={"citizen": database.parent / "citizen.parquet"})) as engine:
        assert engine.execute("SELECT count(*) AS n FROM citizen", Limits()).column("n")[0].as_py() == 1247
        with pytest.raises(YurtError):
            engine.execute(f"FROM '{database.parent / 'visit.parquet'}'", Limits())


@pytest.mark.parametrize("first", ["", "SELECT 1; "])
def test_nothing_can_be_written_beside_files_either(database: Path, first: str) -> None:
    with DuckDBEngine(Tables(files={"citizen": database.parent / "citizen.parquet"})) as engine:
        for sql in (f"{first}CREATE TABLE kept AS SELECT * FROM citizen", "SELECT count(*) FROM kept"):
            with pytest.raises(YurtError) as caught:
                engine.execute(sql, Limits())
            assert caught.value.code == "ENGINE_FAILED"


def test_an_overrun_is_stopped_and_its_process_serves_the_next_query(database: Path) -> None:
    with DuckDBEngine(Tables(database=database)) as engine:
        before = engine.pids
        with pytest.raises(YurtError) as caught:
            engine.execute(SLOW, Limits(timeout_s=0.5))
        assert caught.value.code == "ENGINE_TIMEOUT"
        assert engine.execute("SELECT 1 AS one", Limits()).to_pylist() == [{"one": 1}]
        assert engine.pids == before


def test_a_process_that_does_not_listen_is_killed_and_the_next_query_gets_a_new_one(database: Path) -> None:
    with DuckDBEngine(Tables(database=database)) as engine:
        (first,) = engine.pids
        os.kill(first, signal.SIGSTOP)
        with pytest.raises(YurtError) as caught:
            engine.execute("SELECT 1", Limits(timeout_s=0.2))
        assert caught.value.code == "ENGINE_TIMEOUT"
        assert engine.execute("SELECT 1 AS one", Limits()).to_pylist() == [{"one": 1}]
        assert engine.pids != [first]
        with pytest.raises(ProcessLookupError):
            os.kill(first, 0)


def test_a_stopped_query_ends_and_its_process_stays(database: Path) -> None:
    with DuckDBEngine(Tables(database=database)) as engine:
        before, stop = engine.pids, Stop()
        threading.Timer(0.3, stop.set).start()
        with pytest.raises(YurtError) as caught:
            engine.execute(SLOW, Limits(timeout_s=60), stop)
        assert caught.value.code == "ENGINE_CANCELLED"
        assert engine.pids == before


def test_a_wish_to_stop_that_comes_first_is_kept(engine: DuckDBEngine) -> None:
    stop = Stop()
    stop.set()
    with pytest.raises(YurtError) as caught:
        engine.execute(SLOW, Limits(timeout_s=60), stop)
    assert caught.value.code == "ENGINE_CANCELLED"


def test_an_answer_left_halfway_frees_its_process(engine: DuckDBEngine) -> None:
    before = engine.pids
    with engine.stream("SELECT * FROM range(1000000000)", Limits(max_rows=10**10)) as rows:
        assert next(iter(rows)).num_rows > 0
        assert engine.pids == []  # busy
    assert engine.execute("SELECT 1 AS one", Limits()).to_pylist() == [{"one": 1}]
    assert engine.pids == before


def test_an_error_in_the_middle_of_a_stream_is_one_fixed_code(engine: DuckDBEngine) -> None:
    late = "SELECT CASE WHEN range > 2000000 THEN CAST('x' || range AS INTEGER) ELSE 1 END FROM range(9000000)"
    with engine.stream(late, Limits(max_rows=10**10)) as rows, pytest.raises(YurtError) as caught:
        for _ in rows:
            pass
    assert caught.value.code == "ENGINE_FAILED"


def test_queries_run_at_once_in_processes_of_their_own(database: Path) -> None:
    processes = Processes(2)
    engine = DuckDBEngine(Tables(database=database), processes=processes)
    with engine.stream("SELECT * FROM range(10000000)", Limits(max_rows=10**10)) as one:
        next(iter(one))
        assert engine.execute("SELECT 2 AS two", Limits()).to_pylist() == [{"two": 2}]
    assert len(set(engine.pids)) == 2
    processes.close()


def test_the_process_idle_longest_makes_room_for_other_tables(database: Path) -> None:
    processes = Processes(2)
    citizen, visit = (
        DuckDBEngine(Tables(files={name: database.parent / f"{name}.parquet"}), processes=processes)
        for name in ("citizen", "visit")
    )
    everything = DuckDBEngine(Tables(database=database), processes=processes)
    for engine in (citizen, visit, everything):
        engine.execute("SELECT 1", Limits())
    assert len(processes.pids) == 2
    with pytest.raises(YurtError):
        visit.execute("SELECT * FROM citizen", Limits())
    processes.close()


def test_no_more_processes_than_allowed(database: Path) -> None:
    processes = Processes(1)
    engine = DuckDBEngine(Tables(database=database), processes=processes)
    with engine.stream("SELECT * FROM range(10000000)", Limits(max_rows=10**10)) as rows:
        next(iter(rows))
        with pytest.raises(YurtError) as caught:
            engine.execute("SELECT 1", Limits(timeout_s=0.2))
        assert caught.value.code == "ENGINE_UNAVAILABLE"
    processes.close()


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
        (pid,) = engine.pids
        shown = Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
        assert key not in shown
        assert key.hex().encode() not in shown


def test_an_answer_ends_with_the_batch_that_passes_the_row_limit(engine: DuckDBEngine) -> None:
    table = engine.execute("SELECT * FROM range(1000000)", Limits(max_rows=10))
    assert 10 < table.num_rows <= 65_536


def test_an_answer_beyond_the_byte_limit_fails(engine: DuckDBEngine) -> None:
    with pytest.raises(YurtError) as caught:
        engine.execute("SELECT * FROM range(1000000)", Limits(max_rows=10**7, max_bytes=1 << 20))
    assert caught.value.code == "ANSWER_TOO_LARGE"
