"""All routes of the API under one router; each calls one action or view in a thread, since those block."""

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from portal.actions import datasets as dataset_actions
from portal.actions import grants as grant_actions
from portal.actions import projects as project_actions
from portal.actions import requests as request_actions
from portal.actions import sandboxes as sandbox_actions
from portal.api.bodies import Body, Reader, ShortText, Text, Writer
from portal.api.uploads import receive_upload
from portal.api.work import add_work_routes
from portal.context import Platform
from portal.errors import BODY_INVALID
from portal.session import CSRF_FIELD, CSRF_HEADER, check_csrf
from portal.views import datasets, impact, people, projects, records, replay, requests, sandboxes
from store.errors import YurtError

Scope = Literal["mine", "waiting", "all"]


class Publication(Body):
    """Accepting a draft's proposals."""

    grades: dict[str, Annotated[int, Field(ge=1, le=4)]] = Field(default_factory=dict)
    reason: Annotated[str, Field(max_length=4000)] = ""


class NewProject(Body):
    """A purpose to pursue."""

    id: ShortText
    title: ShortText
    purpose: Text


class ChangedPolicy(Body):
    """A policy file to hold the project's questions against."""

    policy: Annotated[str, Field(min_length=1, max_length=1 << 18)]


class NewMember(Body):
    """Somebody to work in a project."""

    username: ShortText


class NewRequest(Body):
    """Columns wanted; capabilities in the policy grammar."""

    project: ShortText
    dataset: ShortText
    purpose: Text
    columns: Annotated[dict[str, list[str | dict[str, Any]]], Field(max_length=500)]
    joins: Annotated[list[str], Field(max_length=50)] = Field(default_factory=list)
    rows: Annotated[str, Field(max_length=2000)] | None = None
    release: dict[str, Any] = Field(default_factory=dict)
    valid_from: date
    valid_until: date


class NewDecision(Body):
    """Yes or no to one version of a request, its impact read."""

    approved: bool
    version: int
    reason: Annotated[str, Field(max_length=4000)] = ""
    impact_digest: Annotated[str, Field(max_length=100)] = ""


def api_router(platform: Platform) -> APIRouter:
    """Everything under /api/v1 that people and programs may ask or do."""
    router = APIRouter()

    @router.get("/health")
    def health() -> dict[str, bool]:
        return {"ok": True}

    @router.get("/me")
    def me(person: Reader) -> dict[str, Any]:
        return people.me(platform, person.username)

    @router.get("/agencies")
    def agencies(person: Reader) -> list[dict[str, Any]]:
        return people.agencies(platform, person.username)

    @router.get("/sandboxes")
    def running(person: Reader) -> list[dict[str, Any]]:
        return sandboxes.sandboxes(platform, person.username)

    @router.post("/sandboxes/{project}/stop")
    def stop_sandbox(person: Writer, project: str) -> dict[str, Any]:
        return sandbox_actions.stop(platform, person.username, project)

    @router.get("/audit")
    def audit_records(person: Reader, last: Annotated[int, Query(ge=1, le=1000)] = 100) -> list[dict[str, Any]]:
        return records.records(platform, person.username, last)

    @router.get("/audit/verify")
    def audit_verify(person: Reader) -> dict[str, Any]:
        return records.verify(platform, person.username)

    @router.post("/grants/{grant_id}/revoke")
    def revoke(person: Writer, grant_id: int) -> dict[str, Any]:
        return grant_actions.revoke(platform, person.username, grant_id)

    _datasets(router, platform)
    _projects(router, platform)
    _requests(router, platform)
    add_work_routes(router, platform)
    return router


