"""A person signs in, opens a project's sandbox, runs cells in it and asks the gateway, through every real part."""

import json
import os
import stat
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import websocket

from sandbox.hub.names import slug
from sandbox.jail import cgroup

_SAME_ORIGIN = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "empty"}


@dataclass
class Sandbox:
    """One open sandbox and its person's browser."""

    hub: Any
    client: httpx.Client
    user: str
    project: str

    @property
    def path(self) -> str:
        return f"/user/{self.user}/{self.project}/"

    @property
    def xsrf(self) -> dict[str, str]:
        return {"X-XSRFToken": self.hub.xsrf(self.client, self.path), **_SAME_ORIGIN}

    def cookie(self) -> str:
        request = self.client.build_request("GET", self.path)
        return str(request.headers["cookie"])

    def kernel(self, name: str = "python3") -> str:
        answer = self.client.post(f"{self.path}api/kernels", headers=self.xsrf, json={"name": name})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def connect(self, kernel: str, **options: Any) -> websocket.WebSocket:
        url = f"{self.hub.url}{self.path}api/kernels/{kernel}/channels".replace("http://", "ws://")
        options = {"cookie": self.cookie(), "origin": self.hub.url, **options}
        return websocket.create_connection(url, timeout=60, **options)

    def run(self, code: str, kernel: str) -> dict[str, Any]:
        """What one cell prints, shows and raises."""
        shown: dict[str, Any] = {"text": "", "html": "", "error": ""}
        message = uuid.uuid4().hex
        header = {"msg_id": message, "session": message, "msg_type": "execute_request", "version": "5.3"}
        content = {"code": code, "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False}
        request = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
        socket = self.connect(kernel)
        try:
            socket.send(json.dumps(request))
            idle = replied = False
            while not (idle and replied):
                said = json.loads(socket.recv())
                if said["parent_header"].get("msg_id") != message:
                    continue
                content = said["content"]
                kind = said["header"]["msg_type"]
                if kind == "stream":
                    shown["text"] += content["text"]
                elif kind in ("execute_result", "display_data"):
                    shown["text"] += content["data"].get("text/plain", "")
                    shown["html"] += content["data"].get("text/html", "")
                elif kind == "error":
                    shown["error"] += "\n".join(content["traceback"])
                replied = replied or kind == "execute_reply"
                idle = idle or (kind == "status" and content["execution_state"] == "idle")
        finally:
            socket.close()
        return shown


@pytest.fixture(scope="module")
def sandbox(hub: Any) -> Sandbox:
    client = hub.sign_in("alice")
    answer = hub.start_server(client, "alice", "project-1")
    assert answer.status_code in (201, 202), answer.text
    page = client.get("/user/alice/project-1/lab")
    assert "JupyterLab" in page.text, hub.log[-3000:]
    return Sandbox(hub, client, "alice", "project-1")


@pytest.fixture(scope="module")
def kernel(sandbox: Sandbox) -> str:
    return sandbox.kernel()


def test_a_cell_runs_in_the_jail(sandbox: Sandbox, kernel: str) -> None:
    code = "import os, socket; print(os.getuid(), [n for _, n in socket.if_nameindex()], os.getcwd())"
    shown = sandbox.run(code, kernel)
    assert shown == {"text": "20001 ['lo'] /home/researcher\n", "html": "", "error": ""}


def test_the_libraries_researchers_expect_work_behind_the_filter(sandbox: Sandbox, kernel: str) -> None:
    code = (
        "import io, numpy as np, polars as pl, pandas as pd, pyarrow as pa\n"
        "from sklearn.linear_model import LinearRegression\n"
        "from sklearn.ensemble import RandomForestClassifier\n"
        "import matplotlib.pyplot as plt\n"
        "x = np.arange(100.0).reshape(-1, 1)\n"
        "RandomForestClassifier(n_estimators=10, n_jobs=2).fit(x, x.ravel() > 50)\n"
        "plt.plot([1, 2]); out = io.BytesIO(); plt.savefig(out)\n"
        "frame = pl.DataFrame({'a': [1, 1, 2]}).group_by('a').len().sort('a')\n"
        "print(round(float(LinearRegression().fit(x, x.ravel()).coef_[0]), 6), frame['len'].to_list(),\n"
        "      pd.Series([1, 2]).sum(), out.getvalue()[:4])"
    )
    shown = sandbox.run(code, kernel)
    assert (shown["error"], shown["text"]) == ("", "1.0 [2, 1] 3 b'\\x89PNG'\n")


def test_sql_in_a_cell_asks_the_gateway_as_this_sandbox(sandbox: Sandbox, kernel: str) -> None:
    sandbox.hub.gateway.asked.clear()
    shown = sandbox.run("%%sql\nSELECT district, count(*) AS patients FROM visits GROUP BY district", kernel)
    assert "东区" in shown["html"]
    assert "3 results were withheld" in shown["html"]
    assert shown["error"] == ""
    asked = sandbox.hub.gateway.asked[-1]
    token = asked["headers"]["Authorization"].removeprefix("Bearer ")
    said = httpx.get(f"{sandbox.hub.api}/user", headers={"Authorization": f"token {token}"}, trust_env=False).json()
    assert (said["kind"], said["name"]) == ("user", "alice")
    assert [scope for scope in said["scopes"] if scope.startswith("access:")] == [
        "access:servers!server=alice/project-1"
    ]


def test_a_refusal_is_shown_with_what_to_do_and_without_a_traceback(sandbox: Sandbox, kernel: str) -> None:
    shown = sandbox.run("%sql SELECT name FROM forbidden", kernel)
    assert shown["error"] == ""
    said = ("COLUMN_NOT_GRANTED", "The column name is not granted.", "Leave it out.", "SELECT count(*) FROM visits")
    for part in said:
        assert part in shown["html"]
        assert part in shown["text"]
    raised = sandbox.run("import yurt; yurt.query('SELECT name FROM forbidden')", kernel)
    assert "COLUMN_NOT_GRANTED" in raised["error"]
    assert "client.py" not in raised["error"]


def test_the_sql_kernel_answers_too(sandbox: Sandbox) -> None:
    shown = sandbox.run("SELECT 1", sandbox.kernel("yurt-sql"))
    assert "东区" in shown["html"]


def test_nothing_in_the_jail_holds_a_token(sandbox: Sandbox, kernel: str) -> None:
    sandbox.run("import yurt; yurt.tables()", kernel)
    token = sandbox.hub.gateway.asked[-1]["headers"]["Authorization"].removeprefix("Bearer ")
    code = (
        "import glob, os\n"
        "places = glob.glob('/proc/[0-9]*/environ') + glob.glob('/proc/[0-9]*/cmdline') + "
        "[os.path.join(f, n) for f, _, ns in os.walk('/home') for n in ns] + "
        "[os.path.join(f, n) for f, _, ns in os.walk('/tmp') for n in ns]\n"
        "found = []\nfor place in places:\n"
        "  try:\n    found += [place] * (WANTED in open(place, 'rb').read())\n  except OSError: pass\n"
        "print(len(places) > 3, found)"
    )
    half = len(token) // 2  # in two halves, so that the cell itself does not hold what it looks for
    shown = sandbox.run(f"WANTED = ({token[:half]!r} + {token[half:]!r}).encode()\n{code}", kernel)
    assert shown["text"] == "True []\n"


def test_the_sandboxs_request_cannot_choose_who_it_is_or_where_it_goes(sandbox: Sandbox, kernel: str) -> None:
    sandbox.hub.gateway.asked.clear()
    code = (
        "import httpx\n"
        "client = httpx.Client(transport=httpx.HTTPTransport(uds='/run/yurt/gateway.sock'), base_url='http://g')\n"
        "forged = {'Authorization': 'Bearer forged', 'Cookie': 'a=b', 'X-Forwarded-User': 'bob', 'X-User': 'bob'}\n"
        "answers = [client.post('/v1/query', json={'sql': 'SELECT 1'}, headers=forged)]\n"
        "answers += [client.request(m, p, headers=forged) for m, p in [('GET', '/v1/query'), ('POST', '/v1/admin'),"
        " ('GET', '/'), ('DELETE', '/v1/tables'), ('GET', '/v1/tables/../admin'), ('GET', '//hub/api/user')]]\n"
        "answers.append(client.post('/v1/query', content=b'x' * 300000))\n"
        "print([a.status_code for a in answers], 'set-cookie' in answers[0].headers)"
    )
    shown = sandbox.run(code, kernel)
    assert shown["text"] == "[200, 404, 404, 404, 404, 404, 404, 413] False\n"
    assert [asked["path"] for asked in sandbox.hub.gateway.asked] == ["/v1/query"]
    headers = {name.lower(): value for name, value in sandbox.hub.gateway.asked[0]["headers"].items()}
    assert "forged" not in headers["authorization"]
    assert not {"cookie", "x-forwarded-user", "x-user"} & set(headers)


def test_the_gateways_socket_cannot_be_replaced_from_inside(sandbox: Sandbox, kernel: str) -> None:
    code = "import os\ntry: os.unlink('/run/yurt/gateway.sock')\nexcept OSError as e: print(e.errno)"
    shown = sandbox.run(code, kernel)
    assert shown["text"] == "30\n"  # EROFS


def test_another_person_is_refused_for_pages_calls_and_websockets(sandbox: Sandbox, kernel: str) -> None:
    bob = sandbox.hub.sign_in("bob")
    assert bob.get(f"{sandbox.path}lab").status_code == 403
    assert bob.get(f"{sandbox.path}api/contents", headers=_SAME_ORIGIN).status_code == 403
    cookie = "; ".join(f"{c.name}={c.value}" for c in bob.cookies.jar)
    for options in ({"cookie": cookie}, {"cookie": None}):
        with pytest.raises(websocket.WebSocketBadStatusException) as refused:
            sandbox.connect(kernel, **options)
        assert refused.value.status_code == 403


def test_another_site_cannot_act_with_a_persons_cookies(sandbox: Sandbox, kernel: str) -> None:
    cross = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Origin": "https://evil.example"}
    kernels = f"{sandbox.path}api/kernels"
    assert sandbox.client.post(kernels, headers={**sandbox.xsrf, **cross}).status_code == 403
    assert sandbox.client.post(kernels, headers={"Origin": "https://evil.example"}).status_code == 403
    assert sandbox.client.get(f"{sandbox.path}api/contents", headers=cross).status_code == 403
    # The same origin, but a page that cannot know the XSRF token.
    assert sandbox.client.post(kernels, headers=_SAME_ORIGIN).status_code == 403
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        sandbox.connect(kernel, origin="https://evil.example")
    assert refused.value.status_code == 403


def test_what_a_browser_loads_by_itself_works_without_an_xsrf_header(sandbox: Sandbox) -> None:
    font = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "font"}
    assert sandbox.client.get(f"{sandbox.path}static/favicons/favicon.ico", headers=font).status_code == 200
    assert sandbox.client.get(f"{sandbox.path}static/favicons/favicon.ico", headers=_SAME_ORIGIN).status_code == 403


