"""Rows that may be read must not choose how often rows that may not are in a statistic."""

import pytest
from corpus import POLICY, SCHEMA

from policies.decide import decide
from policies.decision import Allowed, Refused
from policies.load import load_policy
from policies.schema import Schema

PLAIN = load_policy(POLICY.replace(", dominance: {n: 2, k: 0.9}, p_percent: 0.1", ""))
FIRMS = Schema.from_ddl(SCHEMA)
"""No rule looks at who dominates a total: nothing but the joins protects it."""


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT b.name, sum(e.revenue) FROM enterprise e JOIN enterprise b ON b.uscc <> e.uscc GROUP BY b.name",
        "SELECT b.name, sum(e.revenue) FROM enterprise e JOIN enterprise b ON b.uscc >= e.uscc GROUP BY b.name",
        "SELECT b.name, sum(e.revenue) FROM enterprise e JOIN enterprise b ON b.county = e.county AND b.uscc <> e.uscc "
        "GROUP BY b.name",
        "SELECT n, sum(x) FROM (SELECT e.revenue AS x, b.name AS n FROM enterprise e JOIN enterprise b "
        "ON b.uscc <> e.uscc) GROUP BY n",
        "SELECT b.name, sum(e.revenue) FILTER (WHERE b.uscc <> e.uscc) FROM enterprise e, enterprise b GROUP BY b.name",
        "SELECT sum(a.revenue) FROM enterprise a JOIN enterprise b ON a.uscc = b.uscc OR a.uscc = 'USCC00010'",
        "SELECT sum(a.revenue) FROM enterprise a LEFT JOIN enterprise b ON a.uscc = 'USCC00010'",
    ],
)
def test_sums_over_all_but_one_firm_are_refused(sql: str) -> None:
    decision = decide(sql, PLAIN, FIRMS)
    assert isinstance(decision, Refused)
    assert decision.code == "CONSTRUCT_NOT_ALLOWED"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT county, sum(revenue) FROM enterprise GROUP BY county",
        "SELECT a.name, b.name FROM enterprise a JOIN enterprise b ON a.county = b.county AND a.uscc < b.uscc",
        "SELECT e.name, t.s FROM enterprise e JOIN (SELECT county, sum(revenue) AS s FROM enterprise GROUP BY 1) t "
        "ON t.county = e.county",
    ],
)
def test_statistics_of_one_table_and_joins_of_what_may_be_read_are_answered(sql: str) -> None:
    assert isinstance(decide(sql, PLAIN, FIRMS), Allowed)
