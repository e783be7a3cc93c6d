"""Decisions: the corpus, the laws of the check, and what a refusal teaches."""

from typing import Any

import pytest
import sqlglot
from corpus import CLASSES, POLICY, SCHEMA, attacks, queries
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

import policies.decide as decide_module
from policies.check import MAX_CHARACTERS
from policies.decide import decide
from policies.decision import Allowed, Refused, Source
from policies.load import load_policy
from policies.model import Policy
from policies.schema import Schema

HONEST = [line["sql"] for line in queries("allowed")]
POLICY_OBJECT, SCHEMA_OBJECT = load_policy(POLICY), Schema.from_ddl(SCHEMA)


@pytest.mark.parametrize("line", [*queries("allowed"), *queries("honest")], ids=lambda line: line["id"])
def test_honest_queries_are_allowed(line: dict[str, Any], policy: Policy, schema: Schema) -> None:
    decision = decide(line["sql"], policy, schema)
    assert isinstance(decision, Allowed), decision


@pytest.mark.parametrize(
    "line",
    [line for line in attacks() if line["accept"] == ["refuse"]],
    ids=lambda line: line["id"],
)
def test_attacks_are_refused(line: dict[str, Any], policy: Policy, schema: Schema) -> None:
    decision = decide(line["sql"], policy, schema, dialect=line["dialect"])
    assert isinstance(decision, Refused)
    assert decision.code != "CHECK_FAILED"
    if decision.suggestion:
        assert isinstance(decide(decision.suggestion, policy, schema, dialect=line["dialect"]), Allowed)


def test_what_the_check_stumbles_over_is_refused_and_logged_without_the_query(
    policy: Policy, schema: Schema, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def stumble(*_: object) -> None:
        raise IndexError("SELECT secret")

    monkeypatch.setattr(decide_module, "check", stumble)
    decision = decide("SELECT secret", policy, schema)
    assert isinstance(decision, Refused)
    assert decision.code == "CHECK_FAILED"
    assert "IndexError at test_decide.py" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT max() FROM citizen",
        "SELECT * FROM (VALUES ()) t",
        "SELECT quantile_cont(income) FROM citizen",
        "SELECT any_value() FROM citizen",
        "SELECT count(*) FROM citizen WHERE",
        "SELECT 'a",
    ],
)
def test_what_is_no_sql_is_called_so(sql: str, policy: Policy, schema: Schema) -> None:
    decision = decide(sql, policy, schema)
    assert isinstance(decision, Refused)
    assert decision.code == "SQL_INVALID"


def test_the_corpus_holds_every_class_of_attack() -> None:
    lines = attacks()
    assert len(lines) >= 500
    assert {line["class"] for line in lines} == CLASSES
    assert len({line["id"] for line in lines}) == len(lines)
    assert len({(line["sql"], *line["setup"], line["dialect"]) for line in lines}) == len(lines)
    assert all(line["why"] and set(line["accept"]) <= {"refuse", "suppress", "rewrite"} for line in lines)


def test_base_tables_appear_only_inside_governed_subqueries(policy: Policy, schema: Schema) -> None:
    for sql in HONEST:
        decision = decide(sql, policy, schema)
        assert isinstance(decision, Allowed)
        tree = sqlglot.parse_one(decision.sql, dialect="duckdb")
        for table in tree.find_all(exp.Table):
            if table.name in policy.datasets:
                inner = table.find_ancestor(exp.Select)
                assert inner is not None
                assert inner.args.get("where") is not None
                forbidden = {name for name, column in policy.datasets[table.name].columns.items() if not column.usable}
                unit = policy.datasets[table.name].unit
                assert not {each.name for each in inner.find_all(exp.Column)} & (forbidden - {unit})