def test_answers_set_no_cookie_and_carry_the_doors_policy(sandbox: Sandbox) -> None:
    answer = sandbox.client.get(f"{sandbox.path}api/status", headers=sandbox.xsrf)
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert "connect-src 'self'" in answer.headers["content-security-policy"]


def test_names_with_spaces_and_chinese_letters_survive_the_way(sandbox: Sandbox) -> None:
    from urllib.parse import quote

    name = "数据 100%.txt"
    body = {"type": "file", "format": "text", "content": "内容"}
    path = f"{sandbox.path}api/contents/{quote(name)}"
    assert sandbox.client.put(path, headers=sandbox.xsrf, json=body).status_code == 201
    assert sandbox.client.get(path, headers=sandbox.xsrf).json()["content"] == "内容"
    home = sandbox.hub.folder / "sandboxes" / slug("alice", "project-1")
    assert (home / name).read_text() == "内容"
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_terminals_are_off(sandbox: Sandbox) -> None:
    assert sandbox.client.post(f"{sandbox.path}api/terminals", headers=sandbox.xsrf).status_code == 404


def test_a_project_nobody_may_open_and_a_server_of_no_project_are_refused(sandbox: Sandbox) -> None:
    answer = sandbox.hub.start_server(sandbox.client, "alice", "other")
    assert (answer.status_code, "there is no such project" in answer.text) == (403, True)
    assert sandbox.hub.start_server(sandbox.client, "alice", "").status_code == 400


