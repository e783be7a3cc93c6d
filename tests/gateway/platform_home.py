"""A platform's home in miniature: records, data and a hub that knows whose tokens are whose. Benchmarks use it too."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as parquet

import portal.models  # noqa: F401  declares every table
from catalog.agencies import Agency
from catalog.datasets import Column, Dataset, DatasetVersion, sql_type
from catalog.people import Person
from policies.grants import Grant
from policies.requests import AccessRequest, Member, create_project
from store.database import Database
from store.days import today

TODAY = today()


@dataclass(frozen=True)
class Terms:
    """What a project may do with one dataset, in the policy grammar."""

    columns: Mapping[str, Sequence[Any]]
    release: Mapping[str, Any]
    joins: Sequence[str] = field(default_factory=tuple)
    rows: str | None = None


def platform_database(home: Path, projects: Mapping[str, Sequence[str]]) -> Database:
    """The records at `home`, with projects and their people; the first of each project owns it."""
    database = Database(f"sqlite:///{home}/records.sqlite")
    database.migrate()
    with database.session() as session:
        session.add(Agency(id="stats", name="", name_en="", division="15", parent_id=None))
        session.flush()
        for username in sorted({username for people in projects.values() for username in people}):
            session.add(Person(username=username, name="", agency_id="stats", password_hash=""))
        session.flush()
        for project, people in projects.items():
            create_project(session, project, "", "counting", people[0])
            session.flush()
            session.add_all(Member(project_id=project, username=username) for username in people[1:])
    return database


def publish(database: Database, home: Path, name: str, unit: str, creator: str) -> Dataset:
    """Describe the file `home`/data/NAME.parquet as a published dataset."""
    schema = parquet.read_schema(home / "data" / f"{name}.parquet")
    empty = dict.fromkeys(("title", "title_en", "description", "source"), "")
    dataset = Dataset(id=name, agency_id="stats", unit=unit, state="published", created_by=creator, **empty)
    dataset.columns = [
        Column(
            name=field.name, position=position, data_type=sql_type(field.type), grade=1, proposed_grade=1,
            **dict.fromkeys(("title", "entity", "role", "operator", "evidence"), ""),
        )
        for position, field in enumerate(schema)
    ]  # fmt: skip
    version = DatasetVersion(number=1, file=f"{name}.parquet", sha256="", rows=0, created_at=datetime.now(UTC))
    dataset.versions = [version]
    with database.session() as session:
        session.add(dataset)
    return dataset


def grant(database: Database, project: str, applicant: str, dataset: str, terms: Terms) -> None:
    """Let the project use the dataset from today on."""
    given: dict[str, Any] = {
        "project_id": project, "dataset_id": dataset, "joins": list(terms.joins), "release": dict(terms.release),
        "rows": terms.rows,
        "columns": {name: list(uses) for name, uses in terms.columns.items()},
        "valid_from": TODAY, "valid_until": TODAY + timedelta(days=9),
    }  # fmt: skip
    with database.session() as session:
        request = AccessRequest(
            applicant=applicant, purpose="", created_at=datetime.now(UTC), state="approved", **given
        )
        session.add(request)
        session.flush()
        session.add(Grant(request_id=request.id, **given))


@contextmanager
def hub(sandboxes: Mapping[str, tuple[str, str]]) -> Iterator[str]:
    """The one endpoint of the hub that the gateway asks: token -> (person, project). Gives its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            who = sandboxes.get(self.headers["Authorization"].removeprefix("token "))
            scopes = [f"access:servers!server={who[0]}/{who[1]}"] if who else []
            body = json.dumps({"kind": "user", "scopes": scopes}).encode()
            self.send_response(200 if who else 403)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def service(home: Path, hub_url: str, **settings: object) -> Iterator[str]:
    """The real gateway service, a process of its own, over the home. Gives its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "YURT_HOME": str(home)}
    environment |= {f"YURT_{name.upper()}": str(value) for name, value in settings.items()}
    argv = [sys.executable, "-m", "gateway.service", "--port", str(port), "--hub-api", hub_url]
    with (home / "gateway.log").open("ab") as log:
        process = subprocess.Popen(argv, env=environment, stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        for _ in range(600):
            try:
                httpx.get(f"{url}/health", trust_env=False)
                break
            except httpx.TransportError:
                process.wait(0.1) if process.poll() is not None else time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(30)
