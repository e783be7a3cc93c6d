"""The portal as a web service: one FastAPI application behind the hub's proxy, and the process that serves it.

`python -m portal.service` listens on JUPYTERHUB_SERVICE_URL; see `portal.hub.HubAddress` for the other variables.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from urllib.parse import quote, urlsplit

import structlog
from anyio.to_thread import run_sync
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portal.actions import joint, releases, sandboxes
from portal.api.routes import api_router
from portal.api.uploads import UPLOAD_BYTES
from portal.context import Platform
from portal.errors import BODY_INVALID, BODY_TOO_LARGE, INTERNAL, METHOD_UNKNOWN, NOT_SIGNED_IN, ROUTE_UNKNOWN
from portal.hub import Hub, HubAddress
from portal.session import Sessions, SignIn, sign_in_router
from store.errors import ErrorCode, YurtError
from store.settings import Settings

log = structlog.get_logger()

BODY_BYTES = 2 << 20
FORM_OVERHEAD_BYTES = 64 << 10
HEADERS = {
    "content-security-policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
ErrorPage = Callable[[Request, YurtError], Response]


@dataclass(frozen=True, slots=True)
class Sweep:
    """What the portal repeats in the background, and how many seconds it rests between two turns."""

    work: Callable[[Platform], Any]
    every_s: float


SWEEPS = (Sweep(releases.collect, 2.0), Sweep(sandboxes.stop_idle, 60.0))


def create_app(platform: Platform, sweeps: tuple[Sweep, ...] = (), *, pages: bool = True) -> FastAPI:
    """The application for an open platform with a hub; without `pages`, the API alone.

    `sweeps` are repeated in the background while it serves.
    """
    if platform.hub is None:
        raise ValueError("the portal signs people in through a hub: open the platform with one")
    _configure_log()
    prefix = platform.hub.address.service_prefix.rstrip("/")
    app = FastAPI(
        title="Yurt",
        version="1",
        docs_url=None,  # its pages load scripts from outside
        redoc_url=None,
        openapi_url=f"{prefix}/api/v1/openapi.json",
        lifespan=_lifespan(platform, sweeps),
    )
    sessions = Sessions(platform.secrets.key("portal-csrf"))
    app.state.platform, app.state.sessions, app.state.prefix = platform, sessions, prefix
    app.include_router(api_router(platform), prefix=f"{prefix}/api/v1")
    app.include_router(sign_in_router(platform, sessions), prefix=prefix)
    rendered = import_module("portal.pages") if pages else None  # the pages import this package's session and errors
    if rendered is not None:
        app.include_router(rendered.router, prefix=prefix)
    _add_error_handlers(app, prefix, rendered.error_page if rendered else None)
    app.add_middleware(BodyLimit)
    app.add_middleware(SignIn, platform=platform, sessions=sessions)
    app.add_middleware(Guard, static=f"{prefix}/static/")
    return app


def _configure_log() -> None:
    """One JSON object a line. The default renders local variables into tracebacks, and those hold values and tokens."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    )


def _lifespan(platform: Platform, sweeps: tuple[Sweep, ...]) -> Any:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(_repeat(platform, sweep)) for sweep in sweeps]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    return lifespan


async def _repeat(platform: Platform, sweep: Sweep) -> None:
    while True:
        try:
            await run_sync(sweep.work, platform)
        except Exception:  # one bad turn must not end the next ones
            log.exception("sweep failed", sweep=sweep.work.__name__)
        await asyncio.sleep(sweep.every_s)


class Guard:
    """Outermost: security headers on every answer, and one shape for what nobody expected."""

    def __init__(self, app: ASGIApp, static: str) -> None:
        self.app = app
        self.static = static

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                own = headers.get("cache-control") if scope["path"].startswith(self.static) else None
                for name, value in HEADERS.items():
                    headers[name] = value
                if own:  # assets are nobody's secret and carry their version in their address
                    headers["cache-control"] = own
            await send(message)

        try:
            await self.app(scope, receive, guarded)
        except Exception:  # the last stop: log it here, tell the person nothing of it
            log.exception("request failed", path=scope["path"])
            if not started:
                await _json(YurtError(INTERNAL))(scope, receive, guarded)


class BodyLimit:
    """No request may send more than its kind needs; a file only from somebody who is signed in."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        file = request.headers.get("content-type", "").lower().startswith("multipart/") and request.state.person
        limit = UPLOAD_BYTES + FORM_OVERHEAD_BYTES if file else BODY_BYTES
        declared = request.headers.get("content-length", "0")
        if not declared.isdecimal() or int(declared) > limit:
            await _json(YurtError(BODY_TOO_LARGE, limit=limit))(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise YurtError(BODY_TOO_LARGE, limit=limit)
            return message

        await self.app(scope, counted, send)


def _add_error_handlers(app: FastAPI, prefix: str, page: ErrorPage | None) -> None:
    api = f"{prefix}/api/"

    async def yurt(request: Request, error: Exception) -> Response:
        found = error if isinstance(error, YurtError) else YurtError(INTERNAL)
        wants_page = not request.url.path.startswith(api) and "text/html" in request.headers.get("accept", "")
        if wants_page and found.http == 401:
            wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            login = f"{prefix}/login?next={quote(wanted if request.method == 'GET' else prefix + '/', safe='')}"
            if request.headers.get("hx-request"):  # the whole page goes to sign in, not the fragment
                return Response(status_code=401, headers={"HX-Redirect": login})
            return RedirectResponse(login, 303)
        return page(request, found) if wants_page and page else _json(found)

    async def http(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        known: dict[int, ErrorCode] = {404: ROUTE_UNKNOWN, 405: METHOD_UNKNOWN, 401: NOT_SIGNED_IN, 500: INTERNAL}
        if status in known:
            return await yurt(request, YurtError(known[status]))
        return await yurt(request, YurtError(BODY_INVALID, field="body", why="it could not be read"))

    async def invalid(request: Request, error: Exception) -> Response:
        first = error.errors()[0] if isinstance(error, RequestValidationError) else {"loc": (), "type": "value"}
        where = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path")) or "body"
        why = f"the rule is {str(first['type']).replace('_', ' ')}"  # pydantic's own message may quote the value
        return await yurt(request, YurtError(BODY_INVALID, field=where[:80], why=why))

    app.add_exception_handler(YurtError, yurt)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, invalid)


def _json(error: YurtError) -> JSONResponse:
    body = {"code": error.code, "message": error.message, "hint": error.hint}
    return JSONResponse(body, error.http, {"WWW-Authenticate": "Bearer"} if error.http == 401 else None)


def main() -> None:
    """Serve until SIGTERM."""
    import uvicorn

    platform = Platform.open(Settings(), Hub(HubAddress.from_environment()))
    listen = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
    joint.recover(platform)
    try:
        uvicorn.run(
            create_app(platform, SWEEPS),
            host=listen.hostname or "127.0.0.1",
            port=listen.port or 0,
            access_log=False,  # a callback's address carries its code
            server_header=False,
            timeout_graceful_shutdown=5,
        )
    finally:
        platform.close()


if __name__ == "__main__":
    main()
