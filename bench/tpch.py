"""TPC-H through the gateway, over HTTP, beside plain DuckDB over the same files: what each way of releasing costs.

    python -m bench tpch                                  scale 0.1, what `make bench` runs
    python -m bench.tpch --scale 1 --runs 5 --each        scale 1, a line per query

Ours is the time from the request to the last row as Arrow, audit record and all; the other's, from the text to a table
of Arrow in a process without a gateway, with as many threads. Under row filters the other reads files that hold the
filtered rows only, and the gateway has copies of its own that do (docs/decisions/013-filtered-copies.md): every text is
asked before the first is timed, and then waited for until the gateway has nothing left to do. Sides take turns; a
query's time is the median; a mode's, the geometric mean over its queries.
A private question asked again gets the same noise without the engine; so each time another project asks it.
A second line per mode adds up processor time, of the gateway with its engines against the other's: on a machine that
others keep busy it says more.
"""

import argparse
import itertools
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import httpx
import psutil
import pyarrow as pa

from bench.measure import Row
from bench.texts import tpch_schema, tpch_texts
from policies.schema import Schema
from tests.gateway.platform_home import Terms, grant, hub, platform_database, publish, service

THREADS = 2
USES = ("filter", "group", "join", "aggregate", "count")
UNITS = {"customer": "c_custkey", "orders": "o_custkey"}
"""Whose data a row is, where that is protected: the customer's. Other tables give their rows away."""
FILTERS = {
    "customer": "c_acctbal > 0",
    "orders": "o_orderdate >= DATE '1992-06-01'",
    "lineitem": "l_shipmode <> 'RAIL'",
    "supplier": "s_suppkey <> 7",
    "part": "p_size < 48",
}
REST_LOOKS = 10
"""A gateway whose processes use no time in so many looks, 0.2 s apart, has nothing left to do."""
JOINS = {
    "customer": ("orders.o_custkey", "nation.n_nationkey", "supplier.s_nationkey"),
    "orders": ("customer.c_custkey", "lineitem.l_orderkey"),
    "lineitem": ("orders.o_orderkey", "part.p_partkey", "supplier.s_suppkey", "partsupp.ps_partkey",
                 "partsupp.ps_suppkey"),
    "supplier": ("nation.n_nationkey", "lineitem.l_suppkey", "partsupp.ps_suppkey", "customer.c_nationkey"),
    "nation": ("region.r_regionkey", "customer.c_nationkey", "supplier.s_nationkey"),
    "partsupp": ("part.p_partkey", "supplier.s_suppkey"),
    "part": ("lineitem.l_partkey", "partsupp.ps_partkey"),
}  # fmt: skip
ROWS = {"mode": "rows", "max_rows": 1_000_000, "timeout_s": 300}
THRESHOLD = {**ROWS, "mode": "threshold", "min_group": 10}
PRIVATE = {**ROWS, "mode": "dp", "epsilon": 1000, "delta": 1e-6, "epsilon_per_query": 0.5, "max_groups_contributed": 3,
           "max_rows_contributed": 10}  # fmt: skip
BOUNDS = {"customer": {"c_acctbal": [-1000, 10_000]}, "orders": {
    "o_totalprice": [0, 600_000], "l_extendedprice": [0, 110_000], "l_discount": [0, 0.1], "l_tax": [0, 0.1],
    "l_quantity": [0, 50],
}}  # fmt: skip


@dataclass(frozen=True)
class Way:
    """One way of releasing."""

    name: str
    release: Mapping[str, Any]  # of the tables with a unit
    filters: Mapping[str, str] = field(default_factory=dict)

    def projects(self, runs: int) -> list[str]:
        """Who asks, the first of them to warm up."""
        name = self.name.replace(" ", "-")
        return [f"{name}-{run}" for run in range(runs + 1)] if self.release["mode"] == "dp" else [name]

    def terms(self, table: str, columns: list[str]) -> Terms:
        """What the project may do with a table."""
        own = self.release if table in UNITS else ROWS
        uses = ("read", *USES) if own["mode"] == "rows" else USES
        release = {**own, "bounds": BOUNDS[table]} if own["mode"] == "dp" else own
        return Terms(dict.fromkeys(columns, uses), release, JOINS.get(table, ()), self.filters.get(table))


