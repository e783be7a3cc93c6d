"""The start page: what waits for you, your projects, what is running; and stopping one's sandbox."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from portal.pages.forms import Reader, Writer
from portal.pages.serving import Serving

ACTIVE_JOBS = ("submitted", "approved", "queued", "running", "cancelling")
ACTIVE_JOINTS = ("submitted", "approved", "running")

router = APIRouter()


@router.get("/")
def home(request: Request, pages: Serving, person: Reader) -> Response:
    actor = person.username
    datasets = pages.desk.datasets(actor)
    joints = [found for found in pages.desk.joints(actor) if found["state"] in ACTIVE_JOINTS]
    return pages.page(
        request,
        person,
        "home.html",
        requests=pages.desk.requests(actor, "waiting"),
        releases=pages.desk.releases(actor, "waiting"),
        drafts=[found for found in datasets if found["state"] == "draft"],
        mine=[found for found in pages.desk.requests(actor, "mine") if found["state"] == "submitted"],
        projects=[found for found in pages.desk.projects(actor) if actor in found["members"]],
        jobs=[found for found in pages.desk.jobs(actor) if found["state"] in ACTIVE_JOBS],
        joints=joints,
        sandboxes=[found for found in pages.desk.sandboxes(actor) if found["user"] == actor],
        datasets={found["id"]: found for found in datasets},
    )


@router.post("/sandboxes/{project}/stop")
def stop_sandbox(request: Request, pages: Serving, person: Writer, project: str) -> Response:
    pages.desk.stop_sandbox(person.username, project)
    return pages.go("", "sandbox-stopped")
