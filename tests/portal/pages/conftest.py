"""A browser's view of the pages over scenes."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from fastapi.testclient import TestClient

from tests.portal.pages.scene_desk import SceneDesk
from tests.portal.pages.stage import PREFIX, stage_app

NODE_MODULES = Path(__file__).parents[3] / "node_modules"


@pytest.fixture
def desk(tmp_path: Path) -> SceneDesk:
    return SceneDesk(tmp_path)


@pytest.fixture
def visit(desk: SceneDesk) -> Callable[..., httpx.Response]:
    """`visit(actor, path, form=None)`: what the server answers, redirects not followed."""
    app = stage_app(desk, NODE_MODULES)

    def ask(actor: str, path: str, form: dict[str, object] | None = None, **more: object) -> httpx.Response:
        client = TestClient(app, cookies={"actor": actor} if actor else {}, follow_redirects=False)
        address = f"{PREFIX}/{path}"
        return client.get(address, **more) if form is None else client.post(address, data=form, **more)  # type: ignore[arg-type]

    return ask


def _serve(desk: SceneDesk) -> tuple[uvicorn.Server, threading.Thread, str]:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(stage_app(desk, NODE_MODULES), log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    return server, thread, f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture(scope="session")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[bool, tuple[str, SceneDesk]]]:
    """Origin and desk of a server with full scenes (True) and of one with empty ones (False)."""
    running = {full: SceneDesk(tmp_path_factory.mktemp("incoming"), full) for full in (True, False)}
    servers = {full: _serve(desk) for full, desk in running.items()}
    yield {full: (servers[full][2], desk) for full, desk in running.items()}
    for server, thread, _ in servers.values():
        server.should_exit = True
        thread.join(5)