WAYS = (
    Way("identity", ROWS),
    Way("row filter", ROWS, FILTERS),
    Way("thresholds", THRESHOLD),
    Way("differential privacy", PRIVATE),
)


@dataclass(frozen=True)
class Timed:
    """One query, one way: medians in milliseconds."""

    way: str
    query: str
    ours_ms: float
    other_ms: float
    ours_cpu_ms: float = 0.0  # per run, of the gateway and its engines
    other_cpu_ms: float = 0.0

    @property
    def ratio(self) -> float:
        """Ours divided by the other's."""
        return self.ours_ms / self.other_ms


@dataclass(frozen=True)
class Refusal:
    """A query that a way does not admit."""

    way: str
    query: str
    code: str


def generated(folder: Path, scale: float) -> None:
    """The eight tables as Parquet files."""
    generator = Path(sys.executable).parent / "tpchgen-cli"
    argv = [str(generator), "parquet", "-s", f"{scale:g}", f"--output-dir={folder}"]
    subprocess.run(argv, check=True, capture_output=True)


def written(folder: Path, target: Path, filters: Mapping[str, str]) -> None:
    """The same tables without the rows that the filters keep back, by the same writer whatever the filters: how a file
    was written decides how fast it is read."""
    target.mkdir()
    connection = duckdb.connect()
    for table in Schema.from_ddl(tpch_schema()).tables.values():
        condition = filters.get(table.name, "true")
        source = connection.read_parquet(str(folder / f"{table.name}.parquet")).filter(condition)
        source.write_parquet(str(target / f"{table.name}.parquet"), compression="snappy")


def plain(folder: Path) -> duckdb.DuckDBPyConnection:
    """DuckDB over the files, without a gateway."""
    connection = duckdb.connect(config={"threads": THREADS})
    for file in sorted(folder.glob("*.parquet")):
        connection.read_parquet(str(file)).create_view(file.stem)
    return connection


