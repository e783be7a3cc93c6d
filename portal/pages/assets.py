"""The files pages load: our own, and an allow-list of what npm installed. Nothing else of either folder is served."""

import hashlib
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

from fastapi.responses import FileResponse, Response

from portal.errors import ROUTE_UNKNOWN
from store.errors import YurtError

OWN = {
    "tokens.css": "text/css",
    "portal.css": "text/css",
    "portal.js": "text/javascript",
    "hub.css": "text/css",
    "hub.js": "text/javascript",
    "mark.svg": "image/svg+xml",
}
VENDOR = {
    "bootstrap.min.css": ("bootstrap/dist/css/bootstrap.min.css", "text/css"),
    "htmx.min.js": ("htmx.org/dist/htmx.min.js", "text/javascript"),
}
# A year, since the address carries the content's digest and so changes with it.
FOREVER = "public, max-age=31536000, immutable"


class Assets:
    """Where the assets lie. Their addresses end in `?v=` and the first digits of their SHA-256."""

    def __init__(self, node_modules: Path) -> None:
        with as_file(files("portal") / "static") as own:
            self._files = {name: (own / name, kind) for name, kind in OWN.items()}
        for name, (path, kind) in VENDOR.items():
            self._files[f"vendor/{name}"] = (node_modules / path, kind)
        self._version = cache(self._digest)

    def address(self, base: str, name: str) -> str:
        """The address of an asset under the portal's prefix."""
        return f"{base}static/{name}?v={self._version(name)}"

    def _digest(self, name: str) -> str:
        path, _ = self._files[name]
        return hashlib.sha256(path.read_bytes()).hexdigest()[:12] if path.is_file() else "missing"

    def answer(self, name: str) -> Response:
        """The file. Raises ROUTE_UNKNOWN for a name that is not on the list."""
        path, kind = self._files.get(name, (None, ""))
        if path is None or not path.is_file():
            raise YurtError(ROUTE_UNKNOWN)
        return FileResponse(
            path, media_type=kind, headers={"Cache-Control": FOREVER, "X-Content-Type-Options": "nosniff"}
        )
