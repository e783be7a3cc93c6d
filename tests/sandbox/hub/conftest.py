"""A real hub with a real proxy, and a small HTTP server that stands where the gateway would."""

import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest

from sandbox.environment import build_environment
from sandbox.hub.settings import command
from sandbox.jail import sweep

ROOT = Path(__file__).resolve().parents[3]
_ACCOUNTS = '''
"""Accounts and rules of this test."""
def verify(name, password):
    return password == "correct horse " + name
def may_open(person, project):
    return None if project.startswith("project-") else "there is no such project"
'''


@dataclass
class Gateway:
    """What was asked, and what to answer: a stand-in for the gateway, in these tests only."""

    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, sql: str) -> tuple[int, dict[str, str], bytes]:
        """One withheld group, or a refusal where the question names a forbidden table."""
        if "forbidden" in sql:
            said = {
                "code": "COLUMN_NOT_GRANTED", "message": "The column name is not granted.", "hint": "Leave it out.",
                "span": [7, 11], "suggestion": "SELECT count(*) FROM visits",
            }  # fmt: skip
            return 403, {"Content-Type": "application/json"}, json.dumps(said).encode()
        table = pa.table({"district": ["东区", "西区"], "patients": [41, 57]})
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
        report = json.dumps({"suppressed": 3, "columns": [], "elapsed_ms": {}, "notes": ["Rounded to 1."]})
        return 200, {"Content-Type": "application/vnd.apache.arrow.stream", "X-Yurt-Report": report}, sink.getvalue()


