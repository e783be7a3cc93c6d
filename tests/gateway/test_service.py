"""The gateway over HTTP: the token says who asks, the grants say what, the log is written first, history is kept."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from fastapi.testclient import TestClient
from platform_home import Terms, grant, platform_database, publish

from audit import AuditLog
from audit.log import read_records
from gateway.desk import Desk
from gateway.engine import EngineLimits
from gateway.engines import EnginePool
from gateway.identity import HubIdentity
from gateway.service import create_app
from gateway.standing import Standings
from policies.grants import revoke
from store.database import Database

SCOPES = {
    "sandbox": ["access:servers!server=researcher/study", "users:activity!user=researcher"],
    "stranger": ["access:servers!server=stranger/study"],
    "person": ["access:servers!user=researcher", "servers!user=researcher"],
    "two": ["access:servers!server=researcher/study", "access:servers!server=researcher/other"],
}
WHOLE = "SELECT count(*) AS n FROM people WHERE county = 'a'"
BUT_ONE = "SELECT count(*) AS n FROM people WHERE county = 'a' AND job <> 'astronaut'"


class Hub(BaseHTTPRequestHandler):
    """The one endpoint of the hub the gateway asks."""

    def do_GET(self) -> None:
        token = self.headers["Authorization"].removeprefix("token ")
        body = json.dumps({"kind": "user", "scopes": SCOPES.get(token, [])}).encode()
        self.send_response(200 if token in SCOPES else 403)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    rows = [(f"p{number}", "ab"[number % 2], "astronaut" if number == 0 else "clerk") for number in range(60)]
    (tmp_path / "data").mkdir()
    columns = dict(zip(("id_no", "county", "job"), map(list, zip(*rows, strict=True)), strict=True))
    parquet.write_table(pa.table(columns), tmp_path / "data" / "people.parquet")
    database = platform_database(tmp_path, projects={"study": ["researcher"], "none": ["stranger"]})
    publish(database, tmp_path, "people", "id_no", "researcher")
    terms = Terms({"county": ["group", "filter"], "job": ["filter"]}, {"mode": "threshold", "min_group": 10})
    grant(database, "study", "researcher", "people", terms)
    yield database
    database.close()


@pytest.fixture
def gateway(tmp_path: Path, hub: str, database: Database) -> Iterator[TestClient]:
    engines, identity = EnginePool(bytes(32), EngineLimits()), HubIdentity(hub)
    standings = Standings(database, tmp_path / "data", engines)
    desk = Desk(database, AuditLog(tmp_path / "audit", bytes(32)), engines, standings)
    with TestClient(create_app(desk, identity, engines.close)) as client:
        yield client
    identity.close()


def ask(gateway: TestClient, sql: str, holder: str = "sandbox") -> Any:
    return gateway.post("/v1/query", json={"sql": sql}, headers={"Authorization": f"Bearer {holder}"})


def rows(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    table: list[dict[str, Any]] = pa.ipc.open_stream(answer.content).read_all().to_pylist()
    return table


@pytest.mark.parametrize("token", ["nobody", "person", "two"])
def test_only_the_token_of_exactly_one_sandbox_may_ask(gateway: TestClient, token: str) -> None:
    answer = ask(gateway, WHOLE, token)
    assert (answer.status_code, answer.json()["code"]) == (401, "TOKEN_REFUSED")


def test_a_sandbox_of_somebody_who_is_no_member_gets_nothing(gateway: TestClient) -> None:
    assert ask(gateway, WHOLE, "stranger").json()["code"] == "NOT_A_MEMBER"


def test_an_answer_comes_as_arrow_with_its_report_and_two_records(gateway: TestClient, tmp_path: Path) -> None:
    answer = ask(gateway, "SELECT county, count(*) AS n FROM people GROUP BY county ORDER BY county")
    assert rows(answer) == [{"county": "a", "n": 30}, {"county": "b", "n": 30}]
    assert json.loads(answer.headers["X-Yurt-Report"])["suppressed"] == 0
    records = list(read_records(tmp_path / "audit" / "log.jsonl"))
    assert [record["event"] for record in records] == ["query.decided", "query.released"]
    assert "people.county:key" in records[0]["details"]["lineage"]
    assert "SELECT" not in (tmp_path / "audit" / "log.jsonl").read_text()


def test_what_was_answered_is_remembered_across_a_restart(
    gateway: TestClient, hub: str, database: Database, tmp_path: Path
) -> None:
    assert rows(ask(gateway, WHOLE)) == [{"n": 30}]
    engines, identity = EnginePool(bytes(32), EngineLimits()), HubIdentity(hub)
    standings = Standings(database, tmp_path / "data", engines)
    desk = Desk(database, AuditLog(tmp_path / "audit", bytes(32)), engines, standings)
    with TestClient(create_app(desk, identity, engines.close)) as after:
        refused = ask(after, BUT_ONE)
        assert (refused.status_code, refused.json()["code"]) == (403, "DIFFERENCING")
    identity.close()


def test_two_questions_at_once_are_still_compared_with_each_other(gateway: TestClient) -> None:
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda sql=sql: answers.append(ask(gateway, sql).status_code))
        for sql in (WHOLE, BUT_ONE)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, 403]


def test_a_revoked_grant_ends_at_the_next_question(gateway: TestClient, database: Database) -> None:
    assert rows(ask(gateway, WHOLE)) == [{"n": 30}]
    with database.session() as session:
        revoke(session, 1, "approver")
    assert ask(gateway, WHOLE).json()["code"] == "NO_LIVE_GRANT"


def test_a_grant_for_some_rows_gives_no_others(gateway: TestClient, database: Database) -> None:
    everybody = "SELECT count(*) AS n FROM people"
    assert rows(ask(gateway, everybody)) == [{"n": 60}]
    release = {"mode": "threshold", "min_group": 10}
    terms = Terms({"county": ["group", "filter"], "job": ["filter"]}, release, rows="county = 'b'")
    grant(database, "study", "researcher", "people", terms)
    assert rows(ask(gateway, "SELECT county, count(*) AS n FROM people GROUP BY county")) == [{"county": "b", "n": 30}]


def test_nothing_is_answered_when_the_log_cannot_be_written(gateway: TestClient, tmp_path: Path) -> None:
    assert rows(ask(gateway, WHOLE)) == [{"n": 30}]
    log = tmp_path / "audit" / "log.jsonl"
    log.unlink()
    log.mkdir()
    answer = ask(gateway, "SELECT count(*) AS n FROM people WHERE county = 'b'")
    assert (answer.status_code, answer.json()["code"]) == (503, "AUDIT_UNAVAILABLE")


def test_a_question_that_is_none_is_refused_by_its_code(gateway: TestClient) -> None:
    headers = {"Authorization": "Bearer sandbox"}
    for body in ({}, {"sql": 7}, {"sql": "SELECT 1", "user": "root"}, {"sql": "x" * 100_001}):
        answer = gateway.post("/v1/query", json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "QUESTION_INVALID")


def test_tables_and_explain_tell_what_may_be_done(gateway: TestClient) -> None:
    headers = {"Authorization": "Bearer sandbox"}
    listed = gateway.get("/v1/tables", headers=headers).json()
    assert {column["name"]: column["allowed"] for column in listed[0]["columns"]} == {
        "id_no": "nothing", "county": "group, filter", "job": "filter",
    }  # fmt: skip
    assert {table["dialect"] for table in listed} == {"duckdb"}
    explained = gateway.post("/v1/explain", json={"sql": WHOLE}, headers=headers).json()
    assert explained["outcome"] == "allow"
    refused = gateway.post("/v1/explain", json={"sql": "SELECT id_no FROM people"}, headers=headers).json()
    assert refused["code"] == "COLUMN_NOT_USABLE"
    assert (refused["rule"], refused["grant"]) == ("people.id_no: []", explained["tables"][0]["grant"])


def test_explain_policy_asked_as_a_query_gives_a_table_and_books_nothing(gateway: TestClient) -> None:
    headers = {"Authorization": "Bearer sandbox"}
    answer = gateway.post("/v1/query", json={"sql": f"EXPLAIN POLICY {WHOLE}"}, headers=headers)
    table = pa.ipc.open_stream(answer.content).read_all()
    assert table.column_names == ["part", "explanation"]
    parts = dict(zip(*(column.to_pylist() for column in table.columns), strict=True))
    assert parts["outcome"] == "allow"
    assert parts["release.min_group"].isdigit()
