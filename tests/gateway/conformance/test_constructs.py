"""Every construct of the allow-lists means the same on every engine: `data/constructs.jsonl`, several to a query.

Asked under the policy of the corpus, and some of them (`open`) of rows that may be shown as they are, where the check
lets more pass.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from test_answers import OTHERS, Named, outcome, plain

from gateway import postgres_lock
from gateway.engine import Engine
from gateway.postgres import Connections, PostgresEngine
from policies.dialects import FUNCTIONS
from policies.load import load_policy
from policies.model import Policy
from policies.schema import Schema

LINES: list[dict[str, Any]] = [
    json.loads(line) for line in (Path(__file__).parent / "data/constructs.jsonl").read_text("utf-8").splitlines()
]
OPEN = load_policy("""
project: P002
purpose: rows that may be shown
release: {mode: rows, min_group: 5, max_rows: 10000, timeout_s: 120}
datasets:
  enterprise:
    unit: uscc
    columns: {uscc: [read], name: [read], county: [read], industry: [read], founded: [read], employees: [read]}
""")


def asked(line: dict[str, Any], dialect: str) -> str:
    if dialect == "duckdb":
        return str(line["sql"])
    return str(line.get(dialect) or sqlglot.transpile(line["sql"], read="duckdb", write=dialect)[0])


def rows(found: dict[str, Any]) -> list[list[Any]]:
    """In one order, numbers to nine digits."""
    made = [[plain(value) for value in row] for row in found["rows"]]
    return sorted(
        [[float(f"{each:.9g}") if isinstance(each, float) else each for each in row] for row in made], key=str
    )


@pytest.fixture(scope="module")
def openly(opened: Any, cluster: Any, postgres: Any, schema: Schema) -> Iterator[dict[str, Engine]]:
    """The engines; on PostgreSQL as the project whose rows may be shown."""
    with cluster.connect() as owner:
        for statement in postgres_lock.project(OPEN, schema):
            owner.execute(statement)
    connections = Connections(postgres)
    yield {name: opened(name) for name in ("duckdb", "spark")} | {
        "postgres": PostgresEngine(connections, postgres_lock.role_of(OPEN))
    }
    connections.close()


def same(line: dict[str, Any], policy: Policy, schema: Schema, here: Named, there: Named) -> None:
    wanted = outcome(asked(line, "duckdb"), policy, schema, here)
    got = outcome(asked(line, there[0]), policy, schema, there)
    if there[0] in line.get("code", {}):
        assert got["code"] == line["code"][there[0]]
        return
    assert wanted["outcome"] == "answer", wanted
    assert got["outcome"] == "answer", got
    assert rows(got) == rows(wanted)


@pytest.mark.parametrize("dialect", OTHERS)
@pytest.mark.parametrize("line", LINES, ids=lambda line: line["id"])
def test_a_construct_means_the_same(
    line: dict[str, Any], dialect: str, policy: Policy, schema: Schema, opened: Any
) -> None:
    same(line, policy, schema, ("duckdb", opened("duckdb")), (dialect, opened(dialect)))


@pytest.mark.parametrize("dialect", OTHERS)
@pytest.mark.parametrize("line", [line for line in LINES if line.get("open")], ids=lambda line: line["id"])
def test_a_construct_means_the_same_over_rows_that_may_be_shown(
    line: dict[str, Any], dialect: str, schema: Schema, openly: dict[str, Engine]
) -> None:
    same(line, OPEN, schema, ("duckdb", openly["duckdb"]), (dialect, openly[dialect]))


def test_no_function_is_allowed_that_is_not_compared() -> None:
    """But those of masks alone, other names of the same, and what the clock says."""
    corpus = [sqlglot.parse_one(line["sql"], dialect="duckdb") for line in LINES]
    used = {type(node) for tree in corpus for node in tree.walk()}
    assert {kind.__name__ for kind in FUNCTIONS - used} <= {
        "RegexpLike", "SplitPart", "CurrentDate", "CurrentTimestamp", "DateTrunc", "Quantile", "DayOfMonth", "Grouping",
    }  # fmt: skip
