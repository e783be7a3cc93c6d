"""Products of rows: an overflow would tell that somebody has a large value."""

import duckdb
import pytest
from corpus import POLICY, SCHEMA

from policies.decide import decide
from policies.decision import Allowed, Refused
from policies.load import load_policy
from policies.model import Policy
from policies.schema import Schema


@pytest.mark.parametrize(
    "total",
    [
        "sum(income * income)",
        "sum(income * 900000000)",
        "sum(income * 900000000.00)",
        "sum(100000.000001 * income)",
        "avg(CASE WHEN gender = 'M' THEN income * 0.00000001 ELSE 0 END)",
    ],
)
def test_the_largest_value_a_column_holds_fails_no_product(total: str, policy: Policy, schema: Schema) -> None:
    decision = decide(f"SELECT {total} FROM citizen", policy, schema)
    assert isinstance(decision, Allowed)
    with duckdb.connect() as connection:
        connection.execute(SCHEMA)
        connection.execute("INSERT INTO citizen(id_no, gender, county, income) VALUES ('1', 'M', 'x', 9999999999.99)")
        (row,) = connection.execute(decision.sql).fetchall()
    assert row[0] is not None


def test_nullif_of_a_comparison_is_a_comparison(policy: Policy, schema: Schema) -> None:
    decision = decide("SELECT count(nullif(gender = 'M', false)) FROM citizen", policy, schema)
    assert isinstance(decision, Allowed)
    with duckdb.connect() as connection:
        connection.execute(SCHEMA)
        connection.execute("INSERT INTO citizen(id_no, gender, county) VALUES ('1', 'M', 'x'), ('2', 'F', 'x')")
        assert connection.execute(decision.sql).fetchall()[0][0] == 1


def test_a_sum_of_a_lists_column_has_no_bounds_for_noise(schema: Schema) -> None:
    terms = "{mode: dp, epsilon: 4.0, delta: 1e-6, epsilon_per_query: 0.5, bounds: {income: [0, 300000]}}"
    policy = load_policy(POLICY.replace("{mode: threshold, min_group: 10, max_rows: 10000, timeout_s: 30}", terms))
    listed = "(VALUES ('flu', 1000000), ('none', 1)) t(d, w)"
    decision = decide(f"SELECT sum(t.w) FROM citizen c JOIN {listed} ON t.d = c.diagnosis", policy, schema)
    assert isinstance(decision, Refused)
    assert decision.code == "DP_UNSUPPORTED"
