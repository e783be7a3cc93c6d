"""Projects: who works on what, with which data, until when."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from portal.pages import forms
from portal.pages.forms import Posted, Reader, Writer
from portal.pages.render import Pages
from portal.pages.serving import Serving
from portal.session import SignedIn
from store.days import today
from store.errors import YurtError

router = APIRouter()


@router.get("/projects")
def projects(request: Request, pages: Serving, person: Reader) -> Response:
    return pages.page(request, person, "projects.html", projects=pages.desk.projects(person.username))


@router.get("/projects/new")
def new(request: Request, pages: Serving, person: Reader) -> Response:
    return pages.page(request, person, "projects/new.html")


@router.post("/projects")
def create(request: Request, pages: Serving, person: Writer, form: Posted) -> Response:
    filled = {name: forms.text(form, name, needed=False) for name in ("id", "title", "purpose")}
    try:
        given = {name: forms.text(form, name) for name in filled}
        made = pages.desk.create_project(person.username, given["id"], given["title"], given["purpose"])
    except YurtError as error:
        problem = pages.problem(request, error)
        return pages.page(request, person, "projects/new.html", error.http, problem=problem, filled=filled)
    return pages.go(f"projects/{made['id']}", "project")


@router.get("/projects/{project_id}")
def project(request: Request, pages: Serving, person: Reader, project_id: str) -> Response:
    return pages.page(
        request,
        person,
        "projects/project.html",
        project=pages.desk.project(person.username, project_id),
        datasets={found["id"]: found for found in pages.desk.datasets(person.username)},
        today=today().isoformat(),
    )


@router.post("/projects/{project_id}/members")
def add_member(request: Request, pages: Serving, person: Writer, form: Posted, project_id: str) -> Response:
    username = forms.text(form, "username", needed=False)
    try:
        pages.desk.add_member(person.username, project_id, forms.text(form, "username"))
    except YurtError as error:
        return pages.page(
            request,
            person,
            "projects/project.html",
            error.http,
            problem=pages.problem(request, error),
            filled={"username": username},
            project=pages.desk.project(person.username, project_id),
            datasets={found["id"]: found for found in pages.desk.datasets(person.username)},
            today=today().isoformat(),
        )
    return pages.go(f"projects/{project_id}", "member")


@router.get("/projects/{project_id}/replay")
def changed_policy(request: Request, pages: Serving, person: Reader, project_id: str) -> Response:
    filled = {"policy": pages.desk.policy(person.username, project_id)}
    return _replay(request, pages, person, project_id, filled)


@router.post("/projects/{project_id}/replay")
def replay(request: Request, pages: Serving, person: Writer, form: Posted, project_id: str) -> Response:
    filled = {"policy": forms.text(form, "policy", needed=False)}
    try:
        found = pages.desk.replay(person.username, project_id, forms.text(form, "policy"))
    except YurtError as error:
        return _replay(request, pages, person, project_id, filled, error=error)
    return _replay(request, pages, person, project_id, filled, found=found)


def _replay(
    request: Request,
    pages: Pages,
    person: SignedIn,
    project_id: str,
    filled: dict[str, str],
    found: dict[str, Any] | None = None,
    error: YurtError | None = None,
) -> Response:
    return pages.page(
        request,
        person,
        "projects/replay.html",
        error.http if error else 200,
        problem=pages.problem(request, error) if error else None,
        filled=filled,
        project=pages.desk.project(person.username, project_id),
        found=found,
    )


@router.get("/projects/{project_id}/grants/{grant_id}/revoke")
def confirm_revoke(request: Request, pages: Serving, person: Reader, project_id: str, grant_id: int) -> Response:
    project = pages.desk.project(person.username, project_id)
    grant = next((held for held in project["grants"] if held["id"] == grant_id), None)
    running = [found for found in pages.desk.sandboxes(person.username) if found["project"] == project_id]
    return pages.page(
        request, person, "projects/revoke.html", project=project, grant=grant, grant_id=grant_id, running=running
    )


@router.post("/projects/{project_id}/grants/{grant_id}/revoke")
def revoke(pages: Serving, person: Writer, project_id: str, grant_id: int) -> Response:
    revoked = pages.desk.revoke(person.username, grant_id)
    partly = bool(revoked.get("sandboxes_not_stopped"))
    return pages.go(f"projects/{project_id}", "revoked-partly" if partly else "revoked")