def test_regenerated_sql_parses_to_itself(policy: Policy, schema: Schema) -> None:
    for sql in HONEST:
        decision = decide(sql, policy, schema)
        assert isinstance(decision, Allowed)
        again = sqlglot.parse_one(decision.sql, dialect="duckdb").sql(dialect="duckdb")
        assert sqlglot.parse_one(again, dialect="duckdb").sql(dialect="duckdb") == again


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(HONEST), st.sampled_from(["citizen", "visit", "enterprise"]), st.data())
def test_taking_a_capability_away_never_allows_more(sql: str, dataset: str, data: st.DataObject) -> None:
    columns = POLICY_OBJECT.datasets[dataset].columns
    lost = data.draw(st.sampled_from(sorted(columns)))
    start = POLICY.index(f"  {dataset}:\n")
    head, body = POLICY[:start], POLICY[start:]
    line = next(each for each in body.splitlines() if each.strip().startswith(f"{lost}:"))
    tighter = head + body.replace(line, f"      {lost}: []", 1)
    if lost == "id_no":
        tighter = tighter.replace("joins: [visit.id_no]", "joins: []").replace("joins: [citizen.id_no]", "joins: []")
    attacks = [
        each["sql"] for each in queries("refused") if each["accept"] == ["refuse"] and each["dialect"] == "duckdb"
    ]
    for query in (sql, attacks[data.draw(st.integers(0, len(attacks) - 1))]):
        if isinstance(decide(query, load_policy(tighter), SCHEMA_OBJECT, suggest=False), Allowed):
            assert isinstance(decide(query, POLICY_OBJECT, SCHEMA_OBJECT, suggest=False), Allowed)


@pytest.mark.parametrize("line", [*queries("allowed"), *queries("refused")], ids=lambda line: line["id"])
def test_where_true_changes_no_decision(line: dict[str, Any], policy: Policy, schema: Schema) -> None:
    if line.get("dialect", "duckdb") != "duckdb":
        pytest.skip("another dialect")
    try:
        tree = sqlglot.parse_one(line["sql"], dialect="duckdb")
    except sqlglot.errors.SqlglotError:
        pytest.skip("no SQL")
    if not isinstance(tree, exp.Select) or tree.args.get("from_") is None or "/* /*" in line["sql"]:
        pytest.skip("not one SELECT, or one refused for its comments alone")
    before = decide(line["sql"], policy, schema, suggest=False)
    after = decide(tree.where("true").sql(dialect="duckdb"), policy, schema, suggest=False)
    assert type(after) is type(before)


def test_renaming_an_alias_changes_no_decision(policy: Policy, schema: Schema) -> None:
    for one, other in (
        (
            "SELECT c.county, count(*) FROM citizen c GROUP BY c.county",
            "SELECT zz.county, count(*) FROM citizen zz GROUP BY 1",
        ),
        ("SELECT c.name FROM citizen c", "SELECT zz.name FROM citizen AS zz"),
    ):
        assert type(decide(one, policy, schema)) is type(decide(other, policy, schema))


def test_a_star_is_refused_with_a_query_that_passes(policy: Policy, schema: Schema) -> None:
    for sql in ("SELECT * FROM citizen", "SELECT * FROM enterprise"):
        decision = decide(sql, policy, schema)
        assert isinstance(decision, Refused)
        assert decision.suggestion is not None
        assert isinstance(decide(decision.suggestion, policy, schema), Allowed)


def test_a_fine_key_is_refused_with_the_permitted_step(policy: Policy, schema: Schema) -> None:
    decision = decide("SELECT income, count(*) FROM citizen GROUP BY income", policy, schema)
    assert isinstance(decision, Refused)
    assert decision.code == "USE_NOT_ALLOWED"
    assert decision.rule is not None
    assert "steps of 10000" in decision.rule
    step = "FLOOR(income / 10000) * 10000"
    assert decision.suggestion == f"SELECT {step} AS income, COUNT(*) FROM citizen GROUP BY {step}"


def test_a_refusal_marks_the_words_it_is_about(policy: Policy, schema: Schema) -> None:
    sql = "SELECT county, name FROM citizen GROUP BY county"
    decision = decide(sql, policy, schema)
    assert isinstance(decision, Refused)
    assert decision.span is not None
    assert sql[slice(*decision.span)] == "name"


