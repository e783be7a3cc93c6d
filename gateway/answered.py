"""What projects were answered before, kept across restarts: the memory behind the differencing guard."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import JSON, ColumnElement, ForeignKey, delete, func, or_, select, update
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


class AnsweredTable(Base):
    """A dataset that an answered statistic was about: how other projects' answers over it are found."""

    __tablename__ = "answered_table"

    entry_id: Mapped[int] = mapped_column(ForeignKey("answered_query.id", ondelete="CASCADE"), primary_key=True)
    dataset_id: Mapped[str] = mapped_column(primary_key=True, index=True)


@dataclass(frozen=True, slots=True)
class Reach:
    """Whose answers count for a question: the project's own, and everybody's over the datasets that are `shared`."""

    project: str
    shared: frozenset[str] = field(default_factory=frozenset)

    def covers(self, project: str, footprint: Footprint) -> bool:
        """Does what that project was told of it count."""
        return project == self.project or not self.shared.isdisjoint(footprint.tables)

    @property
    def entries(self) -> ColumnElement[bool]:
        """The entries that count."""
        own = AnsweredQuery.project_id == self.project
        if not self.shared:
            return own
        over = select(AnsweredTable.entry_id).where(AnsweredTable.dataset_id.in_(sorted(self.shared)))
        return or_(own, AnsweredQuery.id.in_(over))


@dataclass(frozen=True, slots=True)
class Answered:
    """The history that counts, and what of it the project itself was told."""

    history: History
    own: frozenset[Footprint]

    def with_answer(self, new: Sequence[Footprint]) -> "Answered":
        """The same after one more answer to the project."""
        return Answered(self.history.with_answer(new), self.own | frozenset(new))


def answered(session: Session, reach: Reach) -> Answered:
    """Everything answered so far that counts, over all people, oldest first."""
    rows = session.execute(
        select(AnsweredQuery.project_id, AnsweredQuery.footprint, AnsweredQuery.withheld)
        .where(reach.entries)
        .order_by(AnsweredQuery.id)
    )
    told = [
        (project, replace(_FOOTPRINT.validate_python(row), withheld=None if withheld is None else tuple(withheld)))
        for project, row, withheld in rows
    ]
    own = frozenset(footprint for project, footprint in told if project == reach.project)
    return Answered(History().with_answer([footprint for _, footprint in told]), own)


def stamp_of(session: Session, reach: Reach) -> tuple[object, ...]:
    """Equal as long as nothing was added to that history, settled in it or taken from it."""
    entries, settled = func.count(), func.count(AnsweredQuery.withheld)
    found = session.execute(
        select(entries, settled, func.max(AnsweredQuery.id), func.max(AnsweredQuery.asked_at)).where(reach.entries)
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
    for row, footprint in zip(rows, new, strict=True):
        session.add_all(AnsweredTable(entry_id=row.id, dataset_id=name) for name in dict.fromkeys(footprint.tables))
    return [row.id for row in rows]


def settled(session: Session, entries: Mapping[int, Sequence[str]]) -> None:
    """Note which cells were withheld from answers that are about to leave."""
    for number, withheld in entries.items():
        session.execute(update(AnsweredQuery).where(AnsweredQuery.id == number).values(withheld=list(withheld)))


def forget(session: Session, entries: Sequence[int]) -> None:
    """Take out what was about to be answered and was not."""
    session.execute(delete(AnsweredTable).where(AnsweredTable.entry_id.in_(entries)))
    session.execute(delete(AnsweredQuery).where(AnsweredQuery.id.in_(entries)))
