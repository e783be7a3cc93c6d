"""The socket through which a sandbox asks the gateway.

The sandbox holds no secret: whatever it sends in Authorization or Cookie is dropped here, on the host's side, and the
sandbox's own hub token put in. Only the paths a notebook needs exist. Answers pass through part by part, and when the
notebook hangs up so does the relay: the gateway then stops the query.
"""

import asyncio
import contextlib
import json
import socket
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx
from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

from sandbox.errors import RELAY_BODY_TOO_LARGE, RELAY_GATEWAY_UNREACHABLE, RELAY_PATH_REFUSED
from store.errors import ErrorCode, YurtError

PATHS = {"/v1/query": "POST", "/v1/explain": "POST", "/v1/tables": "GET"}
BODY_BYTES = 256 * 1024  # a query, not data
WAIT = httpx.Timeout(600.0, connect=10.0)  # for the next part of an answer; the gateway has limits of its own
_SENT_ON = ("Content-Type", "Accept", "Accept-Language")
_SENT_BACK = ("Content-Type", "Content-Length", "X-Yurt-Report", "Retry-After")


class _RelayHandler(RequestHandler):  # type: ignore[misc]
    """One request of the sandbox, one request to the gateway."""

    _passing: "asyncio.Task[None] | None" = None

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

    def on_connection_close(self) -> None:
        """The notebook hung up."""
        if self._passing is not None:
            self._passing.cancel()

    async def _pass_on(self) -> None:
        self._passing = asyncio.create_task(self._passed())
        with contextlib.suppress(asyncio.CancelledError):
            await self._passing

    async def _passed(self) -> None:
        headers = {name: self.request.headers[name] for name in _SENT_ON if name in self.request.headers}
        headers["Authorization"] = f"Bearer {self._token}"
        client: httpx.AsyncClient = self.settings["client"]
        content = self.request.body if self.request.method == "POST" else None
        url = self._gateway_url + self.request.path
        begun = False
        try:
            async with client.stream(self.request.method, url, headers=headers, content=content) as answer:
                self.set_status(answer.status_code)
                for name in _SENT_BACK:
                    if name in answer.headers:
                        self.set_header(name, answer.headers[name])
                async for part in answer.aiter_raw():
                    self.write(part)
                    begun = True
                    await self.flush()
            await self.finish()
        except (httpx.HTTPError, OSError):
            if begun:
                self.request.connection.stream.close()  # an answer that broke off must not look whole
            else:
                self.clear()
                self._refuse(RELAY_GATEWAY_UNREACHABLE)


def relay_server(listener: socket.socket, gateway_url: str, token: str) -> HTTPServer:
    """Serve the relay on an already bound Unix socket, on the running event loop."""
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))  # one client for all: it must not remember any
    client = httpx.AsyncClient(
        timeout=WAIT, limits=httpx.Limits(max_connections=8), trust_env=False, cookies=no_cookies
    )
    application = Application([(r".*", _RelayHandler, {"gateway_url": gateway_url, "token": token})], client=client)
    # Twice the limit, so that a little too much gets an answer that says so; more is cut off while it arrives.
    server = HTTPServer(application, max_body_size=2 * BODY_BYTES, idle_connection_timeout=300)
    server.add_socket(listener)
    return server
