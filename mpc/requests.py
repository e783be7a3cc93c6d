"""Asking for a joint computation: who asked, which parties' approvers agreed to exactly this, and how it ended.

States and moves are one table. An approval is for a digest over everything that will run, dataset versions included;
the approval of the last party moves the job to `approved`, and only such a job may start.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import rfc8785
from sqlalchemy import JSON, ForeignKey, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from catalog.datasets import Dataset, dataset
from catalog.people import Role, check_role, holds_role
from mpc.request_errors import (
    JOINT_CHANGED,
    JOINT_INVALID,
    JOINT_NOT_A_PARTY,
    JOINT_SELF_APPROVAL,
    JOINT_STATE_CONFLICT,
    JOINT_UNKNOWN,
)
from store.database import Base
from store.errors import YurtError


class JointState(StrEnum):
    """Where a joint job is."""

    SUBMITTED = "submitted"  # waiting for the parties' approvers
    APPROVED = "approved"  # by every party; about to start
    RUNNING = "running"
    DONE = "done"  # the receiver has the result
    REFUSED = "refused"  # the protocol ran, its gate opened nothing
    ABORTED = "aborted"  # something failed; nothing was opened


class JointEvent(StrEnum):
    """What moves a joint job."""

    APPROVE = "approve"
    START = "start"
    FINISH = "finish"
    REFUSE = "refuse"
    ABORT = "abort"


TRANSITIONS: dict[tuple[JointState, JointEvent], JointState] = {
    (JointState.SUBMITTED, JointEvent.APPROVE): JointState.APPROVED,
    (JointState.APPROVED, JointEvent.START): JointState.RUNNING,
    (JointState.APPROVED, JointEvent.ABORT): JointState.ABORTED,
    (JointState.RUNNING, JointEvent.FINISH): JointState.DONE,
    (JointState.RUNNING, JointEvent.REFUSE): JointState.REFUSED,
    (JointState.RUNNING, JointEvent.ABORT): JointState.ABORTED,
}


class JointJob(Base):
    """One joint computation. `parties`: {agency, dataset, key, columns, version, sha256}, in the order of the job."""

    __tablename__ = "joint_job"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    operator: Mapped[str]
    purpose: Mapped[str]
    parties: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    receiver: Mapped[str] = mapped_column(ForeignKey("agency.id"))
    min_group: Mapped[int]
    parameters: Mapped[dict[str, Any]] = mapped_column(JSON)
    submitter: Mapped[str] = mapped_column(ForeignKey("person.username"))
    digest: Mapped[str]
    state: Mapped[str] = mapped_column(default=JointState.SUBMITTED)
    stage: Mapped[str] = mapped_column(default="")
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    report: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    error: Mapped[str | None]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    approvals: Mapped[list["JointApproval"]] = relationship(order_by="JointApproval.at")

    @property
    def agencies(self) -> list[str]:
        """The parties' agencies, in the order of the job."""
        return [str(party["agency"]) for party in self.parties]


class JointApproval(Base):
    """One party's yes to one digest."""

    __tablename__ = "joint_approval"

    joint_id: Mapped[str] = mapped_column(ForeignKey("joint_job.id"), primary_key=True)
    agency_id: Mapped[str] = mapped_column(ForeignKey("agency.id"), primary_key=True)
    approver: Mapped[str] = mapped_column(ForeignKey("person.username"))
    digest: Mapped[str]
    at: Mapped[datetime]


def digest_of(job: JointJob) -> str:
    """SHA-256 over everything that will run, 64 hexadecimal digits (RFC 8785 text)."""
    terms: dict[str, Any] = {
        "id": job.id,
        "name": job.name,
        "operator": job.operator,
        "purpose": job.purpose,
        "parties": job.parties,
        "receiver": job.receiver,
        "min_group": job.min_group,
        "parameters": job.parameters,
        "submitter": job.submitter,
    }
    return hashlib.sha256(rfc8785.dumps(terms)).hexdigest()


def submit(session: Session, job: JointJob, parties: Sequence[Mapping[str, Any]]) -> JointJob:
    """Put a job before its parties' approvers; each dataset is pinned to its present version.

    `parties` are {agency, dataset, key, columns}. The submitter must be an operator for every party's agency, or a
    researcher of the receiver's. Raises JOINT_INVALID, DATASET_UNKNOWN, ROLE_REQUIRED.
    """
    agencies = [str(party["agency"]) for party in parties]
    if len(agencies) < 2 or len(set(agencies)) != len(agencies):
        raise YurtError(JOINT_INVALID, problem="it needs two or more parties of different agencies")
    if job.receiver not in agencies:
        raise YurtError(JOINT_INVALID, problem="the receiver is not one of the parties")
    if not holds_role(session, job.submitter, Role.RESEARCHER, job.receiver):
        for agency in agencies:
            check_role(session, job.submitter, Role.OPERATOR, agency)
    job.parties = [_pinned(dataset(session, str(party["dataset"])), party) for party in parties]
    job.state, job.stage = JointState.SUBMITTED, ""
    job.created_at = datetime.now(UTC)
    job.digest = digest_of(job)
    session.add(job)
    session.flush()
    return job


