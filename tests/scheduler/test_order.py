"""Laws of the order, over random pools, quota trees and jobs."""

from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.order import RULES, Refuse, Rule, Start, order, rule_named
from scheduler.pool import Job, Node, Path, Pool, nodes_of
from scheduler.resources import Resources
from scheduler.simulate import Schedule, simulate
from store.errors import YurtError

PATHS: list[Path] = [(a, p, u) for a in "AB" for p in "xy" for u in "12"]
rules = st.sampled_from(list(RULES.values()))
needs = st.builds(
    Resources,
    st.integers(100, 4000),
    st.integers(1, 8).map(lambda g: g * 2**30),
    st.integers(0, 4).map(lambda g: g * 1000),
)
CAPACITY = Resources(8000, 16 * 2**30, 8000)


@st.composite
def traces(draw: st.DrawFn, least: int = 0) -> list[Job]:
    count = draw(st.integers(least, 25))
    return [
        Job(
            f"j{n:02}",
            draw(st.sampled_from(PATHS)),
            draw(needs),
            float(draw(st.integers(0, 50))),
            float(draw(st.integers(1, 30))),
        )
        for n in range(count)
    ]


nodes = st.dictionaries(
    st.sampled_from([node for path in PATHS for node in nodes_of(path)[1:]]),
    st.builds(Node, st.sampled_from([0.5, 1.0, 3.0]), st.none() | st.just(Resources(5000, 9 * 2**30, 5000))),
    max_size=4,
)


def pool_with(jobs: list[Job], rule: Rule, tree: dict[Path, Node]) -> Pool:
    pool = Pool(CAPACITY, tree, within=rule.within, now_s=60.0)
    pool.submit_all(jobs)
    return pool


@given(traces(), rules, nodes, st.randoms())
def test_it_does_not_depend_on_how_jobs_are_listed(
    jobs: list[Job], rule: Rule, tree: dict[Path, Node], random: object
) -> None:
    shuffled = list(jobs)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert order(pool_with(jobs, rule, tree), rule) == order(pool_with(shuffled, rule, tree), rule)


@given(traces(), rules, nodes)
def test_it_changes_nothing_and_answers_the_same_twice(jobs: list[Job], rule: Rule, tree: dict[Path, Node]) -> None:
    pool = pool_with(jobs, rule, tree)
    before = (dict(pool.held), {path: list(queue) for path, queue in pool.waiting.items()}, dict(pool.running))
    assert order(pool, rule) == order(pool, rule)
    assert (dict(pool.held), pool.waiting, pool.running) == before


@given(traces(), rules, nodes)
def test_starts_fit_the_pool_and_every_quota(jobs: list[Job], rule: Rule, tree: dict[Path, Node]) -> None:
    pool = pool_with(jobs, rule, tree)
    held: defaultdict[Path, Resources] = defaultdict(Resources)
    decisions = order(pool, rule)
    for decision in decisions:
        if isinstance(decision, Refuse):
            assert not pool.fits_ever(decision.job)
            continue
        for node in nodes_of(decision.job.path):
            held[node] = held[node].plus(decision.job.need)
            limit = pool.limit(node)
            assert limit is None or held[node].fits(limit)
    assert len({decision.job.id for decision in decisions}) == len(decisions)


def overlapping(schedule: Schedule, node: Path, at_s: float) -> Resources:
    held = Resources()
    for run in schedule.runs:
        if run.start_s <= at_s < run.end_s and run.job.path[: len(node)] == node:
            held = held.plus(run.job.need)
    return held


@settings(max_examples=60, deadline=None)
@given(traces(), rules, nodes)
def test_a_schedule_never_exceeds_and_loses_no_job(jobs: list[Job], rule: Rule, tree: dict[Path, Node]) -> None:
    schedule = simulate(jobs, CAPACITY, rule, tree)
    ended = [run.job.id for run in schedule.runs] + [job.id for job in schedule.refused]
    assert sorted(ended) == sorted(job.id for job in jobs)
    limits = {(): CAPACITY, **{path: node.limit for path, node in tree.items() if node.limit}}
    for run in schedule.runs:
        assert run.start_s >= run.job.submit_s
        for node, limit in limits.items():
            assert overlapping(schedule, node, run.start_s).fits(limit)


@settings(max_examples=60, deadline=None)
@given(traces(), st.integers(0, 8))
def test_adding_capacity_never_lengthens_a_wait_under_fifo(jobs: list[Job], more: int) -> None:
    fitting = [job for job in jobs if job.need.fits(CAPACITY)]
    larger = Resources(CAPACITY[0] + more * 500, CAPACITY[1] + more * 2**30, CAPACITY[2] + more * 1000)
    before = {run.job.id: run.wait_s for run in simulate(fitting, CAPACITY, RULES["fifo"]).runs}
    after = {run.job.id: run.wait_s for run in simulate(fitting, larger, RULES["fifo"]).runs}
    assert all(after[job] <= before[job] for job in before)


@given(traces())
def test_fifo_starts_in_order_of_arrival(jobs: list[Job]) -> None:
    started = [run.job for run in simulate(jobs, CAPACITY, RULES["fifo"]).runs]
    assert started == sorted(started, key=lambda job: (job.submit_s, job.id))


