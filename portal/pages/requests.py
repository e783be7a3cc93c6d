"""Asking for data and deciding about it: form, queue, request with its impact, confirmation."""

from datetime import timedelta
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response

from portal.pages import forms
from portal.pages.forms import Posted, Reader, Writer
from portal.pages.render import Pages
from portal.pages.serving import Serving
from portal.session import SignedIn
from store.days import today
from store.errors import YurtError

PERIOD_DAYS = 180  # what the form offers; the longest allowed is the rule's own business

router = APIRouter()


@router.get("/approvals")
def approvals(
    request: Request, pages: Serving, person: Reader, scope: Literal["mine", "waiting", "all"] = "waiting"
) -> Response:
    return pages.page(
        request,
        person,
        "approvals.html",
        requests=pages.desk.requests(person.username, scope),
        scope=scope,
        datasets={found["id"]: found for found in pages.desk.datasets(person.username)},
    )


@router.get("/requests/new")
def new(request: Request, pages: Serving, person: Reader, project: str = "", dataset: str = "") -> Response:
    return _form(pages, request, person, project, dataset)


@router.post("/requests")
def submit(request: Request, pages: Serving, person: Writer, form: Posted) -> Response:
    project, dataset = forms.text(form, "project"), forms.text(form, "dataset")
    try:
        described = pages.desk.dataset(person.username, dataset)
        made = pages.desk.submit_request(
            person.username,
            project=project,
            dataset=dataset,
            purpose=forms.text(form, "purpose"),
            columns=forms.capabilities(form, described["columns"]),
            joins=form.get("joins", ()),
            rows=forms.text(form, "rows", needed=False) or None,
            release=forms.release(form),
            valid_from=forms.day(form, "valid_from"),
            valid_until=forms.day(form, "valid_until"),
        )
    except YurtError as error:
        return _form(pages, request, person, project, dataset, error, {name: list(each) for name, each in form.items()})
    return pages.go(f"requests/{made['id']}", "requested")


@router.get("/requests/{request_id}")
def one(request: Request, pages: Serving, person: Reader, request_id: int) -> Response:
    return pages.page(request, person, "requests/request.html", **_read(pages, person, request_id))


@router.get("/requests/{request_id}/{verdict}")
def confirm(
    request: Request, pages: Serving, person: Reader, request_id: int, verdict: Literal["approve", "refuse"]
) -> Response:
    approve = verdict == "approve"
    return pages.page(request, person, "requests/confirm.html", approve=approve, **_read(pages, person, request_id))


@router.post("/requests/{request_id}/decisions")
def decide(request: Request, pages: Serving, person: Writer, form: Posted, request_id: int) -> Response:
    approved = forms.text(form, "verdict") == "approve"
    reason = forms.text(form, "reason", needed=False)
    try:
        pages.desk.decide(
            person.username,
            request_id,
            approved=approved,
            version=forms.whole(form, "version"),
            reason=reason,
            impact_digest=forms.text(form, "impact_digest", needed=False),
        )
    except YurtError as error:
        return pages.page(
            request,
            person,
            "requests/confirm.html",
            error.http,
            approve=approved,
            problem=pages.problem(request, error),
            filled={"reason": reason},
            **_read(pages, person, request_id),
        )
    return pages.go(f"requests/{request_id}", "approved" if approved else "refused")


def _read(pages: Pages, person: SignedIn, request_id: int) -> dict[str, Any]:
    wanted = pages.desk.request(person.username, request_id)
    impact, hidden = None, None
    try:
        impact = pages.desk.impact(person.username, request_id)
    except YurtError as error:  # those who do not decide read the request without its impact
        hidden = error
    return {
        "wanted": wanted,
        "dataset": pages.desk.dataset(person.username, wanted["dataset"]),
        "agencies": {found["id"]: found for found in pages.desk.agencies(person.username)},
        "impact": impact,
        "impact_missing": hidden.code if hidden else "",
    }


def _form(
    pages: Pages,
    request: Request,
    person: SignedIn,
    project: str,
    dataset: str,
    error: YurtError | None = None,
    filled: dict[str, list[str]] | None = None,
) -> Response:
    projects = pages.desk.projects(person.username)
    published = [found for found in pages.desk.datasets(person.username) if found["state"] == "published"]
    chosen = next((found for found in projects if found["id"] == project), None)
    partners = {held["dataset"] for held in (chosen["grants"] if chosen else ()) if held["live"]}
    partners |= {asked["dataset"] for asked in (chosen["requests"] if chosen else ())}
    begin = today()
    return pages.page(
        request,
        person,
        "requests/new.html",
        error.http if error else 200,
        problem=pages.problem(request, error) if error else None,
        filled=filled or {},
        projects=projects,
        published=published,
        project=chosen,
        dataset=pages.desk.dataset(person.username, dataset) if dataset else None,
        partners=[found for found in published if found["id"] in partners - {dataset}],
        begin=begin.isoformat(),
        end=(begin + timedelta(days=PERIOD_DAYS)).isoformat(),
    )
