"""Many researchers at once, over HTTP, against the real gateway service; every answer is compared with the right one.

`python -m bench.load --seconds 300` asks for five minutes. Both sides ask equally many questions a second, at random
moments (a Poisson process): one researcher alone, then all of them together. Each project sees other counties, so an
answer that went to the wrong asker, or out of the wrong decision, is wrong.
"""

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import httpx
import psutil
import pyarrow as pa
import pyarrow.parquet

from bench.measure import Row
from portal.story.datasets import story_datasets
from tests.gateway.platform_home import Terms, grant, hub, platform_database, publish, service

RESEARCHERS, PROJECTS, RATE = 100, 20, 12.0
QUESTIONS = (
    "SELECT count(*) AS n FROM {source}",
    "SELECT sex, count(*) AS n, avg(hours_per_week) AS h FROM {source} GROUP BY sex ORDER BY sex",
    "SELECT age // 20 AS a, count(*) AS n FROM {source} WHERE age < 80 GROUP BY a ORDER BY a",
    "SELECT sex, income, sum(hours_per_week) AS h FROM {source} GROUP BY sex, income ORDER BY sex, income",
    "WITH t AS (SELECT income, count(*) AS n FROM {source} GROUP BY income) "
    "SELECT income, n, n * 1.0 / sum(n) OVER () AS share FROM t ORDER BY income",
    "SELECT id_no, age, occupation FROM {rows} WHERE age = 40 ORDER BY id_no",
    "SELECT occupation, max(age) AS oldest FROM {rows} GROUP BY occupation ORDER BY occupation",
)
REFUSED = "SELECT name FROM {source}"
STATISTICS = {
    "id_no": ["count"], "sex": ["group", "filter"], "income": ["group", "filter"], "age": ["group", "filter"],
    "hours_per_week": ["aggregate"], "part": ["filter"],
}  # fmt: skip
ROWS = {"id_no": ["read"], "age": ["read"], "occupation": ["read"], "part": ["filter"]}
DATASETS = (
    ("census", STATISTICS, {"mode": "threshold", "min_group": 10}),
    ("listing", ROWS, {"mode": "rows"}),
)


@dataclass(slots=True)
class Seen:
    """What the askers of one run saw."""

    times_ms: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    memory_mib: list[float] = field(default_factory=list)  # of the gateway with its engines, every second

    def percentile(self, share: float) -> float:
        """Of the times, in milliseconds."""
        ordered = sorted(self.times_ms)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


@dataclass(frozen=True, slots=True)
class Question:
    """A query, and the rows or the code it must be answered with."""

    sql: str
    expected: list[dict[str, Any]] | str


class Site:
    """A gateway service with its people and data, in a folder of its own."""

    def __init__(self, stack: ExitStack, researchers: int) -> None:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-load-")))
        (home / "data").mkdir()
        census = next(dataset for dataset in story_datasets() if dataset.id == "census").table
        table = census.append_column("part", pa.array([row % PROJECTS for row in range(census.num_rows)]))
        self.people = {f"r{number}": f"project{number % PROJECTS}" for number in range(researchers)}
        projects = {
            name: [who for who, where in self.people.items() if where == name] for name in set(self.people.values())
        }
        database = platform_database(home, projects)
        stack.callback(database.close)
        for name in ("census", "listing"):
            pa.parquet.write_table(table, home / "data" / f"{name}.parquet")
            publish(database, home, name, "id_no", "r0")
        for project, members in projects.items():
            shown = f"part <> {project.removeprefix('project')}"
            for name, columns, release in DATASETS:
                grant(database, project, members[0], name, Terms(columns, release, rows=shown))
        tokens = {f"token-{who}": (who, project) for who, project in self.people.items()}
        self.url = stack.enter_context(service(home, stack.enter_context(hub(tokens))))
        self.process = next(child for child in psutil.Process().children() if "gateway.service" in child.cmdline())
        self.questions = {name: _questions(table, int(name.removeprefix("project"))) for name in projects}

    def memory_mib(self) -> float:
        """Resident memory of the gateway and its engine processes."""
        total = 0
        for process in (self.process, *self.process.children(recursive=True)):
            try:
                total += process.memory_info().rss
            except psutil.NoSuchProcess:
                continue
        return total / 2**20


def _questions(table: Any, part: int) -> list[Question]:
    """With their answers, by plain DuckDB on what the project may see."""
    connection = duckdb.connect()
    connection.register("everything", table)
    connection.execute("CREATE TABLE seen AS SELECT * FROM everything WHERE part <> ?", [part])
    made = []
    for text in QUESTIONS:
        expected = connection.sql(text.format(source="seen", rows="seen")).arrow().read_all().to_pylist()
        made.append(Question(text.format(source="census", rows="listing"), expected))
    connection.close()
    return [*made, Question(REFUSED.format(source="census"), "COLUMN_UNKNOWN")]


