"""What every engine promises, whichever it is."""

import threading
import time
import traceback
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from county import CANARY

from gateway.engine import Engine, Limits, Stop
from store.errors import YurtError

Named = tuple[str, Engine]
SLOW = "SELECT count(*) AS n FROM visit AS a CROSS JOIN visit AS b CROSS JOIN visit AS c WHERE a.cost + b.cost < c.cost"
MANY = "SELECT a.visit_id AS n FROM visit AS a CROSS JOIN visit AS b LIMIT 300000"
WRITES = (
    "INSERT INTO citizen(id_no) VALUES ('x')",
    "DELETE FROM citizen",
    "UPDATE citizen SET name = 'x'",
    "DROP TABLE citizen",
    "CREATE TABLE stolen AS SELECT * FROM citizen",
    "CREATE VIEW stolen AS SELECT * FROM citizen",
    "TRUNCATE TABLE citizen",
    "SELECT 1; DROP TABLE citizen",
)
WRONG = {
    "duckdb": "SELECT CAST(name AS INTEGER) FROM citizen",
    "postgres": "SELECT CAST(id_no AS INTEGER) FROM citizen",
    "spark": "SELECT raise_error(name) FROM citizen",
}
REACHES_OUT = {
    "duckdb": ("SELECT * FROM read_text('/etc/passwd')", "SELECT * FROM '/etc/passwd'", "SET memory_limit = '1GB'"),
    "postgres": (
        "SELECT pg_read_file('/etc/passwd')", "SELECT pg_sleep(0)", "SELECT lo_import('/etc/passwd')",
        "SELECT set_config('role', 'none', false)", "SELECT pg_advisory_lock(1)", "COPY citizen TO '/tmp/stolen'",
        "COPY citizen TO PROGRAM 'cat'", "SET ROLE county_owner", "SELECT query_to_xml('SELECT 1', true, true, '')",
        "SELECT * FROM secret_case", "SELECT legal_rep_id FROM enterprise FOR UPDATE", "DO $$ BEGIN END $$",
        "SELECT name FROM citizen", "SELECT pg_terminate_backend(1)", "SELECT rolpassword FROM pg_authid",
    ),
    "spark": (
        "SELECT * FROM text.`/etc/passwd`", "SELECT * FROM parquet.`/tmp`", "SET spark.sql.runSQLOnFiles = true",
        "CREATE FUNCTION f AS 'a.B' USING JAR '/tmp/x.jar'", "ADD JAR '/tmp/x.jar'", "LIST JARS", "SHOW TABLES",
        "SELECT * FROM secret_case", "SELECT TRANSFORM(id_no) USING 'cat' FROM citizen",
        "FROM citizen MAP id_no USING 'cat' AS x", "FROM citizen REDUCE id_no USING 'cat' AS x",
        "SELECT reflect('java.lang.System', 'getProperty', 'user.home')",
        "SELECT * FROM (SELECT java_method('java.util.UUID', 'randomUUID'))",
        "SELECT try_reflect('java.lang.System', 'getenv')", "SELECT input_file_name() FROM citizen",
        "INSERT OVERWRITE DIRECTORY '/tmp/stolen' USING csv SELECT * FROM citizen", "SELECT transform(id_no, x -> x)",
        "WITH c AS (SELECT reflect('java.lang.System', 'exit', 1)) SELECT * FROM c", "SELECT * FROM range(10)",
        "SELECT ${spark.authenticate.secret}", "EXPLAIN EXTENDED SELECT id_no FROM citizen",
    ),
}  # fmt: skip


def refused(engine: Engine, sql: str, limits: Limits | None = None, stop: Stop | None = None) -> YurtError:
    with pytest.raises(YurtError) as caught:
        engine.execute(sql, limits or Limits(), stop)
    return caught.value


def alive(engine: Engine) -> bool:
    """Does it read a table, for which it needs what a query before it may still hold."""
    found = engine.execute("SELECT count(DISTINCT hospital) AS n FROM visit", Limits(timeout_s=240))
    return bool(found.to_pylist() == [{"n": 3}])


def test_an_answer_has_arrow_types(each_engine: Named) -> None:
    sql = "SELECT visit_date, cost, insured, hospital, CAST(NULL AS VARCHAR(9)) AS nothing FROM visit"
    rows = each_engine[1].execute(f"{sql} WHERE visit_date > '2023-01-01' LIMIT 1", Limits()).to_pylist()
    assert [type(value) for value in rows[0].values()] == [date, Decimal, bool, str, type(None)]


def test_an_empty_answer_keeps_its_columns(each_engine: Named) -> None:
    table = each_engine[1].execute("SELECT county, count(*) AS n FROM citizen WHERE 1 = 0 GROUP BY county", Limits())
    assert (table.num_rows, table.column_names) == (0, ["county", "n"])


