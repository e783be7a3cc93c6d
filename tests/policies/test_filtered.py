"""Decided SQL over tables that hold the rows of a row filter: what is turned, and that nothing else is."""

from typing import Any

import pytest
from corpus import queries
from sqlglot import exp
from warehouse import identity_policy, schema_text, texts

from policies.decide import decide
from policies.decision import Allowed, Refused
from policies.dialects import parsed, said
from policies.filtered import Stand, conditions, over_stands, stand_name
from policies.load import load_policy
from policies.model import Policy
from policies.schema import Schema

PLACES = load_policy("""
project: p
purpose: test
release: {mode: rows, min_group: 5, max_rows: 500}
datasets:
  a:
    rows: county = {user.county} AND (kind = 'x' OR kind IS NULL)
    columns: {id: [read, filter, join, group], county: [read, filter], kind: [read, filter]}
    joins: [b.id]
  b:
    columns: {id: [read, filter, join], county: [read, filter], kind: [read, filter]}
    joins: [a.id]
""")
COLUMNS = {"id": "INTEGER", "county": "VARCHAR", "kind": "VARCHAR"}
TABLES = Schema.from_mapping({"a": COLUMNS, "b": COLUMNS})
USER = {"county": "o'x"}
NAME = stand_name("0" * 64)


def stands(policy: Policy, user: dict[str, object]) -> frozenset[Stand]:
    return frozenset(Stand(table, text, stand_name(table)) for table, text in conditions(policy, user).items())


def turned(sql: str, user: dict[str, object] = USER, known: dict[str, object] = USER) -> str:
    decision = decide(sql, PLACES, TABLES, user=user)
    assert isinstance(decision, Allowed), decision
    return over_stands(decision.sql, frozenset({Stand("a", conditions(PLACES, known)["a"], NAME)}))


def test_a_filtered_subquery_reads_the_stand_without_its_filter() -> None:
    assert turned("SELECT id FROM a WHERE id > 3") == (
        'SELECT "t1"."id" AS "id" FROM (SELECT "r"."id" AS "id", ROW_NUMBER() OVER () AS "__yunit" '
        f'FROM "{NAME}" AS "r") AS "t1" WHERE "t1"."id" > 3 LIMIT 501'
    )


def test_a_filter_with_another_attribute_stays() -> None:
    sql = turned("SELECT id FROM a", known={"county": "other"})
    assert NAME not in sql
    assert """"county" = 'o''x'""" in sql


def test_case_of_a_constant_tells_filters_apart() -> None:
    assert NAME not in turned("SELECT id FROM a", known={"county": "O'X"})


@pytest.mark.parametrize(
    "sql",
    [
        "WITH a AS (SELECT DISTINCT id, county, kind FROM b) SELECT id FROM a AS r WHERE county = 'o''x'",
        "SELECT id FROM b AS r WHERE county = 'o''x' AND (kind = 'x' OR kind IS NULL)",
    ],
)
def test_what_is_no_filtered_table_is_left_as_it_is(sql: str) -> None:
    decision = decide(sql, PLACES, TABLES, user=USER)
    assert isinstance(decision, Allowed)
    assert turned(sql) == decision.sql


def test_a_common_table_with_the_name_of_a_table_keeps_all_its_readers() -> None:
    text = """WITH "a" AS (SELECT 1 AS "x") SELECT "r"."x" AS "x" FROM "a" AS "r" WHERE "r"."x" > 0"""
    assert over_stands(text, frozenset({Stand("A", '"r"."x" > 0', NAME)})) == text


def test_a_filter_that_shares_its_where_with_more_stays() -> None:
    text = 'SELECT "r"."x" AS "x" FROM "a" AS "r" WHERE "r"."x" > 0 AND NOT "r"."u" IS NULL'
    assert over_stands(text, frozenset({Stand("a", '"r"."x" > 0', NAME)})) == text


def test_a_query_about_a_table_twice_reads_the_stand_twice() -> None:
    assert (
        turned("SELECT x.id FROM a AS x JOIN a AS y ON x.id = y.id WHERE x.id IN (SELECT id FROM a)").count(NAME) == 3
    )


def test_a_filter_whose_attribute_the_user_lacks_has_no_condition() -> None:
    assert conditions(PLACES, {}) == {}


def test_no_query_can_name_a_stand() -> None:
    for sql in (
        f'SELECT * FROM "{NAME}"',
        f'FROM main."{NAME}"',
        f"SELECT id FROM a WHERE id IN (SELECT id FROM {NAME})",
    ):
        assert isinstance(decide(sql, PLACES, TABLES, user=USER), Refused)


@pytest.mark.parametrize("line", [*queries("allowed"), *queries("honest")], ids=lambda line: line["id"])
def test_an_honest_query_changes_in_its_filtered_tables_alone(
    line: dict[str, Any], policy: Policy, schema: Schema
) -> None:
    decision = decide(line["sql"], policy, schema)
    assert isinstance(decision, Allowed)
    changed_in_its_filtered_tables_alone(decision.sql, policy)


@pytest.mark.parametrize("name", texts("tpch"))
def test_so_does_each_text_of_tpch(name: str) -> None:
    tables = Schema.from_ddl(schema_text("tpch"))
    policy = identity_policy(tables, {"lineitem": "l_shipmode <> 'RAIL'", "orders": "o_orderdate >= DATE '1992-06-01'"})
    decision = decide(texts("tpch")[name], policy, tables)
    assert isinstance(decision, Allowed)
    changed_in_its_filtered_tables_alone(decision.sql, policy)


def changed_in_its_filtered_tables_alone(sql: str, policy: Policy) -> None:
    """No table with a filter is left; putting filters and names back gives the text there was."""
    given = stands(policy, {})
    filters, back = conditions(policy, {}), {stand.name: stand for stand in given}
    tree = parsed(over_stands(sql, given), "duckdb")
    for table in list(tree.find_all(exp.Table)):
        assert table.name not in filters
        if table.name in back:
            stand, select = back[table.name], table.find_ancestor(exp.Select)
            assert select is not None
            table.set("this", exp.to_identifier(stand.table, quoted=True))
            select.set("where", exp.Where(this=parsed(stand.condition, "duckdb")))
    assert said(tree, "duckdb") == sql
