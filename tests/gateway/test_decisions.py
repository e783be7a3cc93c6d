"""Remembered decisions: the same as made anew, gone with whatever they depended on."""

from collections.abc import Mapping

import pytest

from gateway import decisions
from gateway.decisions import DecisionCache
from policies.decide import decide
from policies.decision import Allowed, Decision
from policies.history import History
from policies.model import Policy
from policies.schema import Schema

ROWS = "SELECT name, county FROM enterprise WHERE county = '东海县'"
COUNT = "SELECT county, count(*) AS n FROM citizen GROUP BY county"
OTHER = "SELECT gender, count(*) AS n FROM citizen WHERE county <> '西山县' GROUP BY gender"
REFUSED = "SELECT phone FROM citizen"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The queries that were really checked."""
    asked: list[str] = []

    def counted(sql: str, policy: Policy, schema: Schema, **given: object) -> Decision:
        asked.append(sql)
        return decide(sql, policy, schema, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(decisions, "decide", counted)
    return asked


def remembered(
    cache: DecisionCache, sql: str, policy: Policy, schema: Schema, version: str = "1",
    user: Mapping[str, object] | None = None, history: History | None = None,
) -> Decision:  # fmt: skip
    return cache.decide(sql, policy, schema, version=version, user=user or {}, history=history or History())


@pytest.mark.parametrize("sql", [ROWS, COUNT, REFUSED, "SELEC", ""])
def test_a_remembered_decision_is_the_decision(policy: Policy, schema: Schema, made: list[str], sql: str) -> None:
    cache = DecisionCache()
    assert remembered(cache, sql, policy, schema) == decide(sql, policy, schema)
    assert remembered(cache, sql, policy, schema) == decide(sql, policy, schema)
    assert made == [sql]


def test_another_policy_or_data_version_or_person_is_decided_anew(
    policy: Policy, schema: Schema, made: list[str]
) -> None:
    cache = DecisionCache()
    remembered(cache, ROWS, policy, schema)
    remembered(cache, ROWS, policy, schema, version="2")
    remembered(cache, ROWS, policy, schema, user={"county": "东海县"})
    remembered(cache, ROWS, policy, schema, user={"county": "西山县"})
    assert len(made) == 4


def test_a_statistic_is_decided_anew_when_the_history_grew_and_rows_are_not(
    policy: Policy, schema: Schema, made: list[str]
) -> None:
    cache = DecisionCache()
    before = remembered(cache, COUNT, policy, schema)
    remembered(cache, ROWS, policy, schema)
    assert isinstance(before, Allowed)
    other = decide(OTHER, policy, schema)
    assert isinstance(other, Allowed)
    grown = History(other.footprint)
    after = remembered(cache, COUNT, policy, schema, history=grown)
    remembered(cache, ROWS, policy, schema, history=grown)
    assert made == [COUNT, ROWS, COUNT]
    assert after == decide(COUNT, policy, schema, history=grown)
    assert isinstance(after, Allowed)
    assert len(after.release.audits) > len(before.release.audits)


def test_no_more_is_remembered_than_allowed(policy: Policy, schema: Schema) -> None:
    cache = DecisionCache(most=3)
    for number in range(10):
        remembered(cache, f"SELECT {number} AS n", policy, schema)
    assert len(cache) == 3
