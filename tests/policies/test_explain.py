"""EXPLAIN POLICY and lineage: all of a decision, in names and rules, never in data."""

import json

import pytest

from policies.decide import decide
from policies.decision import Allowed
from policies.explain import as_rows, asked_about, decision_line, explained
from policies.load import load_policy
from policies.model import Policy
from policies.schema import Schema


def lineage(sql: str, policy: Policy, schema: Schema) -> dict[str, set[str]]:
    decision = decide(sql, policy, schema)
    assert isinstance(decision, Allowed), decision
    found = decision_line(decision)["lineage"]
    return {name: {":".join(source) for source in sources} for name, sources in found.items()}


def test_filters_keys_joins_and_order_are_in_the_lineage(policy: Policy, schema: Schema) -> None:
    found = lineage(
        "SELECT c.county, avg(v.cost) AS mean FROM citizen c JOIN visit v ON v.id_no = c.id_no WHERE c.gender = 'F'"
        " GROUP BY c.county HAVING count(*) > 20 ORDER BY mean LIMIT 3",
        policy,
        schema,
    )
    shaping = {
        "citizen.gender:filter", "citizen.id_no:join", "visit.id_no:join", "citizen.county:key", "visit.cost:order",
        "citizen.county:filter", "visit.visit_date:filter", "citizen.*:filter", "visit.*:filter",
    }  # fmt: skip
    assert found == {"county": {"citizen.county:key"} | shaping, "mean": {"visit.cost:aggregate"} | shaping}


@pytest.mark.parametrize(
    ("sql", "output", "sources"),
    [
        (
            "WITH f AS (SELECT county FROM citizen WHERE diagnosis = 'flu') SELECT count(*) AS n FROM f",
            "n",
            {"citizen.*:count", "citizen.diagnosis:filter"},
        ),
        (
            "SELECT count(*) AS n FROM citizen c WHERE EXISTS"
            " (SELECT 1 FROM visit v WHERE v.id_no = c.id_no AND v.icd10 = 'E11')",
            "n",
            {"visit.icd10:filter", "visit.id_no:filter", "citizen.id_no:filter"},
        ),
        (
            "SELECT count(*) AS n FROM citizen WHERE id_no IN (SELECT id_no FROM visit WHERE insured)",
            "n",
            {"visit.insured:filter", "visit.id_no:filter"},
        ),
        (
            "SELECT name FROM enterprise UNION SELECT industry FROM enterprise WHERE employees > 9",
            "name",
            {"enterprise.name:value", "enterprise.industry:value", "enterprise.employees:filter"},
        ),
        (
            "SELECT county FROM enterprise EXCEPT SELECT county FROM enterprise WHERE employees > 9",
            "county",
            {"enterprise.county:value", "enterprise.county:filter", "enterprise.employees:filter"},
        ),
        (
            "SELECT name, rank() OVER (PARTITION BY industry ORDER BY employees) AS place FROM enterprise",
            "place",
            {"enterprise.industry:value", "enterprise.employees:value"},
        ),
        ("SELECT legal_rep_id AS who FROM enterprise", "who", {"enterprise.legal_rep_id:masked"}),
        (
            "SELECT avg(income) - (SELECT avg(income) FROM citizen WHERE gender = 'M') AS gap FROM citizen",
            "gap",
            {"citizen.income:aggregate", "citizen.gender:filter"},
        ),
        (
            "SELECT sum(CASE WHEN diagnosis = 'flu' THEN 1 END) AS n FROM citizen",
            "n",
            {"citizen.diagnosis:aggregate"},
        ),
    ],
)
def test_lineage_sees_through_the_shape_of_the_query(
    sql: str, output: str, sources: set[str], policy: Policy, schema: Schema
) -> None:
    assert sources <= lineage(sql, policy, schema)[output]


def test_an_allowed_query_is_explained_whole(policy: Policy, schema: Schema) -> None:
    sql = "SELECT county, avg(income) AS mean FROM citizen GROUP BY county"
    told = explained(decide(sql, policy, schema), policy, {"citizen": 7}, sql)
    assert told["outcome"] == "allow"
    assert told["sql"].startswith("SELECT")
    assert (told["release"]["mode"], told["release"]["min_group"]) == ("threshold", 10)
    assert told["release"]["withholds"] == [
        {"columns": None, "rule": "withheld where fewer than 10 people stand behind it"},
        {"columns": ["mean"], "rule": "withheld where fewer than 10 people stand behind it"},
    ]
    (table,) = told["tables"]
    assert (table["name"], table["grant"], table["unit"], table["row_filter"]) == ("citizen", 7, "id_no", True)
    assert table["columns"]["county"] == "group, filter"
    assert json.loads(json.dumps(told)) == told
    assert dict(as_rows(told))["lineage.mean"].startswith("citizen.income (aggregate)")


def test_masks_are_named_and_their_keys_are_not(policy: Policy, schema: Schema) -> None:
    told = explained(decide("SELECT legal_rep_id FROM enterprise", policy, schema), policy)
    assert told["tables"][0]["masks"] == {"legal_rep_id": "pseudonym"}
    assert "key" not in told["sql"].lower()


def test_a_refusal_names_rule_grant_words_and_what_would_pass(policy: Policy, schema: Schema) -> None:
    sql = "SELECT income, count(*) FROM citizen GROUP BY income"
    told = explained(decide(sql, policy, schema), policy, {"citizen": 7}, sql)
    assert (told["outcome"], told["code"], told["words"], told["grant"]) == ("refuse", "USE_NOT_ALLOWED", "income", 7)
    assert told["rule"].startswith("citizen.income: aggregate, group (steps of 10000)")
    assert isinstance(decide(told["suggestion"], policy, schema), Allowed)


def test_a_row_filter_shows_the_askers_own_attribute_only(schema: Schema) -> None:
    own = load_policy(
        "project: P\ndatasets:\n  citizen:\n    unit: id_no\n    rows: county = {user.county}\n"
        "    columns: {id_no: [count], county: [group]}\n"
    )
    told = explained(decide("SELECT count(*) FROM citizen", own, schema, user={"county": "东海县"}), own)
    assert "'东海县'" in told["sql"]


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("EXPLAIN POLICY SELECT 1", "SELECT 1"),
        ("  explain\n policy\tSELECT 1", "SELECT 1"),
        ("EXPLAIN SELECT 1", None),
        ("EXPLAIN POLICY", None),
        ("SELECT 1 -- EXPLAIN POLICY SELECT 2", None),
        ("EXPLAIN POLICYSELECT 1", None),
    ],
)
def test_the_prefix_is_two_words_before_a_query(text: str, query: str | None) -> None:
    assert asked_about(text) == query
