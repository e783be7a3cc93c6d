"""Laws of answers, over queries of the grammar, on real data in the real engine."""

import json
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from county import CANARY
from grammar import masked_rows, query, renamed, swapped
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway import offline
from gateway.answer import Answer, answer
from policies.history import History
from policies.model import Policy

drawn = st.randoms(use_true_random=False)
quick = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def asked(engine: Any, policy: Policy) -> Any:
    """Answers of a project without a past, as comparable rows; the outcome's code where there are none."""
    schema = offline.schema_of(engine, policy)

    def ask(sql: str) -> Any:
        got = answer(sql, policy, schema, engine, History())
        if not isinstance(got, Answer):
            return got.code
        rows = (tuple(column.to_pylist()) for column in got.table.columns)
        return sorted(
            tuple(round(float(value), 3) if isinstance(value, (int, float)) else str(value) for value in row)
            for row in zip(*rows, strict=True)
        )

    return ask


@quick
@given(drawn)
def test_saying_it_otherwise_changes_no_answer(asked: Any, random: Random) -> None:
    first = replace(query(random), tail="")
    plain = asked(first.sql)
    for other in (renamed(first), swapped(first), replace(first, where=(*first.where, "true"))):
        assert asked(other.sql) == plain, other.sql


@quick
@given(drawn)
def test_no_answer_shows_what_is_masked_or_hidden(engine: Any, policy: Policy, random: Random) -> None:
    sql = masked_rows(random) if random.random() < 0.7 else query(random).sql
    got = answer(sql, policy, offline.schema_of(engine, policy), engine, History())
    if isinstance(got, Answer):
        text = json.dumps(got.table.to_pylist(), ensure_ascii=False, default=str)
        for secret in (CANARY, "13711112222", "ID0000", "涉密县", "姓名"):
            assert secret not in text, sql
