"""Projects: purpose, people, grants and requests."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.datasets import dataset
from catalog.people import Role, holds_role
from policies.grants import Grant, grants_of_project
from policies.requests import AccessRequest, Member, Project
from policies.requests import project as project_of
from portal.context import Platform
from portal.errors import NOT_VISIBLE
from portal.views.people import holds_anywhere
from store.days import today
from store.errors import YurtError


def projects(platform: Platform, actor: str) -> list[dict[str, Any]]:
    """The projects the person may see, newest first."""
    with platform.database.reading() as session:
        rows = session.scalars(select(Project).order_by(Project.created_at.desc(), Project.id)).all()
        return [described(session, found, actor) for found in rows if may_see(session, found.id, actor)]


def project(platform: Platform, actor: str, project_id: str) -> dict[str, Any]:
    """One project. Raises PROJECT_UNKNOWN, NOT_VISIBLE."""
    with platform.database.reading() as session:
        found = project_of(session, project_id)
        if not may_see(session, project_id, actor):
            raise YurtError(NOT_VISIBLE, person=actor, what=f"project {project_id}")
        return described(session, found, actor)


def described(session: Session, found: Project, actor: str) -> dict[str, Any]:
    """A project as dict; `sandbox_path` is where this person opens their own sandbox of it."""
    from portal.views.requests import described as request_described

    requests = session.scalars(
        select(AccessRequest).where(AccessRequest.project_id == found.id).order_by(AccessRequest.id.desc())
    )
    return {
        "id": found.id,
        "title": found.title,
        "purpose": found.purpose,
        "owner": found.owner,
        "created_at": found.created_at.isoformat(),
        "members": members(session, found.id),
        "grants": [grant_described(grant) for grant in grants_of_project(session, found.id)],
        "requests": [request_described(session, wanted, actor) for wanted in requests],
        "sandbox_path": f"/hub/spawn/{actor}/{found.id}",
    }


def grant_described(grant: Grant) -> dict[str, Any]:
    """A grant as dict; `live` says whether it holds today."""
    day = today()
    return {
        "id": grant.id,
        "request": grant.request_id,
        "project": grant.project_id,
        "dataset": grant.dataset_id,
        "columns": grant.columns,
        "joins": grant.joins,
        "rows": grant.rows,
        "release": grant.release,
        "valid_from": grant.valid_from.isoformat(),
        "valid_until": grant.valid_until.isoformat(),
        "revoked_at": grant.revoked_at.isoformat() if grant.revoked_at else None,
        "revoked_by": grant.revoked_by,
        "live": grant.revoked_at is None and grant.valid_from <= day <= grant.valid_until,
    }


def members(session: Session, project_id: str) -> list[str]:
    """Login names of those who work in the project."""
    rows = session.scalars(select(Member.username).where(Member.project_id == project_id).order_by(Member.username))
    return list(rows)


def may_see(session: Session, project_id: str, actor: str) -> bool:
    """Members, auditors, and the approvers of agencies whose data the project asked for."""
    if session.get(Member, (project_id, actor)) is not None or holds_anywhere(session, actor, Role.AUDITOR):
        return True
    asked = session.scalars(select(AccessRequest.dataset_id).where(AccessRequest.project_id == project_id).distinct())
    return any(holds_role(session, actor, Role.APPROVER, dataset(session, name).agency_id) for name in asked)
