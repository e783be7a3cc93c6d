"""A small application around the pages: the actor is named by a cookie, the platform by scenes."""

from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from portal.pages import error_page, router
from portal.pages.render import Pages
from portal.session import SignedIn
from store.errors import YurtError
from store.settings import Settings
from tests.portal.pages.scene_desk import SceneDesk
from tests.portal.pages.scenes import PEOPLE

PREFIX = "/services/portal"
TOKEN = "the-token-of-this-session"


class Stage:
    """Signs in whoever the cookie `actor` names, as the portal's own middleware would."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = Request(scope)
            actor = request.cookies.get("actor", "")
            request.state.person = SignedIn(actor, PEOPLE[actor][0], PEOPLE[actor][1], "s") if actor else None
            request.state.csrf, request.state.sign_in_error = TOKEN, None
        await self.app(scope, receive, send)


def stage_app(desk: SceneDesk, node_modules: Path) -> FastAPI:
    """The pages over a desk."""
    app = FastAPI()
    app.state.pages = Pages.of(desk, Settings(home=desk.incoming, node_modules=node_modules), f"{PREFIX}/")
    app.include_router(router, prefix=PREFIX)

    async def refused(request: Request, error: Exception) -> Response:
        if not isinstance(error, YurtError):
            raise error
        return error_page(request, error)

    app.add_exception_handler(YurtError, refused)
    app.add_middleware(Stage)
    return app
