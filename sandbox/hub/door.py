"""The door of one sandbox: a host process between the hub's proxy and the notebook server inside the jail.

It lets in its one person (hub OAuth, for requests and websockets alike), keeps their session and the sandbox's token
outside, and serves the socket through which the sandbox asks the gateway. It ends when the jail ends, and the jail ends
with it.

The proxying of requests and websockets over a Unix socket is jupyter-server-proxy's. Its own stand-alone server is not
used because it opens websockets without asking who is there and skips the XSRF check.
"""

import asyncio
import logging
import os
import re
import signal
import sys
from typing import Any
from urllib.parse import urlsplit

from jupyter_server_proxy.handlers import NamedLocalProxyHandler
from jupyterhub.services.auth import HubOAuth, HubOAuthCallbackHandler, HubOAuthenticated, UserNotAllowed
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders, responses
from tornado.web import Application, HTTPError, RedirectHandler
from tornado.websocket import WebSocketHandler

from sandbox.errors import DOOR_CROSS_SITE
from sandbox.hub import guard
from sandbox.hub.notebook import Notebook
from sandbox.hub.relay import relay_server
from sandbox.hub.ticket import Ticket
from store.errors import YurtError

log = logging.getLogger("yurt.door")
_MESSAGE_BYTES = 32 * 1024 * 1024  # one websocket message: a cell's output


class DoorHandler(HubOAuthenticated, NamedLocalProxyHandler):  # type: ignore[misc]
    """Every request and websocket of the sandbox's own path."""

    port = 0

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.absolute_url = True  # the server inside has the same base URL
        self.rewrite_response = _guarded

    @property
    def log(self) -> logging.Logger:
        return log

    @property
    def notebook(self) -> Notebook:
        """The server behind this door."""
        found: Notebook = self.settings["notebook"]
        return found

    @property
    def unix_socket(self) -> str:
        return self.notebook.socket_path

    async def prepare(self) -> None:
        """Who is there, before anything else; for websockets too."""
        if guard.is_cross_site(self.request.method or "", self.request.headers):
            raise HTTPError(403, YurtError(DOOR_CROSS_SITE).message)
        model = await self.hub_auth.get_user(self, sync=False)
        try:
            self._hub_auth_user_cache = self.check_hub_user(model) if model else None
        except UserNotAllowed:
            raise HTTPError(403) from None
        if self._hub_auth_user_cache is None:
            mode = self.request.headers.get("Sec-Fetch-Mode", "navigate")
            if self.request.method in ("GET", "HEAD") and mode == "navigate" and "Upgrade" not in self.request.headers:
                self.redirect(self.get_login_url())
                return
            raise HTTPError(403)
        self.current_user = self._hub_auth_user_cache

    def check_xsrf_cookie(self) -> None:
        """The hub's own check; resources that scripts cannot read need none."""
        if not guard.is_unreadable_resource(self.request.method or "", self.request.headers):
            super().check_xsrf_cookie()

    def check_origin(self, origin: str | None = None) -> bool:
        """The same host, as tornado asks it; not jupyter_server's settings, which do not apply here."""
        return bool(WebSocketHandler.check_origin(self, origin or ""))

    def set_default_headers(self) -> None:
        for name, value in guard.ANSWER_HEADERS.items():
            self.set_header(name, value)

    def write_error(self, status_code: int, **_kwargs: object) -> None:
        """A line, not a page of jupyter_server, whose templates need its own settings."""
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(f"{status_code} {responses.get(status_code, '')}\n")

    def proxy_request_headers(self) -> HTTPHeaders:
        headers = HTTPHeaders()
        for name, value in guard.request_headers(self.request.headers.get_all()):
            headers.add(name, value)
        return headers

    def get_client_uri(self, protocol: str, host: str, port: int, proxied_path: str) -> str:
        # The path as the browser sent it: decoding and encoding it again would change names with a percent sign.
        parts = urlsplit(self.request.uri or "/")
        query = guard.without_token(parts.query)
        return f"{protocol}://{host}{parts.path}{'?' + query if query else ''}"

    async def _proxy_progressive(self, *args: Any) -> Any:
        # Only the buffered way passes through `_guarded`.
        return await self._proxy_buffered(*args)


def _guarded(response: Any) -> None:
    """jupyter-server-proxy's hook on an answer: its parameter must be called so."""
    kept = HTTPHeaders()
    for name, value in guard.answer_headers(response.headers.get_all()):
        kept.add(name, value)
    response.headers = kept


def door_application(notebook: Notebook, base_url: str) -> Application:
    """The application behind one sandbox's path."""
    escaped = re.escape(base_url.rstrip("/"))
    return Application(
        [
            (f"^{escaped}$", RedirectHandler, {"url": f"{base_url.rstrip('/')}/"}),
            (f"^{escaped}/oauth_callback$", HubOAuthCallbackHandler),
            (f"^{escaped}/(.*)$", DoorHandler),
        ],
        notebook=notebook,
        base_url=f"{base_url.rstrip('/')}/",
        cookie_secret=os.urandom(32),
        websocket_max_message_size=_MESSAGE_BYTES,
    )


async def serve(ticket: Ticket, base_url: str, address: tuple[str, int], token: str) -> int:
    """Open the sandbox and serve it until it ends or a signal comes. Gives the door's exit status."""
    notebook = Notebook(ticket, base_url)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    relay = relay_server(notebook.listen(), ticket.gateway_url, token)
    door = HTTPServer(door_application(notebook, base_url), xheaders=True)
    try:
        notebook.start()
        watching = asyncio.create_task(notebook.watch())
        stopping = asyncio.create_task(stop.wait())
        ready = asyncio.create_task(notebook.ready.wait())
        await asyncio.wait({watching, stopping, ready}, return_when=asyncio.FIRST_COMPLETED)
        if ready.done():  # not before: the hub takes an open port for a sandbox that works
            door.listen(address[1], address[0])
            await asyncio.wait({watching, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not watching.done():
            watching.cancel()
            return 0
        result = watching.result()
        exceeded = result.exceeded if result is not None else None
        log.error("the sandbox ended by itself: %s", exceeded or notebook.log_tail[-4000:])
        return 1
    finally:
        door.stop()
        relay.stop()
        notebook.stop()


def main() -> int:
    """`python -m sandbox.hub.door`, started by the spawner with JupyterHub's variables and a ticket."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    log.setLevel(logging.WARNING)
    for name in ("tornado.access", "tornado.application"):  # addresses carry names of files, XSRF lines session ids
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        url = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
        HubOAuth.instance()
        return asyncio.run(
            serve(
                Ticket.load(),
                os.environ["JUPYTERHUB_SERVICE_PREFIX"],
                (url.hostname or "127.0.0.1", url.port or 0),
                os.environ["JUPYTERHUB_API_TOKEN"],
            )
        )
    except YurtError as error:
        log.error("%s", error)
        return 1


if __name__ == "__main__":
    sys.exit(main())
