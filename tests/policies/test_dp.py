"""What the differentially private mode allows, refuses and charges."""

import json

import pytest

from policies.decide import decide
from policies.decision import Allowed, Decision, Refused
from policies.dp_budget import affordable, epsilon_of, rho_within, spent
from policies.dp_plan import Budget, Charge, Noise
from policies.explain import explained
from policies.load import load_policy
from policies.schema import Schema
from store.errors import YurtError

POLICY = """
project: study
release: {mode: dp, epsilon: 4.0, delta: 1e-6, epsilon_per_query: 0.5, max_groups_contributed: 3,
          bounds: {pay: [0, 100]}}
datasets:
  people:
    unit: who
    joins: [visit.who]
    columns: {who: [count, join], town: [group, filter, join], pay: [aggregate], age: [aggregate, filter]}
  visit:
    unit: who
    joins: [people.who, visit.who, visit.ward]
    columns: {who: [count, join], ward: [group, filter, join], nurse: [group, filter, join]}
  town:
    unit: name
    release: {mode: rows}
    joins: [people.town]
    columns: {name: [read, filter, group, join], region: [read, filter, group]}
"""
SCHEMA = Schema.from_ddl(
    "CREATE TABLE people(who VARCHAR PRIMARY KEY, town VARCHAR, pay DECIMAL(12,2), age INTEGER);"
    "CREATE TABLE visit(who VARCHAR, ward VARCHAR, nurse VARCHAR);"
    "CREATE TABLE town(name VARCHAR PRIMARY KEY, region VARCHAR);"
)


def decided(sql: str, policy: str = POLICY) -> Decision:
    return decide(sql, load_policy(policy), SCHEMA, suggest=False)


def test_values_of_a_table_that_gives_its_rows_away_are_summed_within_the_bounds_of_the_protected_one() -> None:
    policy = POLICY.replace("bounds: {pay: [0, 100]}", "bounds: {pay: [0, 100], size: [0, 9]}").replace(
        "columns: {name: [read,", "columns: {size: [read, aggregate], name: [read,"
    )
    schema = Schema({**SCHEMA.tables, **Schema.from_ddl("CREATE TABLE town(name VARCHAR, size INTEGER)").tables})
    sql = "SELECT sum(size) FROM people JOIN town ON town = name"
    found = decide(sql, load_policy(policy), schema, suggest=False)
    assert isinstance(found, Allowed)
    assert found.release.private is not None
    assert found.release.private.releases[0].measures[0].most == 9
    refused = decide(sql, load_policy(policy.replace(", size: [0, 9]", "")), schema, suggest=False)
    assert isinstance(refused, Refused)
    assert refused.code == "DP_BOUNDS_MISSING"


def test_a_dataset_names_bounds_of_columns_it_has_or_is_joined_with() -> None:
    own = "release: {mode: dp, epsilon: 1, bounds: {%s: [0, 9]}}\n    joins: [visit.who]"
    for column in ("pay", "ward"):
        load_policy(POLICY.replace("joins: [visit.who]", own % column, 1))
    with pytest.raises(YurtError, match="not a column"):
        load_policy(POLICY.replace("joins: [visit.who]", own % "region", 1))


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT sum(age) FROM people", "DP_BOUNDS_MISSING"),
        ("SELECT count(DISTINCT town) FROM people", "DP_UNSUPPORTED"),
        ("SELECT corr(pay, pay) FROM people", "DP_UNSUPPORTED"),
        ("SELECT sum(pay / pay) FROM people", "NON_LINEAR"),
        ("SELECT town, count(*) FROM people GROUP BY ROLLUP (town)", "DP_UNSUPPORTED"),
        ("SELECT count(*) FROM people WHERE age > (SELECT avg(pay) FROM people)", "DP_UNSUPPORTED"),
        ("SELECT count(*) FROM people WHERE 1 IN (SELECT 1 FROM visit)", "DP_UNSUPPORTED"),
        ("SELECT count(*) FROM visit v WHERE ward IN (SELECT ward FROM visit)", "DP_UNSUPPORTED"),
        ("SELECT count(*) FROM visit v LEFT JOIN visit w ON v.ward = w.ward", "DP_UNSUPPORTED"),
        (
            "SELECT count(*) FROM visit v WHERE NOT EXISTS (SELECT 1 FROM visit w WHERE w.ward = v.ward)",
            "DP_UNSUPPORTED",
        ),
        ("SELECT min(pay) FROM people", "AGGREGATE_REVEALS"),
        ("SELECT * FROM people", "ROWS_NOT_ALLOWED"),
    ],
)
def test_what_noise_cannot_protect_is_refused(sql: str, code: str) -> None:
    decision = decided(sql)
    assert isinstance(decision, Refused), decision
    assert decision.code == code


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FROM people p JOIN visit v ON p.who = v.who",
        "SELECT count(*) FROM people p LEFT JOIN visit v ON p.who = v.who WHERE v.ward = 'x'",
        "SELECT count(*) FROM people WHERE who NOT IN (SELECT who FROM visit)",
        "WITH t AS (SELECT who, pay FROM people WHERE town = 'x') SELECT avg(pay) FROM t",
        "SELECT max(n) FROM (SELECT town, count(*) AS n FROM people GROUP BY town) x",
        "SELECT count(*) FROM people UNION ALL SELECT count(*) FROM visit",
        "SELECT t.region, count(*) FROM people p JOIN town t ON p.town = t.name GROUP BY t.region",
        "SELECT town, count(*), rank() OVER (ORDER BY count(*)) FROM people GROUP BY town HAVING sum(pay * 2 - 1) > 3",
    ],
)
@pytest.mark.parametrize("dialect", ["duckdb", "postgres", "spark"])
def test_joins_and_subqueries_that_keep_the_unit_are_answered(sql: str, dialect: str) -> None:
    decision = decide(sql, load_policy(POLICY), SCHEMA, dialect=dialect)
    assert isinstance(decision, Allowed), decision
    assert decision.release.private is not None
    assert decision.footprint == ()


