"""Replay: what a changed policy does to questions asked before."""

import pytest
from corpus import POLICY, SCHEMA, queries
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.decide import decide
from policies.decision import Allowed, Refused
from policies.load import load_policy
from policies.model import Policy
from policies.replay import Asked, Change, line, replayed, summary
from policies.schema import Schema

COUNTS = "SELECT county, count(*) FROM citizen GROUP BY county"
NAMES = "SELECT name FROM citizen"
TIGHTER = POLICY.replace(
    "      county:     [group, filter]\n      birth_date", "      county:     []\n      birth_date"
)


@pytest.mark.parametrize(
    ("sql", "code", "text", "change", "after"),
    [
        (COUNTS, "", TIGHTER, Change.NEWLY_REFUSED, "COLUMN_NOT_USABLE"),
        (COUNTS, "", POLICY, Change.UNCHANGED, ""),
        (COUNTS, "COLUMN_NOT_USABLE", POLICY, Change.NEWLY_ALLOWED, ""),
        (COUNTS, "DIFFERENCING", POLICY, Change.UNCHANGED, ""),
        (NAMES, "COLUMN_NOT_USABLE", POLICY, Change.UNCHANGED, "COLUMN_NOT_USABLE"),
        (NAMES, "TABLE_UNKNOWN", POLICY, Change.OTHER_REASON, "COLUMN_NOT_USABLE"),
    ],
)
def test_a_question_is_newly_refused_newly_allowed_or_left(
    sql: str, code: str, text: str, change: Change, after: str, schema: Schema
) -> None:
    (found,) = replayed([Asked(sql, code, where={"id": 1})], load_policy(text), schema)
    told = line(found)
    assert (told["id"], told["change"]) == (1, change)
    assert (told["before"]["code"], told["after"]["code"]) == (code or None, after or None)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.sampled_from([each["sql"] for each in (*queries("allowed"), *queries("refused_constructs"))]), max_size=6
    )
)
def test_under_the_policy_it_was_asked_under_nothing_changes(texts: list[str]) -> None:
    policy, schema = load_policy(POLICY), Schema.from_ddl(SCHEMA)
    asked = []
    for sql in texts:
        decision = decide(sql, policy, schema, suggest=False)
        asked.append(Asked(sql, decision.code if isinstance(decision, Refused) else ""))
    counts = summary(each.change for each in replayed(asked, policy, schema))
    assert counts == {**dict.fromkeys(counts, 0), "unchanged": len(texts)}


def test_row_filters_see_the_person_who_asked(schema: Schema) -> None:
    policy = load_policy(POLICY.replace("rows: county <> '涉密县'", "rows: county = {user.agency}", 1))
    mine, nobody = replayed([Asked(COUNTS, "", {"agency": "东海县"}), Asked(COUNTS, "")], policy, schema)
    assert isinstance(mine.decision, Allowed)
    assert nobody.change is Change.NEWLY_REFUSED


def test_each_text_is_decided_once(policy: Policy, schema: Schema) -> None:
    first, second = replayed([Asked(COUNTS)] * 2, policy, schema)
    assert first.decision is second.decision
