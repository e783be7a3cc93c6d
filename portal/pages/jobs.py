"""Sealed jobs: submit, read, approve, watch, cancel."""

from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response

from portal.pages import forms
from portal.pages.forms import Posted, Reader, Writer
from portal.pages.render import Pages
from portal.pages.serving import Serving
from portal.session import SignedIn
from store.errors import YurtError

MIB = 1 << 20
MOVING = ("approved", "queued", "running", "cancelling")  # states that change without anybody acting

router = APIRouter()


@router.get("/jobs")
def jobs(request: Request, pages: Serving, person: Reader) -> Response:
    return pages.page(request, person, "jobs.html", jobs=pages.desk.jobs(person.username))


@router.get("/jobs/new")
def new(request: Request, pages: Serving, person: Reader, project: str = "") -> Response:
    return _form(pages, request, person, {"project": [project]})


@router.post("/jobs")
def submit(request: Request, pages: Serving, person: Writer, form: Posted) -> Response:
    try:
        made = pages.desk.submit_job(
            person.username,
            project=forms.text(form, "project"),
            title=forms.text(form, "title"),
            script=forms.text(form, "script"),
            datasets=form.get("datasets", ()),
            parameters=forms.mapping(form, "parameters"),
            resources={
                "cpus": forms.number(form, "cpus"),
                "memory_bytes": forms.whole(form, "memory_mib") * MIB,
                "wall_s": forms.whole(form, "minutes") * 60,
            },
        )
    except YurtError as error:
        return _form(pages, request, person, {name: list(each) for name, each in form.items()}, error)
    return pages.go(f"jobs/{made['id']}", "job")


@router.get("/jobs/{job_id}")
def job(request: Request, pages: Serving, person: Reader, job_id: str) -> Response:
    return pages.page(request, person, "jobs/job.html", **_read(pages, person, job_id))


@router.get("/jobs/{job_id}/progress")
def progress(request: Request, pages: Serving, person: Reader, job_id: str) -> Response:
    read = _read(pages, person, job_id)
    answer = pages.page(request, person, "jobs/progress.html", **read)
    if not read["moving"]:
        answer.headers["HX-Refresh"] = "true"  # the whole page has news: buttons, outputs
    return answer


@router.get("/jobs/{job_id}/{step}")
def confirm(
    request: Request, pages: Serving, person: Reader, job_id: str, step: Literal["approve", "cancel"]
) -> Response:
    return pages.page(request, person, "jobs/confirm.html", approve=step == "approve", **_read(pages, person, job_id))


@router.post("/jobs/{job_id}/approve")
def approve(request: Request, pages: Serving, person: Writer, form: Posted, job_id: str) -> Response:
    try:
        pages.desk.approve_job(person.username, job_id, forms.text(form, "digest"))
    except YurtError as error:
        return _again(pages, request, person, job_id, True, error)
    return pages.go(f"jobs/{job_id}", "job-approved")


@router.post("/jobs/{job_id}/cancel")
def cancel(request: Request, pages: Serving, person: Writer, job_id: str) -> Response:
    try:
        pages.desk.cancel_job(person.username, job_id)
    except YurtError as error:
        return _again(pages, request, person, job_id, False, error)
    return pages.go(f"jobs/{job_id}", "job-cancelled")


def _again(pages: Pages, request: Request, person: SignedIn, job_id: str, approve: bool, error: YurtError) -> Response:
    problem = pages.problem(request, error)
    read = _read(pages, person, job_id)
    return pages.page(request, person, "jobs/confirm.html", error.http, approve=approve, problem=problem, **read)


def _read(pages: Pages, person: SignedIn, job_id: str) -> dict[str, Any]:
    found = pages.desk.job(person.username, job_id)
    return {
        "job": found,
        "moving": found["state"] in MOVING,
        "datasets": {each["id"]: each for each in pages.desk.datasets(person.username)},
    }


def _form(
    pages: Pages, request: Request, person: SignedIn, filled: dict[str, list[str]], error: YurtError | None = None
) -> Response:
    projects = pages.desk.projects(person.username)
    wanted = next(iter(filled.get("project", [])), "")
    chosen = next((found for found in projects if found["id"] == wanted), None)
    granted = {held["dataset"] for held in (chosen["grants"] if chosen else ()) if held["live"]}
    return pages.page(
        request,
        person,
        "jobs/new.html",
        error.http if error else 200,
        problem=pages.problem(request, error) if error else None,
        filled=filled,
        projects=projects,
        project=chosen,
        granted=[found for found in pages.desk.datasets(person.username) if found["id"] in granted],
    )