def test_the_finish_reads_noisy_tables_only() -> None:
    decision = decided("SELECT town, count(*) AS n FROM people GROUP BY town ORDER BY n")
    assert isinstance(decision, Allowed)
    assert decision.release.private is not None
    assert "people" not in decision.release.private.finish


def test_a_query_costs_its_share_however_many_parts_it_has() -> None:
    for sql in (
        "SELECT count(*) FROM people",
        "SELECT count(*), avg(pay), stddev(pay) FROM people",
        "SELECT count(*) FROM people UNION ALL SELECT sum(pay) FROM people",
    ):
        decision = decided(sql)
        assert isinstance(decision, Allowed)
        assert decision.release.private is not None
        assert decision.release.private.cost.epsilon == pytest.approx(0.5)


def test_many_groups_get_gaussian_noise() -> None:
    many = POLICY.replace("max_groups_contributed: 3", "max_groups_contributed: 200")
    decision = decided("SELECT town, count(*) FROM people GROUP BY town", many)
    assert isinstance(decision, Allowed)
    assert decision.release.private is not None
    assert decision.release.private.releases[0].noise is Noise.GAUSSIAN


def test_without_a_delta_private_groups_are_refused() -> None:
    pure = POLICY.replace("delta: 1e-6, ", "")
    decision = decided("SELECT town, count(*) FROM people GROUP BY town", pure)
    assert isinstance(decision, Refused)
    assert decision.code == "DP_KEYS_PRIVATE"
    assert isinstance(decided("SELECT count(*) FROM people", pure), Allowed)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ("domains: {town: []}", 4),
        ("domains: {town: [a, a]}", 4),
        ("domains: {town: [[a]]}", 4),
        ("bounds: {pay: [100, 0]}", 4),
        ("max_rows_contributed: 0", 4),
        ("period_days: x", 4),
    ],
)
def test_wrong_terms_are_found_where_they_stand(change: str, line: int) -> None:
    with pytest.raises(YurtError) as wrong:
        load_policy(POLICY.replace("bounds: {pay: [0, 100]}", change))
    assert wrong.value.code == "POLICY_INVALID"
    assert f"line {line}" in wrong.value.message


def test_charges_add_up_by_the_smaller_of_two_valid_sums() -> None:
    terms = Budget(4.0, 1e-6)
    pure = Charge(0.5, 0.125)
    assert spent([pure] * 8, terms) == 4.0
    assert affordable([pure] * 7, pure, terms)
    assert not affordable([pure] * 8, pure, terms)
    small = Charge(0.01, 0.01**2 / 2)
    assert spent([small] * 1000, terms) < 3  # as zCDP; by epsilons it would be ten
    assert spent([Charge(0.1, 0.005, 1e-6)], terms) == float("inf")


def test_the_conversion_is_monotone_and_its_own_inverse() -> None:
    for epsilon in (0.1, 0.5, 4.0):
        rho = rho_within(epsilon, 5e-7)
        assert epsilon_of(rho, 5e-7) <= epsilon < epsilon_of(rho * 1.01, 5e-7)


def test_the_whole_decision_can_be_shown_with_its_cost() -> None:
    shown = explained(decided("SELECT town, count(*) AS n FROM people GROUP BY town"))
    assert json.loads(json.dumps(shown))["privacy"]["cost"]["epsilon"] == 0.5
