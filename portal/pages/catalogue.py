"""The catalogue: find a dataset, read its columns, register one, publish it."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from portal.api.uploads import receive_upload
from portal.errors import BODY_INVALID
from portal.pages import forms
from portal.pages.forms import Posted, Reader, Writer
from portal.pages.render import Pages
from portal.pages.serving import Serving
from portal.pages.words import N_
from portal.session import CSRF_FIELD, check_csrf
from store.errors import YurtError

NEEDED = ("id", "title", "unit")
FIELDS = (*NEEDED, "title_en", "description", "source")

router = APIRouter()


@router.get("/catalogue")
def catalogue(
    request: Request, pages: Serving, person: Reader, q: str = "", agency: str = "", grade: str = ""
) -> Response:
    every = pages.desk.datasets(person.username)
    shown = [found for found in every if matches(found, q, agency, grade)]
    agencies = {found["agency"]["id"]: found["agency"] for found in every}
    return pages.page(
        request,
        person,
        "catalogue.html",
        datasets=shown,
        total=len(every),
        agencies=list(agencies.values()),
        q=q,
        agency=agency,
        grade=grade,
    )


@router.get("/catalogue/register")
def register_form(request: Request, pages: Serving, person: Reader) -> Response:
    return pages.page(request, person, "catalogue/register.html")


@router.post("/catalogue/register")
async def register(request: Request, pages: Serving, person: Reader) -> Response:
    upload = await receive_upload(request, pages.desk.incoming)
    try:
        check_csrf(request, upload.fields.get(CSRF_FIELD))
        fields = {name: upload.fields.get(name, "").strip() for name in FIELDS}
        missing = next((name for name in NEEDED if not fields[name]), None if upload.file else "file")
        if missing or upload.file is None:
            raise YurtError(BODY_INVALID, field=missing, why=N_("it is missing"))
        made = await run_in_threadpool(pages.desk.register, person.username, upload.file, fields)
    except YurtError as error:
        return await run_in_threadpool(
            pages.page,
            request,
            person,
            "catalogue/register.html",
            error.http,
            problem=pages.problem(request, error),
            filled={name: upload.fields.get(name, "") for name in FIELDS},
        )
    finally:
        upload.discard()
    return pages.go(f"catalogue/{made['id']}", "registered")


@router.get("/catalogue/{dataset_id}")
def dataset(request: Request, pages: Serving, person: Reader, dataset_id: str) -> Response:
    return pages.page(request, person, "catalogue/dataset.html", **_described(pages, person.username, dataset_id))


@router.post("/catalogue/{dataset_id}/publish")
def publish(request: Request, pages: Serving, person: Writer, form: Posted, dataset_id: str) -> Response:
    reason = forms.text(form, "reason", needed=False)
    grades = {name.removeprefix("grade:"): forms.whole(form, name) for name in form if name.startswith("grade:")}
    try:
        pages.desk.publish(person.username, dataset_id, grades, reason)
    except YurtError as error:
        return pages.page(
            request,
            person,
            "catalogue/dataset.html",
            error.http,
            problem=pages.problem(request, error),
            filled={"reason": reason, **{f"grade:{name}": grade for name, grade in grades.items()}},
            **_described(pages, person.username, dataset_id),
        )
    return pages.go(f"catalogue/{dataset_id}", "published")


def _described(pages: Pages, actor: str, dataset_id: str) -> dict[str, Any]:
    found = pages.desk.dataset(actor, dataset_id)
    path: list[str] = next((a["path"] for a in pages.desk.agencies(actor) if a["id"] == found["agency"]["id"]), [])
    return {
        "dataset": found,
        "path": path,
        "is_steward": is_steward(pages.desk.me(actor), found, pages.desk.agencies(actor)),
    }


def matches(found: dict[str, Any], q: str, agency: str, grade: str) -> bool:
    """Whether a dataset fits the filter: every word of `q` somewhere in names or description, in any case."""
    text = " ".join(str(found[key]) for key in ("id", "title", "title_en", "description")).lower()
    return (
        all(word in text for word in q.lower().split())
        and agency in ("", found["agency"]["id"])
        and grade in ("", str(found["grade"]))
    )


def is_steward(me: dict[str, Any], found: dict[str, Any], agencies: Sequence[dict[str, Any]]) -> bool:
    """Whether to show the form; the action decides again."""
    parents = {agency["id"]: agency["parent"] for agency in agencies}
    above = set()
    current: str | None = found["agency"]["id"]
    while current is not None and current not in above:
        above.add(current)
        current = parents.get(current)
    return any(held["role"] == "steward" and held["agency"] in above for held in me["roles"])
