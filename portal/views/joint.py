"""Joint computations, as their parties see them; the result is for the receiver's agency and the submitter alone."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.agencies import within
from catalog.people import Role, holds_role, person
from mpc import requests as rules
from mpc.requests import JointJob
from portal.context import Platform
from portal.errors import NOT_VISIBLE
from portal.views.people import holds_anywhere
from store.errors import YurtError


def joints(platform: Platform, actor: str) -> list[dict[str, Any]]:
    """Joint jobs the person may see, newest first."""
    with platform.database.reading() as session:
        rows = session.scalars(select(JointJob).order_by(JointJob.created_at.desc(), JointJob.id)).all()
        return [described(session, job, actor) for job in rows if may_see(session, job, actor)]


def joint(platform: Platform, actor: str, joint_id: str) -> dict[str, Any]:
    """One joint job. Raises JOINT_UNKNOWN, NOT_VISIBLE."""
    with platform.database.reading() as session:
        job = rules.joint_job(session, joint_id)
        if not may_see(session, job, actor):
            raise YurtError(NOT_VISIBLE, person=actor, what=f"joint job {joint_id}")
        return described(session, job, actor)


def described(session: Session, job: JointJob, actor: str) -> dict[str, Any]:
    """A joint job as dict; `result` is None for whom it is not meant."""
    return {
        "id": job.id,
        "name": job.name,
        "operator": job.operator,
        "purpose": job.purpose,
        "parties": job.parties,
        "receiver": job.receiver,
        "min_group": job.min_group,
        "parameters": job.parameters,
        "submitter": job.submitter,
        "digest": job.digest,
        "state": str(job.state),
        "stage": job.stage,
        "approvals": [
            {"agency": given.agency_id, "approver": given.approver, "at": given.at.isoformat()}
            for given in job.approvals
        ],
        "may_approve": rules.may_approve(session, job, actor),
        "result": job.result if _may_read_result(session, job, actor) else None,
        "report": job.report,
        "error": job.error,
        "created_at": job.created_at.isoformat(),
        "ended_at": job.ended_at.isoformat() if job.ended_at else None,
    }


def may_see(session: Session, job: JointJob, actor: str) -> bool:
    """The submitter, the parties' stewards and approvers, people of the receiver, auditors."""
    if actor == job.submitter or holds_anywhere(session, actor, Role.AUDITOR):
        return True
    roles = (Role.STEWARD, Role.APPROVER)
    return _may_read_result(session, job, actor) or any(
        holds_role(session, actor, role, agency) for role in roles for agency in job.agencies
    )


def _may_read_result(session: Session, job: JointJob, actor: str) -> bool:
    return actor == job.submitter or within(session, person(session, actor).agency_id, job.receiver)