def _pinned(found: Dataset, party: Mapping[str, Any]) -> dict[str, Any]:
    if found.agency_id != party["agency"]:
        raise YurtError(JOINT_INVALID, problem=f"{found.id} is not a dataset of {party['agency']}")
    if found.state != "published":
        raise YurtError(JOINT_INVALID, problem=f"{found.id} is not published")
    known = {column.name for column in found.columns}
    wanted = [str(party["key"]), *(str(column) for column in party["columns"])]
    missing = [name for name in wanted if name not in known]
    if missing:
        raise YurtError(JOINT_INVALID, problem=f"{found.id} has no column {missing[0]}")
    return {
        "agency": found.agency_id,
        "dataset": found.id,
        "key": wanted[0],
        "columns": wanted[1:],
        "version": found.current.number,
        "sha256": found.current.sha256,
    }


def joint_job(session: Session, joint_id: str) -> JointJob:
    """The job, or JOINT_UNKNOWN."""
    found = session.get(JointJob, joint_id)
    if found is None:
        raise YurtError(JOINT_UNKNOWN, joint=joint_id)
    return found


def party_for(session: Session, job: JointJob, person: str) -> str | None:
    """The party this person could approve for: one they are an approver of, that has not approved yet."""
    given = {approval.agency_id for approval in job.approvals}
    waiting = [agency for agency in job.agencies if agency not in given]
    return next((agency for agency in waiting if holds_role(session, person, Role.APPROVER, agency)), None)


def may_approve(session: Session, job: JointJob, person: str) -> bool:
    """Whether the job waits for this person."""
    return (
        job.state == JointState.SUBMITTED
        and person != job.submitter
        and party_for(session, job, person) is not None
        and all(person != approval.approver for approval in job.approvals)
    )


def approve(session: Session, joint_id: str, person: str, digest: str) -> tuple[JointJob, str]:
    """One party's yes to exactly this digest: (job, the party). The last one moves the job to `approved`.

    Raises JOINT_SELF_APPROVAL, JOINT_NOT_A_PARTY, JOINT_CHANGED, JOINT_STATE_CONFLICT. One person speaks for one party.
    """
    job = joint_job(session, joint_id)
    if person == job.submitter:
        raise YurtError(JOINT_SELF_APPROVAL)
    if job.state != JointState.SUBMITTED:
        raise YurtError(JOINT_STATE_CONFLICT, joint=joint_id, state=job.state, event=JointEvent.APPROVE)
    agency = party_for(session, job, person)
    if agency is None or any(person == approval.approver for approval in job.approvals):
        raise YurtError(JOINT_NOT_A_PARTY, person=person, joint=joint_id)
    if digest != job.digest or digest_of(job) != digest:
        raise YurtError(JOINT_CHANGED, joint=joint_id)
    job.approvals.append(JointApproval(agency_id=agency, approver=person, digest=digest, at=datetime.now(UTC)))
    session.flush()
    if len(job.approvals) == len(job.parties):
        move(session, job, JointEvent.APPROVE)
    return job, agency


def check_approved(job: JointJob) -> None:
    """Just before a start: every party approved what is about to run. Raises JOINT_CHANGED."""
    given = {approval.agency_id for approval in job.approvals if approval.digest == job.digest}
    if given != set(job.agencies) or digest_of(job) != job.digest:
        raise YurtError(JOINT_CHANGED, joint=job.id)


def move(session: Session, job: JointJob, event: JointEvent, **changes: Any) -> JointState:
    """One step along the table by compare-and-set, with other columns changed along. Raises JOINT_STATE_CONFLICT."""
    before = JointState(job.state)
    after = TRANSITIONS.get((before, event))
    if after is not None:
        statement = update(JointJob).where(JointJob.id == job.id, JointJob.state == before)
        done = session.execute(
            statement.values(state=after, **changes), execution_options={"synchronize_session": False}
        )
        if done.rowcount == 1:  # type: ignore[attr-defined]  # a DML statement gives a CursorResult
            session.refresh(job)
            return after
    raise YurtError(JOINT_STATE_CONFLICT, joint=job.id, state=before, event=event)


def in_state(session: Session, *states: JointState) -> list[JointJob]:
    """Jobs in any of these states, oldest first."""
    return list(session.scalars(select(JointJob).where(JointJob.state.in_(states)).order_by(JointJob.created_at)))