def test_following_the_hubs_spawn_link_opens_the_sandbox_and_the_portal_sees_it(sandbox: Sandbox) -> None:
    page = sandbox.client.get("/hub/spawn/alice/project-5", headers={"Sec-Fetch-Site": "same-origin"})
    assert page.status_code == 200
    deadline = time.monotonic() + 60
    while not sandbox.hub.server("alice", "project-5").get("ready") and time.monotonic() < deadline:
        time.sleep(0.2)
    assert {"project-1", "project-5"} <= sandbox.hub.running("alice")
    portal = {"Authorization": f"token {sandbox.hub.portal_token}"}
    httpx.delete(f"{sandbox.hub.api}/users/alice/servers/project-5", headers=portal, timeout=60, trust_env=False)


def test_a_wrong_password_does_not_sign_in(hub: Any) -> None:
    client = hub.sign_in("carol", "wrong")
    assert "jupyterhub-hub-login" not in {cookie.name for cookie in client.cookies.jar}


def test_two_projects_of_one_person_have_separate_homes_and_tokens(sandbox: Sandbox) -> None:
    sandbox.hub.start_server(sandbox.client, "alice", "project-2")
    second = Sandbox(sandbox.hub, sandbox.client, "alice", "project-2")
    assert "JupyterLab" in sandbox.client.get(f"{second.path}lab").text
    kernel = second.kernel()
    assert second.run("import os; print([n for n in os.listdir('.') if n[0] != '.'])", kernel)["text"] == "[]\n"
    tokens = []
    for opened, its in ((sandbox, sandbox.kernel()), (second, kernel)):
        opened.run("import yurt; yurt.tables()", its)
        tokens.append(opened.hub.gateway.asked[-1]["headers"]["Authorization"])
    assert tokens[0] != tokens[1]