def _datasets(router: APIRouter, platform: Platform) -> None:
    @router.get("/datasets")
    def every(person: Reader) -> list[dict[str, Any]]:
        return datasets.datasets(platform, person.username)

    @router.get("/datasets/{dataset_id}")
    def one(person: Reader, dataset_id: str) -> dict[str, Any]:
        return datasets.dataset(platform, person.username, dataset_id)

    @router.post("/datasets", status_code=201)
    async def register(person: Reader, request: Request) -> JSONResponse:
        upload = await receive_upload(request, platform.incoming)
        try:
            if person.session is not None:
                check_csrf(request, request.headers.get(CSRF_HEADER) or upload.fields.get(CSRF_FIELD))
            form = _Form.from_upload(upload.fields, upload.file)
            registered = await run_in_threadpool(
                dataset_actions.register, platform, person.username, file=form.file, **form.fields
            )
        finally:
            upload.discard()
        return JSONResponse(registered, 201)

    @router.post("/datasets/{dataset_id}/versions", status_code=201)
    async def add_version(person: Reader, request: Request, dataset_id: str) -> JSONResponse:
        upload = await receive_upload(request, platform.incoming)
        try:
            if person.session is not None:
                check_csrf(request, request.headers.get(CSRF_HEADER) or upload.fields.get(CSRF_FIELD))
            if upload.file is None:
                raise YurtError(BODY_INVALID, field="file", why="it is missing")
            added = await run_in_threadpool(
                dataset_actions.add_version, platform, person.username, dataset_id, file=upload.file
            )
        finally:
            upload.discard()
        return JSONResponse(added, 201)

    @router.post("/datasets/{dataset_id}/publish")
    def publish(person: Writer, dataset_id: str, body: Publication) -> dict[str, Any]:
        return dataset_actions.publish(platform, person.username, dataset_id, grades=body.grades, reason=body.reason)


class _Form:
    NAMES = ("id", "title", "title_en", "description", "unit", "source")

    def __init__(self, fields: dict[str, str], file: Path) -> None:
        self.fields, self.file = fields, file

    @classmethod
    def from_upload(cls, fields: dict[str, str], file: Path | None) -> "_Form":
        for name in (*cls.NAMES[:2], "unit"):
            if not fields.get(name, "").strip():
                raise YurtError(BODY_INVALID, field=name, why="it is missing")
        unknown = fields.keys() - {*cls.NAMES, CSRF_FIELD}
        if unknown:
            raise YurtError(BODY_INVALID, field=min(unknown)[:40], why="this field is unknown")
        if file is None:
            raise YurtError(BODY_INVALID, field="file", why="it is missing")
        return cls({name: fields.get(name, "").strip() for name in cls.NAMES}, file)


def _projects(router: APIRouter, platform: Platform) -> None:
    @router.get("/projects")
    def every(person: Reader) -> list[dict[str, Any]]:
        return projects.projects(platform, person.username)

    @router.get("/projects/{project_id}")
    def one(person: Reader, project_id: str) -> dict[str, Any]:
        return projects.project(platform, person.username, project_id)

    @router.post("/projects/{project_id}/replay")
    def replayed(person: Writer, project_id: str, body: ChangedPolicy) -> dict[str, Any]:
        return replay.replay(platform, person.username, project_id, body.policy)

    @router.post("/projects", status_code=201)
    def create(person: Writer, body: NewProject) -> dict[str, Any]:
        return project_actions.create(platform, person.username, **body.model_dump())

    @router.post("/projects/{project_id}/members")
    def add_member(person: Writer, project_id: str, body: NewMember) -> dict[str, Any]:
        return project_actions.add_member(platform, person.username, project_id, username=body.username)


def _requests(router: APIRouter, platform: Platform) -> None:
    @router.get("/requests")
    def every(person: Reader, scope: Scope = "mine") -> list[dict[str, Any]]:
        return requests.requests(platform, person.username, scope)

    @router.get("/requests/{request_id}")
    def one(person: Reader, request_id: int) -> dict[str, Any]:
        return requests.request(platform, person.username, request_id)

    @router.get("/requests/{request_id}/impact")
    def preview(person: Reader, request_id: int) -> dict[str, Any]:
        return impact.impact(platform, person.username, request_id)

    @router.post("/requests", status_code=201)
    def submit(person: Writer, body: NewRequest) -> dict[str, Any]:
        return request_actions.submit(platform, person.username, **body.model_dump())

    @router.post("/requests/{request_id}/decisions", status_code=201)
    def decide(person: Writer, request_id: int, body: NewDecision) -> dict[str, Any]:
        return request_actions.decide(platform, person.username, request_id, **body.model_dump())
