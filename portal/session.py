"""Signing in: through the hub's OAuth for browsers, with a token of the hub for programs.

The browser holds one random session id; everything else stays here, in memory. A restart of the portal ends all
sessions, and the hub's own cookie then signs people in again without a form. Each request asks again, through a cache
of a few seconds, whether the hub still honours the token behind the session: signing out there signs out here.

RFC 6749 (10.12, state), RFC 7636 (PKCE), RFC 9700 (OAuth 2.0 Security Best Current Practice).
"""

import hashlib
import hmac
import secrets
import threading
import time
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from tornado.web import HTTPError

from catalog.people import Person
from portal.context import Platform
from portal.errors import CSRF_INVALID, HUB_UNREACHABLE, NOT_REGISTERED, NOT_SIGNED_IN, SIGN_IN_STALE
from portal.hub import Hub
from store.errors import YurtError

SESSION_COOKIE = "yurt-session"
STATE_COOKIE = "yurt-sign-in"
SESSION_S = 8 * 3600
STATE_S = 600
CSRF_FIELD = "csrf"
CSRF_HEADER = "x-csrf-token"
SAFE = {"GET", "HEAD", "OPTIONS"}
_MOST = 20_000


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who sends this request. `session` is the id of a browser's session, None for a bearer token."""

    username: str
    name: str
    agency_id: str
    session: str | None = None


@dataclass(frozen=True, slots=True)
class _Session:
    token: str
    expires: float


@dataclass(frozen=True, slots=True)
class _Pending:
    browser: str
    onward: str
    verifier: str
    expires: float


class Sessions:
    """Sessions and half-finished sign-ins, in memory, kept under the hash of the id the browser holds."""

    def __init__(self, csrf_key: bytes) -> None:
        self._csrf_key = csrf_key
        self._sessions: dict[str, _Session] = {}
        self._pending: dict[str, _Pending] = {}
        self._lock = threading.Lock()

    def begin(self, browser: str, onward: str, verifier: str) -> str:
        """Remember a sign-in this browser began; the OAuth state for it."""
        state = secrets.token_urlsafe(24)
        with self._lock:
            self._sweep()
            self._pending[state] = _Pending(browser, onward, verifier, time.monotonic() + STATE_S)
        return state

    def finish(self, state: str, browser: str) -> tuple[str, str]:
        """(where to go on, PKCE verifier) of a sign-in, once. Raises SIGN_IN_STALE."""
        with self._lock:
            pending = self._pending.pop(state, None)
        if pending is None or pending.expires < time.monotonic() or not hmac.compare_digest(pending.browser, browser):
            raise YurtError(SIGN_IN_STALE)
        return pending.onward, pending.verifier

    def open(self, token: str) -> str:
        """A new session for a hub token; the id for the browser's cookie."""
        session_id = secrets.token_urlsafe(32)
        with self._lock:
            self._sweep()
            self._sessions[_hashed(session_id)] = _Session(token, time.monotonic() + SESSION_S)
        return session_id

    def token(self, session_id: str) -> str | None:
        """The hub token of a session that has not ended."""
        with self._lock:
            found = self._sessions.get(_hashed(session_id))
        return found.token if found and found.expires > time.monotonic() else None

    def end(self, session_id: str) -> None:
        """End a session."""
        with self._lock:
            self._sessions.pop(_hashed(session_id), None)

    def csrf(self, session_id: str) -> str:
        """The token that forms of this session carry: it tells nothing of the id, and no other session has it."""
        return hmac.new(self._csrf_key, session_id.encode(), "sha256").hexdigest()

    def _sweep(self) -> None:
        now = time.monotonic()
        self._sessions = {key: kept for key, kept in self._sessions.items() if kept.expires > now}
        self._pending = {key: kept for key, kept in self._pending.items() if kept.expires > now}
        while len(self._pending) > _MOST:  # anybody may begin a sign-in: forget the oldest first
            del self._pending[next(iter(self._pending))]


def _hashed(session_id: str) -> str:
    return hashlib.sha256(session_id.encode()).hexdigest()


class SignIn:
    """ASGI middleware: finds out who sends a request before a single byte of its body is read.

    Leaves `request.state.person` (SignedIn or None), `request.state.csrf` and `request.state.sign_in_error`.
    """

    def __init__(self, app: ASGIApp, platform: Platform, sessions: Sessions) -> None:
        self.app = app
        self.platform = platform
        self.sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = Request(scope)
            request.state.person, request.state.csrf, request.state.sign_in_error = None, "", None
            try:
                await self._identify(request)
            except YurtError as error:
                request.state.sign_in_error = error
        await self.app(scope, receive, send)

    async def _identify(self, request: Request) -> None:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind:
            if kind.lower() in ("bearer", "token") and token:
                request.state.person = await run_sync(self._person, token.strip(), None)
            return  # a request with its own credentials never falls back on the cookie's
        session_id = request.cookies.get(SESSION_COOKIE)
        held = self.sessions.token(session_id) if session_id else None
        if session_id and held:
            request.state.person = await run_sync(self._person, held, session_id)
            request.state.csrf = self.sessions.csrf(session_id)

    def _person(self, token: str, session_id: str | None) -> SignedIn:
        username = _hub(self.platform).username(token)
        with self.platform.database.reading() as session:
            found = session.get(Person, username)
            if found is None:
                raise YurtError(NOT_REGISTERED, person=username)
            return SignedIn(found.username, found.name, found.agency_id, session_id)


