"""What leaves: outputs, what the checks found, reviews, and the download."""

from typing import Literal
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response

from portal.pages import forms
from portal.pages.forms import Posted, Reader, Writer
from portal.pages.render import HEADERS
from portal.pages.serving import Serving
from store.errors import YurtError

router = APIRouter()


@router.get("/releases")
def releases(
    request: Request, pages: Serving, person: Reader, scope: Literal["mine", "waiting", "all"] = "all"
) -> Response:
    found = pages.desk.releases(person.username, scope)
    return pages.page(request, person, "releases.html", releases=found, scope=scope)


@router.get("/releases/{release_id}")
def release(request: Request, pages: Serving, person: Reader, release_id: str) -> Response:
    found = pages.desk.release(person.username, release_id)
    return pages.page(request, person, "releases/release.html", release=found)


@router.get("/releases/{release_id}/{verdict}")
def confirm(
    request: Request, pages: Serving, person: Reader, release_id: str, verdict: Literal["approve", "refuse"]
) -> Response:
    found = pages.desk.release(person.username, release_id)
    return pages.page(request, person, "releases/confirm.html", release=found, approve=verdict == "approve")


@router.post("/releases/{release_id}/reviews")
def review(request: Request, pages: Serving, person: Writer, form: Posted, release_id: str) -> Response:
    approved = forms.text(form, "verdict") == "approve"
    reason = forms.text(form, "reason", needed=False)
    try:
        digest = forms.text(form, "digest")
        pages.desk.review(person.username, release_id, approved=approved, reason=reason, digest=digest)
    except YurtError as error:
        return pages.page(
            request,
            person,
            "releases/confirm.html",
            error.http,
            release=pages.desk.release(person.username, release_id),
            approve=approved,
            problem=pages.problem(request, error),
            filled={"reason": reason},
        )
    return pages.go(f"releases/{release_id}", "reviewed")


@router.post("/releases/{release_id}/ticket")
def ticket(request: Request, pages: Serving, person: Writer, form: Posted, release_id: str) -> Response:
    # Shown once and kept nowhere, hence no redirect: reading the page again issues another ticket.
    issued = pages.desk.issue_ticket(person.username, release_id, forms.text(form, "file"))
    found = pages.desk.release(person.username, release_id)
    return pages.page(request, person, "releases/ticket.html", release=found, ticket=issued)


@router.post("/downloads")
def download(pages: Serving, person: Writer, form: Posted) -> Response:
    name, content = pages.desk.download(person.username, forms.text(form, "ticket"))
    disposition = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    return Response(content, 200, {**HEADERS, "Content-Disposition": disposition}, "application/octet-stream")
