"""Canonical conditions: the same for the same rows, and always SQL."""

import sqlglot

from policies.footprints import canonical


def test_a_subquery_in_a_condition_keeps_its_parentheses() -> None:
    condition = sqlglot.parse_one("a.x > (SELECT avg(c.x) FROM c AS c)", dialect="duckdb")
    text = canonical(condition, {"a": "b0"}, "duckdb")
    assert text == '"b0".x > (SELECT AVG("n0".x) FROM c AS "n0")'
    assert sqlglot.parse_one(text, dialect="duckdb").sql(dialect="duckdb") == text
