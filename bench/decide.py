"""How much processor time the check and the rewriting of a query take, beside another rewriter's.

Texts: the honest queries of the corpus under its policy, the 22 of TPC-H under an identity policy, long generated ones.
The other rewriter is pyqrlew; it needs an older numpy, so the benchmark makes it an environment of its own and throws
that away; where it cannot be installed, its lines say so.
"""

import importlib
import json
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from bench.measure import Row
from bench.texts import long_texts, tpch_schema, tpch_texts
from gateway.decisions import DecisionCache
from policies.decide import decide
from policies.decision import Allowed
from policies.history import History
from policies.load import load_policy
from policies.model import Policy
from policies.schema import Schema

ROUNDS = 7
PEER = "pyqrlew==0.9.27"
PEER_QUERIES = {
    "count": "SELECT count(*) AS n FROM person",
    "one key": "SELECT education, count(*) AS n FROM person GROUP BY education",
    "mean": "SELECT avg(hours) AS h FROM person",
    "filter": "SELECT sex, sum(hours) AS h FROM person WHERE age > 40 GROUP BY sex",
    "two filters": "SELECT sex, count(*) AS n FROM person WHERE age > 40 AND hours > 20 GROUP BY sex",
}
PEER_SCHEMA = "CREATE TABLE person(pid INTEGER PRIMARY KEY, age INTEGER, sex VARCHAR, education VARCHAR, hours INTEGER)"
PEER_POLICY = """
project: bench
release: {mode: dp, epsilon: 100, delta: 1e-6, epsilon_per_query: 1, bounds: {hours: [0, 100]},
          domains: {sex: [Male, Female], education: [A, B, C, D]}}
datasets:
  person:
    unit: pid
    columns: {pid: [count], age: [filter], sex: [group, filter], education: [group, filter], hours: [aggregate, filter]}
"""
ALL_USES = "[read, filter, group, join, aggregate, count]"
_CORPUS = Path(__file__).parent.parent / "tests" / "policies"


def rows() -> Iterator[Row]:
    """p50 and p99 over the texts of a kind; each text's time is the least of several runs, since the machine's other
    work only ever adds to it."""
    sys.path.insert(0, str(_CORPUS))
    corpus = importlib.import_module("corpus")

    county, tables = load_policy(corpus.POLICY), Schema.from_ddl(corpus.SCHEMA)
    warehouse = Schema.from_ddl(tpch_schema())
    identity = identity_policy(warehouse)
    kinds = (
        ("corpus", {each["id"]: each["sql"] for each in corpus.queries("allowed")}, county, tables, (3.0, 12.0)),
        ("TPC-H", tpch_texts(), identity, warehouse, (15.0, 15.0)),
        ("200 lines, 10 common tables", long_texts(), identity, warehouse, (40.0, 40.0)),
    )
    for name, texts, policy, schema, goals in kinds:
        times = decided(texts, policy, schema)
        for label, share, goal in (("p50", 0.5, goals[0]), ("p99", 0.99, goals[1])):
            yield Row(f"check and rewrite, {name}, {label}", quantile(times, share), "goal", goal, ROUNDS)
    yield Row("remembered decision, corpus, p99", quantile(_remembered(kinds[0][1], county, tables), 0.99), "goal", 0.2,
              ROUNDS)  # fmt: skip
    yield from _beside_the_peer()


def decided(texts: Mapping[str, str], policy: Policy, schema: Schema) -> list[float]:
    """Milliseconds of processor time per text."""
    found: list[float] = []
    for name, sql in texts.items():
        decision = decide(sql, policy, schema)
        if not isinstance(decision, Allowed):
            raise RuntimeError(f"the benchmark's query {name} was refused: {decision}")
        found.append(_least(lambda sql=sql: decide(sql, policy, schema)))  # type: ignore[misc]  # bound now
    return found


def _remembered(texts: Mapping[str, str], policy: Policy, schema: Schema) -> list[float]:
    cache, history = DecisionCache(), History()

    def ask(sql: str) -> object:
        return cache.decide(sql, policy, schema, version="1", history=history)

    return [_least(lambda sql=sql: ask(sql)) for sql in texts.values()]  # type: ignore[misc]  # bound now


def _least(act: Callable[[], object]) -> float:
    act()
    times = []
    for _ in range(ROUNDS):
        began = time.process_time()
        act()
        times.append((time.process_time() - began) * 1000)
    return min(times)


def quantile(times: list[float], share: float) -> float:
    """The value below which `share` of them lie, at most."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def identity_policy(schema: Schema) -> Policy:
    """Rows mode and every use of every column."""
    lines = ["project: bench", "release: {mode: rows, max_rows: 1000000}", "datasets:"]
    for table in schema.tables.values():
        lines += [f"  {table.name}:", "    columns:", *(f"      {column}: {ALL_USES}" for column in table.columns)]
    return load_policy("\n".join(lines))


def _beside_the_peer() -> Iterator[Row]:
    """The same simple statistics made differentially private by both."""
    policy, schema = load_policy(PEER_POLICY), Schema.from_ddl(PEER_SCHEMA)
    ours = dict(zip(PEER_QUERIES, decided(PEER_QUERIES, policy, schema), strict=True))
    theirs = _peer_times()
    if theirs is None:
        print(f"| {PEER} could not be installed here: no ratio | | | | | |", flush=True)
        return
    for name, time_ms in theirs.items():  # what it can rewrite
        yield Row(f"differentially private rewriting, {name}", ours[name], "pyqrlew", time_ms, ROUNDS)


def _peer_times() -> dict[str, float] | None:
    """pyqrlew's processor time per query in milliseconds; None where it cannot be had."""
    with tempfile.TemporaryDirectory(prefix="peer-") as folder:
        venv.create(folder, with_pip=True)
        python = str(Path(folder) / "bin" / "python")
        install = [python, "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PEER, "numpy<2"]
        try:
            subprocess.run(install, check=True, capture_output=True, timeout=300)
            given = json.dumps({"queries": PEER_QUERIES, "rounds": ROUNDS})
            argv = [python, "-I", str(Path(__file__).parent / "decide_peer.py")]
            done = subprocess.run(argv, input=given, check=True, capture_output=True, timeout=300, text=True)
        except (subprocess.SubprocessError, OSError):
            return None
        return dict(json.loads(done.stdout))
