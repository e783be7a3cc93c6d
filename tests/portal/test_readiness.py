"""A service is ready when its page is there, not when somebody answers at its port."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from portal.platform.services import serves


class _OnePage(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/here" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _OnePage)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_page_that_is_served_is_ready(address: str) -> None:
    assert serves(f"{address}/here")()


def test_a_proxy_that_has_no_route_yet_is_not_ready(address: str) -> None:
    assert not serves(f"{address}/here", f"{address}/missing")()


def test_a_port_where_nobody_listens_is_not_ready() -> None:
    assert not serves("http://127.0.0.1:1/here")()
