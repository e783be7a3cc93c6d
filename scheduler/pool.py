"""What the scheduler knows at one moment: capacity, quota tree, waiting and running jobs, usage so far.

The live service fills a `Pool` from its records, the simulator from a trace; both then ask `scheduler.order.order`,
which only reads. The pool keeps sums per node of the quota tree up to date, so that a decision costs the same however
many jobs run.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from math import exp, log

from scheduler.resources import Resources

Path = tuple[str, ...]
"""A node of the quota tree from the top: (agency,), (agency, project) or (agency, project, user). () is the pool."""

Key = tuple[float, str]


@dataclass(frozen=True, slots=True)
class Job:
    """A job as the scheduler sees it."""

    id: str  # unique; breaks ties, so an order never depends on how jobs were listed
    path: Path  # whose it is: the leaf of the quota tree
    need: Resources  # taken whole, for the whole run
    submit_s: float  # when it was queued, seconds
    wall_s: float  # longest it may run, seconds: it is killed after that


@dataclass(frozen=True, slots=True)
class Node:
    """What an operator sets for one agency, project or user."""

    weight: float = 1.0  # entitlement relative to its siblings, > 0
    limit: Resources | None = None  # most it may hold at once; None: only the pool's capacity


@dataclass(frozen=True, slots=True)
class Running:
    """A job that holds its resources."""

    job: Job
    start_s: float

    @property
    def latest_end_s(self) -> float:
        """When the wall limit ends it at the latest."""
        return self.start_s + self.job.wall_s


@dataclass(slots=True)
class Usage:
    """Dominant-share-seconds used by a node, forgotten with a half-life: dU/dt = share - U·ln2/half_life."""

    value: float = 0.0
    rate: float = 0.0  # dominant share held now
    at_s: float = 0.0

    def at(self, now_s: float, half_life_s: float) -> float:
        """The value at `now_s`; exact for a rate that was constant since."""
        decay = log(2) / half_life_s
        kept = exp(-decay * max(0.0, now_s - self.at_s))
        return self.value * kept + self.rate * (1 - kept) / decay

    def advance(self, now_s: float, half_life_s: float) -> None:
        """Bring the value to `now_s`, before the rate changes."""
        self.value, self.at_s = self.at(now_s, half_life_s), max(now_s, self.at_s)


_NODE = Node()


@dataclass(slots=True)
class Pool:
    """The state that `order` reads. `within` sorts the jobs of one leaf and must be the rule's own."""

    capacity: Resources
    nodes: Mapping[Path, Node] = field(default_factory=dict)
    half_life_s: float = 7 * 86400.0
    within: Callable[[Job], Key] = lambda job: (job.submit_s, job.id)
    now_s: float = 0.0
    held: dict[Path, Resources] = field(default_factory=dict)
    usage: dict[Path, Usage] = field(default_factory=dict)
    waiting: dict[Path, list[Job]] = field(default_factory=dict)
    hopeless: list[Job] = field(default_factory=list)  # submitted, but more than the pool or a quota ever gives
    running: dict[str, Running] = field(default_factory=dict)
    ending: list[Running] = field(default_factory=list)  # the same, by latest end

    def node(self, path: Path) -> Node:
        """The settings of a node; weight 1 and no limit where nobody set any."""
        return self.nodes.get(path, _NODE)

    def holding(self, path: Path) -> Resources:
        """What the jobs below a node hold now."""
        return self.held.get(path, Resources())

    def limit(self, path: Path) -> Resources | None:
        """The most a node may hold: the capacity for the pool itself."""
        return self.capacity if not path else self.node(path).limit

    def used(self, path: Path) -> float:
        """Decayed usage of a node as an average share of the pool, 0 to 1, at `now_s`."""
        usage = self.usage.get(path)
        return usage.at(self.now_s, self.half_life_s) * log(2) / self.half_life_s if usage else 0.0

    def share(self, path: Path) -> float:
        """Dominant share of the pool that a node holds now."""
        return self.holding(path).share(self.capacity)

    def fits_ever(self, job: Job) -> bool:
        """True when the job would fit an empty pool and empty quotas."""
        return all(limit is None or job.need.fits(limit) for limit in map(self.limit, nodes_of(job.path)))

    def submit(self, job: Job) -> None:
        """A job begins to wait."""
        if not self.fits_ever(job):
            self.hopeless.append(job)
            return
        insort(self.waiting.setdefault(job.path, []), job, key=self.within)

    def submit_all(self, jobs: Iterable[Job]) -> None:
        """Several jobs begin to wait, in whatever order they are listed."""
        for job in jobs:
            self.submit(job)

    def withdraw(self, job: Job) -> None:
        """A waiting job leaves the queue."""
        if job in self.hopeless:
            self.hopeless.remove(job)
            return
        queue = self.waiting[job.path]
        del queue[bisect_left(queue, self.within(job), key=self.within)]
        if not queue:
            del self.waiting[job.path]

    def start(self, job: Job, *, start_s: float | None = None) -> None:
        """A waiting job takes its resources."""
        self.withdraw(job)
        self.resume(job, self.now_s if start_s is None else start_s)

    def resume(self, job: Job, start_s: float) -> None:
        """A job that runs already takes its resources: for filling a pool from records."""
        self.running[job.id] = held = Running(job, start_s)
        insort(self.ending, held, key=by_end)
        self._hold(job.path, job.need)

    def finish(self, job_id: str) -> Running:
        """A running job gives its resources back."""
        done = self.running.pop(job_id)
        del self.ending[bisect_left(self.ending, by_end(done), key=by_end)]
        self._hold(done.job.path, Resources().minus(done.job.need))
        return done

    def remember(self, path: Path, share_s: float, ended_s: float) -> None:
        """Past use of a leaf, in dominant-share-seconds, that ended at `ended_s`: for filling it from the ledger."""
        age = max(0.0, self.now_s - ended_s)
        for node in nodes_of(path):
            usage = self.usage.setdefault(node, Usage(at_s=self.now_s))
            usage.advance(self.now_s, self.half_life_s)
            usage.value += share_s * exp(-age * log(2) / self.half_life_s)

    def _hold(self, path: Path, amount: Resources) -> None:
        for node in nodes_of(path):
            self.held[node] = self.holding(node).plus(amount)
            usage = self.usage.setdefault(node, Usage(at_s=self.now_s))
            usage.advance(self.now_s, self.half_life_s)
            usage.rate = self.share(node)


def by_end(held: Running) -> Key:
    """Key that sorts running jobs by when their wall limits end them."""
    return (held.latest_end_s, held.job.id)


def nodes_of(path: Path) -> list[Path]:
    """The pool and every node down to the leaf."""
    return [path[:depth] for depth in range(len(path) + 1)]
