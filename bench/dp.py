"""A differentially private aggregate against the same query on an engine without a gateway."""

from collections.abc import Iterator, Mapping

from bench.census import census_engines
from bench.measure import Row, in_turns
from gateway.answer import Answer, answer
from gateway.dp_account import MemoryAccountant
from gateway.engine import Engine, Limits
from gateway.offline import schema_of
from policies.history import History
from policies.load import load_policy
from policies.model import Policy
from policies.schema import Schema

POLICY = """
project: bench
release: {mode: dp, epsilon: 1000, delta: 1e-6, epsilon_per_query: 1, max_groups_contributed: 1,
          bounds: {hours_per_week: [0, 99]}}
datasets:
  census:
    unit: id_no
    columns: {id_no: [count], education: [group, filter], sex: [group, filter], hours_per_week: [aggregate]}
"""
QUERIES = {
    "no key": "SELECT count(*) AS n, avg(hours_per_week) AS h FROM census",
    "one key": "SELECT education, count(*) AS n, avg(hours_per_week) AS h FROM census GROUP BY education",
}


def private_rows(
    queries: Mapping[str, str], policy: Policy, schema: Schema, engine: Engine, raw: Engine
) -> Iterator[Row]:
    """One line per query, each asked with a budget of its own."""
    for name, sql in queries.items():

        def governed(sql: str = sql) -> None:
            given = answer(sql, policy, schema, engine, History(), accountant=MemoryAccountant())
            if not isinstance(given, Answer):
                raise RuntimeError(f"the benchmark's query was not answered: {given}")

        yield in_turns(
            f"differentially private answer, {name}",
            governed,
            "the same query, ungoverned engine",
            lambda sql=sql: raw.execute(sql, Limits()),  # type: ignore[misc]  # bound now
        )


def rows() -> Iterator[Row]:
    """48,842 people of the census."""
    policy = load_policy(POLICY)
    with census_engines() as (engine, raw):
        yield from private_rows(QUERIES, policy, schema_of(engine, policy), engine, raw)
