"""Which renderer serves a request: the application's own, made once from its platform."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import Response

from portal.pages.render import Pages
from store.errors import YurtError


def pages_of(request: Request) -> Pages:
    """The renderer of the application that serves this request."""
    state = request.app.state
    if not hasattr(state, "pages"):
        from portal.pages.rooms import PlatformDesk

        platform = state.platform
        desk = PlatformDesk(platform)
        state.pages = Pages.of(desk, platform.settings, f"{state.prefix}/")
    found: Pages = state.pages
    return found


def error_page(request: Request, error: YurtError) -> Response:
    """The page for an error that no form shows."""
    return pages_of(request).refusal(request, error)


Serving = Annotated[Pages, Depends(pages_of)]
