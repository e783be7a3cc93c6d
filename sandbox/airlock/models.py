"""Tables of the airlock. A release's state changes only by compare-and-set in `release`."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from sandbox.airlock.workflow import State
from store.database import Base

_STATES = ", ".join(f"'{state}'" for state in State)


class ReleaseRow(Base):
    """One release request. `manifest` is its canonical content, `digest` what reviewers approve."""

    __tablename__ = "airlock_release"
    __table_args__ = (CheckConstraint(f"state IN ({_STATES})", name="state_known"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    digest: Mapped[str] = mapped_column(String(80))
    manifest: Mapped[dict[str, Any]] = mapped_column(JSON)
    findings: Mapped[list[dict[str, str]]] = mapped_column(JSON, default=list)
    author: Mapped[str] = mapped_column(String(128), index=True)
    project: Mapped[str] = mapped_column(String(128), index=True)
    state: Mapped[str] = mapped_column(String(16), index=True)
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class ReviewRow(Base):
    """One review; a person reviews a manifest once."""

    __tablename__ = "airlock_review"
    __table_args__ = (UniqueConstraint("release_id", "manifest", "reviewer"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    release_id: Mapped[str] = mapped_column(ForeignKey("airlock_release.id"), index=True)
    manifest: Mapped[str] = mapped_column(String(80))
    reviewer: Mapped[str] = mapped_column(String(128))
    agency: Mapped[str] = mapped_column(String(64))
    decision: Mapped[str] = mapped_column(String(16))
    note: Mapped[str] = mapped_column(String(500))
    at: Mapped[datetime]


class TicketRow(Base):
    """One download ticket. Only the SHA-256 of its secret is kept."""

    __tablename__ = "airlock_ticket"

    secret_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    release_id: Mapped[str] = mapped_column(ForeignKey("airlock_release.id"), index=True)
    manifest: Mapped[str] = mapped_column(String(80))
    recipient: Mapped[str] = mapped_column(String(128))
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    spent_at: Mapped[datetime | None]
