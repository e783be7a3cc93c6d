"""Where compute went, which sandboxes run, and whether the record is whole."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from portal.pages.forms import Reader
from portal.pages.serving import Serving

LAST = 100

router = APIRouter()


@router.get("/compute")
def compute(
    request: Request, pages: Serving, person: Reader, by: Literal["project", "agency", "person"] = "project"
) -> Response:
    ledger = pages.desk.ledger(person.username, by)
    running = pages.desk.sandboxes(person.username)
    return pages.page(request, person, "compute.html", ledger=ledger, sandboxes=running, by=by)


@router.get("/audit")
def audit(
    request: Request,
    pages: Serving,
    person: Reader,
    last: Annotated[int, Query(ge=1, le=1000)] = LAST,
    event: str = "",
    actor: str = "",
) -> Response:
    records = pages.desk.records(person.username, last)
    shown = [r for r in records if event in ("", r["event"]) and actor in ("", r["actor"])]
    return pages.page(
        request,
        person,
        "audit.html",
        verified=pages.desk.verify(person.username),
        records=shown,
        total=len(records),
        events=sorted({record["event"] for record in records}),
        actors=sorted({record["actor"] for record in records}),
        event=event,
        actor=actor,
        last=last,
    )