@settings(max_examples=60, deadline=None)
@given(traces(1), st.sampled_from(["drf", "usage", "fair"]), nodes, st.sampled_from([0.0, 5.0, 40.0]))
def test_nobody_starves_once_patience_is_over(
    jobs: list[Job], name: str, tree: dict[Path, Node], patience: float
) -> None:
    base = RULES[name]
    rule = Rule(base.name, base.says, base.within, base.score, patience_s=patience)
    longest = max(job.wall_s for job in jobs)
    runs = simulate(jobs, CAPACITY, rule, tree).runs
    for run in runs:
        older = sum((other.job.submit_s, other.job.id) < (run.job.submit_s, run.job.id) for other in runs)
        assert run.wait_s <= patience + (older + 2) * longest


def test_a_wide_job_is_not_overtaken_for_ever_by_narrow_ones() -> None:
    narrow = [Job(f"n{n:03}", ("A",), Resources(gpu_milli=1000), float(n), 10.0) for n in range(200)]
    wide = Job("wide", ("B",), Resources(gpu_milli=8000), 5.0, 10.0)
    runs = simulate([*narrow, wide], CAPACITY, RULES["backfill"]).runs
    assert next(run.wait_s for run in runs if run.job is wide) <= 20.0


def test_a_gap_is_filled_only_by_what_does_not_delay_the_first_in_line() -> None:
    pool = Pool(Resources(gpu_milli=4000), now_s=0.0)
    running = Job("running", ("A",), Resources(gpu_milli=3000), 0.0, 100.0)
    pool.resume(running, 0.0)
    wide = Job("wide", ("A",), Resources(gpu_milli=4000), 1.0, 10.0)
    long = Job("long", ("B",), Resources(gpu_milli=1000), 2.0, 101.0)
    short = Job("short", ("B",), Resources(gpu_milli=1000), 3.0, 100.0)
    pool.submit_all([wide, long, short])
    assert order(pool, RULES["backfill"]) == [Start(short)]
    assert order(pool, RULES["fifo"]) == []


def test_drf_gives_the_next_place_to_whoever_holds_least_for_their_weight() -> None:
    pool = Pool(Resources(gpu_milli=12000), {("A",): Node(2.0)})
    pool.submit_all(
        [Job(f"{who}{n:02}", (who,), Resources(gpu_milli=1000), float(n), 10.0) for who in "AB" for n in range(12)]
    )
    taken = [decision.job.path[0] for decision in order(pool, RULES["drf"])]
    assert (taken.count("A"), taken.count("B")) == (8, 4)


def test_fairness_holds_at_every_level_of_the_tree() -> None:
    pool = Pool(Resources(gpu_milli=8000))
    crowd = [(("A", "x", str(n)), n) for n in range(6)]
    pool.submit_all([Job(f"a{n}{k}", path, Resources(gpu_milli=1000), 0.0, 9.0) for path, n in crowd for k in range(4)])
    pool.submit_all([Job(f"b{k}", ("B", "y", "0"), Resources(gpu_milli=1000), 1.0, 9.0) for k in range(8)])
    taken = [decision.job.path[0] for decision in order(pool, RULES["drf"])]
    assert (taken.count("A"), taken.count("B")) == (4, 4)


def test_past_use_counts_less_with_every_half_life() -> None:
    pool = Pool(Resources(gpu_milli=1000), half_life_s=100.0)
    pool.remember(("A",), 50.0, 0.0)
    at_first = pool.used(("A",))
    pool.now_s = 100.0
    assert pool.used(("A",)) == pytest.approx(at_first / 2)


def test_an_agency_at_its_quota_does_not_hide_the_others() -> None:
    pool = Pool(Resources(gpu_milli=4000), {("A",): Node(100.0, Resources(gpu_milli=1000))})
    pool.submit_all([Job(f"a{n:04}", ("A",), Resources(gpu_milli=1000), 0.0, 9.0) for n in range(500)])
    pool.submit_all([Job(f"b{n}", ("B",), Resources(gpu_milli=1000), 9.0, 9.0) for n in range(3)])
    assert sorted(decision.job.id for decision in order(pool, RULES["drf"])) == ["a0000", "b0", "b1", "b2"]


def test_a_job_larger_than_the_pool_is_refused_even_when_nothing_is_free() -> None:
    pool = Pool(Resources(gpu_milli=1000))
    pool.resume(Job("r", ("A",), Resources(gpu_milli=1000), 0.0, 9.0), 0.0)
    huge = Job("huge", ("A",), Resources(gpu_milli=2000), 0.0, 9.0)
    pool.submit(huge)
    decision = order(pool, RULES["fifo"])[0]
    assert isinstance(decision, Refuse)
    assert (decision.job, decision.code.name) == (huge, "JOB_NEVER_FITS")


def test_an_unknown_order_names_those_there_are() -> None:
    with pytest.raises(YurtError, match="fifo, backfill, sjf, drf, usage, fair"):
        rule_named("lottery")