def test_a_refusal_marks_whole_calls_and_names_them_as_written(policy: Policy, schema: Schema) -> None:
    for sql, words, name in (
        ("SELECT hospital, bool_or(insured) FROM visit GROUP BY hospital", "bool_or(insured)", "bool_or"),
        ("SELECT count(*) FROM visit GROUP BY epoch(visit_date) + 1", "epoch(visit_date)", "epoch"),
        ("SELECT avg(sqrt(income)) FROM citizen", "sqrt(income)", "sqrt"),
        ("SELECT unnest(list(')')) FROM citizen", "unnest(list(')'))", "unnest"),
    ):
        decision = decide(sql, policy, schema)
        assert isinstance(decision, Refused)
        assert f"{name} " in f"{decision.message} "
        assert decision.span is not None
        assert sql[slice(*decision.span)] == words


@pytest.mark.parametrize(
    ("sql", "people"),
    [
        (
            "SELECT id_no, count(*) AS visits FROM visit GROUP BY id_no ORDER BY visits DESC LIMIT 10",
            "SELECT visits, COUNT(*) AS people FROM (SELECT id_no, COUNT(*) AS visits FROM visit GROUP BY id_no)"
            " AS person GROUP BY visits ORDER BY visits",
        ),
        (
            "SELECT v.id_no, sum(cost) AS spent FROM visit v WHERE insured GROUP BY v.id_no",
            "SELECT AVG(spent) AS spent, COUNT(*) AS people FROM (SELECT v.id_no, SUM(cost) AS spent FROM visit AS v"
            " WHERE insured GROUP BY v.id_no) AS person",
        ),
        (
            "SELECT id_no FROM visit GROUP BY id_no HAVING count(*) > 3",
            "SELECT COUNT(*) AS people FROM (SELECT id_no FROM visit GROUP BY id_no HAVING COUNT(*) > 3) AS person",
        ),
    ],
)
def test_a_list_of_people_is_refused_with_the_statistic_of_all_of_them(
    sql: str, people: str, policy: Policy, schema: Schema
) -> None:
    decision = decide(sql, policy, schema)
    assert isinstance(decision, Refused)
    assert decision.suggestion == people


@pytest.mark.parametrize(
    ("written", "word", "advice"),
    [
        ("regexp_matches(icd10, '^J')", "LIKE", "icd10 LIKE 'J%'"),
        ("to_char(visit_date, 'YYYY-MM')", "strftime", "strftime(visit_date, '%Y-%m')"),
        ("make_date(year(visit_date), 1, 1)", "date_trunc", "date_trunc('month', visit_date)"),
        ("printf('%s', dept)", "||", "dept || ''"),
    ],
)
def test_a_function_that_is_not_allowed_is_refused_with_one_that_is(
    written: str, word: str, advice: str, policy: Policy, schema: Schema
) -> None:
    refused = decide(f"SELECT {written} AS k, count(*) FROM visit GROUP BY 1", policy, schema)
    assert isinstance(refused, Refused)
    assert refused.code == "FUNCTION_NOT_ALLOWED"
    assert word in refused.hint
    assert isinstance(decide(f"SELECT {advice} AS k, count(*) FROM visit GROUP BY 1", policy, schema), Allowed)


def test_what_does_not_exist_and_what_is_not_granted_look_alike(policy: Policy, schema: Schema) -> None:
    hidden, absent = (
        decide("SELECT * FROM secret_case", policy, schema),
        decide("SELECT * FROM no_such", policy, schema),
    )
    assert isinstance(hidden, Refused)
    assert isinstance(absent, Refused)
    assert (hidden.code, hidden.message, hidden.hint) == (absent.code, absent.message, absent.hint)