def test_rows_come_in_batches_up_to_the_cap(each_engine: Named) -> None:
    _, engine = each_engine
    with engine.stream(MANY, Limits(max_rows=10)) as rows:
        assert rows.schema.names == [rows.schema.names[0]]
        found = sum(batch.num_rows for batch in rows)
    assert 10 < found <= 300_000
    assert engine.execute(MANY, Limits(max_rows=400_000)).num_rows == 300_000


def test_bytes_are_capped(each_engine: Named) -> None:
    _, engine = each_engine
    assert refused(engine, MANY, Limits(max_rows=400_000, max_bytes=50_000)).code == "ANSWER_TOO_LARGE"
    assert alive(engine)


def test_a_query_past_its_time_ends(each_engine: Named) -> None:
    _, engine = each_engine
    assert refused(engine, SLOW, Limits(timeout_s=0.5)).code == "ENGINE_TIMEOUT"
    assert alive(engine)


def test_postgres_works_on_nothing_that_was_stopped(opened: Any, cluster: Any) -> None:
    stop = Stop()
    threading.Timer(0.7, stop.set).start()
    refused(opened("postgres"), SLOW, Limits(timeout_s=60), stop)
    refused(opened("postgres"), SLOW, Limits(timeout_s=0.5))
    working = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'yurt_gateway' AND state = 'active'"
    with cluster.connect() as owner:
        while owner.execute(working).fetchone() != (0,):  # or the time limit of the test says that it never ends
            time.sleep(0.05)


def test_spark_ends_the_executor_of_a_task_that_does_not_listen(opened: Any) -> None:
    deaf = "SELECT count(*) AS n FROM visit AS a CROSS JOIN visit AS b CROSS JOIN visit AS c CROSS JOIN visit AS d"
    refused(opened("spark"), f"{deaf} WHERE a.cost + b.cost < c.cost + d.cost", Limits(timeout_s=5))
    assert alive(opened("spark"))


def test_a_wish_to_stop_ends_the_query(each_engine: Named) -> None:
    _, engine = each_engine
    stop = Stop()
    timer = threading.Timer(0.7, stop.set)
    timer.start()
    assert refused(engine, SLOW, Limits(timeout_s=60), stop).code == "ENGINE_CANCELLED"
    assert alive(engine)


def test_a_wish_that_came_before_the_query_ends_it_too(each_engine: Named) -> None:
    _, engine = each_engine
    stop = Stop()
    stop.set()
    assert refused(engine, SLOW, Limits(timeout_s=60), stop).code == "ENGINE_CANCELLED"
    assert alive(engine)


def test_an_answer_left_half_read_frees_the_engine(each_engine: Named) -> None:
    _, engine = each_engine
    for _ in range(8):  # more often than there are connections
        rows = engine.stream(MANY, Limits(max_rows=400_000))
        next(iter(rows))
        rows.close()
        rows.close()
    assert alive(engine)


def test_questions_of_several_threads_do_not_mix(each_engine: Named) -> None:
    _, engine = each_engine
    found: dict[int, Any] = {}

    def ask(number: int) -> None:
        found[number] = (
            engine.execute(f"SELECT {number} AS n, count(*) AS c FROM visit", Limits()).column("n")[0].as_py()
        )

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: number for number in range(8)}


@pytest.mark.parametrize("sql", WRITES)
def test_the_engine_itself_refuses_to_write(each_engine: Named, sql: str) -> None:
    _, engine = each_engine
    before = engine.execute("SELECT count(*) AS n FROM citizen", Limits()).to_pylist()
    assert refused(engine, sql).code == "ENGINE_FAILED"
    assert engine.execute("SELECT count(*) AS n FROM citizen", Limits()).to_pylist() == before


@pytest.mark.parametrize(("name", "sql"), [(name, sql) for name, texts in REACHES_OUT.items() for sql in texts])
def test_the_engine_itself_refuses_to_reach_out(name: str, sql: str, opened: Any) -> None:
    assert refused(opened(name), sql).code == "ENGINE_FAILED"


def test_an_engine_error_carries_no_value(each_engine: Named) -> None:
    name, engine = each_engine
    error = refused(engine, WRONG[name])
    assert error.code == "ENGINE_FAILED"
    assert CANARY not in "".join(traceback.format_exception(error))


def test_a_text_that_is_no_sql_fails_with_the_same_words(each_engine: Named) -> None:
    name, engine = each_engine
    assert str(refused(engine, "SELECT FROM WHERE")) == str(refused(engine, WRONG[name]))
