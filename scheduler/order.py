"""Who goes next: one pure function, asked by the live service and by the trace simulator alike.

`order(pool, rule)` reads a `Pool` and returns decisions; it changes nothing, reads no clock and does not depend on the
order in which jobs were listed. A rule is data: how the jobs of one leaf line up, how leaves are compared, whether a
job that fits may pass one that does not, and after how long a wait a job goes before all others.

Passing is EASY backfilling (Lifka, JSSPP 1995; Mu'alem and Feitelson, IEEE TPDS 2001) over the pool and every quota on
the way: the first job that does not fit gets a reservation at the moment the wall limits of running jobs make room for
it, and only jobs that cannot delay it may start before. Leaves are compared level by level down the quota tree by
dominant share (Ghodsi et al., NSDI 2011), by decayed usage, or by their sum, each over the node's weight.

Starvation bound: with patience P, wall limits of at most W and n older jobs waiting, a job that fits an empty pool
starts within P + (n + 2)·W of being queued, whatever arrives later (tests/scheduler/test_order.py).

There is no preemption: a job runs until it ends, is cancelled or meets its wall limit. A sealed job cannot be relied on
to write checkpoints, and published proofs that fair-share preemption ends have had counter-examples (Kueue issues 3779,
7101, 14543); without preemption there is no cycle to prove absent.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from heapq import heapify, heappop, heapreplace, merge
from math import inf
from types import MappingProxyType

from scheduler.errors import JOB_NEVER_FITS, ORDER_UNKNOWN
from scheduler.pool import Job, Key, Path, Pool, Running, by_end, nodes_of
from scheduler.resources import Resources
from store.errors import ErrorCode, YurtError

LOOK_AHEAD = 64
LOOK_AHEAD_LEAF = 16
"""How many jobs are looked at for passing one that does not fit, in all and per leaf: bounds the cost of a decision.

