"""From a template and plain dicts to an answer: language, vocabulary, security headers."""

from functools import partial
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from portal.errors import NOT_SIGNED_IN
from portal.pages import formats, words
from portal.pages.assets import Assets
from portal.pages.desk import Desk
from portal.pages.language import LANGUAGES, PARAMETER, TAGS, chosen, remember, translations
from portal.pages.refusals import disclosure, explained, finding, place, translated
from portal.session import CSRF_FIELD, SignedIn
from store.errors import YurtError
from store.settings import Settings

# Nothing leaves the origin, nothing runs that is not a file of ours, nobody frames us (CSP Level 3).
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Cache-Control": "no-store",  # a shared desktop's Back button shows nobody's page to the next person
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
SYNTHETIC_SOURCE = "synthetic identifiers"


def environment(language: str) -> Environment:
    """The templates in one language."""
    made = Environment(
        loader=PackageLoader("portal"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
    )
    spoken = translations(language)
    made.install_gettext_callables(  # type: ignore[attr-defined]
        spoken.gettext, spoken.ngettext, newstyle=True, pgettext=spoken.pgettext, npgettext=spoken.npgettext
    )
    for name in ("day", "moment", "number", "size", "seconds"):
        made.filters[name] = partial(getattr(formats, name), language=language)
    made.filters |= {
        "plain": formats.plain,
        "pretty": formats.pretty,
        "digest_parts": formats.digest_parts,
        "word": lambda message: spoken.gettext(message) if message else "",
        "use": lambda capability: words.use(capability, spoken.gettext),
        "entity": lambda name: words.entity(name, language),
        "called": partial(_called, language=language),
        "sentence": lambda value: _sentence(value, language),
        "refused": lambda message, code: translated(f"error:{code}", message, language),
        "place": lambda where: place(where, language),
        "disclosed": lambda said: disclosure(said, language),
        "synthetic": lambda source: SYNTHETIC_SOURCE in (source or "").lower(),
    }
    made.globals |= {
        "language": language,
        "tag": TAGS[language],
        "state_of": words.state,
        "finding": lambda found: finding(found["code"], found.get("why", ""), language),
        "vocabulary": words,
        "csrf_field": CSRF_FIELD,
    }
    return made


def _called(thing: dict[str, Any], key: str = "title", *, language: str) -> str:
    """The name of a dataset or agency in the reader's language, Chinese where it has no other."""
    english = str(thing.get(f"{key}_en") or "")
    return english if language == "en" and english else str(thing.get(key) or thing.get("id") or "—")


def _sentence(value: Any, language: str) -> str:
    """A sentence that the views give in both languages."""
    return str(value.get(language) or value.get("zh") or "") if isinstance(value, dict) else str(value)


class Pages:
    """Renders pages under `base`, the portal's address, e.g. /services/portal/."""

    def __init__(self, desk: Desk, assets: Assets, base: str, default_language: str) -> None:
        self.desk = desk
        self.assets = assets
        self.base = base
        self.default_language = default_language
        self._environments = {language: environment(language) for language in LANGUAGES}

    @classmethod
    def of(cls, desk: Desk, settings: Settings, base: str) -> "Pages":
        """The renderer of a platform with these settings."""
        return cls(desk, Assets(settings.node_modules), base, settings.language)

    def page(
        self, request: Request, person: SignedIn | None, template: str, status: int = 200, **values: Any
    ) -> Response:
        """A whole page for somebody, or for nobody yet."""
        language = chosen(request, self.default_language)
        notice = words.NOTICES.get(request.query_params.get("done", ""))
        me = self.desk.me(person.username) if person else None
        text = (
            self._environments[language]
            .get_template(template)
            .render(
                request=request,
                me=me,
                roles={held["role"] for held in me["roles"]} if me else set(),
                base=self.base,
                asset=partial(self.assets.address, self.base),
                csrf=request.state.csrf,
                section=template.partition("/")[0].removesuffix(".html"),
                other_language=self._address_in(request, "en" if language == "zh" else "zh"),
                notice=notice,
                **{"problem": None, "filled": {}, **values},
            )
        )
        answer = HTMLResponse(text, status, HEADERS)
        remember(request, answer, self.base)
        return answer

    def problem(self, request: Request, error: YurtError) -> dict[str, str]:
        """A refusal in the reader's language, for the top of a form."""
        return explained(error, chosen(request, self.default_language))

    def refusal(self, request: Request, error: YurtError) -> Response:
        """The page for an error that no form shows: what happened, the code, what to do next."""
        person: SignedIn | None = getattr(request.state, "person", None)
        if error.code == NOT_SIGNED_IN.name:
            onward = f"{self.base}login?{urlencode({'next': self._path(request)})}"
            return self.page(request, None, "sign_in.html", error.http, onward=onward)
        return self.page(request, person, "error.html", error.http, error=self.problem(request, error))

    def go(self, path: str, done: str = "") -> Response:
        """After an action: see the page at `path` under the prefix (303), which says once what was done."""
        query = f"?{urlencode({'done': done})}" if done else ""
        return RedirectResponse(f"{self.base}{path}{query}", 303, {"Cache-Control": "no-store"})

    def _path(self, request: Request) -> str:
        """The address the browser shows, for a GET; the start page otherwise."""
        if request.method != "GET":
            return self.base
        return request.url.path + (f"?{request.url.query}" if request.url.query else "")

    def _address_in(self, request: Request, language: str) -> str:
        kept = [(key, value) for key, value in request.query_params.multi_items() if key not in (PARAMETER, "done")]
        path = request.url.path if request.method == "GET" else self.base
        return f"{path}?{urlencode([*kept, (PARAMETER, language)])}"
