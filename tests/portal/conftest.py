"""A real platform in a folder of its own; only the hub is a stand-in, a real HTTP server."""

import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet as parquet
import pytest
from fastapi.testclient import TestClient

from catalog.agencies import Agency
from catalog.people import Person, Role, RoleHeld
from portal.context import Platform
from portal.hub import Hub, HubAddress
from portal.service import create_app
from store.database import Base
from store.settings import Settings

API = "/services/portal/api/v1"
AGENCIES = [("gov", None), ("stats", "gov"), ("health", "gov"), ("uni", "gov")]
PEOPLE = {
    "sarnai": ("uni", [(Role.RESEARCHER, "uni")]),
    "tuya": ("uni", [(Role.RESEARCHER, "uni")]),
    "wangli": ("stats", [(Role.STEWARD, "stats")]),
    "batu": ("health", [(Role.STEWARD, "health")]),
    "gaowa": ("stats", [(Role.APPROVER, "stats")]),
    "anu": ("stats", [(Role.APPROVER, "stats"), (Role.RESEARCHER, "stats")]),
    "chenjing": ("health", [(Role.APPROVER, "health")]),
    "liumin": ("gov", [(Role.AUDITOR, "gov")]),
    "wuyun": ("gov", [(Role.OPERATOR, "gov")]),
}


class StandIn(ThreadingHTTPServer):
    """Answers GET /hub/api/user, the OAuth token exchange and the server list as JupyterHub 6 does."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        scope = ["access:services!service=portal", "read:users:name"]
        self.users: dict[str, dict[str, Any]] = {
            f"token-{name}": {"kind": "user", "name": name, "scopes": scope} for name in PEOPLE
        }
        self.users["token-stranger"] = {"kind": "user", "name": "stranger", "scopes": scope}
        self.users["token-sandbox"] = {"kind": "user", "name": "sarnai", "scopes": ["access:servers!server=sarnai/p1"]}
        self.codes: dict[str, str] = {}
        self.servers: list[tuple[str, str]] = []
        self.last_activity: dict[tuple[str, str], str] = {}
        self.will_not_stop: set[tuple[str, str]] = set()
        self.stopped: list[tuple[str, str]] = []
        self.asked = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hub/api"


class _Handler(BaseHTTPRequestHandler):
    server: StandIn

    def do_GET(self) -> None:
        if self.path.startswith("/hub/api/users"):
            users: dict[str, Any] = {}
            for user, name in self.server.servers:
                model = users.setdefault(user, {"name": user, "servers": {}})
                seen = self.server.last_activity.get((user, name))
                model["servers"][name] = {"ready": True, "started": "2026-01-01T00:00:00Z", "last_activity": seen}
            self._answer(200, {"items": list(users.values()), "_pagination": {"next": None}})
            return
        self.server.asked += 1
        token = self.headers.get("Authorization", "").removeprefix("token ")
        found = self.server.users.get(token)
        self._answer(200 if found else 403, found or {"status": 403, "message": "Forbidden"})

    def do_POST(self) -> None:
        from urllib.parse import parse_qs

        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        token = self.server.codes.pop(form["code"][0], None)
        self._answer(200 if token else 400, {"access_token": token} if token else {"error": "invalid_grant"})

    def do_DELETE(self) -> None:
        *_, user, _servers, name = self.path.split("/")
        if (user, name) in self.server.will_not_stop:
            self._answer(500, {"status": 500, "message": "Internal Server Error"})
            return
        known = (user, name) in self.server.servers
        if known:
            self.server.servers.remove((user, name))
            self.server.stopped.append((user, name))
        self._answer(204 if known else 404, None)

    def _answer(self, status: int, body: Any) -> None:
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture(scope="session")
def hub_server() -> Iterator[StandIn]:
    server = StandIn()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def hub(hub_server: StandIn) -> StandIn:
    hub_server.servers.clear()
    hub_server.stopped.clear()
    hub_server.last_activity.clear()
    hub_server.will_not_stop.clear()
    hub_server.codes.clear()
    return hub_server


@pytest.fixture(scope="session")
def first_day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with agencies, people and roles, copied for each test."""
    home = tmp_path_factory.mktemp("first-day") / "home"
    opened = Platform.open(Settings(home=home))
    Base.metadata.create_all(opened.database.engine)
    with opened.database.session() as session:
        for name, parent in AGENCIES:
            session.add(Agency(id=name, name=name, name_en=name, division="15", parent_id=parent))
            session.flush()
        for username, (agency, roles) in PEOPLE.items():
            session.add(Person(username=username, name=username.title(), agency_id=agency, password_hash="-"))
            session.flush()
            for role, top in roles:
                session.add(RoleHeld(username=username, role=role, agency_id=top))
    opened.close()
    return home


@pytest.fixture
def platform(tmp_path: Path, first_day: Path, hub: StandIn) -> Iterator[Platform]:
    shutil.copytree(first_day, tmp_path / "home")
    settings = Settings(home=tmp_path / "home")
    with_hub = Hub(HubAddress(api_url=hub.url, token="portal-token"))
    opened = replace(Platform.open(settings), hub=with_hub)
    yield opened
    opened.close()


@pytest.fixture
def web(platform: Platform) -> TestClient:
    return TestClient(create_app(platform, pages=False), base_url="http://portal.test", follow_redirects=False)


class Caller:
    """One person calling the API with a bearer token."""

    def __init__(self, web: TestClient, name: str) -> None:
        self.web, self.headers = web, {"Authorization": f"Bearer token-{name}"}

    def get(self, path: str) -> Any:
        return self.web.get(API + path, headers=self.headers)

    def post(self, path: str, **body: Any) -> Any:
        return self.web.post(API + path, headers=self.headers, **body)


@pytest.fixture
def as_(web: TestClient) -> Any:
    return lambda name: Caller(web, name)


def census_table(rows: int = 300) -> pyarrow.Table:
    """People of three towns; one town has only three."""
    towns = ["north" if n % 2 else "south" for n in range(rows - 3)] + ["hamlet"] * 3
    return pyarrow.table(
        {
            "person_no": [f"P{n:06d}" for n in range(rows)],
            "town": towns,
            "hours": [n % 60 for n in range(rows)],
        }
    )


@pytest.fixture
def census_file(tmp_path: Path) -> Path:
    path = tmp_path / "census.parquet"
    parquet.write_table(census_table(), path)
    return path


FORM = {
    "id": "census",
    "title": "普查",
    "title_en": "Census",
    "description": "d",
    "unit": "person_no",
    "source": "test",
}


@pytest.fixture
def published(as_: Any, census_file: Path) -> str:
    """The census, registered and published by its steward."""
    with census_file.open("rb") as content:
        answer = as_("wangli").post("/datasets", data=FORM, files={"file": ("census.parquet", content)})
    assert answer.status_code == 201, answer.text
    grades = {"person_no": 3, "town": 2, "hours": 2}
    answer = as_("wangli").post("/datasets/census/publish", json={"grades": grades, "reason": "test data"})
    assert answer.status_code == 200, answer.text
    return "census"


@pytest.fixture
def project(as_: Any) -> str:
    answer = as_("sarnai").post("/projects", json={"id": "p1", "title": "t", "purpose": "hours by town"})
    assert answer.status_code == 201, answer.text
    return "p1"