def _hub(platform: Platform) -> Hub:
    if platform.hub is None:
        raise YurtError(HUB_UNREACHABLE)
    return platform.hub


async def current_person(request: Request) -> SignedIn:
    """Who is signed in. Raises NOT_SIGNED_IN, or what kept the person out."""
    person: SignedIn | None = request.state.person
    if person is None:
        raise request.state.sign_in_error or YurtError(NOT_SIGNED_IN)
    return person


async def changing_person(request: Request, person: Annotated[SignedIn, Depends(current_person)]) -> SignedIn:
    """Who is signed in and, for a browser's change, proof that the form is ours. Raises CSRF_INVALID.

    The proof is the header X-CSRF-Token or the form field `csrf`; a bearer token is its own proof, since no browser
    sends one by itself.
    """
    if person.session is None or request.method in SAFE:
        return person
    given = request.headers.get(CSRF_HEADER)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given is None and kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        field = (await request.form()).get(CSRF_FIELD)
        given = field if isinstance(field, str) else None
    check_csrf(request, given)
    return person


def check_csrf(request: Request, given: str | None) -> None:
    """Raise CSRF_INVALID unless `given` is the token of this request's session."""
    if not hmac.compare_digest((given or "").encode(), request.state.csrf.encode()) or not request.state.csrf:
        raise YurtError(CSRF_INVALID)


def sign_in_router(platform: Platform, sessions: Sessions) -> APIRouter:
    """GET /login, GET /oauth_callback, POST /logout, under the service's prefix."""
    router = APIRouter(include_in_schema=False)
    hub = _hub(platform)
    address = hub.address
    oauth = _oauth(hub)

    def cookie(request: Request, response: Response, name: str, value: str, seconds: int) -> None:
        proxied = request.headers.get("x-forwarded-proto", "").split(",")[0].strip()
        secure = address.public_url.startswith("https:") or "https" in (proxied, request.url.scheme)
        response.set_cookie(
            name, value, max_age=seconds, path=address.service_prefix, httponly=True, secure=secure, samesite="lax"
        )

    @router.get("/login")
    async def login(request: Request, next: str = "") -> Response:
        browser = request.cookies.get(STATE_COOKIE) or secrets.token_urlsafe(24)
        verifier, challenge, method = oauth.generate_pkce_code_challenge()
        state = sessions.begin(browser, onward(next, address.service_prefix), verifier)
        query = urlencode(
            {
                "client_id": address.client_id,
                "redirect_uri": oauth.oauth_redirect_uri,
                "response_type": "code",
                "state": state,
                "code_challenge": challenge,
                "code_challenge_method": method,
            }
        )
        response = RedirectResponse(f"{oauth.oauth_authorization_url}?{query}", 303)
        cookie(request, response, STATE_COOKIE, browser, STATE_S)
        return response

    @router.get("/oauth_callback")
    async def callback(request: Request, code: str = "", state: str = "") -> Response:
        goal, verifier = sessions.finish(state, request.cookies.get(STATE_COOKIE, ""))
        try:  # HubOAuth blocks, so it gets a thread
            token = await run_sync(lambda: oauth.token_for_code(code, code_verifier=verifier))
        except HTTPError:
            raise YurtError(SIGN_IN_STALE) from None
        await run_sync(hub.username, token)
        earlier = request.cookies.get(SESSION_COOKIE)
        if earlier:
            sessions.end(earlier)
        response = RedirectResponse(goal, 303)
        cookie(request, response, SESSION_COOKIE, sessions.open(token), SESSION_S)
        response.delete_cookie(STATE_COOKIE, path=address.service_prefix)
        return response

    @router.post("/logout")
    async def logout(request: Request, person: Annotated[SignedIn, Depends(changing_person)]) -> Response:
        if person.session:
            token = sessions.token(person.session)
            sessions.end(person.session)
            if token:
                hub.forget(token)
        response = RedirectResponse(f"{address.base_url}hub/logout", 303)
        response.delete_cookie(SESSION_COOKIE, path=address.service_prefix)
        return response

    return router


def onward(wanted: str, prefix: str) -> str:
    """Where to go after signing in: only to a page of the portal itself (no open redirect)."""
    plain = wanted.startswith(prefix) and "\\" not in wanted and wanted.isprintable() and "/../" not in wanted
    return wanted if plain else prefix


def _oauth(hub: Hub) -> Any:
    """JupyterHub's own OAuth client; it would read the environment, so everything is said."""
    from jupyterhub.services.auth import HubOAuth

    address = hub.address
    return HubOAuth(
        api_url=address.api_url,
        api_token=address.token,
        base_url=address.service_prefix,
        hub_prefix=f"{address.base_url}hub/",
        oauth_client_id=address.client_id,
        oauth_redirect_uri=f"{address.service_prefix}oauth_callback",
    )
