"""Asking for data: a request is what was asked, a decision is who said what to which version of it.

Kept apart on purpose from the grant (`policies.grants`): what is live. Who may decide and what the state allows are two
questions with two functions.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

import yaml
from sqlalchemy import JSON, ForeignKey, Index, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from catalog.datasets import Dataset, dataset
from catalog.people import Role, holds_role, person
from policies.access_errors import (
    CAPABILITY_INVALID,
    NOT_A_MEMBER,
    NOT_AN_APPROVER,
    PERIOD_INVALID,
    PROJECT_EXISTS,
    PROJECT_UNKNOWN,
    REASON_MISSING,
    REQUEST_CHANGED,
    REQUEST_CLOSED,
    REQUEST_OPEN_ALREADY,
    REQUEST_UNKNOWN,
    SAME_AGENCY_TWICE,
    SELF_APPROVAL,
)
from policies.grants import Grant, policy_document
from policies.load import load_policy
from store.database import Base
from store.errors import YurtError

SENSITIVE_GRADE = 4
LONGEST_PERIOD_DAYS = 366


class RequestState(StrEnum):
    """Where a request stands; only `submitted` waits for somebody."""

    SUBMITTED = "submitted"
    APPROVED = "approved"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"


class Project(Base):
    """A purpose and the people who pursue it."""

    __tablename__ = "project"

    id: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]
    purpose: Mapped[str]
    owner: Mapped[str] = mapped_column(ForeignKey("person.username"))
    created_at: Mapped[datetime]


class Member(Base):
    """Somebody who works in a project."""

    __tablename__ = "project_member"

    project_id: Mapped[str] = mapped_column(ForeignKey("project.id"), primary_key=True)
    username: Mapped[str] = mapped_column(ForeignKey("person.username"), primary_key=True)


class AccessRequest(Base):
    """Columns of one dataset, wanted for a project, a purpose and a period.

    `columns` maps each column to capabilities and `release` names the release mode, both in the policy grammar.
    """

    __tablename__ = "access_request"
    __table_args__ = (
        Index(
            "ix_one_open_request",
            "project_id",
            "dataset_id",
            unique=True,
            sqlite_where=text("state = 'submitted'"),
            postgresql_where=text("state = 'submitted'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("project.id"))
    dataset_id: Mapped[str] = mapped_column(ForeignKey("dataset.id"))
    applicant: Mapped[str] = mapped_column(ForeignKey("person.username"))
    purpose: Mapped[str]
    columns: Mapped[dict[str, Any]] = mapped_column(JSON)
    joins: Mapped[list[str]] = mapped_column(JSON)
    rows: Mapped[str | None]  # row filter, in the policy grammar; None: every row
    release: Mapped[dict[str, Any]] = mapped_column(JSON)
    valid_from: Mapped[date]
    valid_until: Mapped[date]
    state: Mapped[str] = mapped_column(default=RequestState.SUBMITTED)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    decisions: Mapped[list["RequestDecision"]] = relationship(order_by="RequestDecision.decided_at")


class RequestDecision(Base):
    """What one approver said to one version of a request, and the digest of the impact that was shown."""

    __tablename__ = "request_decision"

    request_id: Mapped[int] = mapped_column(ForeignKey("access_request.id"), primary_key=True)
    decider: Mapped[str] = mapped_column(ForeignKey("person.username"), primary_key=True)
    agency_id: Mapped[str]
    request_version: Mapped[int]
    approved: Mapped[bool]
    reason: Mapped[str]
    impact_digest: Mapped[str]
    decided_at: Mapped[datetime]


def create_project(session: Session, project_id: str, title: str, purpose: str, owner: str) -> Project:
    """A new project whose owner is its first member."""
    if session.get(Project, project_id) is not None:
        raise YurtError(PROJECT_EXISTS, project=project_id)
    created = Project(id=project_id, title=title, purpose=purpose, owner=owner, created_at=datetime.now(UTC))
    session.add(created)
    session.flush()
    session.add(Member(project_id=project_id, username=owner))
    session.flush()
    return created


def project(session: Session, project_id: str) -> Project:
    """The project, or PROJECT_UNKNOWN."""
    found = session.get(Project, project_id)
    if found is None:
        raise YurtError(PROJECT_UNKNOWN, project=project_id)
    return found


def projects_of(session: Session, username: str) -> Sequence[Project]:
    """The projects a person is a member of."""
    return session.scalars(
        select(Project).join(Member, Member.project_id == Project.id).where(Member.username == username)
    ).all()


def check_member(session: Session, project_id: str, username: str) -> None:
    """Raise NOT_A_MEMBER unless the person works in the project."""
    if session.get(Member, (project_id, username)) is None:
        raise YurtError(NOT_A_MEMBER, person=username, project=project_id)


def submit(session: Session, wanted: AccessRequest) -> AccessRequest:
    """Put a request before the approvers of the owning agency.

    Raises NOT_A_MEMBER, PERIOD_INVALID, CAPABILITY_INVALID, REQUEST_OPEN_ALREADY and what the lookups raise.
    """
    asked_project = project(session, wanted.project_id)
    asked = dataset(session, wanted.dataset_id)
    check_member(session, wanted.project_id, wanted.applicant)
    if not 0 < (wanted.valid_until - wanted.valid_from).days <= LONGEST_PERIOD_DAYS:
        raise YurtError(PERIOD_INVALID)
    unknown = wanted.columns.keys() - {column.name for column in asked.columns}
    if unknown:
        raise YurtError(CAPABILITY_INVALID, problem=f"{asked.id} has no column {min(unknown)}.")
    try:
        load_policy(yaml.safe_dump(policy_document(asked_project, [(asked, wanted)]), allow_unicode=True))
    except YurtError as error:
        raise YurtError(CAPABILITY_INVALID, problem=error.message) from error
    open_already = session.scalar(
        select(AccessRequest.id).where(
            AccessRequest.project_id == wanted.project_id,
            AccessRequest.dataset_id == wanted.dataset_id,
            AccessRequest.state == RequestState.SUBMITTED,
        )
    )
    if open_already is not None:
        raise YurtError(REQUEST_OPEN_ALREADY, project=wanted.project_id, dataset=wanted.dataset_id)
    wanted.created_at = datetime.now(UTC)
    session.add(wanted)
    session.flush()
    return wanted


def access_request(session: Session, request_id: int) -> AccessRequest:
    """The request, or REQUEST_UNKNOWN."""
    found = session.get(AccessRequest, request_id)
    if found is None:
        raise YurtError(REQUEST_UNKNOWN, request=request_id)
    return found


def approvals_needed(asked: Dataset, wanted: AccessRequest) -> int:
    """Two from different agencies when a sensitive column (grade 4) is to be used at all, else one."""
    grades = [column.grade for column in asked.columns if wanted.columns.get(column.name)]
    return 2 if max(grades, default=1) >= SENSITIVE_GRADE else 1


def check_may_decide(session: Session, wanted: AccessRequest, decider: str) -> None:
    """Who may decide: never the applicant; first an approver of the owning agency, then one of another agency."""
    if decider == wanted.applicant:
        raise YurtError(SELF_APPROVAL)
    owner = dataset(session, wanted.dataset_id).agency_id
    own_agency = person(session, decider).agency_id
    first = not wanted.decisions
    if not holds_role(session, decider, Role.APPROVER, owner if first else own_agency):
        raise YurtError(NOT_AN_APPROVER, person=decider, agency=owner if first else own_agency)
    if any(own_agency == decision.agency_id for decision in wanted.decisions):
        raise YurtError(SAME_AGENCY_TWICE, agency=own_agency)


def decide(
    session: Session, request_id: int, decider: str, *, approved: bool, version: int, reason: str, impact_digest: str
) -> tuple[AccessRequest, Grant | None]:
    """Record one decision; the last approval that is needed creates the grant, the first refusal ends the request.

    `version` is the one the decider read. Raises SELF_APPROVAL, NOT_AN_APPROVER, SAME_AGENCY_TWICE, REQUEST_CLOSED,
    REQUEST_CHANGED, REASON_MISSING.
    """
    wanted = access_request(session, request_id)
    if wanted.state != RequestState.SUBMITTED:
        raise YurtError(REQUEST_CLOSED, request=request_id, state=wanted.state)
    check_may_decide(session, wanted, decider)
    if wanted.version != version:
        raise YurtError(REQUEST_CHANGED, request=request_id)
    if not approved and not reason.strip():
        raise YurtError(REASON_MISSING)
    wanted.decisions.append(
        RequestDecision(
            decider=decider,
            agency_id=person(session, decider).agency_id,
            request_version=version,
            approved=approved,
            reason=reason,
            impact_digest=impact_digest,
            decided_at=datetime.now(UTC),
        )
    )
    wanted.version += 1
    if not approved:
        wanted.state = RequestState.DENIED
        return wanted, None
    if len(wanted.decisions) < approvals_needed(dataset(session, wanted.dataset_id), wanted):
        return wanted, None
    wanted.state = RequestState.APPROVED
    return wanted, _granted(session, wanted)


def _granted(session: Session, wanted: AccessRequest) -> Grant:
    grant = Grant(
        request_id=wanted.id,
        project_id=wanted.project_id,
        dataset_id=wanted.dataset_id,
        columns=wanted.columns,
        joins=wanted.joins,
        rows=wanted.rows,
        release=wanted.release,
        valid_from=wanted.valid_from,
        valid_until=wanted.valid_until,
    )
    session.add(grant)
    session.flush()
    return grant


def waiting_for(session: Session, decider: str) -> list[AccessRequest]:
    """Open requests this person may decide now."""
    rows = session.scalars(select(AccessRequest).where(AccessRequest.state == RequestState.SUBMITTED)).all()
    return [wanted for wanted in rows if may_decide(session, wanted, decider)]


def may_decide(session: Session, wanted: AccessRequest, decider: str) -> bool:
    """`check_may_decide` as a question."""
    try:
        check_may_decide(session, wanted, decider)
    except YurtError:
        return False
    return wanted.state == RequestState.SUBMITTED
