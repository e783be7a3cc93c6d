"""What the portal asks the hub: whose token this is, which sandboxes run, stop this one.

JupyterHub REST API 6: https://jupyterhub.readthedocs.io/en/stable/reference/rest-api.html
"""

import hashlib
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from portal.errors import HUB_UNREACHABLE, NOT_SIGNED_IN, TOKEN_INVALID, TOKEN_NOT_FOR_PORTAL
from store.errors import YurtError

TOKEN_CACHE_S = 10.0
_CACHE_ENTRIES = 4096


@dataclass(frozen=True, slots=True)
class HubAddress:
    """Where the hub is and what the portal is to it. `token` is the portal's own; it is never logged."""

    api_url: str
    token: str = field(repr=False)
    base_url: str = "/"
    service_prefix: str = "/services/portal/"
    client_id: str = "service-portal"
    public_url: str = ""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "HubAddress":
        """From JupyterHub's service variables; the token from the file YURT_PORTAL_TOKEN_FILE where that is named."""
        token_file = environ.get("YURT_PORTAL_TOKEN_FILE")
        return cls(
            api_url=environ["JUPYTERHUB_API_URL"].rstrip("/"),
            token=Path(token_file).read_text().strip() if token_file else environ["JUPYTERHUB_API_TOKEN"],
            base_url=environ.get("JUPYTERHUB_BASE_URL", "/"),
            service_prefix=environ.get("JUPYTERHUB_SERVICE_PREFIX", "/services/portal/"),
            client_id=environ.get("JUPYTERHUB_CLIENT_ID") or "service-portal",
            public_url=environ.get("JUPYTERHUB_PUBLIC_URL", ""),
        )


class Hub:
    """The hub's REST API, seen by the portal. Calls block; safe to share between threads."""

    def __init__(self, address: HubAddress) -> None:
        self.address = address
        self._http = httpx.Client(base_url=address.api_url, timeout=10.0, trust_env=False)
        self._known: dict[bytes, tuple[float, str]] = {}
        self._lock = threading.Lock()

    def username(self, token: str) -> str:
        """Whose token this is, by the hub's word at most TOKEN_CACHE_S old, so that a revoked one soon stops working.

        Only a *person's* token with access to this service counts: a sandbox's token says who runs it, but whoever
        holds it acts for the sandbox alone. Raises TOKEN_INVALID, TOKEN_NOT_FOR_PORTAL, HUB_UNREACHABLE.
        """
        key = hashlib.sha256(token.encode()).digest()
        now = time.monotonic()
        with self._lock:
            known = self._known.get(key)
        if known and now - known[0] < TOKEN_CACHE_S:
            return known[1]
        answer = self._call("GET", "/user", token)
        if answer.status_code in (401, 403):
            with self._lock:
                self._known.pop(key, None)
            raise YurtError(TOKEN_INVALID if answer.status_code == 403 else NOT_SIGNED_IN)
        model = self._json(answer)
        scopes = set(model.get("scopes", ()))
        if model.get("kind") != "user" or not scopes & self._access_scopes:
            raise YurtError(TOKEN_NOT_FOR_PORTAL)
        name = str(model["name"])
        with self._lock:
            if len(self._known) >= _CACHE_ENTRIES:
                self._known.clear()
            self._known[key] = (now, name)
        return name

    @property
    def _access_scopes(self) -> set[str]:
        service = self.address.client_id.removeprefix("service-")
        return {"access:services", f"access:services!service={service}"}

    def forget(self, token: str) -> None:
        """Drop what is remembered of a token."""
        with self._lock:
            self._known.pop(hashlib.sha256(token.encode()).digest(), None)

    def servers(self) -> list[dict[str, Any]]:
        """Every running named server: user, project, state, started, last_activity. Needs list:users, read:servers."""
        found: list[dict[str, Any]] = []
        offset: int | None = 0
        while offset is not None:
            answer = self._call(
                "GET",
                f"/users?state=active&include_stopped_servers=false&limit=200&offset={offset}",
                self.address.token,
                accept="application/jupyterhub-pagination+json",
            )
            page = self._json(answer)
            for user in page["items"]:
                for name, server in (user.get("servers") or {}).items():
                    if name:
                        state = "ready" if server.get("ready") else server.get("pending") or "stopped"
                        found.append(
                            {
                                "user": user["name"],
                                "project": name,
                                "state": state,
                                "started": server.get("started"),
                                "last_activity": server.get("last_activity"),
                            }
                        )
            following = page["_pagination"].get("next")
            offset = following["offset"] if following else None
        return sorted(found, key=lambda server: (server["user"], server["project"]))

    def stop(self, username: str, project: str) -> bool:
        """Stop a sandbox; True when it was running. Needs delete:servers. Raises HUB_UNREACHABLE."""
        path = f"/users/{quote(username, safe='')}/servers/{quote(project, safe='')}"
        answer = self._call("DELETE", path, self.address.token)
        if answer.status_code == 404:
            return False
        if answer.status_code >= 400:
            raise YurtError(HUB_UNREACHABLE)
        return True

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _call(self, method: str, path: str, token: str, accept: str = "application/json") -> httpx.Response:
        try:
            return self._http.request(method, path, headers={"Authorization": f"token {token}", "Accept": accept})
        except (httpx.HTTPError, UnicodeEncodeError) as error:
            if isinstance(error, UnicodeEncodeError):
                raise YurtError(TOKEN_INVALID) from None
            raise YurtError(HUB_UNREACHABLE) from None

    @staticmethod
    def _json(answer: httpx.Response) -> dict[str, Any]:
        if answer.status_code != 200:
            raise YurtError(HUB_UNREACHABLE)
        model = answer.json()
        if not isinstance(model, dict):
            raise YurtError(HUB_UNREACHABLE)
        return model
