"""Routes of jobs, releases, joint computations and the ledger."""

from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import Field

from portal.actions import jobs as job_actions
from portal.actions import joint as joint_actions
from portal.actions import releases as release_actions
from portal.api.bodies import Body, Digest, Reader, ShortText, Text, Writer
from portal.context import Platform
from portal.views import jobs, joint, ledger, releases

Scope = Literal["mine", "waiting", "all"]


class Resources(Body):
    """The most a job may use."""

    cpus: Annotated[float, Field(gt=0)] = 1.0
    memory_bytes: Annotated[int, Field(gt=0)] = 2**30
    gpus: Annotated[int, Field(ge=0)] = 0
    wall_s: Annotated[int, Field(gt=0)] = 600


class NewJob(Body):
    """A script and what it reads. `outputs` left out: the files the script names under /out."""

    project: ShortText
    title: ShortText
    script: Annotated[str, Field(min_length=1, max_length=1 << 20)]
    datasets: Annotated[list[str], Field(min_length=1, max_length=64)]
    parameters: dict[str, Any] = Field(default_factory=dict)
    resources: Resources = Resources()
    outputs: Annotated[list[str], Field(max_length=64)] | None = None


class Approval(Body):
    """Yes to the manifest with this digest."""

    digest: Digest


class NewReview(Body):
    """Yes or no to the files with this digest."""

    approved: bool
    reason: Annotated[str, Field(max_length=500)] = ""
    digest: Digest


class TicketWanted(Body):
    """Which file to download."""

    file: ShortText


class Ticket(Body):
    """A ticket to spend."""

    ticket: ShortText


class Party(Body):
    """What one agency brings."""

    agency: ShortText
    dataset: ShortText
    key: ShortText
    columns: Annotated[list[str], Field(max_length=64)] = Field(default_factory=list)


class NewJoint(Body):
    """A joint computation."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    operator: ShortText
    purpose: Annotated[Text, Field(max_length=1000)]
    parties: Annotated[list[Party], Field(min_length=2, max_length=8)]
    receiver: ShortText
    min_group: Annotated[int, Field(ge=2, le=1_000_000)] = 10
    parameters: dict[str, Any] = Field(default_factory=dict)


def add_work_routes(router: APIRouter, platform: Platform) -> None:
    """Add them to the API's router."""
    _jobs(router, platform)
    _releases(router, platform)
    _joint(router, platform)

    @router.get("/ledger")
    def book(person: Reader, by: Literal["project", "agency", "person"] = "project") -> dict[str, Any]:
        return ledger.ledger(platform, person.username, by)


def _jobs(router: APIRouter, platform: Platform) -> None:
    @router.get("/jobs")
    def every(person: Reader) -> list[dict[str, Any]]:
        return jobs.jobs(platform, person.username)

    @router.get("/jobs/{job_id}")
    def one(person: Reader, job_id: str) -> dict[str, Any]:
        return jobs.job(platform, person.username, job_id)

    @router.post("/jobs", status_code=201)
    def submit(person: Writer, body: NewJob) -> dict[str, Any]:
        return job_actions.submit(platform, person.username, **body.model_dump())

    @router.post("/jobs/{job_id}/approve")
    def approve(person: Writer, job_id: str, body: Approval) -> dict[str, Any]:
        return job_actions.approve(platform, person.username, job_id, digest=body.digest)

    @router.post("/jobs/{job_id}/cancel")
    def cancel(person: Writer, job_id: str) -> dict[str, Any]:
        return job_actions.cancel(platform, person.username, job_id)


def _releases(router: APIRouter, platform: Platform) -> None:
    @router.get("/releases")
    def every(person: Reader, scope: Scope = "mine") -> list[dict[str, Any]]:
        return releases.releases(platform, person.username, scope)

    @router.get("/releases/{release_id}")
    def one(person: Reader, release_id: str) -> dict[str, Any]:
        return releases.release(platform, person.username, release_id)

    @router.post("/releases/{release_id}/reviews", status_code=201)
    def review(person: Writer, release_id: str, body: NewReview) -> dict[str, Any]:
        return release_actions.review(platform, person.username, release_id, **body.model_dump())

    @router.post("/releases/{release_id}/ticket", status_code=201)
    def ticket(person: Writer, release_id: str, body: TicketWanted) -> dict[str, Any]:
        return release_actions.issue_ticket(platform, person.username, release_id, file=body.file)

    @router.post("/downloads", response_class=Response)
    def download(person: Writer, body: Ticket) -> Response:
        name, content = release_actions.download(platform, person.username, ticket=body.ticket)
        headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}
        return Response(content, media_type="application/octet-stream", headers=headers)


def _joint(router: APIRouter, platform: Platform) -> None:
    @router.get("/joint")
    def every(person: Reader) -> list[dict[str, Any]]:
        return joint.joints(platform, person.username)

    @router.get("/joint/{joint_id}")
    def one(person: Reader, joint_id: str) -> dict[str, Any]:
        return joint.joint(platform, person.username, joint_id)

    @router.post("/joint", status_code=201)
    def submit(person: Writer, body: NewJoint) -> dict[str, Any]:
        return joint_actions.submit(platform, person.username, **body.model_dump())

    @router.post("/joint/{joint_id}/approve")
    def approve(person: Writer, joint_id: str, body: Approval) -> dict[str, Any]:
        return joint_actions.approve(platform, person.username, joint_id, digest=body.digest)
