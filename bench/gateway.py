"""A governed query on the census against the same query on plain DuckDB, in a process of its own each time."""

from collections.abc import Iterator

from bench.census import census_engines
from bench.measure import Row, in_turns
from gateway.answer import Answer, answer
from gateway.engine import Limits
from gateway.offline import schema_of
from policies.decide import decide
from policies.history import History
from policies.load import load_policy

POLICY = """
project: bench
purpose: bench
release: {mode: threshold, min_group: 10}
datasets:
  census:
    unit: id_no
    columns:
      id_no: [count]
      education: [group, filter]
      sex: [group, filter]
      occupation: [group, filter]
      hours_per_week: [aggregate]
"""
QUERIES = {
    "one key": "SELECT education, count(*) AS n, avg(hours_per_week) AS h FROM census GROUP BY education",
    "two keys": "SELECT education, sex, count(*) AS n FROM census GROUP BY education, sex",
    "filter": "SELECT occupation, count(*) AS n FROM census WHERE sex = 'Female' GROUP BY occupation",
}


def rows() -> Iterator[Row]:
    """Whole way of a query with thresholds on people, and the decision alone, against the raw query."""
    policy = load_policy(POLICY)
    with census_engines() as (engine, raw):
        schema = schema_of(engine, policy)
        for name, sql in QUERIES.items():

            def governed(sql: str = sql) -> None:
                given = answer(sql, policy, schema, engine, History())
                if not isinstance(given, Answer):
                    raise RuntimeError(f"the benchmark's query was not answered: {given}")

            def plain(sql: str = sql) -> None:
                raw.execute(sql, Limits())

            yield in_turns(f"governed answer, {name}", governed, "the same query, ungoverned engine", plain)
        sql = QUERIES["two keys"]
        yield in_turns(
            "decision alone",
            lambda: decide(sql, policy, schema),
            "the same query, ungoverned engine",
            lambda: raw.execute(sql, Limits()),
        )
