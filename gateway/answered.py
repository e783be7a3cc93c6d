"""What a project was answered before, kept across restarts: the memory behind the differencing guard."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import JSON, ForeignKey, delete, func, select, update
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
    withheld: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))  # cells; None: nothing left yet


def history_of(session: Session, project_id: str) -> History:
    """Everything answered in the project so far, over all its people, oldest first."""
    rows = session.execute(
        select(AnsweredQuery.footprint, AnsweredQuery.withheld)
        .where(AnsweredQuery.project_id == project_id)
        .order_by(AnsweredQuery.id)
    )
    told = [
        replace(_FOOTPRINT.validate_python(row), withheld=None if withheld is None else tuple(withheld))
        for row, withheld in rows
    ]
    return History().with_answer(told)


def stamp_of(session: Session, project_id: str) -> tuple[object, ...]:
    """Equal as long as nothing was added to the project's history, settled in it or taken from it."""
    entries, settled = func.count(), func.count(AnsweredQuery.withheld)
    found = session.execute(
        select(entries, settled, func.max(AnsweredQuery.id), func.max(AnsweredQuery.asked_at)).where(
            AnsweredQuery.project_id == project_id
        )
    ).one()
    return tuple(found)


def remember(session: Session, project_id: str, username: str, new: Sequence[Footprint]) -> list[int]:
    """Add what is about to be answered; the numbers of the entries."""
    asked_at = datetime.now(UTC)
    rows = []
    for footprint in new:
        kept = asdict(footprint)
        withheld = kept.pop("withheld")
        del kept["pending"]
        rows.append(
            AnsweredQuery(
                project_id=project_id,
                asked_by=username,
                asked_at=asked_at,
                footprint=kept,
                withheld=None if withheld is None else list(withheld),
            )
        )
    session.add_all(rows)
    session.flush()
    return [row.id for row in rows]


def settled(session: Session, entries: Mapping[int, Sequence[str]]) -> None:
    """Note which cells were withheld from answers that are about to leave."""
    for number, withheld in entries.items():
        session.execute(update(AnsweredQuery).where(AnsweredQuery.id == number).values(withheld=list(withheld)))


def forget(session: Session, entries: Sequence[int]) -> None:
    """Take out what was about to be answered and was not."""
    session.execute(delete(AnsweredQuery).where(AnsweredQuery.id.in_(entries)))
