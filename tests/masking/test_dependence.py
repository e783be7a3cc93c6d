"""Columns that go together in the original go together in the synthetic table, for the budget that was named."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masking import noise
from masking.dependence import Coarse, bins_affordable, coarse, tree_of
from masking.noise import noisy_best
from masking.synthesis import synthesise

ROWS = 8000
RANDOM = np.random.default_rng(4)
REGION = RANDOM.integers(0, 4, ROWS)
TRADE = np.where(RANDOM.random(ROWS) < 0.85, REGION, RANDOM.integers(0, 4, ROWS))
AGE = 20 + RANDOM.integers(0, 60, ROWS)
INCOME = AGE * 100 + RANDOM.integers(0, 900, ROWS)
TABLE = pa.table(
    {
        "region": [f"R{each}" for each in REGION],
        "trade": [f"T{each}" for each in TRADE],
        "shift": [f"S{each}" for each in RANDOM.integers(0, 3, ROWS)],
        "age": AGE,
        "income": INCOME,
    }
)


def cramers_v(one, other) -> float:
    """Association of two columns of words, from 0 to 1 (Cramer 1946)."""
    left, right = (np.unique(each, return_inverse=True)[1] for each in (one, other))
    table = np.zeros((left.max() + 1, right.max() + 1))
    np.add.at(table, (left, right), 1)
    expected = table.sum(1, keepdims=True) * table.sum(0) / table.sum()
    return float(np.sqrt(((table - expected) ** 2 / expected).sum() / table.sum() / (min(table.shape) - 1)))


@pytest.fixture(scope="module")
def made() -> pa.Table:
    return synthesise(TABLE, 4000, epsilon=8).table


def test_words_that_go_together_stay_together_and_others_stay_apart(made):
    assert cramers_v(TABLE["region"], TABLE["trade"]) > 0.8
    assert cramers_v(made["region"], made["trade"]) > 0.6
    assert cramers_v(made["region"], made["shift"]) < 0.1


def test_numbers_that_rise_together_still_do(made):
    ages, incomes = (made[name].to_numpy() for name in ("age", "income"))
    assert np.corrcoef(AGE, INCOME)[0, 1] > 0.95
    assert np.corrcoef(ages, incomes)[0, 1] > 0.6


def test_each_column_keeps_its_own_distribution(made):
    for name in ("region", "trade", "shift"):
        given_shares, made_shares = (
            {value: count / each.length() for value, count in (v.values() for v in each.value_counts().to_pylist())}
            for each in (TABLE[name], made[name])
        )
        assert set(given_shares) == set(made_shares)
        assert all(abs(given_shares[value] - made_shares[value]) < 0.05 for value in given_shares)


def test_no_row_is_a_real_one(made):
    real = {tuple(row.values()) for row in TABLE.to_pylist()}
    assert not real & {tuple(row.values()) for row in made.to_pylist()}


def test_the_whole_budget_is_what_was_asked(monkeypatch):
    """Sequential composition: what every call of a mechanism spends, added up."""
    spent, chances = [], []
    for name, into in (("noisy_counts", spent), ("noisy_best", spent), ("noisy_keys", chances)):
        plain = getattr(noise, name)

        def counted(*args, _plain=plain, _into=into):
            _into.append(args[1])
            return _plain(*args)

        for module in ("masking.dependence", "masking.synthesis"):
            monkeypatch.setattr(f"{module}.{name}", counted, raising=False)
    synthesise(TABLE, 10, epsilon=2.0)
    assert len(spent) == 8  # four pairs chosen, four counted
    assert sum(spent) + sum(chances) == pytest.approx(2.0)


def test_the_pair_that_goes_together_is_chosen_first():
    columns = {name: Coarse({"a": 0, "b": 1}, np.array([500.0, 500.0])) for name in "xyz"}
    x = np.arange(1000, dtype=np.int16) % 2
    codes = {"x": x, "y": x, "z": (np.arange(1000, dtype=np.int16) // 2) % 2}
    tree = tree_of(columns, codes, epsilon=50)
    assert tree.parents["y"] == "x"
    np.testing.assert_allclose(tree.chances["y"], np.eye(2), atol=0.05)
    np.testing.assert_allclose(tree.chances["z"], 0.5, atol=0.05)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=40), st.integers(0, 39), st.integers(0, 39))
@settings(max_examples=60)
def test_a_record_moves_a_score_by_at_most_one(values, other, place):
    """What `noisy_best` relies on, computed as `tree_of` does against counts that were released before."""
    pairs = [(value, (value * 7 + other) % 4) for value in values]
    expected = np.full((4, 4), 2.5)

    def score(rows):
        table = np.zeros((4, 4))
        for row in rows:
            table[row] += 1
        return np.abs(table - expected).sum()

    fewer = pairs[: place % len(pairs)] + pairs[place % len(pairs) + 1 :]
    assert abs(score(pairs) - score(fewer)) <= 1


def test_the_best_is_found_with_a_large_budget_and_not_always_with_a_small_one():
    assert {noisy_best([0, 10, 3], 50) for _ in range(20)} == {1}
    assert len({noisy_best([0, 1, 0], 0.01) for _ in range(60)}) == 3


@given(st.lists(st.integers(1, 500), min_size=1, max_size=60), st.integers(2, 16), st.booleans())
def test_bins_hold_every_key_and_all_the_weight(weights, most, ordered):
    keys = [str(place) for place in range(len(weights))]
    form = coarse(keys, weights, ordered=ordered, most=most)
    assert sorted(form.bin_of) == sorted(keys)
    assert len(form.weights) <= max(most, 1)
    assert set(form.bin_of.values()) == set(range(len(form.weights)))
    assert form.weights.sum() == sum(weights)
    if ordered:
        assert list(form.bin_of.values()) == sorted(form.bin_of.values())


def test_few_records_and_little_budget_buy_few_bins():
    assert (bins_affordable(100, 0.5, 5), bins_affordable(10**6, 1, 5)) == (2, 16)
