"""Replaying a trace: the same `order` as the live service, driven by arrivals and ends instead of a clock.

Each job runs for its duration on whole GPUs without placement constraints; durations are known exactly, so reservations
are exact too. Real limits are looser, so real gaps are filled less well than here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush
from time import perf_counter

from scheduler.metrics import Fairness, Summary, percentile
from scheduler.order import Refuse, Rule, order
from scheduler.pool import Job, Node, Path, Pool
from scheduler.resources import Resources


@dataclass(frozen=True, slots=True)
class Run:
    """One job of a simulated schedule."""

    job: Job
    start_s: float

    @property
    def end_s(self) -> float:
        """When it ended."""
        return self.start_s + self.job.wall_s

    @property
    def wait_s(self) -> float:
        """How long it waited."""
        return self.start_s - self.job.submit_s


@dataclass(frozen=True, slots=True)
class Schedule:
    """What happened, in order of start."""

    runs: tuple[Run, ...]
    refused: tuple[Job, ...]
    summary: Summary


def simulate(
    jobs: Iterable[Job], capacity: Resources, rule: Rule, nodes: Mapping[Path, Node] | None = None
) -> Schedule:
    """Run every job of a trace through `rule` on a pool of `capacity`, with quota nodes if given.

    Tenants are the leaves of the quota tree. Jobs may be listed in any order.
    """
    pool = Pool(capacity, nodes or {}, within=rule.within)
    arrivals = sorted(jobs, key=lambda job: (job.submit_s, job.id), reverse=True)
    first_s = arrivals[-1].submit_s if arrivals else 0.0
    ends: list[tuple[float, str]] = []
    runs: list[Run] = []
    refused: list[Job] = []
    fairness = Fairness()
    deciding_s = 0.0
    pool.now_s = first_s
    while arrivals or ends:
        next_s = min(ends[0][0] if ends else arrivals[-1].submit_s, arrivals[-1].submit_s if arrivals else ends[0][0])
        fairness.add(_backlogged(pool), next_s - pool.now_s)
        pool.now_s = next_s
        while ends and ends[0][0] == next_s:
            pool.finish(heappop(ends)[1])
        while arrivals and arrivals[-1].submit_s == next_s:
            pool.submit(arrivals.pop())
        began = perf_counter()
        decisions = order(pool, rule)
        deciding_s += perf_counter() - began
        for decision in decisions:
            if isinstance(decision, Refuse):
                pool.withdraw(decision.job)
                refused.append(decision.job)
                continue
            pool.start(decision.job)
            runs.append(Run(decision.job, next_s))
            heappush(ends, (next_s + decision.job.wall_s, decision.job.id))
    waits = sorted(run.wait_s for run in runs)
    makespan = max((run.end_s for run in runs), default=first_s) - first_s
    used = sum(run.job.need.gpu_milli * run.job.wall_s for run in runs)
    return Schedule(
        runs=tuple(runs),
        refused=tuple(refused),
        summary=Summary(
            order=rule.name,
            gpus=capacity.gpu_milli // 1000,
            jobs=len(runs),
            refused=len(refused),
            makespan_s=round(makespan, 3),
            wait_mean_s=round(sum(waits) / len(waits), 3) if waits else 0.0,
            wait_p50_s=round(percentile(waits, 0.50), 3),
            wait_p95_s=round(percentile(waits, 0.95), 3),
            wait_max_s=round(waits[-1], 3) if waits else 0.0,
            utilisation=round(used / (capacity.gpu_milli * makespan), 4) if makespan and capacity.gpu_milli else 0.0,
            jain_backlogged=round(fairness.index(), 4),
            preemptions=0,
            decisions_per_s=round((len(runs) + len(refused)) / deciding_s, 1) if deciding_s else 0.0,
        ),
    )


def _backlogged(pool: Pool) -> list[float]:
    """What each leaf with waiting jobs holds, over its weight."""
    return [pool.share(path) / pool.node(path).weight for path in pool.waiting]
