"""Queries over rows that may be shown: nearly all pass; with one hidden row, a failure becomes a channel again."""

import pytest

from policies.decide import decide
from policies.decision import Allowed, Refused
from policies.load import load_policy
from policies.model import Policy
from policies.schema import Schema

SCHEMA = Schema.from_mapping(
    {
        "firm": {"code": "VARCHAR", "county": "VARCHAR", "staff": "INTEGER", "opened": "DATE", "turnover": "DOUBLE"},
        "person": {"id": "VARCHAR", "county": "VARCHAR", "staff": "INTEGER"},
    }
)
PEOPLE = "  person:\n    unit: id\n    joins: [firm.code]\n"
PEOPLE += "    columns: {id: [join, count], county: [group, filter], staff: [aggregate]}\n"


def policy(rows: str = "", turnover: str = "[read]", code: str = "[read, join]") -> str:
    return (
        "project: P\nrelease: {mode: threshold, min_group: 5}\ndatasets:\n  firm:\n    release: {mode: rows}\n"
        f"{rows}    columns: {{code: {code}, county: [read], staff: [read], opened: [read], turnover: {turnover}}}\n"
        + PEOPLE
    )


FAILING = [
    "SELECT sum(CAST(code AS INTEGER)) FROM firm",
    "SELECT ln(staff) FROM firm",
    "SELECT make_date(staff, 1, 1) FROM firm",
    "SELECT count(*) FROM firm WHERE code = 7",
    "SELECT strptime(code, '%Y') FROM firm",
    "SELECT code, (SELECT f.code FROM firm f WHERE f.county = firm.county) FROM firm",
]


@pytest.mark.parametrize("sql", FAILING)
def test_where_every_row_may_be_shown_a_failure_tells_nothing(sql: str) -> None:
    assert isinstance(decide(sql, load_policy(policy()), SCHEMA), Allowed)


@pytest.mark.parametrize("sql", FAILING)
def test_behind_a_row_filter_a_failure_would_tell_of_hidden_rows(sql: str) -> None:
    hiding = load_policy(policy(rows="    rows: county <> 'x'\n"))
    assert cannot_fail(sql, hiding)


def test_an_element_that_is_not_there_is_no_failure() -> None:
    hiding = load_policy(policy(rows="    rows: county <> 'x'\n"))
    assert isinstance(decide("SELECT list(code ORDER BY staff)[1] FROM firm", hiding, SCHEMA), Allowed)
    for index in ("'a'", "1.5", "99999999999999999999"):
        assert isinstance(decide(f"SELECT list(code)[{index}] FROM firm", hiding, SCHEMA, suggest=False), Refused)


def cannot_fail(sql: str, given: Policy) -> bool:
    """Refused, or with NULL in the place of a failure."""
    decision = decide(sql, given, SCHEMA, suggest=False)
    return isinstance(decision, Refused) or "TRY" in decision.sql


@pytest.mark.parametrize("sql", FAILING)
def test_beside_a_protected_table_a_failure_could_depend_on_its_rows(sql: str) -> None:
    beside = sql + (" AND " if "WHERE code" in sql else " WHERE ") + "EXISTS (SELECT 1 FROM person p WHERE p.id = code)"
    assert cannot_fail(beside, load_policy(policy()))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT county, 9 * CASE WHEN county = 'x' THEN 7 ELSE 1 END, count(*) FROM person GROUP BY county",
        "SELECT count(*) FROM person GROUP BY county HAVING length(county) * 9 > 3",
        "SELECT county, rank() OVER (ORDER BY regexp_extract(county, '.')), count(*) FROM person GROUP BY county",
    ],
)
def test_what_is_computed_from_a_group_key_waits_for_the_threshold(sql: str) -> None:
    decision = decide(sql, load_policy(policy()), SCHEMA)
    assert isinstance(decision, Allowed)
    assert 'CASE WHEN COUNT(DISTINCT "t1"."__yunit") >= 5 THEN' in decision.sql


def test_a_condition_on_a_statistic_of_a_subquery_cannot_fail() -> None:
    sql = "SELECT * FROM (SELECT county, count(*) AS n FROM person GROUP BY county) t WHERE CAST(county AS INTEGER) > 3"
    assert cannot_fail(sql, load_policy(policy()))
    sql = "SELECT * FROM (SELECT county, count(*) AS n FROM person GROUP BY county) t WHERE length(county) * n > 3"
    assert cannot_fail(sql, load_policy(policy()))


