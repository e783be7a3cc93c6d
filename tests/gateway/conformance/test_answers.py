"""The same decision gives the same answer on every engine: the honest corpus, thresholds, differencing, row filters.

A query is asked in each engine's own SQL: as `data/dialects.jsonl` says, else as sqlglot writes it.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from corpus import POLICY, queries
from county import CANARY
from sqlglot import exp

from gateway import offline
from gateway.answer import answer
from gateway.engine import Engine, Limits
from policies.dialects import said
from policies.history import History
from policies.load import load_policy
from policies.model import Policy
from policies.schema import Schema

OTHERS = ("postgres", "spark")
SAYS: dict[str, dict[str, Any]] = {
    line["id"]: line
    for line in map(json.loads, (Path(__file__).parent / "data/dialects.jsonl").read_text("utf-8").splitlines())
}
WITHIN = 2e-9
Named = tuple[str, Engine]


def asked(line: Mapping[str, Any], dialect: str) -> str:
    if dialect == "duckdb":
        return str(line["sql"])
    return str(SAYS.get(line["id"], {}).get(dialect) or sqlglot.transpile(line["sql"], read="duckdb", write=dialect)[0])


def outcome(
    sql: str, policy: Policy, schema: Schema, named: Named, history: History | None = None, **user: object
) -> dict[str, Any]:
    name, engine = named
    return offline.described(answer(sql, policy, schema, engine, history or History(), user, dialect=name))


def plain(value: Any) -> Any:
    if isinstance(value, str) and "T00:00:00" in value:
        return value[:10]  # a day as the instant it begins
    return float(value) if isinstance(value, (int, Decimal)) and not isinstance(value, bool) else value


def rows(found: Mapping[str, Any]) -> list[list[Any]]:
    made = [[plain(value) for value in row] for row in found["rows"]]
    return sorted(made, key=lambda row: [f"{each:.4f}" if isinstance(each, float) else str(each) for each in row])


@pytest.fixture(scope="module")
def expected(policy: Policy, schema: Schema, opened: Any) -> dict[str, dict[str, Any]]:
    named = ("duckdb", opened("duckdb"))
    return {line["id"]: outcome(line["sql"], policy, schema, named) for line in queries("allowed")}


@pytest.mark.parametrize("dialect", OTHERS)
@pytest.mark.parametrize("line", queries("allowed"), ids=lambda line: line["id"])
def test_an_honest_query_has_one_answer(
    line: dict[str, Any], dialect: str, policy: Policy, schema: Schema, opened: Any, expected: dict[str, dict[str, Any]]
) -> None:
    said = SAYS.get(line["id"], {})
    got, wanted = outcome(asked(line, dialect), policy, schema, (dialect, opened(dialect))), expected[line["id"]]
    assert wanted["outcome"] == "answer"
    if "code" in said:
        assert got["code"] == said["code"]
        return
    assert got["outcome"] == "answer", got
    assert got["suppressed"] == wanted["suppressed"]
    for mine, theirs in zip(rows(got), rows(wanted), strict=True):
        assert mine == [
            pytest.approx(each, rel=1e-9, abs=said.get("within", WITHIN)) if isinstance(each, float) else each
            for each in theirs
        ]


def test_the_differences_named_belong_to_queries_of_the_corpus() -> None:
    assert set(SAYS) <= {line["id"] for line in queries("allowed")}


def test_a_small_group_is_withheld(each_engine: Named, policy: Policy, schema: Schema) -> None:
    got = outcome("SELECT county, count(*) AS n FROM citizen GROUP BY county", policy, schema, each_engine)
    assert {row[0] for row in got["rows"]} == {"临江县", "东海县", "西山县", "北原县"}
    assert got["suppressed"] == 1


def test_a_differencing_pair_is_refused(each_engine: Named, policy: Policy, schema: Schema) -> None:
    name, engine = each_engine
    first = answer("SELECT count(*) FROM citizen", policy, schema, engine, History(), dialect=name)
    second = "SELECT count(*) FROM citizen WHERE county <> '孤岛县'"
    got = outcome(second, policy, schema, each_engine, first.history)  # type: ignore[union-attr]
    assert got["code"] == "DIFFERENCING"
    far = "SELECT count(*) FROM citizen WHERE county <> '西山县'"
    assert outcome(far, policy, schema, each_engine, first.history)["rows"] == [[907]]  # type: ignore[union-attr]


def test_a_difference_in_one_group_withholds_that_group(each_engine: Named, policy: Policy, schema: Schema) -> None:
    name, engine = each_engine
    count = "SELECT county, count(*) AS n FROM citizen"
    first = answer(f"{count} GROUP BY county", policy, schema, engine, History(), dialect=name)
    second = f"{count} WHERE NOT (county = '临江县' AND diagnosis = 'HIV') GROUP BY county"
    got = outcome(second, policy, schema, each_engine, first.history)  # type: ignore[union-attr]
    assert "临江县" not in {row[0] for row in got["rows"]}
    assert "西山县" in {row[0] for row in got["rows"]}


TOTALS = (
    "SELECT industry, sum(revenue) AS r FROM enterprise GROUP BY industry",
    "SELECT county, industry, sum(tax_paid) AS t, avg(revenue) AS r FROM enterprise GROUP BY county, industry",
    "SELECT sum(revenue) AS r FROM enterprise WHERE industry = 'mining'",
    "SELECT county, sum(CASE WHEN employees > 40 THEN revenue END) AS r FROM enterprise GROUP BY county",
)


@pytest.mark.parametrize("rule", ["dominance: {n: 2, k: 0.9}", "dominance: {n: 3, k: 0.6}", "p_percent: 0.1"])
@pytest.mark.parametrize("dialect", OTHERS)
def test_the_same_totals_are_withheld_for_their_largest_parts(
    rule: str, dialect: str, schema: Schema, opened: Any
) -> None:
    policy = load_policy(POLICY.replace("dominance: {n: 2, k: 0.9}, p_percent: 0.1", rule))
    withheld = 0
    for sql in TOTALS:
        wanted = outcome(sql, policy, schema, ("duckdb", opened("duckdb")))
        got = outcome(sql, policy, schema, (dialect, opened(dialect)))
        assert got["outcome"] == wanted["outcome"] == "answer", got
        assert (got["suppressed"], len(got["rows"])) == (wanted["suppressed"], len(wanted["rows"]))
        for mine, theirs in zip(rows(got), rows(wanted), strict=True):
            assert mine == [pytest.approx(each, rel=1e-9) if isinstance(each, float) else each for each in theirs]
        withheld += sum(value is None for row in got["rows"] for value in row)
    assert withheld


def test_a_withheld_total_is_not_the_difference_of_two(each_engine: Named, policy: Policy, schema: Schema) -> None:
    name, engine = each_engine
    first = answer(TOTALS[0], policy, schema, engine, History(), dialect=name)
    second = answer("SELECT sum(revenue) AS r FROM enterprise", policy, schema, engine, first.history, dialect=name)  # type: ignore[union-attr]
    assert getattr(second, "code", "") == "DIFFERENCING"


def test_dividing_by_nothing_is_nothing(each_engine: Named, policy: Policy, schema: Schema) -> None:
    sql = "SELECT count(*) / (count(*) - count(*)) AS x FROM citizen"
    got = outcome(sql, policy, schema, each_engine)
    assert got["outcome"] == "answer", got
    assert got["rows"] == [[None]]


def test_a_filter_by_the_person_who_asks(each_engine: Named, schema: Schema) -> None:
    policy = load_policy(POLICY.replace("rows: county <> '涉密县'", 'rows: "county = {user.county}"'))
    sql = "SELECT count(*) FROM citizen"
    assert outcome(sql, policy, schema, each_engine, county="临江县")["rows"] == [[300]]
    assert outcome(sql, policy, schema, each_engine)["code"] == "USER_ATTRIBUTE_MISSING"


TEXTS = (
    "it's", "''", 'say "x"', "back\\slash", "ends in \\", "\\'; DROP TABLE citizen; --", "a\nb\tc\r", "%_", "换行",
    "${spark.app.name}", "$$", "/* x */", "-- x", "\\u0041", "\\101", "\\N", "é", "\U0001f600", "{county}", " ", "",
)  # fmt: skip


def test_a_text_reaches_the_engine_as_it_is(each_engine: Named) -> None:
    """Also one with the marks by which an engine ends a text."""
    name, engine = each_engine
    columns = [exp.alias_(exp.Literal.string(text), f"c{place}", quoted=True) for place, text in enumerate(TEXTS)]
    (row,) = engine.execute(said(exp.Select(expressions=columns), name), Limits()).to_pylist()
    assert tuple(row.values()) == TEXTS


@pytest.mark.parametrize(
    "line", [each for each in queries("refused") if each["dialect"] == "duckdb"][::6], ids=lambda each: each["id"]
)
@pytest.mark.parametrize("dialect", OTHERS)
def test_attacks_learn_no_more_than_on_duckdb(
    line: dict[str, Any], dialect: str, policy: Policy, schema: Schema, opened: Any
) -> None:
    here = outcome(line["sql"], policy, schema, ("duckdb", opened("duckdb")))
    there = outcome(line["sql"], policy, schema, (dialect, opened(dialect)))
    assert CANARY not in json.dumps(there, ensure_ascii=False)
    assert there["outcome"] != "answer" or here["outcome"] == "answer"


def test_groups_of_masked_values_are_counted_and_compared_alike(
    each_engine: Named, schema: Schema, opened: Any
) -> None:
    """Predicates, joins and groups meet masks alone; so do the probes that compare an answer with those before it."""
    text = POLICY.replace("county:     [group, filter]", "county:     [group, filter, {mask: pseudonym}]", 1)
    policy = load_policy(
        text.replace("diagnosis:  [group, filter]", "diagnosis:  [group, filter, {mask: redact_text}]")
    )
    name, engine = each_engine
    groups = "SELECT county, count(*) AS n FROM citizen GROUP BY county"
    wanted = outcome(groups, policy, schema, ("duckdb", opened("duckdb")))
    assert wanted["outcome"] == "answer", wanted
    assert all(len(row[0]) == 32 for row in wanted["rows"])
    first = answer(groups, policy, schema, engine, History(), dialect=name)
    assert rows(offline.described(first)) == rows(wanted)
    one = wanted["rows"][0]
    joined = (
        "SELECT v.hospital, count(*) AS n FROM citizen c JOIN visit v ON c.id_no = v.id_no"
        f" WHERE c.county = '{one[0]}' GROUP BY v.hospital"
    )
    for sql in (f"SELECT count(*) AS n FROM citizen WHERE county = '{one[0]}'", joined):
        theirs = outcome(sql, policy, schema, ("duckdb", opened("duckdb")))
        assert rows(outcome(sql, policy, schema, each_engine)) == rows(theirs)
    second = f"SELECT count(*) AS n FROM citizen WHERE county = '{one[0]}' AND NOT diagnosis = 'HIV'"
    assert outcome(second, policy, schema, each_engine, first.history)["code"] == "DIFFERENCING"  # type: ignore[union-attr]