async def _ask(client: httpx.AsyncClient, site: Site, who: str, question: Question, seen: Seen) -> None:
    began = time.perf_counter()
    try:
        answer = await client.post(
            f"{site.url}/v1/query", json={"sql": question.sql}, headers={"Authorization": f"token token-{who}"}
        )
    except httpx.HTTPError as error:
        seen.wrong.append(f"{type(error).__name__}: {question.sql}")
        return
    seen.times_ms.append((time.perf_counter() - began) * 1000)
    if isinstance(question.expected, str):
        right = answer.status_code in (400, 403) and answer.json()["code"] == question.expected
    else:
        right = answer.status_code == 200 and _same(pa.ipc.open_stream(answer.content).read_all(), question.expected)
    if not right:
        seen.wrong.append(f"{answer.status_code} {answer.text[:120] if answer.is_error else ''}: {question.sql}")


def _same(table: Any, expected: Sequence[Mapping[str, Any]]) -> bool:
    given = table.to_pylist()
    if len(given) != len(expected) or table.num_columns != len(expected[0]):
        return False
    return all(
        abs(mine - right) <= 1e-9 * abs(right) if isinstance(right, float) else mine == right
        for one, other in zip(given, expected, strict=True)
        for mine, right in zip(one.values(), other.values(), strict=True)
    )


async def _run(site: Site, who: Sequence[str], rate: float, seconds: float) -> Seen:
    """`rate` questions a second in all, each by somebody of `who`, whether earlier ones were answered or not."""
    seen, chance, asked = Seen(), random.Random(15), set()  # noqa: S311  chooses questions, protects nothing
    limits = httpx.Limits(max_connections=len(who) * 4, max_keepalive_connections=len(who) * 4)
    async with httpx.AsyncClient(timeout=120, trust_env=False, limits=limits) as client:
        for name in {site.people[name]: name for name in who}.values():  # each project once, before the clock starts
            for question in site.questions[site.people[name]]:
                await _ask(client, site, name, question, Seen())
        watch = asyncio.create_task(_watch(site, seen))
        end, at = time.perf_counter() + seconds, time.perf_counter()
        while at < end:
            at += chance.expovariate(rate)
            await asyncio.sleep(max(0.0, at - time.perf_counter()))
            name = chance.choice(who)
            task = asyncio.create_task(_ask(client, site, name, chance.choice(site.questions[site.people[name]]), seen))
            asked.add(task)
            task.add_done_callback(asked.discard)
        await asyncio.gather(*asked)
        watch.cancel()
    return seen


async def _watch(site: Site, seen: Seen) -> None:
    while True:
        seen.memory_mib.append(site.memory_mib())
        await asyncio.sleep(1)


def measured(seconds: float, rate: float = RATE, researchers: int = RESEARCHERS) -> tuple[Seen, Seen]:
    """One researcher alone, then all; raises RuntimeError where an answer was wrong or missing."""
    with ExitStack() as stack:
        site = Site(stack, researchers)
        alone = asyncio.run(_run(site, list(site.people)[:1], rate, seconds))
        together = asyncio.run(_run(site, list(site.people), rate, seconds))
    for seen in (alone, together):
        if seen.wrong:
            raise RuntimeError(f"{len(seen.wrong)} wrong answers, the first: {seen.wrong[0]}")
    return alone, together


def rows(seconds: float = 10.0) -> Iterator[Row]:
    """Median and 99th percentile of the time to an answer: all researchers against one at the same rate."""
    alone, together = measured(seconds)
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        measure = f"{RESEARCHERS} researchers, {name} at {RATE:g} questions a second"
        ours, other = together.percentile(share), alone.percentile(share)
        yield Row(measure, ours, "one researcher, the same rate", other, len(together.times_ms))


def main() -> int:
    """As `rows`, for as long as wished, with the memory of the gateway and its engines."""
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="of each of the two runs")
    parser.add_argument("--rate", type=float, default=RATE, help="questions a second, of all together")
    parser.add_argument("--researchers", type=int, default=RESEARCHERS)
    given = parser.parse_args()
    alone, together = measured(given.seconds, given.rate, given.researchers)
    print(
        "| | questions | wrong | p50 ms | p99 ms | memory MiB, first third | last third |\n"
        "|---|--:|--:|--:|--:|--:|--:|"
    )
    for name, seen in (("one researcher", alone), (f"{given.researchers} researchers", together)):
        third = max(1, len(seen.memory_mib) // 3)
        first, last = (statistics.median(part) for part in (seen.memory_mib[:third], seen.memory_mib[-third:]))
        times = f"{seen.percentile(0.5):.1f} | {seen.percentile(0.99):.1f}"
        print(f"| {name} | {len(seen.times_ms)} | {len(seen.wrong)} | {times} | {first:.0f} | {last:.0f} |")
    print(f"p99 ratio {together.percentile(0.99) / alone.percentile(0.99):.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
