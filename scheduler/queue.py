"""Jobs in the platform's records: submitting, approving, cancelling, and the moves of the compute daemon.

Guarantees: a job moves only along `scheduler.states.TRANSITIONS`, each move by one compare-and-set statement, so that
of two who act at once exactly one succeeds and the other gets JOB_STATE_CONFLICT; an approval is for one digest;
nobody approves a job they wrote; approvals that count come from different agencies.

Every function takes an open session and leaves the commit to its owner, so that a move and the record of it stand or
fall together.
"""

from datetime import datetime

from sqlalchemy import BigInteger, Enum, ForeignKey, Text, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from scheduler.errors import (
    JOB_APPROVED_TWICE,
    JOB_DIGEST_MISMATCH,
    JOB_EXISTS,
    JOB_SELF_APPROVAL,
    JOB_STATE_CONFLICT,
    JOB_UNKNOWN,
)
from scheduler.manifest import JobManifest
from scheduler.states import Event, State, next_state
from store.database import Base
from store.errors import YurtError

_STATE = Enum(State, native_enum=False, length=16, values_callable=lambda states: [state.value for state in states])


class JobRow(Base):
    """One job. The manifest's canonical text is kept whole: it is what was approved."""

    __tablename__ = "jobs"

    id: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[State] = mapped_column(_STATE, index=True)
    manifest: Mapped[str] = mapped_column(Text)
    digest: Mapped[str]
    agency: Mapped[str]
    project: Mapped[str] = mapped_column(index=True)
    author: Mapped[str] = mapped_column(index=True)
    approvals_needed: Mapped[int]
    submitted_at: Mapped[datetime]
    queued_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str | None]  # bucketed: how it ended, see scheduler.report.Outcome
    code: Mapped[str | None]  # error code of a refusal or failure


class ApprovalRow(Base):
    """One person's approval of one digest."""

    __tablename__ = "job_approvals"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"), primary_key=True)
    approver: Mapped[str] = mapped_column(primary_key=True)
    agency: Mapped[str]
    digest: Mapped[str]
    at: Mapped[datetime]


class QuotaRow(Base):
    """One node of the quota tree; the parts of its path are joined by a line feed, which no name holds."""

    __tablename__ = "quota_nodes"

    path: Mapped[str] = mapped_column(primary_key=True)
    weight: Mapped[float]
    cpu_milli: Mapped[int | None]  # the three are set together: the most the node may hold at once
    memory_bytes: Mapped[int | None] = mapped_column(BigInteger)
    gpu_milli: Mapped[int | None]


def submit(session: Session, manifest: JobManifest, *, now: datetime, approvals_needed: int = 1) -> JobRow:
    """Put a new job before its approvers. Raises JOB_EXISTS."""
    if session.get(JobRow, manifest.job_id) is not None:
        raise YurtError(JOB_EXISTS, job=manifest.job_id)
    row = JobRow(
        id=manifest.job_id,
        state=State.SUBMITTED,
        manifest=manifest.canonical().decode(),
        digest=manifest.digest(),
        agency=manifest.agency,
        project=manifest.project,
        author=manifest.author,
        approvals_needed=max(1, approvals_needed),
        submitted_at=now,
    )
    session.add(row)
    session.flush()
    return row


def job(session: Session, job_id: str) -> JobRow:
    """The job as it is now. Raises JOB_UNKNOWN."""
    row = session.get(JobRow, job_id, populate_existing=True)
    if row is None:
        raise YurtError(JOB_UNKNOWN, job=job_id)
    return row


def manifest_of(row: JobRow) -> JobManifest:
    """The manifest that was approved. Raises JOB_DIGEST_MISMATCH when the kept text is not the one of the digest."""
    manifest = JobManifest.parse(row.manifest)
    if manifest.digest() != row.digest or manifest.job_id != row.id:
        raise YurtError(JOB_DIGEST_MISMATCH, what="manifest", job=row.id)
    return manifest


def approve(session: Session, job_id: str, *, approver: str, agency: str, digest: str, now: datetime) -> State:
    """One person approves the manifest with this digest; the state afterwards.

    `approver` is a natural person's id and `agency` theirs. Raises JOB_SELF_APPROVAL, JOB_DIGEST_MISMATCH (they looked
    at something else), JOB_APPROVED_TWICE, JOB_STATE_CONFLICT.
    """
    row = job(session, job_id)
    if approver == row.author:
        raise YurtError(JOB_SELF_APPROVAL)
    if digest != row.digest or manifest_of(row).digest() != digest:
        raise YurtError(JOB_DIGEST_MISMATCH, what="manifest", job=job_id)
    if row.state is not State.SUBMITTED:
        raise YurtError(JOB_STATE_CONFLICT, job=job_id, state=row.state, event=Event.APPROVE)
    before = approvals(session, job_id)
    if any(approver == given.approver or agency == given.agency for given in before):
        raise YurtError(JOB_APPROVED_TWICE, job=job_id)
    session.add(ApprovalRow(job_id=job_id, approver=approver, agency=agency, digest=digest, at=now))
    session.flush()
    if len(before) + 1 < row.approvals_needed:
        return State.SUBMITTED
    return move(session, job_id, Event.APPROVE)


def approvals(session: Session, job_id: str) -> list[ApprovalRow]:
    """The approvals of a job, oldest first."""
    return list(session.scalars(select(ApprovalRow).where(ApprovalRow.job_id == job_id).order_by(ApprovalRow.at)))


def check_approved(session: Session, row: JobRow) -> JobManifest:
    """The manifest, if enough people approved exactly this digest. Raises JOB_DIGEST_MISMATCH, JOB_SELF_APPROVAL.

    Asked again just before a start: a state alone is one word in a table, the approvals are the reason for it.
    """
    manifest = manifest_of(row)
    given = [approval for approval in approvals(session, row.id) if approval.digest == row.digest]
    if any(approval.approver == manifest.author for approval in given):
        raise YurtError(JOB_SELF_APPROVAL)
    if len({approval.agency for approval in given}) < row.approvals_needed:
        raise YurtError(JOB_DIGEST_MISMATCH, what="approval", job=row.id)
    return manifest


def reject(session: Session, job_id: str, *, code: str = "REJECTED", now: datetime) -> State:
    """An approver says no."""
    return move(session, job_id, Event.REJECT, ended_at=now, outcome="refused", code=code)


def cancel(session: Session, job_id: str, *, now: datetime) -> State:
    """Stop a job wherever it is: at once when it waits, by killing its jail when it runs."""
    if job(session, job_id).state is State.RUNNING:
        return move(session, job_id, Event.CANCEL)
    return move(session, job_id, Event.CANCEL, ended_at=now, outcome="cancelled")


def move(session: Session, job_id: str, event: Event, **changes: datetime | str | None) -> State:
    """One step along the table by compare-and-set, with other columns changed along. Raises JOB_STATE_CONFLICT."""
    before = job(session, job_id).state
    after = next_state(before, event)
    if after is not None:
        statement = update(JobRow).where(JobRow.id == job_id, JobRow.state == before).values(state=after, **changes)
        done = session.execute(statement, execution_options={"synchronize_session": False})
        if done.rowcount == 1:  # type: ignore[attr-defined]  # a DML statement gives a CursorResult
            session.expire_all()
            return after
    raise YurtError(JOB_STATE_CONFLICT, job=job_id, state=before, event=event)


def in_state(session: Session, *states: State) -> list[JobRow]:
    """Jobs in any of these states, oldest first."""
    return list(
        session.scalars(select(JobRow).where(JobRow.state.in_(states)).order_by(JobRow.submitted_at, JobRow.id))
    )
