"""Whose question is it: the token of a sandbox, resolved by the hub to a person and a project.

A sandbox is a JupyterHub named server, and its token carries the scope `access:servers!server=<user>/<project>` for
exactly that server. Nothing in a URL or a body ever says who asks.
"""

import hashlib
import threading
import time
from dataclasses import dataclass

import httpx

from gateway.errors import HUB_SILENT, TOKEN_REFUSED
from store.errors import YurtError

REMEMBER_S = 5.0  # how long a revoked token may still be believed
SCOPE = "access:servers!server="


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Who asks, and for which project."""

    username: str
    project: str


class HubIdentity:
    """Asks the hub whose token it is; safe to share between threads."""

    def __init__(self, api_url: str) -> None:
        self._http = httpx.Client(base_url=api_url.rstrip("/"), timeout=10.0, trust_env=False)
        self._known: dict[bytes, tuple[float, Sandbox]] = {}
        self._lock = threading.Lock()

    def known(self, token: str) -> Sandbox | None:
        """The sandbox that holds `token` where the hub said so moments ago."""
        with self._lock:
            found = self._known.get(hashlib.sha256(token.encode()).digest())
        return found[1] if found is not None and time.monotonic() - found[0] < REMEMBER_S else None

    def sandbox(self, token: str) -> Sandbox:
        """The sandbox that holds `token`. Raises TOKEN_REFUSED, HUB_SILENT."""
        known = self.known(token)
        if known is not None:
            return known
        now = time.monotonic()
        try:
            answer = self._http.get("/user", headers={"Authorization": f"token {token}"})
        except (httpx.HTTPError, UnicodeEncodeError) as error:
            raise YurtError(HUB_SILENT if isinstance(error, httpx.HTTPError) else TOKEN_REFUSED) from None
        if answer.status_code != 200:
            raise YurtError(TOKEN_REFUSED if answer.status_code in (401, 403) else HUB_SILENT)
        found = _only_server(answer.json().get("scopes", []))
        with self._lock:
            self._known = {key: entry for key, entry in self._known.items() if now - entry[0] < REMEMBER_S}
            self._known[hashlib.sha256(token.encode()).digest()] = (now, found)
        return found

    def close(self) -> None:
        """Close the connections to the hub."""
        self._http.close()


def _only_server(scopes: list[str]) -> Sandbox:
    """The one server a sandbox's token is for; a person's own token, which reaches all of theirs, is not one."""
    servers = {scope.removeprefix(SCOPE) for scope in scopes if scope.startswith(SCOPE)}
    if len(servers) != 1:
        raise YurtError(TOKEN_REFUSED)
    username, _, project = servers.pop().partition("/")
    if not username or not project:
        raise YurtError(TOKEN_REFUSED)
    return Sandbox(username, project)
