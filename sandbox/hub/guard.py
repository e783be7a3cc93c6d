"""What may pass a door in either direction, as pure functions over headers."""

from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit

_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
# What a sandbox's answer may not say: other cookies on this origin (GHSA-7r3h-4ph8-w38g), a service worker beyond its
# own path, or a policy weaker than the door's.
_STRIPPED_FROM_ANSWERS = {
    "set-cookie", "clear-site-data", "service-worker-allowed", "content-security-policy", "access-control-allow-origin",
    "access-control-allow-credentials", "strict-transport-security", "content-length", "transfer-encoding",
    "connection", "server",
}  # fmt: skip
# What a browser sends that is none of a sandbox's business: it would hold the person's session or token.
_STRIPPED_FROM_REQUESTS = {
    "authorization", "cookie", "x-xsrftoken", "x-forwarded-for", "x-real-ip", "proxy-authorization",
}  # fmt: skip

# A page of the sandbox may talk to its own origin only, so that what a notebook shows cannot be posted elsewhere by it.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
    "frame-src 'self' blob: data:; media-src 'self' data: blob:; frame-ancestors 'self'; form-action 'self'; "
    "base-uri 'self'; object-src 'none'"
)
ANSWER_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def is_cross_site(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a request comes from a page of another origin and does more than open this one.

    Browsers state it in Sec-Fetch-Site (W3C Fetch Metadata), older ones in Origin; a program that sends neither has no
    cookies of a person to misuse. A plain navigation by a link is allowed: it changes nothing here.
    """
    upgrade = headers.get("Upgrade", "").lower() == "websocket"
    site = headers.get("Sec-Fetch-Site", "")
    if site in ("cross-site", "same-site"):
        return upgrade or method not in _SAFE_METHODS or headers.get("Sec-Fetch-Mode") != "navigate"
    origin = headers.get("Origin", "")
    if origin and (upgrade or method not in _SAFE_METHODS):
        return urlsplit(origin).netloc.lower() != headers.get("Host", "").lower()
    return False


def is_unreadable_resource(method: str, headers: Mapping[str, str]) -> bool:
    """Whether the page's scripts cannot read what this request answers: a font, an image, a script of the page itself.

    Browsers ask for fonts and modules in CORS mode without any header a script could add, so the hub's XSRF check would
    refuse them; `fetch()` and XMLHttpRequest always say `empty`.
    """
    destination = headers.get("Sec-Fetch-Dest", "empty")
    return method in ("GET", "HEAD") and headers.get("Sec-Fetch-Site") == "same-origin" and destination != "empty"


def request_headers(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """What of a browser's headers goes on into the sandbox."""
    return [(name, value) for name, value in headers if name.lower() not in _STRIPPED_FROM_REQUESTS]


def answer_headers(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """What of a sandbox's headers goes out, with the door's own put in."""
    own = {name.lower() for name in ANSWER_HEADERS}
    kept = [(name, value) for name, value in headers if name.lower() not in _STRIPPED_FROM_ANSWERS | own]
    return [*kept, *ANSWER_HEADERS.items()]


def without_token(query: str) -> str:
    """A query string without `token`, by which the hub also takes tokens, and `_xsrf`."""
    pairs = parse_qsl(query, keep_blank_values=True)
    if not any(name in ("token", "_xsrf") for name, _ in pairs):
        return query
    return urlencode([(name, value) for name, value in pairs if name not in ("token", "_xsrf")])
