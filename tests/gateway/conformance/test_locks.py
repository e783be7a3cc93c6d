"""The locks of engines that are somebody else's: looked at before anything is asked, and holding behind the check."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from corpus import POLICY

from gateway import postgres_lock, spark_lock
from gateway.engine import Limits, Tables
from gateway.postgres import Connections, PostgresEngine
from gateway.spark import SparkAddress, SparkEngine
from policies.load import load_policy
from policies.schema import Schema
from store.errors import YurtError

COUNT = "SELECT count(*) AS n FROM citizen"
WEAKER = (
    ("GRANT INSERT ON visit TO {role}", "REVOKE INSERT ON visit FROM {role}"),
    ("GRANT DELETE ON visit TO PUBLIC", "REVOKE DELETE ON visit FROM PUBLIC"),
    ("GRANT CREATE ON SCHEMA public TO {role}", "REVOKE CREATE ON SCHEMA public FROM {role}"),
    ("GRANT TEMPORARY ON DATABASE county TO PUBLIC", "REVOKE TEMPORARY ON DATABASE county FROM PUBLIC"),
    ("ALTER ROLE {role} BYPASSRLS", "ALTER ROLE {role} NOBYPASSRLS"),
    ("ALTER ROLE {role} CREATEROLE", "ALTER ROLE {role} NOCREATEROLE"),
    ("CREATE FUNCTION lent() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'", "DROP FUNCTION lent()"),
    ("GRANT pg_read_all_data TO {role}", "REVOKE pg_read_all_data FROM {role}"),
    (
        "GRANT EXECUTE ON FUNCTION pg_sleep(double precision) TO {role}",
        "REVOKE EXECUTE ON FUNCTION pg_sleep(double precision) FROM {role}",
    ),
)


@contextmanager
def asking(server: Any, *arguments: Any) -> Iterator[PostgresEngine]:
    connections = Connections(server)
    try:
        yield PostgresEngine(connections, *arguments)
    finally:
        connections.close()


@pytest.mark.parametrize(("weaken", "mend"), WEAKER, ids=lambda text: text[:24])
def test_postgres_is_not_asked_where_the_gateway_may_do_more(
    weaken: str, mend: str, cluster: Any, postgres: Any
) -> None:
    with cluster.connect() as owner, asking(postgres, postgres_lock.role_of(load_policy(POLICY))) as engine:
        owner.execute(weaken.format(role=postgres_lock.GATEWAY))
        try:
            with pytest.raises(YurtError) as caught:
                engine.execute(COUNT, Limits())
        finally:
            owner.execute(mend.format(role=postgres_lock.GATEWAY))
        assert caught.value.code == "ENGINE_UNLOCKED"
        assert engine.execute(COUNT, Limits()).num_rows == 1


def test_rows_behind_the_filter_stay_hidden_without_the_check(cluster: Any, postgres: Any) -> None:
    with cluster.connect() as owner, asking(postgres, postgres_lock.role_of(load_policy(POLICY))) as engine:
        assert owner.execute(COUNT).fetchone() == (1247,)
        assert engine.execute(COUNT, Limits()).to_pylist() == [{"n": 1207}]


def test_the_second_line_knows_who_asks(cluster: Any, postgres: Any, schema: Schema) -> None:
    text = POLICY.replace("rows: county <> '涉密县'", 'rows: "county = {user.county}"')
    policy = load_policy(text.replace("project: P001", "project: 另一个项目"))
    with cluster.connect() as owner:
        for statement in postgres_lock.project(policy, schema):
            owner.execute(statement)
    role = postgres_lock.role_of(policy)
    for user, count in (({"county": "临江县"}, 300), ({"county": "x' OR true --"}, 0), ({}, 0)):
        with asking(postgres, role, user) as engine:
            assert engine.execute(COUNT, Limits()).to_pylist() == [{"n": count}]


def test_a_project_without_a_role_sees_nothing(postgres: Any) -> None:
    with asking(postgres) as engine, pytest.raises(YurtError) as caught:
        engine.execute(COUNT, Limits())
    assert caught.value.code == "ENGINE_FAILED"


def test_spark_is_not_asked_under_other_settings(
    spark: SparkAddress, files: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(spark_lock.LOCK, "spark.sql.runSQLOnFiles", "unlike the server's")  # type: ignore[arg-type]
    with pytest.raises(YurtError) as caught:
        SparkEngine(spark, Tables(files=files))
    assert caught.value.code == "ENGINE_UNLOCKED"


def test_spark_answers_only_who_has_its_token(spark: SparkAddress, files: Any, tmp_path: Any) -> None:
    (tmp_path / "token").write_text("another")
    with pytest.raises(YurtError) as caught:
        SparkEngine(SparkAddress(spark.host, spark.port, tmp_path / "token"), Tables(files=files))
    assert caught.value.code == "ENGINE_UNAVAILABLE"