def timings(scale: float, runs: int, names: tuple[str, ...] = ()) -> Iterator[Timed | Refusal]:
    """Every query every way."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-tpch-")))
        (home / "generated").mkdir()
        generated(home / "generated", scale)
        written(home / "generated", home / "data", {})
        written(home / "generated", home / "plainly_filtered", FILTERS)
        shutil.rmtree(home / "generated")
        ways = [way for way in WAYS if not names or way.name in names]
        projects = {project: [f"{project}-user"] for way in ways for project in way.projects(runs)}
        owner = next(iter(projects)) + "-user"
        database = platform_database(home, projects)
        stack.callback(database.close)
        for table in Schema.from_ddl(tpch_schema()).tables.values():
            publish(database, home, table.name, UNITS.get(table.name, next(iter(table.columns))), owner)
            for way in ways:
                for project in way.projects(runs):
                    terms = way.terms(table.name, list(table.columns))
                    grant(database, project, f"{project}-user", table.name, terms)
        tokens = {f"token-{project}": (people[0], project) for project, people in projects.items()}
        hub_url = stack.enter_context(hub(tokens))
        given = {"query_threads": THREADS, "query_memory_mib": 6144, "query_timeout_s": 300}
        url = stack.enter_context(service(home, hub_url, **given))
        client = stack.enter_context(httpx.Client(base_url=url, timeout=600, trust_env=False))
        raw, raw_filtered = plain(home / "data"), plain(home / "plainly_filtered")
        for way in ways:
            headers = [{"Authorization": f"Bearer token-{project}"} for project in way.projects(runs)]
            beside = raw_filtered if way.filters else raw
            if way.filters:
                _warmed(client, headers[0])
            for name, sql in tpch_texts().items():
                yield _timed(client, headers, way.name, name, sql, beside, runs)


def _gateway_cpu_s() -> float:
    """Processor seconds of every process this one started, and of theirs."""
    times = [process.cpu_times() for process in psutil.Process().children(recursive=True)]
    return sum(each.user + each.system for each in times)


def _warmed(client: httpx.Client, headers: dict[str, str]) -> None:
    """Ask every text, until the copies that the questions wanted are made and a process holds them."""
    for sql in tpch_texts().values():
        client.post("/v1/query", json={"sql": sql}, headers=headers)
    quiet = 0
    while quiet < REST_LOOKS:
        before = _gateway_cpu_s()
        time.sleep(0.2)
        quiet = quiet + 1 if _gateway_cpu_s() - before < 0.02 else 0


def _timed(
    client: httpx.Client, headers: list[dict[str, str]], way: str, name: str, sql: str, raw: duckdb.DuckDBPyConnection,
    runs: int,
) -> Timed | Refusal:  # fmt: skip
    askers = itertools.cycle(headers)

    def ours() -> Any:
        answer = client.post("/v1/query", json={"sql": sql}, headers=next(askers))
        if answer.status_code != 200:
            return answer.json()["code"]
        return pa.ipc.open_stream(answer.content).read_all()

    def other() -> Any:
        return raw.sql(sql).to_arrow_table()

    first = ours()
    if isinstance(first, str):
        return Refusal(way, name, first)
    wanted = other()
    if way in ("identity", "row filter") and first.num_rows != wanted.num_rows:
        raise RuntimeError(f"{name} answered {first.num_rows} rows instead of {wanted.num_rows}")
    times: dict[Callable[[], Any], list[float]] = {ours: [], other: []}
    busy: dict[Callable[[], Any], list[float]] = {ours: [], other: []}
    clocks: dict[Callable[[], Any], Callable[[], float]] = {ours: _gateway_cpu_s, other: time.process_time}
    for _ in range(runs):
        for act, spent in times.items():
            worked, began = clocks[act](), time.perf_counter()
            act()
            spent.append((time.perf_counter() - began) * 1000)
            busy[act].append((clocks[act]() - worked) * 1000)
    medians = (statistics.median(times[act]) for act in (ours, other))
    return Timed(way, name, *medians, *(statistics.mean(busy[act]) for act in (ours, other)))


def rows(scale: float = 0.1, runs: int = 3, each: bool = False, names: tuple[str, ...] = ()) -> Iterator[Row]:
    """A line per way: geometric means over the queries it admits."""
    found: dict[str, list[Timed]] = {}
    refused: dict[str, list[Refusal]] = {}
    for one in timings(scale, runs, names):
        if isinstance(one, Refusal):
            refused.setdefault(one.way, []).append(one)
            if each:
                print(f"| {one.way}, {one.query} | {one.code} | | | | |", flush=True)
            continue
        found.setdefault(one.way, []).append(one)
        if each:
            yield Row(f"{one.way}, {one.query}", one.ours_ms, "plain DuckDB", one.other_ms, runs)
    for way, timed in found.items():
        ours = statistics.geometric_mean(one.ours_ms for one in timed)
        other = statistics.geometric_mean(one.other_ms for one in timed)
        measure = f"TPC-H at scale {scale:g}, {way}, {len(timed)} of 22"
        yield Row(measure, ours, "plain DuckDB", other, runs)
        ours, other = sum(one.ours_cpu_ms for one in timed), sum(one.other_cpu_ms for one in timed)
        yield Row(f"{measure}, processor time together", ours, "plain DuckDB", other, runs)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.tpch", description=str(__doc__).partition("\n")[0])
    parser.add_argument("--scale", type=float, default=0.1)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--each", action="store_true", help="a line per query")
    parser.add_argument("--way", action="append", default=[], help="only this one; may be repeated")
    given = parser.parse_args()
    for row in rows(given.scale, given.runs, given.each, tuple(given.way)):
        cells = (row.measure, f"{row.ours_ms:.1f}", row.other, f"{row.other_ms:.1f}", f"{row.ratio:.2f}", row.runs)
        print("| " + " | ".join(map(str, cells)) + " |", flush=True)


if __name__ == "__main__":
    main()
