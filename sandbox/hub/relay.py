"""The socket through which a sandbox asks the gateway.

The sandbox holds no secret: whatever it sends in Authorization or Cookie is dropped here, on the host's side, and the
sandbox's own hub token put in. Only the paths a notebook needs exist.
"""

import json
import socket

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

from sandbox.errors import RELAY_BODY_TOO_LARGE, RELAY_GATEWAY_UNREACHABLE, RELAY_PATH_REFUSED
from store.errors import ErrorCode, YurtError

PATHS = {"/v1/query": "POST", "/v1/explain": "POST", "/v1/tables": "GET"}
BODY_BYTES = 256 * 1024  # a query, not data
ANSWER_BYTES = 64 * 1024 * 1024
TIMEOUT_S = 120.0
_SENT_ON = ("Content-Type", "Accept", "Accept-Language")
_SENT_BACK = ("Content-Type", "X-Yurt-Report", "Retry-After")


class _RelayHandler(RequestHandler):  # type: ignore[misc]
    """One request of the sandbox, one request to the gateway."""

    def initialize(self, gateway_url: str, token: str) -> None:
        self._gateway_url, self._token = gateway_url.rstrip("/"), token

    def set_default_headers(self) -> None:
        self.clear_header("Server")

    def check_xsrf_cookie(self) -> None:
        """No browser reaches this socket."""

    async def prepare(self) -> None:
        if PATHS.get(self.request.path) != self.request.method:
            self._refuse(RELAY_PATH_REFUSED)
        elif len(self.request.body) > BODY_BYTES:
            self._refuse(RELAY_BODY_TOO_LARGE, limit=BODY_BYTES)
        else:
            await self._pass_on()

    def _refuse(self, code: ErrorCode, **fields: object) -> None:
        error = YurtError(code, **fields)
        self.set_status(error.http)
        self.set_header("Content-Type", "application/json")
        answer = {"code": error.code, "message": error.message, "hint": error.hint, "span": None, "suggestion": None}
        self.finish(json.dumps(answer))

    async def _pass_on(self) -> None:
        headers = {name: self.request.headers[name] for name in _SENT_ON if name in self.request.headers}
        headers["Authorization"] = f"Bearer {self._token}"
        request = HTTPRequest(
            self._gateway_url + self.request.path,
            method=self.request.method,
            headers=headers,
            body=self.request.body if self.request.method == "POST" else None,
            follow_redirects=False,
            request_timeout=TIMEOUT_S,
            decompress_response=False,
        )
        try:
            answer = await self.settings["client"].fetch(request, raise_error=False)
        except (HTTPClientError, OSError):
            answer = None
        if answer is None or answer.code == 599:
            self._refuse(RELAY_GATEWAY_UNREACHABLE)
            return
        self.set_status(answer.code)
        for name in _SENT_BACK:
            if name in answer.headers:
                self.set_header(name, answer.headers[name])
        await self.finish(answer.body or b"")


def relay_server(listener: socket.socket, gateway_url: str, token: str) -> HTTPServer:
    """Serve the relay on an already bound Unix socket, on the running event loop."""
    client = AsyncHTTPClient(force_instance=True, defaults={}, max_body_size=ANSWER_BYTES, max_clients=8)
    application = Application([(r".*", _RelayHandler, {"gateway_url": gateway_url, "token": token})], client=client)
    # Twice the limit, so that a little too much gets an answer that says so; more is cut off while it arrives.
    server = HTTPServer(application, max_body_size=2 * BODY_BYTES, idle_connection_timeout=300)
    server.add_socket(listener)
    return server
