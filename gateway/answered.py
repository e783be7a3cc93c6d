"""What a project was answered before, kept across restarts: the memory behind the differencing guard."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import JSON, ForeignKey, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from policies.decision import Footprint
from policies.history import History
from store.database import Base

_FOOTPRINT = TypeAdapter(Footprint)


class AnsweredQuery(Base):
    """One statistic a project was given: whom it was about, in canonical SQL; never the answer itself."""

    __tablename__ = "answered_query"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("project.id"), index=True)
    asked_by: Mapped[str]
    asked_at: Mapped[datetime]
    footprint: Mapped[dict[str, Any]] = mapped_column(JSON)


def history_of(session: Session, project_id: str) -> History:
    """Everything answered in the project so far, over all its people, oldest first."""
    rows = session.scalars(
        select(AnsweredQuery.footprint).where(AnsweredQuery.project_id == project_id).order_by(AnsweredQuery.id)
    )
    return History(tuple(_FOOTPRINT.validate_python(row) for row in rows))


def stamp_of(session: Session, project_id: str) -> tuple[object, ...]:
    """Equal as long as nothing was added to the project's history or taken from it."""
    found = session.execute(
        select(func.count(), func.max(AnsweredQuery.id), func.max(AnsweredQuery.asked_at)).where(
            AnsweredQuery.project_id == project_id
        )
    ).one()
    return tuple(found)


def remember(session: Session, project_id: str, username: str, new: Sequence[Footprint]) -> list[int]:
    """Add what is about to be answered; the numbers of the entries."""
    asked_at = datetime.now(UTC)
    rows = [
        AnsweredQuery(project_id=project_id, asked_by=username, asked_at=asked_at, footprint=asdict(footprint))
        for footprint in new
    ]
    session.add_all(rows)
    session.flush()
    return [row.id for row in rows]


def forget(session: Session, entries: Sequence[int]) -> None:
    """Take out what was about to be answered and was not."""
    session.execute(delete(AnsweredQuery).where(AnsweredQuery.id.in_(entries)))
