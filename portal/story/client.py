"""One person at a browser: signs in at the hub's form and does what pages and their scripts do, with their cookies.

People hold no tokens on this platform; what stops other sites from acting with their cookies (XSRF at the hub and at a
sandbox's door, CSRF at the portal) is therefore part of every call here.
"""

import re
from types import TracebackType
from typing import Any, Self

import httpx

from portal.story.errors import StoryFailed

PORTAL = "/services/portal"
API = f"{PORTAL}/api/v1"
CSRF_FIELD = re.compile(r'name="csrf" value="([0-9a-f]+)"')
SAME_ORIGIN = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "empty"}


class Refusal(Exception):
    """The platform said no: HTTP status and the stable code of its answer."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        self.status = status
        self.code = str(body.get("code", ""))
        self.body = body
        super().__init__(f"{status} {self.code}: {body.get('message', '')} {body.get('hint', '')}")


class PersonClient:
    """A signed-in person. Use as a context manager; `url` is what people open in the browser."""

    def __init__(self, url: str, username: str, password: str) -> None:
        self.url = url.rstrip("/")
        self.username = username
        self.http = httpx.Client(base_url=self.url, timeout=120, follow_redirects=True)
        self._sign_in(password)
        self._csrf = self._open_portal()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self.http.close()

    def api(self, method: str, path: str, **arguments: Any) -> Any:
        """Call the portal's API; the decoded answer, or Refusal."""
        headers = {"X-CSRF-Token": self._csrf, **SAME_ORIGIN}
        answer = self.http.request(method, API + path, headers=headers, **arguments)
        if answer.is_error:
            raise Refusal(answer.status_code, _json(answer))
        if answer.headers.get("content-type", "").startswith("application/json"):
            return answer.json()
        return answer.content

    def hub(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Call the hub's API as its own pages do."""
        headers = {"X-XSRFToken": self.xsrf("/hub/"), "Referer": f"{self.url}/hub/home", **SAME_ORIGIN}
        return self.http.request(method, f"/hub/api{path}", headers=headers, **arguments)

    def xsrf(self, path: str) -> str:
        """The XSRF token that a page below `path` would read from its cookies."""
        found = (cookie.value for cookie in self.http.cookies.jar if cookie.name == "_xsrf" and cookie.path == path)
        return next(found, None) or ""

    def cookies(self, path: str) -> str:
        """The Cookie header the browser sends to `path`."""
        return str(self.http.build_request("GET", path).headers.get("cookie", ""))

    def page(self, path: str, language: str = "zh") -> str:
        """A page of the portal, signed in as a browser would be: by the hub's OAuth redirects and cookies."""
        answer = self.http.get(PORTAL + path, params={"lang": language}, headers={"Accept": "text/html"})
        if answer.is_error:
            raise StoryFailed(f"page {path}: HTTP {answer.status_code}")
        return answer.text

    def _sign_in(self, password: str) -> None:
        self.http.get("/hub/login")
        form = {"username": self.username, "password": password, "_xsrf": self.xsrf("/hub/")}
        referer = {"Referer": f"{self.url}/hub/login"}
        answer = self.http.post("/hub/login", data=form, headers=referer, follow_redirects=False)
        if answer.is_error or "jupyterhub-session-id" not in {cookie.name for cookie in self.http.cookies.jar}:
            raise StoryFailed(f"{self.username} could not sign in: HTTP {answer.status_code}")

    def _open_portal(self) -> str:
        """Go through the hub's OAuth to the portal's first page; the CSRF token its forms carry."""
        found = CSRF_FIELD.search(self.page("/"))
        if found is None:
            raise StoryFailed(f"{self.username} was not signed in to the portal")
        return found[1]


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {"message": answer.text[:200]}
    return body if isinstance(body, dict) else {"message": str(body)[:200]}