@contextlib.contextmanager
def serving_gateway() -> Iterator[Gateway]:
    """A gateway on a free loopback port."""
    gateway = Gateway()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _reply(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.path != "/":  # the hub looks whether the portal, which this also stands for, is there
                gateway.asked.append({"path": self.path, "headers": dict(self.headers), "body": body})
            sql = json.loads(body).get("sql", "") if body else ""
            if self.path == "/v1/tables":
                content = b'{"tables": [{"name": "visits"}]}'
                status, headers = 200, {"Content-Type": "application/json"}
            else:
                status, headers, content = gateway.answer(sql)
            self.send_response(status)
            for name, value in {**headers, "Set-Cookie": "leak=1", "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = _reply

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    gateway.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield gateway
    finally:
        server.shutdown()
        server.server_close()


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as plug:
        plug.bind(("127.0.0.1", 0))
        return int(plug.getsockname()[1])


def proxy_command() -> list[str]:
    """configurable-http-proxy of the checkout, or the one named for these tests."""
    named = os.environ.get("YURT_TEST_PROXY")
    path = Path(named) if named else ROOT / "node_modules" / ".bin" / "configurable-http-proxy"
    if not path.exists():
        pytest.skip("configurable-http-proxy is not installed (npm ci)")
    return [str(path)]


@dataclass
class RunningHub:
    """A hub and how to reach it."""

    url: str
    api: str
    portal_token: str
    instance: str
    folder: Path
    process: subprocess.Popen[bytes]
    gateway: Gateway

    @property
    def log(self) -> str:
        """What it wrote until now."""
        return (self.folder / "hub.log").read_text(errors="replace")

    def sign_in(self, name: str, password: str | None = None) -> httpx.Client:
        """A browser-like client that has been through the login page; whether it worked shows in its cookies."""
        client = httpx.Client(base_url=self.url, follow_redirects=True, timeout=60, trust_env=False)
        page = client.get("/hub/login")
        token = re.search(r'name="_xsrf" value="([^"]+)"', page.text)
        fields = {"username": name, "password": password or f"correct horse {name}", "_xsrf": token[1] if token else ""}
        client.post("/hub/login", data=fields, follow_redirects=False)
        return client

    def xsrf(self, client: httpx.Client, path: str = "/hub/") -> str:
        """The XSRF token for a path, as a page's script would read it from its cookies."""
        return next(c.value or "" for c in client.cookies.jar if c.name == "_xsrf" and path.startswith(c.path or "/"))

    def start_server(self, client: httpx.Client, name: str, project: str) -> httpx.Response:
        """Ask for a sandbox as the hub's page does, and wait until it is ready or has failed."""
        client.get("/hub/home")
        headers = {"X-XSRFToken": self.xsrf(client), "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}
        answer = client.post(f"/hub/api/users/{name}/servers/{project}", headers=headers)
        deadline = time.monotonic() + 120
        while answer.status_code in (201, 202) and time.monotonic() < deadline:
            if self.server(name, project).get("ready"):
                break
            time.sleep(0.2)
        return answer

    def server(self, name: str, project: str) -> dict[str, Any]:
        """The portal's view of one server; empty where it does not run."""
        headers = {"Authorization": f"token {self.portal_token}"}
        said = httpx.get(f"{self.api}/users/{name}", headers=headers, trust_env=False).json()
        found: dict[str, Any] = said.get("servers", {}).get(project, {})
        return found

    def running(self, name: str) -> set[str]:
        """Projects whose sandboxes run, as the portal's list has them."""
        said = httpx.get(
            f"{self.api}/users?state=active&include_stopped_servers=false",
            headers={"Authorization": f"token {self.portal_token}"},
            trust_env=False,
        ).json()
        return {server for user in said if user["name"] == name for server in user["servers"]}


@contextlib.contextmanager
def running_hub() -> Iterator[RunningHub]:
    """The hub as the platform starts it."""
    folder = Path(tempfile.mkdtemp(prefix="yurt-hub-"))
    instance = f"test-{secrets.token_hex(4)}"
    run = Path("/run/yurt") / instance
    for name in ("proxy", "portal"):
        token = folder / f"{name}.token"
        token.touch(mode=0o600)
        token.write_text(secrets.token_hex(32))
    (folder / "accounts_of_test.py").write_text(_ACCOUNTS)
    port, hub_port = free_port(), free_port()
    with serving_gateway() as gateway:
        settings = {
            "instance": instance, "home": str(folder / "hub"), "sandboxes": str(folder / "sandboxes"),
            "run": str(run), "environment": str(build_environment()), "port": port, "hub_port": hub_port,
            "proxy_api_port": free_port(), "proxy_command": proxy_command(),
            "proxy_token_file": str(folder / "proxy.token"), "portal_token_file": str(folder / "portal.token"),
            "portal_url": gateway.url, "gateway_url": gateway.url,
            "verify": "accounts_of_test:verify", "may_open": "accounts_of_test:may_open",
            "servers_per_user": 4, "limits": {"memory": "1G", "cpus": 1.0, "pids": 128, "tmp": "64M"},
        }  # fmt: skip
        (folder / "hub.json").write_text(json.dumps(settings))
        argv, variables = command(folder / "hub.json")
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(folder), **variables,
        }  # fmt: skip
        with (folder / "hub.log").open("wb") as log:
            process = subprocess.Popen(
                argv, env=environment, stdout=log, stderr=log, cwd=folder, start_new_session=True
            )
        hub = RunningHub(
            f"http://127.0.0.1:{port}", f"http://127.0.0.1:{hub_port}/hub/api",
            (folder / "portal.token").read_text(), instance, folder, process, gateway,
        )  # fmt: skip
        try:
            _wait_up(hub)
            yield hub
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            sweep(instance)
            shutil.rmtree(run, ignore_errors=True)
            with contextlib.suppress(OSError):
                run.parent.rmdir()
            shutil.rmtree(folder, ignore_errors=True)


def _wait_up(hub: RunningHub) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        if hub.process.poll() is not None:
            pytest.fail(f"the hub ended: {hub.log[-3000:]}")
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{hub.url}/hub/login", trust_env=False).status_code == 200:
                return
        time.sleep(0.1)
    pytest.fail(f"the hub did not come up: {hub.log[-3000:]}")


@pytest.fixture(scope="module")
def hub() -> Iterator[RunningHub]:
    """One hub for the tests of a module."""
    with running_hub() as found:
        yield found