def test_stopping_it_ends_the_processes_the_token_and_the_sockets(sandbox: Sandbox) -> None:
    sandbox.hub.start_server(sandbox.client, "alice", "project-3")
    third = Sandbox(sandbox.hub, sandbox.client, "alice", "project-3")
    sandbox.client.get(f"{third.path}lab")
    third.run("import yurt; yurt.tables()", third.kernel())
    token = sandbox.hub.gateway.asked[-1]["headers"]["Authorization"].removeprefix("Bearer ")
    run = Path("/run/yurt") / sandbox.hub.instance / slug("alice", "project-3")
    before = set(cgroup.existing(sandbox.hub.instance))
    assert run.exists()
    portal = {"Authorization": f"token {sandbox.hub.portal_token}"}
    began = time.monotonic()
    httpx.delete(f"{sandbox.hub.api}/users/alice/servers/project-3", headers=portal, timeout=60, trust_env=False)
    while sandbox.hub.server("alice", "project-3") and time.monotonic() - began < 30:
        time.sleep(0.1)
    assert not run.exists()
    assert len(before - set(cgroup.existing(sandbox.hub.instance))) == 1
    said = httpx.get(f"{sandbox.hub.api}/user", headers={"Authorization": f"token {token}"}, trust_env=False)
    assert said.status_code == 403


def test_a_sandbox_whose_door_is_killed_ends_and_can_be_opened_again(sandbox: Sandbox) -> None:
    sandbox.hub.start_server(sandbox.client, "alice", "project-4")
    doors = [
        process
        for process in psutil.Process(sandbox.hub.process.pid).children()
        if process.environ().get("JUPYTERHUB_SERVER_NAME") == "project-4"
    ]
    children = doors[0].children(recursive=True)
    doors[0].kill()
    psutil.wait_procs(children, timeout=20)
    assert [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE] == []
    deadline = time.monotonic() + 30
    while sandbox.hub.server("alice", "project-4") and time.monotonic() < deadline:
        time.sleep(0.2)
    assert sandbox.hub.start_server(sandbox.client, "alice", "project-4").status_code in (201, 202)
    assert sandbox.hub.server("alice", "project-4")["ready"]


def test_one_person_runs_only_so_many_at_once(sandbox: Sandbox) -> None:
    running = sandbox.hub.running("alice")
    for number in range(len(running), 4):
        sandbox.hub.start_server(sandbox.client, "alice", f"project-more-{number}")
    answer = sandbox.hub.start_server(sandbox.client, "alice", "project-too-many")
    assert (answer.status_code, "Stop one of them" in answer.text) == (429, True)


def test_the_token_of_a_sandbox_opens_no_door_to_the_hubs_controls(sandbox: Sandbox, kernel: str) -> None:
    sandbox.run("import yurt; yurt.tables()", kernel)
    token = sandbox.hub.gateway.asked[-1]["headers"]["Authorization"].removeprefix("Bearer ")
    headers = {"Authorization": f"token {token}"}
    for method, path in (("GET", "/users"), ("POST", "/users/alice/servers/project-9"), ("GET", "/proxy"),
                         ("POST", "/users/alice/tokens"), ("DELETE", "/users/alice/servers/project-2")):  # fmt: skip
        said = httpx.request(method, f"{sandbox.hub.api}{path}", headers=headers, trust_env=False)
        assert said.status_code in (403, 404), (method, path, said.text)
    assert os.path.exists(f"/proc/{sandbox.hub.process.pid}")
