"""What is live: grants, from when until when, and the policy they add up to for a project."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, Protocol

import yaml
from sqlalchemy import JSON, ForeignKey, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from catalog.datasets import Dataset, dataset
from policies.access_errors import GRANT_UNKNOWN, NO_LIVE_GRANT
from policies.load import load_policy
from policies.model import Policy
from store.database import Base
from store.days import today
from store.errors import YurtError

DEFAULT_RELEASE = {"mode": "threshold", "min_group": 10, "max_rows": 10000, "timeout_s": 30}


class Grant(Base):
    """What one approved request allows a project, until it ends or is revoked."""

    __tablename__ = "access_grant"

    id: Mapped[int] = mapped_column(primary_key=True)
    request_id: Mapped[int] = mapped_column(ForeignKey("access_request.id"), unique=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("project.id"))
    dataset_id: Mapped[str] = mapped_column(ForeignKey("dataset.id"))
    columns: Mapped[dict[str, Any]] = mapped_column(JSON)
    joins: Mapped[list[str]] = mapped_column(JSON)
    rows: Mapped[str | None]  # row filter, in the policy grammar; None: every row
    release: Mapped[dict[str, Any]] = mapped_column(JSON)
    valid_from: Mapped[date]
    valid_until: Mapped[date]
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[str | None]


class Purposed(Protocol):
    """A project, as far as a policy names it."""

    @property
    def id(self) -> str: ...

    @property
    def purpose(self) -> str: ...


class Terms(Protocol):
    """What a grant allows, or a request asks for, on one dataset."""

    @property
    def columns(self) -> dict[str, Any]: ...

    @property
    def joins(self) -> list[str]: ...

    @property
    def rows(self) -> str | None: ...

    @property
    def release(self) -> dict[str, Any]: ...


def policy_document(project: Purposed, allowed: Sequence[tuple[Dataset, Terms]]) -> dict[str, Any]:
    """The policy file an approver would write for `project`, as data (the grammar of `policies.load`).

    A later grant for the same dataset replaces an earlier one. Columns that were not asked for are named with no
    capability, so that the person refused is told the column exists but is not theirs to use.
    """
    datasets: dict[str, Any] = {}
    for described, terms in allowed:
        document: dict[str, Any] = {
            "unit": described.unit,
            "release": {**DEFAULT_RELEASE, **terms.release},
            "columns": {column.name: terms.columns.get(column.name, []) for column in described.columns},
        }
        if terms.rows:
            document["rows"] = terms.rows
        if terms.joins:
            document["joins"] = list(terms.joins)
        datasets[described.id] = document
    for document in datasets.values():  # a join names the other side only while it is granted too
        if "joins" in document:
            document["joins"] = [join for join in document["joins"] if join.partition(".")[0] in datasets]
            if not document["joins"]:
                del document["joins"]
        if "bounds" in document["release"]:  # and so does a bound of a column there
            sides = [document, *(datasets[join.partition(".")[0]] for join in document.get("joins", []))]
            known = {column.lower() for side in sides for column in side["columns"]}
            bounds = {name: pair for name, pair in document["release"]["bounds"].items() if name.lower() in known}
            document["release"] = {**document["release"], "bounds": bounds}
    return {
        "project": project.id,
        "purpose": project.purpose,
        "release": dict(DEFAULT_RELEASE),
        "datasets": datasets,
    }


def live_grants(session: Session, project_id: str, day: date | None = None) -> Sequence[Grant]:
    """Grants of the project that hold on `day` (default: today)."""
    day = day or today()
    return session.scalars(
        select(Grant)
        .where(
            Grant.project_id == project_id,
            Grant.valid_from <= day,
            Grant.valid_until >= day,
            Grant.revoked_at.is_(None),
        )
        .order_by(Grant.id)
    ).all()


def grants_of_project(session: Session, project_id: str) -> Sequence[Grant]:
    """Every grant the project ever had."""
    return session.scalars(select(Grant).where(Grant.project_id == project_id).order_by(Grant.id)).all()


def check_live_grant(session: Session, project_id: str) -> None:
    """Raise NO_LIVE_GRANT unless the project may use some data today."""
    if not live_grants(session, project_id):
        raise YurtError(NO_LIVE_GRANT, project=project_id)


def policy_text(session: Session, project: Purposed) -> tuple[str, list[Dataset]]:
    """The policy file that holds for the project today, and the datasets it speaks of. Raises NO_LIVE_GRANT."""
    check_live_grant(session, project.id)
    allowed = [(dataset(session, grant.dataset_id), grant) for grant in live_grants(session, project.id)]
    text = yaml.safe_dump(policy_document(project, allowed), allow_unicode=True, sort_keys=False)
    return text, list({described.id: described for described, _ in allowed}.values())


def policy_of(session: Session, project: Purposed) -> tuple[Policy, list[Dataset]]:
    """What the project may do today, and the datasets it speaks of. Raises NO_LIVE_GRANT."""
    text, described = policy_text(session, project)
    return load_policy(text), described


def revoke(session: Session, grant_id: int, by: str) -> Grant:
    """End a grant now, for good. Raises GRANT_UNKNOWN."""
    grant = session.get(Grant, grant_id)
    if grant is None or grant.revoked_at is not None:
        raise YurtError(GRANT_UNKNOWN, grant=grant_id)
    grant.revoked_at = datetime.now(UTC)
    grant.revoked_by = by
    return grant
