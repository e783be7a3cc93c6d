"""Sealed jobs, as authors and approvers see them."""

import hashlib
import json
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.datasets import dataset
from catalog.people import Role, holds_role
from policies.requests import Member
from portal.context import Platform
from portal.errors import NOT_VISIBLE
from portal.records import JobRelease
from portal.views.people import holds_anywhere
from scheduler.blobs import Blobs
from scheduler.ledger import LedgerRow
from scheduler.manifest import JobManifest
from scheduler.queue import JobRow, approvals
from scheduler.queue import job as job_of
from scheduler.states import State
from store.errors import YurtError


def jobs(platform: Platform, actor: str) -> list[dict[str, Any]]:
    """Jobs the person may see, newest first."""
    with platform.database.reading() as session:
        rows = session.scalars(select(JobRow).order_by(JobRow.submitted_at.desc(), JobRow.id)).all()
        return [described(session, row, actor) for row in rows if may_see(session, row, actor)]


def job(platform: Platform, actor: str, job_id: str) -> dict[str, Any]:
    """One job. Raises JOB_UNKNOWN, NOT_VISIBLE."""
    with platform.database.reading() as session:
        row = job_of(session, job_id)
        if not may_see(session, row, actor):
            raise YurtError(NOT_VISIBLE, person=actor, what=f"job {job_id}")
        return {**described(session, row, actor), "script": _script(platform, row)}


def _script(platform: Platform, row: JobRow) -> str | None:
    """The script whose digest is up for approval; None when the stored bytes are no longer those (the job then refuses
    to start)."""
    digest = json.loads(row.manifest)["code_digest"]
    try:
        content = Blobs(platform.blobs).path(digest).read_bytes()
    except FileNotFoundError:
        return None
    return content.decode(errors="replace") if hashlib.sha256(content).hexdigest() == digest else None


def described(session: Session, row: JobRow, actor: str) -> dict[str, Any]:
    """A job as dict; times ISO 8601, seconds and bytes as measured."""
    manifest = json.loads(row.manifest)
    released = session.get(JobRelease, row.id)
    return {
        "id": row.id,
        "project": row.project,
        "title": manifest["purpose"],
        "author": row.author,
        "state": row.state.value,
        "digest": row.digest,
        "manifest": manifest,
        "created_at": row.submitted_at.isoformat(),
        "approvals_needed": row.approvals_needed,
        "approved_by": [given.approver for given in approvals(session, row.id)],
        "may_approve": may_approve(session, row, actor),
        "exit_class": row.outcome,
        "started_at": row.started_at.isoformat() if row.started_at else None,
        "finished_at": row.ended_at.isoformat() if row.ended_at else None,
        "usage": _usage(session.get(LedgerRow, row.id)),
        "release_id": released.release_id if released else None,
        "error": row.code,
    }


def agencies_of(session: Session, manifest: JobManifest | dict[str, Any]) -> list[str]:
    """The agencies whose data a job reads, by id."""
    datasets = manifest["datasets"] if isinstance(manifest, dict) else manifest.datasets
    names = [found["name"] if isinstance(found, dict) else found.name for found in datasets]
    return sorted({dataset(session, name).agency_id for name in names})


def approver_for(session: Session, row: JobRow, actor: str) -> str | None:
    """The agency this person could approve the job for: one whose data it reads and that has not approved yet."""
    given = {approval.agency for approval in approvals(session, row.id)}
    waiting = [agency for agency in agencies_of(session, json.loads(row.manifest)) if agency not in given]
    return next((agency for agency in waiting if holds_role(session, actor, Role.APPROVER, agency)), None)


def may_approve(session: Session, row: JobRow, actor: str) -> bool:
    """Whether the job waits for this person."""
    return row.state is State.SUBMITTED and actor != row.author and approver_for(session, row, actor) is not None


def may_see(session: Session, row: JobRow, actor: str) -> bool:
    """The project's people, approvers of the data's agencies, operators and auditors."""
    if session.get(Member, (row.project, actor)) is not None:
        return True
    if holds_anywhere(session, actor, Role.OPERATOR) or holds_anywhere(session, actor, Role.AUDITOR):
        return True
    return any(
        holds_role(session, actor, Role.APPROVER, agency) for agency in agencies_of(session, json.loads(row.manifest))
    )


def _usage(entry: LedgerRow | None) -> dict[str, Any] | None:
    if entry is None:
        return None
    peak_mib = entry.memory_mib_ms // entry.wall_ms if entry.wall_ms else 0  # the ledger keeps peak times wall time
    return {
        "cpu_seconds": entry.cpu_ms / 1000,
        "max_memory_bytes": peak_mib * 2**20,
        "wall_s": entry.wall_ms / 1000,
    }