def test_a_function_not_known_to_be_total_meets_no_protected_row() -> None:
    for sql in (
        "SELECT count(*) FROM person WHERE regexp_matches(county, 'x')",
        "SELECT printf('%d', staff), count(*) FROM person GROUP BY 1",
        "SELECT sum(try_cast(county AS INTEGER)) FROM person",
    ):
        assert isinstance(decide(sql, load_policy(policy()), SCHEMA, suggest=False), Refused)


def test_one_column_that_is_not_readable_closes_the_query() -> None:
    mixed = load_policy(policy(turnover="[aggregate]"))
    assert isinstance(decide("SELECT sum(ln(staff)) FROM firm", mixed, SCHEMA), Allowed)
    for sql in ("SELECT sum(ln(turnover)) FROM firm", "SELECT sum(turnover), sum(ln(staff)) FROM firm"):
        assert cannot_fail(sql, mixed)


def test_a_masked_column_is_shown_masked_and_not_searched() -> None:
    masked = load_policy(policy(code="[{mask: constant}, join]"))
    assert isinstance(decide("SELECT code, ln(staff) FROM firm", masked, SCHEMA), Allowed)
    refused = decide("SELECT ln(staff) FROM firm WHERE code = 'x'", masked, SCHEMA, suggest=False)
    assert isinstance(refused, Refused)
    assert refused.code == "USE_NOT_ALLOWED"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT error('x') FROM firm",
        "SELECT sleep_ms(10) FROM firm",
        "SELECT current_setting('threads') FROM firm",
        "SELECT getvariable('x') FROM firm",
        "SELECT stats(code) FROM firm",
        "SELECT to_json(firm) FROM firm",
        "SELECT random() FROM firm",
        "SELECT write_log('x') FROM firm",
        "SELECT nextval('s') FROM firm",
        "SELECT * FROM query('SELECT 1')",
        "SELECT * FROM read_text('x')",
        "SELECT list_aggregate([staff], 'sum') FROM firm",
        "SELECT current_query() FROM firm",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT * FROM r, firm",
        "SELECT * FROM firm USING SAMPLE 5",
    ],
)
def test_reaching_outside_the_query_is_refused_even_there(sql: str) -> None:
    assert isinstance(decide(sql, load_policy(policy()), SCHEMA, suggest=False), Refused)


def test_no_unit_is_computed_that_nobody_counts() -> None:
    decision = decide("SELECT county, count(*) FROM firm GROUP BY county", load_policy(policy()), SCHEMA)
    assert isinstance(decision, Allowed)
    assert "OVER" not in decision.sql


def test_brackets_around_a_disjunction_stay() -> None:
    sql = "SELECT code FROM firm WHERE (county = 'a' OR county = 'b') = (staff > 3 OR staff < 1)"
    decision = decide(sql, load_policy(policy()), SCHEMA)
    assert isinstance(decision, Allowed)
    assert """("t1"."county" = 'a' OR "t1"."county" = 'b') = (""" in decision.sql


def test_qualify_needs_a_window() -> None:
    refused = decide("SELECT code FROM firm QUALIFY staff > 3", load_policy(policy()), SCHEMA, suggest=False)
    assert isinstance(refused, Refused)
    assert "QUALIFY" in refused.message


def test_groupings_over_several_keys_pass_where_no_threshold_applies() -> None:
    sql = "SELECT county, {key}, grouping(county), count(*) FROM {table} GROUP BY ROLLUP(county, {key})"
    assert isinstance(decide(sql.format(table="firm", key="staff"), load_policy(policy()), SCHEMA), Allowed)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * REPLACE (name AS county) FROM person",
        "SELECT county, count(*) FROM (SELECT * REPLACE (id AS county) FROM person) t GROUP BY county",
        "SELECT x, count(*) FROM (SELECT * RENAME (id AS x) FROM person) t GROUP BY x",
        "SELECT * FROM firm f LEFT JOIN (person p JOIN firm g ON g.code = p.id) ON f.code = p.id",
    ],
)
def test_other_spellings_of_a_star_and_of_joins_show_nothing_more(sql: str) -> None:
    assert isinstance(decide(sql, load_policy(policy()), SCHEMA, suggest=False), Refused)
