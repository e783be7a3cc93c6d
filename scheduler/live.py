"""The pool as the records say it is: what the compute daemon asks `order` about."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from scheduler.ledger import Entry, read
from scheduler.manifest import JobManifest
from scheduler.order import Rule
from scheduler.pool import Job, Node, Path, Pool
from scheduler.queue import JobRow, QuotaRow, in_state
from scheduler.resources import Resources
from scheduler.states import State

_HALF_LIVES = 8  # older use weighs less than 1/256


def pool_from(session: Session, capacity: Resources, rule: Rule, now: datetime) -> Pool:
    """Quotas, past use, running and waiting jobs from the records, at `now`."""
    pool = Pool(capacity, quotas(session), within=rule.within, now_s=now.timestamp())
    for entry in read(session, since=now - timedelta(seconds=_HALF_LIVES * pool.half_life_s)):
        pool.remember(entry.path, share_seconds(entry, capacity), entry.ended_at.timestamp())
    for row in in_state(session, State.RUNNING, State.CANCELLING):
        started = (row.started_at or now).timestamp()
        pool.resume(as_job(row), started)
    pool.submit_all(as_job(row) for row in in_state(session, State.QUEUED))
    return pool


def as_job(row: JobRow) -> Job:
    """A record as the scheduler sees it."""
    manifest = JobManifest.parse(row.manifest)
    queued = (row.queued_at or row.submitted_at).timestamp()
    return Job(row.id, manifest.path, manifest.request.resources, queued, float(manifest.request.wall_s))


def share_seconds(entry: Entry, capacity: Resources) -> float:
    """An entry's use as dominant-share-seconds of the pool."""
    used = entry.measure
    amounts = (
        (used.cpu_ms, capacity.cpu_milli),
        (used.memory_mib_ms / 1000, capacity.memory_bytes / 2**20),
        (used.gpu_ms, capacity.gpu_milli),
    )
    return max((amount / whole for amount, whole in amounts if whole), default=0.0)


def quotas(session: Session) -> dict[Path, Node]:
    """The quota tree as the operator set it."""
    return {tuple(row.path.split("\n")): _node(row) for row in session.scalars(select(QuotaRow))}


def _node(row: QuotaRow) -> Node:
    if row.cpu_milli is None or row.memory_bytes is None or row.gpu_milli is None:
        return Node(row.weight)
    return Node(row.weight, Resources(row.cpu_milli, row.memory_bytes, row.gpu_milli))
