"""GET /static/…, open to everybody: the sign-in page needs it."""

from fastapi import APIRouter
from fastapi.responses import Response

from portal.pages.serving import Serving

router = APIRouter()


@router.get("/static/{name:path}")
def static(pages: Serving, name: str) -> Response:
    return pages.assets.answer(name)
