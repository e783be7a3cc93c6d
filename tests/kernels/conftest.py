"""The kernels package from its sources, and a gateway on a Unix socket that answers what a test tells it to."""

import importlib.util
import json
import socketserver
import sys
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pytest

_SOURCES = Path(__file__).resolve().parents[2] / "kernels" / "yurt"


@pytest.fixture(scope="session")
def yurt() -> ModuleType:
    """The package `yurt` of kernels/, which is a distribution of its own and not installed beside the platform."""
    spec = importlib.util.spec_from_file_location("yurt", _SOURCES / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["yurt"] = module
    spec.loader.exec_module(module)
    return module


class Gateway:
    """Replies with `status`, `headers` and `body`; keeps what it was asked."""

    def __init__(self) -> None:
        self.status, self.headers, self.body = 200, {"Content-Type": "application/json"}, b"{}"
        self.asked: list[tuple[str, str, dict[str, Any], dict[str, str]]] = []

    def table(self, table: pa.Table, **report: Any) -> None:
        """Answer with an Arrow stream."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
        self.status, self.body = 200, sink.getvalue().to_pybytes()
        self.headers = {"Content-Type": "application/vnd.apache.arrow.stream", "X-Yurt-Report": json.dumps(report)}

    def json(self, status: int, value: Any) -> None:
        """Answer with JSON."""
        self.status, self.headers, self.body = status, {"Content-Type": "application/json"}, json.dumps(value).encode()


class _UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    told = Gateway()

    class Handler(BaseHTTPRequestHandler):
        def _reply(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            told.asked.append((self.command, self.path, json.loads(body or b"{}"), dict(self.headers)))
            self.send_response(told.status)
            for name, value in {**told.headers, "Content-Length": str(len(told.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(told.body)

        do_GET = do_POST = _reply

        def address_string(self) -> str:
            return "sandbox"

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/gateway.sock"
        monkeypatch.setenv("YURT_GATEWAY_SOCKET", path)
        with _UnixServer(path, Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield told
            server.shutdown()
