"""The running service: rows stream, a reader who hangs up stops the engine, a full line says so at once."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from platform_home import Terms, grant, hub, platform_database, publish, service

from audit.log import read_records

PEOPLE = ["researcher", "colleague"]
TOKENS = {"sandbox": ("researcher", "study"), "colleague": ("colleague", "study"), "capped": ("researcher", "capped")}
CUBE = "SELECT a.id_no, b.county, c.job FROM people AS a, people AS b, people AS c"
ENDLESS = "SELECT count(*) AS n FROM " + ", ".join(f"people AS p{number}" for number in range(9))
COUNT = "SELECT county, count(*) AS n FROM people GROUP BY county ORDER BY county"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    (home / "data").mkdir()
    rows = {
        "id_no": [f"p{n}" for n in range(60)],
        "county": ["ab"[n % 2] for n in range(60)],
        "job": ["clerk"] * 60,
    }
    parquet.write_table(pa.table(rows), home / "data" / "people.parquet")
    database = platform_database(home, {"study": PEOPLE, "capped": PEOPLE})
    publish(database, home, "people", "id_no", "researcher")
    columns = {name: ["read", "filter", "group", "join", "aggregate", "count"] for name in rows}
    for project, most in {"study": 10_000_000, "capped": 100_000}.items():
        release = {"mode": "rows", "min_group": 5, "max_rows": most, "timeout_s": 300}
        grant(database, project, "researcher", "people", Terms(columns, release))
    database.close()
    return home


@pytest.fixture(scope="module")
def gateway(home: Path) -> Iterator[str]:
    """One slot and one engine process, so that whatever is not let go of blocks the next question."""
    with (
        hub(TOKENS) as hub_url,
        service(home, hub_url, query_concurrency=1, query_processes=1, query_waiting=1, query_timeout_s=300) as url,
    ):
        yield url


def client(gateway: str, holder: str = "sandbox") -> httpx.Client:
    headers = {"Authorization": f"Bearer {holder}"}
    return httpx.Client(base_url=gateway, headers=headers, trust_env=False, timeout=60)


def ask(gateway: str, sql: str, holder: str = "sandbox") -> httpx.Response:
    with client(gateway, holder) as http:
        return http.post("/v1/query", json={"sql": sql})


def rows(response: httpx.Response) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = pa.ipc.open_stream(response.content).read_all().to_pylist()
    return found


def test_a_long_answer_streams_whole_and_ends_with_its_report(gateway: str, home: Path) -> None:
    with client(gateway) as http, http.stream("POST", "/v1/query", json={"sql": CUBE}) as response:
        assert response.status_code == 200
        assert json.loads(response.headers["X-Yurt-Report"])["streamed"] is True
        content = response.read()
    reader, count, report = pa.ipc.open_stream(content), 0, None
    while True:
        try:
            batch, metadata = reader.read_next_batch_with_custom_metadata()
        except StopIteration:
            break
        count += batch.num_rows
        report = json.loads(metadata["yurt"]) if metadata is not None else report
    assert (count, report) == (216_000, {"rows": 216_000})
    assert rows(ask(gateway, COUNT)) == [{"county": "a", "n": 30}, {"county": "b", "n": 30}]
    streamed = [each for each in read_records(home / "audit" / "log.jsonl") if each["event"] == "query.streamed"]
    assert (streamed[-1]["details"]["rows"], streamed[-1]["details"]["outcome"]) == (216_000, "complete")


def test_a_stream_that_breaks_off_names_its_code_and_is_never_taken_for_whole(gateway: str) -> None:
    parts: list[bytes] = []
    with client(gateway, "capped") as http:
        response = http.send(http.build_request("POST", "/v1/query", json={"sql": CUBE}), stream=True)
        with pytest.raises(httpx.RemoteProtocolError):
            parts.extend(response.iter_raw())
    reader, count, report = pa.ipc.open_stream(b"".join(parts)), 0, None
    while report is None:
        batch, metadata = reader.read_next_batch_with_custom_metadata()
        count += batch.num_rows
        report = json.loads(metadata["yurt"]) if metadata is not None else None
    assert count <= 100_000
    assert report["code"] == "TOO_MANY_ROWS"


def test_a_reader_who_hangs_up_frees_the_engine(gateway: str) -> None:
    with client(gateway) as http:
        with pytest.raises(httpx.ReadTimeout):
            http.post("/v1/query", json={"sql": ENDLESS}, timeout=1.0)
        with http.stream("POST", "/v1/query", json={"sql": CUBE + ", people AS d"}) as response:
            next(response.iter_raw())
    assert rows(ask(gateway, COUNT)) == [{"county": "a", "n": 30}, {"county": "b", "n": 30}]


def test_a_full_line_says_so_while_a_refusal_does_not_wait(gateway: str) -> None:
    with ThreadPoolExecutor(2) as threads:
        with client(gateway) as http, http.stream("POST", "/v1/query", json={"sql": CUBE + ", people AS d"}) as held:
            parts = held.iter_raw()
            next(parts)  # the one slot is taken until the rest is read or left
            asked = [threads.submit(ask, gateway, COUNT, holder) for holder in ("colleague", "capped")]
            busy = next(as_completed(asked)).result()  # one waits, for one the line is full
            refused = ask(gateway, "SELECT nothing FROM people", "colleague")
            assert [each.done() for each in asked].count(True) == 1
        waited = next(each.result() for each in asked if each.result() is not busy)
    assert (busy.status_code, busy.json()["code"]) == (503, "GATEWAY_BUSY")
    assert int(busy.headers["Retry-After"]) >= 1
    assert refused.status_code == 403
    assert rows(waited) == [{"county": "a", "n": 30}, {"county": "b", "n": 30}]
