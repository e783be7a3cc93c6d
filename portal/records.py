"""The portal's own table: which release a job's outputs became."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from store.database import Base


class JobRelease(Base):
    """One finished job's outputs at the airlock. Written once, so that outputs are collected once.

    `files` lists every output as {name, size, sha256, verdict, findings}, the blocked ones too; only the others are in
    the release. `release_id` is None when nothing could be released at all.
    """

    __tablename__ = "job_release"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"), primary_key=True)
    release_id: Mapped[str | None] = mapped_column(ForeignKey("airlock_release.id"), unique=True)
    files: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    collected_at: Mapped[datetime]
