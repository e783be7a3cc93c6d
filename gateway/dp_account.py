"""Privacy budgets: reserved before anything is computed, and spent unless the failure tells nothing about the data.

One budget per project and dataset. A reservation is durable before the engine is asked; a crash, wherever it comes,
leaves it standing, and what stands counts as spent (fail closed). Only `refund` gives it back.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from sqlalchemy import ForeignKey, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from policies.dp_budget import affordable, spent
from policies.dp_plan import Budget, Charge, PrivatePlan
from policies.errors import DP_BUDGET_EXHAUSTED
from store.database import Base, Database
from store.errors import YurtError

REFUNDABLE = frozenset({"ENGINE_UNAVAILABLE"})
"""Failures that depend on the machine and not on the data. A time limit, memory or an error inside the engine may: one
could ask again and again for nothing and read the data off what fails."""


class ChargeState(StrEnum):
    """Reserved and spent count alike; they differ in whether an answer is known to have left."""

    RESERVED = "reserved"
    SPENT = "spent"
    REFUNDED = "refunded"


@dataclass(frozen=True, slots=True)
class Reservation:
    """What one query holds of the budgets of its datasets."""

    numbers: tuple[int, ...]


class Accountant(Protocol):
    """Keeps the budgets of one project."""

    def reserve(self, plan: PrivatePlan) -> Reservation:
        """Take the cost of `plan` from the budget of each of its datasets. Raises DP_BUDGET_EXHAUSTED, and then takes
        nothing."""

    def settle(self, reservation: Reservation, state: ChargeState) -> None:
        """Spent or refunded; a reservation is settled once."""

    def left(self, dataset: str, budget: Budget) -> float:
        """The epsilon still to spend, at the delta of `budget`; 0 where nothing is left."""


def _left(charges: Sequence[Charge], budget: Budget) -> float:
    return max(0.0, budget.epsilon - spent(charges, budget))


class MemoryAccountant:
    """Budgets that last as long as the object: for one run of the command line."""

    def __init__(self) -> None:
        self._charges: dict[int, tuple[str, Charge]] = {}
        self._next = 0
        self._lock = threading.Lock()

    def reserve(self, plan: PrivatePlan) -> Reservation:
        """See `Accountant`."""
        with self._lock:
            for dataset, budget in zip(plan.datasets, plan.budgets, strict=True):
                if not affordable(self._of(dataset), plan.cost, budget):
                    raise YurtError(DP_BUDGET_EXHAUSTED, dataset=dataset)
            numbers = tuple(range(self._next, self._next + len(plan.datasets)))
            self._next += len(plan.datasets)
            self._charges |= {number: (name, plan.cost) for number, name in zip(numbers, plan.datasets, strict=True)}
        return Reservation(numbers)

    def settle(self, reservation: Reservation, state: ChargeState) -> None:
        """See `Accountant`."""
        if state is ChargeState.REFUNDED:
            with self._lock:
                for number in reservation.numbers:
                    self._charges.pop(number, None)

    def left(self, dataset: str, budget: Budget) -> float:
        """See `Accountant`."""
        with self._lock:
            return _left(self._of(dataset), budget)

    def _of(self, dataset: str) -> list[Charge]:
        return [charge for name, charge in self._charges.values() if name == dataset]


class PrivacyBudget(Base):
    """One budget; its row is what reservations of a project and dataset queue for."""

    __tablename__ = "privacy_budget"

    project_id: Mapped[str] = mapped_column(ForeignKey("project.id"), primary_key=True)
    dataset_id: Mapped[str] = mapped_column(ForeignKey("dataset.id"), primary_key=True)
    opened_at: Mapped[datetime]


class PrivacyCharge(Base):
    """What one query holds or held of one budget. Never deleted."""

    __tablename__ = "privacy_charge"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("project.id"), index=True)
    dataset_id: Mapped[str] = mapped_column(ForeignKey("dataset.id"))
    asked_by: Mapped[str]
    epsilon: Mapped[float | None]  # NULL: not pure, see policies.dp_plan.Charge
    rho: Mapped[float]
    delta: Mapped[float]
    state: Mapped[str]
    reserved_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]


class RecordedAccountant:
    """The budgets of one project in the platform's records."""

    def __init__(self, database: Database, project: str, username: str) -> None:
        self._database, self._project, self._username = database, project, username

    def reserve(self, plan: PrivatePlan) -> Reservation:
        """See `Accountant`. Committed, and so on disk, when it returns."""
        now = datetime.now(UTC)
        with self._database.session() as session:
            rows: list[PrivacyCharge] = []
            for dataset, budget in sorted(zip(plan.datasets, plan.budgets, strict=True), key=lambda pair: pair[0]):
                self._open(session, dataset, now)
                if not affordable(self._counted(session, dataset, budget, now), plan.cost, budget):
                    raise YurtError(DP_BUDGET_EXHAUSTED, dataset=dataset)
                rows.append(
                    PrivacyCharge(
                        project_id=self._project,
                        dataset_id=dataset,
                        asked_by=self._username,
                        epsilon=plan.cost.epsilon,
                        rho=plan.cost.rho,
                        delta=plan.cost.delta,
                        state=ChargeState.RESERVED,
                        reserved_at=now,
                        settled_at=None,
                    )
                )
            session.add_all(rows)
            session.flush()
            return Reservation(tuple(row.id for row in rows))

    def settle(self, reservation: Reservation, state: ChargeState) -> None:
        """See `Accountant`."""
        with self._database.session() as session:
            session.execute(
                update(PrivacyCharge)
                .where(PrivacyCharge.id.in_(reservation.numbers), PrivacyCharge.state == ChargeState.RESERVED)
                .values(state=state, settled_at=datetime.now(UTC))
            )

    def left(self, dataset: str, budget: Budget) -> float:
        """See `Accountant`."""
        with self._database.reading() as session:
            return _left(self._counted(session, dataset, budget, datetime.now(UTC)), budget)

    def _open(self, session: Session, dataset: str, now: datetime) -> None:
        """Hold the budget's row until the transaction ends. SQLite has taken its one write lock already."""
        found = session.scalar(
            select(PrivacyBudget)
            .where(PrivacyBudget.project_id == self._project, PrivacyBudget.dataset_id == dataset)
            .with_for_update()
        )
        if found is None:  # two first queries at once: the second fails on the primary key and takes nothing
            session.add(PrivacyBudget(project_id=self._project, dataset_id=dataset, opened_at=now))
            session.flush()

    def _counted(self, session: Session, dataset: str, budget: Budget, now: datetime) -> list[Charge]:
        """Everything that counts against the budget today."""
        rows = select(PrivacyCharge.epsilon, PrivacyCharge.rho, PrivacyCharge.delta).where(
            PrivacyCharge.project_id == self._project,
            PrivacyCharge.dataset_id == dataset,
            PrivacyCharge.state != ChargeState.REFUNDED,
        )
        if budget.period_days is not None:
            rows = rows.where(PrivacyCharge.reserved_at > now - timedelta(days=budget.period_days))
        return [Charge(*row) for row in session.execute(rows)]