def test_user_attributes_are_constants_never_text(schema: Schema) -> None:
    policy = load_policy(POLICY.replace("county <> '涉密县'", "county = {user.county}"))
    sql = "SELECT count(*) FROM citizen"
    missing = decide(sql, policy, schema)
    assert isinstance(missing, Refused)
    assert missing.code == "USER_ATTRIBUTE_MISSING"
    bound = decide(sql, policy, schema, user={"county": "x' OR '1'='1"})
    assert isinstance(bound, Allowed)
    assert "= 'x'' OR ''1''=''1'" in bound.sql


def test_a_dp_dataset_is_not_joined_with_one_of_another_mode(schema: Schema) -> None:
    policy = load_policy(
        POLICY.replace("    unit: id_no                     #", "    unit: id_no #").replace(
            "    joins: [visit.id_no]", "    release: {mode: dp, epsilon: 1.0}\n    joins: [visit.id_no]"
        )
    )
    decision = decide("SELECT count(*) FROM citizen JOIN visit ON citizen.id_no = visit.id_no", policy, schema)
    assert isinstance(decision, Refused)
    assert decision.code == "DP_MODES_MIXED"


def test_lineage_names_what_an_output_comes_from(policy: Policy, schema: Schema) -> None:
    decision = decide("SELECT county, avg(income) AS m FROM citizen GROUP BY county", policy, schema)
    assert isinstance(decision, Allowed)
    assert decision.lineage_map == {
        "county": (Source("citizen", "county", "key"),),
        "m": (Source("citizen", "income", "aggregate"),),
    }


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT " + "x" * MAX_CHARACTERS, "SQL_TOO_LARGE"),
        ("SELECT " + "(" * 400 + "1" + ")" * 400, "SQL_TOO_DEEP"),
        ("SELECT " + "NOT " * 1900 + "true", "SQL_TOO_DEEP"),
        ("SELECT " + "+".join(["1"] * 1900), "SQL_TOO_DEEP"),
        ("SELECT 1 FROM citizen " + "JOIN visit " * 30, "SQL_TOO_LARGE"),
        ("SELECT a" + "[1]" * 800, "SQL_TOO_LARGE"),
        (
            "FROM enterprise SELECT 1 WHERE " + " OR ".join(f"employees = {n}" for n in range(3000)),
            "SQL_TOO_LARGE",
        ),
        (
            "SELECT " + ", ".join(f"a{n} + a{n} AS a{n + 1}" for n in range(1, 40)).replace("a1 +", "1 +"),
            "COLUMN_UNKNOWN",
        ),
    ],
    ids=["long", "parentheses", "nots", "sum", "joins", "brackets", "wide", "aliases"],
)
def test_costly_texts_are_refused_early(sql: str, code: str, policy: Policy, schema: Schema) -> None:
    decision = decide(sql, policy, schema)
    assert isinstance(decision, Refused)
    assert decision.code == code


def test_aliases_of_aliases_cannot_grow_without_bound(policy: Policy, schema: Schema) -> None:
    columns = ["1 AS a0", *(f"a{n} + a{n} AS a{n + 1}" for n in range(40))]
    decision = decide("SELECT " + ", ".join(columns), policy, schema)
    assert isinstance(decision, Refused)
    assert decision.code == "SQL_TOO_LARGE"


@pytest.mark.parametrize(
    ("bucket", "allowed"),
    [
        ("floor(age / 10) * 10", True),
        ("floor(age / 20)", True),
        ("age // 10", True),
        ("floor(age / 5) * 5", False),
        ("ceil(age / 10)", False),
        ("floor(age)", False),
        ("age", False),
    ],
)
def test_a_whole_number_groups_in_the_granted_steps_or_wider(bucket: str, allowed: bool) -> None:
    columns = "{age: [{group: 10}], id_no: []}"
    text = f"project: P\npurpose: x\ndatasets:\n  people:\n    unit: id_no\n    columns: {columns}\n"
    schema = Schema.from_mapping({"people": {"id_no": "VARCHAR", "age": "BIGINT"}})
    decision = decide(f"SELECT {bucket} AS b, count(*) AS n FROM people GROUP BY b", load_policy(text), schema)
    assert isinstance(decision, Allowed) is allowed
