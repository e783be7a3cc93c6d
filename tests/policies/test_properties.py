"""Laws of the check, over queries of a grammar: honest and hostile ones, as they come."""

from random import Random

import sqlglot
from corpus import POLICY, SCHEMA, attacks, queries
from grammar import Query, masked_rows, query, renamed, swapped
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from policies import errors
from policies.decide import decide
from policies.decision import Allowed, Decision, Refused
from policies.load import load_policy
from policies.schema import Schema
from store.errors import ErrorCode

WHOLE, TABLES = load_policy(POLICY), Schema.from_ddl(SCHEMA)
CODES = {each.name for each in vars(errors).values() if isinstance(each, ErrorCode)}
LINES = [line for line in POLICY.splitlines() if line.startswith("      ")]
drawn = st.randoms(use_true_random=False)


def decided(sql: str, policy: str = "") -> Decision:
    return decide(sql, load_policy(policy) if policy else WHOLE, TABLES, suggest=False)


def outcome(decision: Decision) -> str:
    return decision.code if isinstance(decision, Refused) else "allowed"


@settings(max_examples=50, deadline=None)
@given(drawn)
def test_a_decision_depends_on_nothing_but_what_is_asked(random: Random) -> None:
    sql = query(random).sql
    assert decided(sql) == decided(sql)


@settings(max_examples=50, deadline=None)
@given(drawn, st.sampled_from(LINES))
def test_a_tighter_grant_never_allows_more(random: Random, line: str) -> None:
    lost = line.partition(":")[0]
    tighter = POLICY.replace(line, f"{lost}: []", 1)
    if lost.strip() == "id_no":
        tighter = tighter.replace("joins: [visit.id_no]", "joins: []").replace("joins: [citizen.id_no]", "joins: []")
    sql = query(random).sql if random.random() < 0.7 else masked_rows(random)
    if isinstance(decided(sql, tighter), Allowed):
        assert isinstance(decided(sql), Allowed)


@settings(max_examples=50, deadline=None)
@given(drawn)
def test_saying_it_otherwise_changes_no_decision(random: Random) -> None:
    asked = query(random)
    plain = outcome(decided(asked.sql))
    for other in (renamed(asked), swapped(asked), _with_true(asked)):
        assert outcome(decided(other.sql)) == plain, other.sql


def _with_true(asked: Query) -> Query:
    return Query(**{**asked.__dict__, "where": (*asked.where, "true")})


@settings(max_examples=40, deadline=None)
@given(drawn)
def test_writing_rows_as_a_common_table_or_in_place_changes_no_decision(random: Random) -> None:
    asked = query(random)
    if asked.wrapped:
        inner, outer = (
            asked.sql.removeprefix("WITH r AS (").split(") SELECT k0", 1) if ") SELECT k0" in asked.sql else ("", "")
        )
        if inner:
            in_place = f"SELECT k0{outer}".replace(" FROM r", f" FROM ({inner}) AS r", 1)
            assert outcome(decided(in_place)) == outcome(decided(asked.sql)), in_place


@settings(max_examples=50, deadline=None)
@given(drawn)
def test_regenerated_text_is_read_as_it_was_written(random: Random) -> None:
    decision = decided(query(random).sql)
    if isinstance(decision, Allowed):
        tree = sqlglot.parse_one(decision.sql, dialect="duckdb")
        assert tree.sql(dialect="duckdb") == decision.sql
        assert sqlglot.parse_one(tree.sql(dialect="duckdb"), dialect="duckdb") == tree
        assert not tree.find(exp.Command, exp.Placeholder, exp.Parameter)


@settings(max_examples=50, deadline=None)
@given(drawn)
def test_every_refusal_has_a_known_code_and_a_whole_sentence(random: Random) -> None:
    decision = decided(_spoilt(random))
    if isinstance(decision, Refused):
        assert decision.code in CODES
        assert "{" not in decision.message
        assert decision.message.endswith((".", "."))


def _spoilt(random: Random) -> str:
    """A query with a piece taken out, doubled or exchanged with a piece of another."""
    sources = [line["sql"] for line in (*attacks(), *queries("allowed")) if len(line["sql"]) < 2_000]
    words = (query(random).sql if random.random() < 0.5 else random.choice(sources)).split(" ")
    others = random.choice(sources).split(" ")
    place, length = random.randrange(len(words)), random.randrange(4)
    pieces = (
        [],
        words[place : place + length] * 2,
        others[:length],
        ["("],
        ["\x00"],
        ["\u3000"],
        ["''"],
        ["#1"],
        ["$1"],
    )
    return " ".join([*words[:place], *random.choice(pieces), *words[place + length :]])
