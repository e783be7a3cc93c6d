"""算力一本账: what every job really used, in whole thousandths, never changed and always balanced.

An entry comes from the kernel's own counters (cgroup) at the end of a run, not from what was asked for. Accounts of
each agency, project and user are kept beside the entries in the same transaction; `balance` compares the two, and any
difference, an entry lost, doubled or altered, raises LEDGER_UNBALANCED.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, event, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from scheduler.errors import LEDGER_UNBALANCED
from scheduler.pool import Path, nodes_of
from store.database import Base
from store.errors import YurtError


@dataclass(frozen=True, slots=True)
class Measure:
    """Use, as integers, so that sums are exact."""

    wall_ms: int = 0
    cpu_ms: int = 0  # processor time of every process of the job
    memory_mib_ms: int = 0  # peak MiB (rounded up) times wall time: an upper bound, cgroups keep no integral
    gpu_ms: int = 0  # GPUs held times wall time: whole devices are held alone

    def plus(self, other: "Measure") -> "Measure":
        """Both together."""
        return Measure(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


@dataclass(frozen=True, slots=True)
class Entry:
    """What one job used."""

    job_id: str
    path: Path  # agency, project, user
    started_at: datetime
    ended_at: datetime
    measure: Measure


def measure(*, wall_s: float, cpu_s: float, peak_memory_bytes: int, gpus: int) -> Measure:
    """A measurement in ledger units; time is rounded to the nearest millisecond, memory up to the next MiB."""
    wall_ms = round(wall_s * 1000)
    return Measure(wall_ms, round(cpu_s * 1000), -(-peak_memory_bytes // 2**20) * wall_ms, gpus * wall_ms)


def accounts(entries: Iterable[Entry]) -> dict[Path, Measure]:
    """The sum of every node of the tree; () is the total."""
    sums: defaultdict[Path, Measure] = defaultdict(Measure)
    for entry in entries:
        for node in nodes_of(entry.path):
            sums[node] = sums[node].plus(entry.measure)
    return dict(sums)


def check_balance(sums: Mapping[Path, Measure]) -> None:
    """Every node must equal the sum of its children, down to the leaves. Raises LEDGER_UNBALANCED."""
    children: defaultdict[Path, Measure] = defaultdict(Measure)
    for node, amount in sums.items():
        if node:
            children[node[:-1]] = children[node[:-1]].plus(amount)
    for node, amount in children.items():
        if sums.get(node) != amount:
            raise YurtError(LEDGER_UNBALANCED, what="/".join(node) or "the total")


class LedgerRow(Base):
    """One entry; a job has one at most."""

    __tablename__ = "ledger_entries"

    job_id: Mapped[str] = mapped_column(primary_key=True)
    agency: Mapped[str] = mapped_column(index=True)
    project: Mapped[str] = mapped_column(index=True)
    user: Mapped[str]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime] = mapped_column(index=True)
    wall_ms: Mapped[int] = mapped_column(BigInteger)
    cpu_ms: Mapped[int] = mapped_column(BigInteger)
    memory_mib_ms: Mapped[int] = mapped_column(BigInteger)
    gpu_ms: Mapped[int] = mapped_column(BigInteger)

    @property
    def entry(self) -> Entry:
        """The entry as a value."""
        used = Measure(self.wall_ms, self.cpu_ms, self.memory_mib_ms, self.gpu_ms)
        return Entry(self.job_id, (self.agency, self.project, self.user), self.started_at, self.ended_at, used)


class AccountRow(Base):
    """The running sum of one node; the parts of its path are joined by a line feed, "" is the total."""

    __tablename__ = "ledger_accounts"

    path: Mapped[str] = mapped_column(primary_key=True)
    wall_ms: Mapped[int] = mapped_column(BigInteger)
    cpu_ms: Mapped[int] = mapped_column(BigInteger)
    memory_mib_ms: Mapped[int] = mapped_column(BigInteger)
    gpu_ms: Mapped[int] = mapped_column(BigInteger)


@event.listens_for(LedgerRow, "before_update")
@event.listens_for(LedgerRow, "before_delete")
def _append_only(_mapper: Any, _connection: Any, row: LedgerRow) -> None:
    raise YurtError(LEDGER_UNBALANCED, what=f"the entry of job {row.job_id}, which may not change")


def append(session: Session, entry: Entry) -> None:
    """Write an entry and move its accounts, in the session's transaction."""
    agency, project, user = entry.path
    used = {field.name: getattr(entry.measure, field.name) for field in fields(Measure)}
    session.add(
        LedgerRow(
            job_id=entry.job_id,
            agency=agency,
            project=project,
            user=user,
            started_at=entry.started_at,
            ended_at=entry.ended_at,
            **used,
        )
    )
    for node in nodes_of(entry.path):
        key = "\n".join(node)
        account = session.get(AccountRow, key)
        if account is None:
            session.add(AccountRow(path=key, **used))
            continue
        for name, amount in used.items():
            setattr(account, name, getattr(account, name) + amount)
    session.flush()


def read(session: Session, *, since: datetime | None = None) -> list[Entry]:
    """Entries in order of their end, from `since` on if given."""
    query = select(LedgerRow).order_by(LedgerRow.ended_at, LedgerRow.job_id)
    if since is not None:
        query = query.where(LedgerRow.ended_at >= since)
    return [row.entry for row in session.scalars(query)]


def balance(session: Session) -> dict[Path, Measure]:
    """The accounts, once they are proved equal to the sums of all entries. Raises LEDGER_UNBALANCED."""
    kept = {
        tuple(row.path.split("\n")) if row.path else (): Measure(row.wall_ms, row.cpu_ms, row.memory_mib_ms, row.gpu_ms)
        for row in session.scalars(select(AccountRow))
    }
    counted = accounts(read(session))
    for node in sorted(kept.keys() | counted.keys()):
        if kept.get(node, Measure()) != counted.get(node, Measure()):
            raise YurtError(LEDGER_UNBALANCED, what="/".join(node) or "the total")
    check_balance(kept)
    return kept