Jobs held back by a quota count per leaf only, so that one agency at its quota cannot hide the others."""


@dataclass(frozen=True, slots=True)
class Start:
    """Start this job now."""

    job: Job


@dataclass(frozen=True, slots=True)
class Refuse:
    """Take this job out of the queue."""

    job: Job
    code: ErrorCode


Decision = Start | Refuse


@dataclass(frozen=True, slots=True)
class Rule:
    """A named order."""

    name: str
    says: str  # one line for help texts and the documentation
    within: Callable[[Job], Key]  # how the jobs of one leaf line up; unique per job
    score: Callable[[Pool, Path, float], float] | None  # a node's score from its extra share; None: compare jobs
    passes: bool = True  # may a job that fits pass one that does not
    patience_s: float = inf  # a job that waited longer goes before all others, oldest first


def _arrival(job: Job) -> Key:
    return (job.submit_s, job.id)


def _shortest(job: Job) -> Key:
    return (job.wall_s, job.id)


def _drf(pool: Pool, node: Path, extra: float) -> float:
    return (pool.share(node) + extra) / pool.node(node).weight


def _usage(pool: Pool, node: Path, extra: float) -> float:
    return (pool.used(node) + extra) / pool.node(node).weight


def _fair(pool: Pool, node: Path, extra: float) -> float:
    return (pool.share(node) + pool.used(node) + extra) / pool.node(node).weight


PATIENCE_S = 14 * 86400.0
RULES = MappingProxyType(
    {
        rule.name: rule
        for rule in (
            Rule("fifo", "strictly by arrival; nobody passes", _arrival, None, passes=False),
            Rule("backfill", "by arrival; later jobs may fill gaps without delaying the first", _arrival, None),
            Rule("sjf", "shortest wall limit first; long jobs may starve", _shortest, None),
            Rule("drf", "least weighted dominant share held now", _arrival, _drf, patience_s=PATIENCE_S),
            Rule("usage", "least weighted decayed usage", _arrival, _usage, patience_s=PATIENCE_S),
            Rule("fair", "least weighted share held now plus decayed usage", _arrival, _fair, patience_s=PATIENCE_S),
        )
    }
)
"""Every order by name."""


def rule_named(name: str) -> Rule:
    """The rule with this name. Raises ORDER_UNKNOWN."""
    if name not in RULES:
        raise YurtError(ORDER_UNKNOWN, name=name, known=", ".join(RULES))
    return RULES[name]


def order(pool: Pool, rule: Rule) -> list[Decision]:
    """What to do now, in this sequence. Every `Start` fits, together with those before it, pool and quotas.

    `pool.within` must be `rule.within`.
    """
    decisions: list[Decision] = [Refuse(job, JOB_NEVER_FITS) for job in sorted(pool.hopeless, key=rule.within)]
    if not pool.waiting or not any(pool.capacity.minus(pool.holding(()))):
        return decisions
    view = _View(pool, rule)
    line = [(view.rank(path), path) for path in pool.waiting]
    heapify(line)
    while line and view.looks:
        rank, path = line[0]
        # Ranks only grow while decisions are made, so a stale one is a lower bound: refresh it and look again.
        if view.started and rank != (fresh := view.rank(path)):
            heapreplace(line, (fresh, path))
            continue
        job = view.head(path)
        if view.admits(job):
            view.take(job)
            decisions.append(Start(job))
        elif not rule.passes:
            break
        else:
            view.pass_over(job)
        if not view.step(path):
            heappop(line)
        elif rank != (fresh := view.rank(path)):
            heapreplace(line, (fresh, path))
    return decisions


class _View:
    """The pool as it would be after the decisions made so far."""

    def __init__(self, pool: Pool, rule: Rule) -> None:
        self.pool, self.rule = pool, rule
        self.looks = LOOK_AHEAD
        self._free = pool.capacity.minus(pool.holding(()))
        self._place = dict.fromkeys(pool.waiting, 0)
        self._passed: dict[Path, int] = {}
        self._taken: dict[Path, Resources] = {}
        self.started: list[Running] = []
        self._reservation: _Reservation | None = None
        self._limits: dict[Path, tuple[tuple[Path, Resources], ...]] = {}
        self._scores: dict[Path, tuple[float | str, ...]] = {}
        self._oldest: dict[Path, Key] = {}  # between equal scores, the node whose first job came first
        for path, jobs in pool.waiting.items():
            for node in nodes_of(path):
                first = _arrival(jobs[0])
                self._oldest[node] = min(first, self._oldest.get(node, first))

    def head(self, path: Path) -> Job:
        """The next job of a leaf to look at."""
        return self.pool.waiting[path][self._place[path]]

    def step(self, path: Path) -> bool:
        """Move to the leaf's next job; False when the leaf is done with."""
        self._place[path] += 1
        return self._place[path] < len(self.pool.waiting[path]) and self._passed.get(path, 0) < LOOK_AHEAD_LEAF

    def rank(self, path: Path) -> tuple[float | str, ...]:
        """Where the leaf's next job stands: the least goes first. Comparing score by score descends the quota tree."""
        job = self.head(path)
        if self.rule.score is None:
            return self.rule.within(job)
        if self.pool.now_s - job.submit_s > self.rule.patience_s:
            return (0, job.submit_s, job.id)
        if path not in self._scores:
            scores: list[float | str] = [1]
            for node in (path[:depth] for depth in range(1, len(path) + 1)):
                extra = self._taken.get(node, Resources()).share(self.pool.capacity)
                scores += (self.rule.score(self.pool, node, extra), *self._oldest[node], node[-1])
            self._scores[path] = tuple(scores)
        return self._scores[path]

    def admits(self, job: Job) -> bool:
        """True when the job fits now and delays no reservation."""
        if not job.need.fits(self._free) or not self._within_quotas(job):
            return False
        return self._reservation is None or self._reservation.admits(job, self.pool.now_s)

    def take(self, job: Job) -> None:
        """Count the job as started."""
        for node in nodes_of(job.path):
            self._taken[node] = self._taken.get(node, Resources()).plus(job.need)
        self._free = self._free.minus(job.need)
        self.started.append(Running(job, self.pool.now_s))
        self._scores.clear()
        if self._reservation is not None:
            self._reservation.take(job, self.pool.now_s)

    def pass_over(self, job: Job) -> None:
        """The job must wait; the first to do so gets the reservation."""
        self._passed[job.path] = self._passed.get(job.path, 0) + 1
        if self._within_quotas(job):
            self.looks -= 1
        if self._reservation is None:
            room = {(): self._free} | {node: self._room(node, limit) for node, limit in self._limited(job.path)}
            self._reservation = _reserve(job, room, _by_end(self.pool, self.started), self.pool.now_s)

    def _within_quotas(self, job: Job) -> bool:
        limited = self._limited(job.path)
        return not limited or all(job.need.fits(self._room(node, limit)) for node, limit in limited)

    def _room(self, node: Path, limit: Resources) -> Resources:
        room = limit.minus(self.pool.holding(node))
        taken = self._taken.get(node)
        return room.minus(taken) if taken else room

    def _limited(self, path: Path) -> tuple[tuple[Path, Resources], ...]:
        if path not in self._limits:
            limits = ((node, self.pool.limit(node)) for node in nodes_of(path) if node)
            self._limits[path] = tuple((node, limit) for node, limit in limits if limit is not None)
        return self._limits[path]


@dataclass(slots=True)
class _Reservation:
    """When the first job that does not fit will start at the latest, and what is left beside it then."""

    at_s: float
    spare: dict[Path, Resources]  # per limited node on that job's way

    def admits(self, job: Job, now_s: float) -> bool:
        """True when the job is over by then, or fits beside the reserved one."""
        return now_s + job.wall_s <= self.at_s or all(job.need.fits(self.spare[node]) for node in self._shared(job))

    def take(self, job: Job, now_s: float) -> None:
        """The job was started."""
        if now_s + job.wall_s > self.at_s:
            for node in self._shared(job):
                self.spare[node] = self.spare[node].minus(job.need)

    def _shared(self, job: Job) -> list[Path]:
        return [node for node in nodes_of(job.path) if node in self.spare]


def _reserve(job: Job, room: dict[Path, Resources], running: Iterable[Running], now_s: float) -> _Reservation:
    """The earliest moment when wall limits leave room for the job in every node of `room`; `running` by latest end."""
    at_s = now_s
    for other in running:
        if all(job.need.fits(free) for free in room.values()):
            break
        at_s = max(at_s, other.latest_end_s)
        for node in nodes_of(other.job.path):
            if node in room:
                room[node] = room[node].plus(other.job.need)
    return _Reservation(at_s, {node: free.minus(job.need) for node, free in room.items()})


def _by_end(pool: Pool, started: list[Running]) -> Iterable[Running]:
    return merge(pool.ending, sorted(started, key=by_end), key=by_end) if started else pool.ending
