"""Joint computation: who takes part with what, who has agreed, what comes out for whom."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from portal.pages import forms
from portal.pages.forms import Posted, Reader, Writer
from portal.pages.render import Pages
from portal.pages.serving import Serving
from portal.session import SignedIn
from store.errors import YurtError

MOST_PARTIES = 3
MOVING = ("approved", "running")

router = APIRouter()


@router.get("/joint")
def joints(request: Request, pages: Serving, person: Reader) -> Response:
    return pages.page(request, person, "joint.html", joints=pages.desk.joints(person.username))


@router.get("/joint/new")
def new(request: Request, pages: Serving, person: Reader) -> Response:
    return _form(pages, request, person, {})


@router.post("/joint")
def propose(request: Request, pages: Serving, person: Writer, form: Posted) -> Response:
    try:
        made = pages.desk.submit_joint(person.username, proposal(form))
    except YurtError as error:
        return _form(pages, request, person, {name: list(each) for name, each in form.items()}, error)
    return pages.go(f"joint/{made['id']}", "joint")


@router.get("/joint/{joint_id}")
def one(request: Request, pages: Serving, person: Reader, joint_id: str) -> Response:
    return pages.page(request, person, "joint/joint.html", **_read(pages, person, joint_id))


@router.get("/joint/{joint_id}/progress")
def progress(request: Request, pages: Serving, person: Reader, joint_id: str) -> Response:
    read = _read(pages, person, joint_id)
    answer = pages.page(request, person, "joint/progress.html", **read)
    if not read["moving"]:
        answer.headers["HX-Refresh"] = "true"
    return answer


@router.get("/joint/{joint_id}/approve")
def confirm(request: Request, pages: Serving, person: Reader, joint_id: str) -> Response:
    return pages.page(request, person, "joint/confirm.html", **_read(pages, person, joint_id))


@router.post("/joint/{joint_id}/approve")
def approve(request: Request, pages: Serving, person: Writer, form: Posted, joint_id: str) -> Response:
    try:
        pages.desk.approve_joint(person.username, joint_id, forms.text(form, "digest"))
    except YurtError as error:
        problem = pages.problem(request, error)
        read = _read(pages, person, joint_id)
        return pages.page(request, person, "joint/confirm.html", error.http, problem=problem, **read)
    return pages.go(f"joint/{joint_id}", "joint-approved")


def _read(pages: Pages, person: SignedIn, joint_id: str) -> dict[str, Any]:
    found = pages.desk.joint(person.username, joint_id)
    return {
        "joint": found,
        "moving": found["state"] in MOVING,
        "agencies": {each["id"]: each for each in pages.desk.agencies(person.username)},
        "datasets": {each["id"]: each for each in pages.desk.datasets(person.username)},
        "approved_by": {each["agency"]: each for each in found["approvals"]},
    }


def _form(
    pages: Pages, request: Request, person: SignedIn, filled: dict[str, list[str]], error: YurtError | None = None
) -> Response:
    return pages.page(
        request,
        person,
        "joint/new.html",
        error.http if error else 200,
        problem=pages.problem(request, error) if error else None,
        filled=filled,
        agencies=pages.desk.agencies(person.username),
        datasets=[found for found in pages.desk.datasets(person.username) if found["state"] == "published"],
        most_parties=MOST_PARTIES,
    )


def proposal(form: forms.Fields) -> dict[str, Any]:
    """The form as the body of POST /joint; a party row without a dataset is left out."""
    parties = []
    for number in range(1, MOST_PARTIES + 1):
        dataset = forms.text(form, f"dataset:{number}", needed=False)
        if dataset:
            columns = forms.text(form, f"columns:{number}", needed=False)
            parties.append(
                {
                    "agency": forms.text(form, f"agency:{number}"),
                    "dataset": dataset,
                    "key": forms.text(form, f"key:{number}"),
                    "columns": columns.replace(",", " ").replace("，", " ").split(),
                }
            )
    return {
        "name": forms.text(form, "name"),
        "operator": forms.text(form, "operator"),
        "purpose": forms.text(form, "purpose"),
        "parties": parties,
        "receiver": forms.text(form, "receiver"),
        "min_group": forms.whole(form, "min_group"),
        "parameters": forms.mapping(form, "parameters"),
    }
