"""Chinese and English. Message ids are the English sentences of templates and code; `locale/zh` holds the Chinese.

Catalogues are read from the .po file when first needed, so that there is nothing to compile.
"""

from functools import cache
from importlib.resources import files
from io import BytesIO

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from starlette.requests import Request
from starlette.responses import Response

LANGUAGES = ("zh", "en")
COOKIE = "yurt-language"
PARAMETER = "lang"
TAGS = {"zh": "zh-CN", "en": "en"}
COOKIE_S = 365 * 24 * 3600


@cache
def catalog() -> Catalog:
    """The Chinese catalogue as data."""
    with (files("portal") / "locale" / "zh" / "LC_MESSAGES" / "portal.po").open("rb") as file:
        return read_po(file, locale="zh", domain="portal")


@cache
def translations(language: str) -> NullTranslations:
    """gettext for a language; English is what the ids say."""
    if language == "en":
        return NullTranslations()
    compiled = BytesIO()
    write_mo(compiled, catalog())
    compiled.seek(0)
    return Translations(compiled, domain="portal")


def chosen(request: Request, default: str) -> str:
    """The language of this request: the address first, then the cookie, then the platform's setting."""
    for wanted in (request.query_params.get(PARAMETER), request.cookies.get(COOKIE), default):
        if wanted in LANGUAGES:
            return wanted
    return LANGUAGES[0]


def remember(request: Request, response: Response, path: str) -> None:
    """Keep a language named in the address for later pages. Names nobody, so it may outlive the session."""
    wanted = request.query_params.get(PARAMETER)
    if wanted in LANGUAGES and request.cookies.get(COOKIE) != wanted:
        response.set_cookie(COOKIE, wanted, max_age=COOKIE_S, path=path, httponly=True, samesite="lax")
