"""Which masks may come last: those of columns that a query does nothing with but show them."""

import pytest

from policies.decide import decide
from policies.load import load_policy
from policies.schema import Schema

POLICY = load_policy("""
project: p
purpose: test
release: {mode: rows, min_group: 5, max_rows: 500}
datasets:
  people:
    unit: id_no
    columns:
      id_no: [{mask: pseudonym}, join, group]
      name: [{mask: {partial: {preset: name}}}, filter, group, join, aggregate]
      born: [{mask: {generalise: {level: year}}}]
      sealed: [{mask: encrypt}]
      age: [{mask: {bucket: {width: 5}}}]
      g: [read, filter, group, join]
""")
SCHEMA = Schema.from_mapping(
    {
        "people": {
            "id_no": "VARCHAR",
            "name": "VARCHAR",
            "born": "DATE",
            "sealed": "VARCHAR",
            "age": "INTEGER",
            "g": "INTEGER",
        }
    }
)


def last(sql):
    decision = decide(sql, POLICY, SCHEMA)
    assert decision.sql
    return decision.masked_last


LAST = [
    ("SELECT name FROM people", {0: "partial"}),
    ("SELECT g, name AS x, born, id_no FROM people WHERE g > 3", {1: "partial", 2: "generalise", 3: "pseudonym"}),
    ("SELECT name, name AS again FROM people ORDER BY g LIMIT 5", {0: "partial", 1: "partial"}),
    ("SELECT name, upper(name) AS loud, born FROM people", {2: "generalise"}),
    ("SELECT name, born FROM people WHERE name LIKE '王%'", {1: "generalise"}),
    ("SELECT name, born FROM people ORDER BY name", {1: "generalise"}),
    ("SELECT name, born FROM people ORDER BY 1 DESC", {1: "generalise"}),
    ("SELECT a.name, b.born FROM people a JOIN people b ON a.g = b.g", {0: "partial", 1: "generalise"}),
    ("SELECT a.name, b.name AS other, b.born FROM people a LEFT JOIN people b USING (name)", {2: "generalise"}),
    ("SELECT name, g, count(*) OVER (PARTITION BY g) AS n FROM people", {0: "partial"}),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "masks"), LAST)
def test_columns_only_shown_are_masked_last(sql, masks):
    found = last(sql)
    assert {mask.position: mask.operator for mask in found.masks} == masks


def test_the_query_masked_last_gives_the_raw_column_as_the_mask_reads_it():
    found = last("SELECT name, upper(name) AS loud, born FROM people")
    whole = decide("SELECT name, upper(name) AS loud, born FROM people", POLICY, SCHEMA).sql
    day = 'TRY_CAST("r"."born" AS DATE)'
    assert found.sql == whole.replace(f"CAST(DATE_TRUNC('YEAR', {day}) AS DATE)", day)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT g FROM people",
        "SELECT DISTINCT name FROM people",
        "SELECT name FROM people GROUP BY name",
        "SELECT name, count(*) AS n FROM people GROUP BY ALL",
        "SELECT name FROM people ORDER BY name",
        "SELECT name AS x FROM people ORDER BY x",
        "SELECT name FROM people UNION ALL SELECT name FROM people",
        "SELECT max(name) AS m FROM people",
        "WITH q AS (SELECT name FROM people) SELECT name FROM q WHERE name = '王**'",
        "SELECT a.name FROM people a JOIN people b USING (name)",
        "SELECT name FROM people p WHERE EXISTS (SELECT 1 FROM people q WHERE q.name = p.name)",
        "SELECT name FROM people QUALIFY row_number() OVER (ORDER BY name) = 1",
        "SELECT sealed FROM people",
        "SELECT age FROM people",
    ],
)
def test_a_column_that_anything_reads_is_masked_first(sql):
    assert last(sql) is None


def test_other_engines_get_no_such_query():
    assert decide("SELECT name FROM people", POLICY, SCHEMA, dialect="postgres").masked_last is None
