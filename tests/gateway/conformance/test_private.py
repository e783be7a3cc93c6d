"""Differential privacy: the exact table that noise is put on is the same on every engine, and so is the way to it."""

from typing import Any

import pytest
from test_answers import Named, plain

from gateway.answer import Answer, answer
from gateway.dp_account import MemoryAccountant
from gateway.engine import Engine, Limits
from policies.decide import decide
from policies.decision import Allowed
from policies.history import History
from policies.load import load_policy
from policies.schema import Schema

POLICY = load_policy("""
project: P001
release: {mode: dp, epsilon: 1000, delta: 1e-6, epsilon_per_query: 100, max_groups_contributed: 4,
          bounds: {income: [0, 300000]}}
datasets:
  citizen:
    unit: id_no
    rows: county <> '涉密县'
    columns: {id_no: [count], county: [group, filter], gender: [group, filter], income: [aggregate]}
""")
QUERIES = (
    "SELECT county, count(*) AS n, sum(income) AS s FROM citizen GROUP BY county",
    "SELECT count(*) AS n, avg(income) AS a FROM citizen WHERE gender = 'F'",
    "SELECT count(DISTINCT id_no) AS n FROM citizen WHERE county = '临江县'",
)


def exact(sql: str, schema: Schema, engine: Engine, dialect: str) -> list[list[list[Any]]]:
    decision = decide(sql, POLICY, schema, dialect=dialect)
    assert isinstance(decision, Allowed), decision
    assert decision.release.private is not None
    tables = [engine.execute(each.sql, Limits(timeout_s=120)) for each in decision.release.private.releases]
    return [sorted([[plain(value) for value in row.values()] for row in each.to_pylist()], key=str) for each in tables]


@pytest.mark.parametrize("dialect", ["postgres", "spark"])
@pytest.mark.parametrize("sql", QUERIES)
def test_the_table_behind_the_noise_is_the_same(sql: str, dialect: str, schema: Schema, opened: Any) -> None:
    assert exact(sql, schema, opened(dialect), dialect) == exact(sql, schema, opened("duckdb"), "duckdb")


def test_a_noisy_answer_is_near_the_exact_one(each_engine: Named, schema: Schema) -> None:
    name, engine = each_engine
    sql = "SELECT county, count(*) AS n FROM citizen GROUP BY county ORDER BY n DESC, county"
    given = answer(sql, POLICY, schema, engine, History(), dialect=name, accountant=MemoryAccountant())
    assert isinstance(given, Answer), given
    counts = {row["county"]: row["n"] for row in given.table.to_pylist()}
    assert {county: round(n / 100) for county, n in counts.items() if n > 100} == dict.fromkeys(
        ("临江县", "东海县", "西山县", "北原县"), 3
    )
