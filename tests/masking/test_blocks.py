"""Operators over blocks of a file: noise, shuffling, micro-aggregation; alone and through a masked file."""

from collections import Counter
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from sqlglot import exp

from masking.blocks import blocks
from masking.operators import OPERATORS
from masking.operators.microaggregate import mdav
from masking.operators.shuffle import permutation
from masking.table import load_rules, mask_table
from store.errors import YurtError

FILES_ONLY = [name for name, operator in OPERATORS.items() if operator.files_only]
ARGUMENTS = {"noise": {"scale": 1.0}}


def masked(name: str, values: pa.Table | pa.Array, args: dict[str, object] | None = None) -> list[object]:
    """Column `v` as the operator leaves it."""
    operator = OPERATORS[name]
    rows = values if isinstance(values, pa.Table) else pa.table({"v": values})
    return operator.over(rows, "v", operator.parse(args)).to_pylist()


def test_no_query_can_use_them():
    assert FILES_ONLY == ["noise", "shuffle", "microaggregate"]
    for name in FILES_ONLY:
        with pytest.raises(YurtError, match="MASK_FILES_ONLY"):
            OPERATORS[name].sql(exp.column("v"), ARGUMENTS.get(name))


@pytest.mark.parametrize("name", FILES_ONLY)
def test_missing_values_stay_missing_and_nothing_makes_nothing(name):
    args = ARGUMENTS.get(name)
    made = masked(name, pa.array([None, *range(20), None], pa.int64()), args)
    assert [value is None for value in made] == [True, *[False] * 20, True]
    assert masked(name, pa.array([], pa.int64()), args) == []
    assert masked(name, pa.nulls(3, pa.string()), args) == [None] * 3


@pytest.mark.parametrize("name", ["noise", "microaggregate"])
def test_what_is_no_number_is_hidden(name):
    made = masked(
        name, pa.array(["1", " 2.5", "1e3", "inf", "nan", "0x10", "1_0", "男", "", "4", "5"]), ARGUMENTS.get(name)
    )
    assert [value is None for value in made] == [False] * 3 + [True] * 6 + [False] * 2


@pytest.mark.parametrize(("distribution", "spread"), [("laplace", 2**0.5), ("gaussian", 1.0)])
def test_noise_has_the_size_asked_for(distribution, spread):
    made = np.array(masked("noise", pa.array([100.0] * 20_000), {"scale": 10, "distribution": distribution})) - 100
    assert abs(made.mean()) < 1
    assert made.std() == pytest.approx(10 * spread, rel=0.1)
    assert len(set(made.tolist())) > 19_000


def test_relative_noise_grows_with_the_value_and_edges_hold():
    values = pa.array([1.0] * 2000 + [1000.0] * 2000)
    made = np.array(masked("noise", values, {"scale": 0.1, "relative": True, "low": 0.9}))
    assert made.min() >= 0.9
    assert made[2000:].std() == pytest.approx(1000 * 0.1 * 2**0.5, rel=0.15)


@pytest.mark.parametrize("value", [1e-9, 1e18, 1e300, -1e300])
def test_numbers_of_any_size_get_their_noise(value):
    made = np.array(masked("noise", pa.array([value] * 50), {"scale": 1.0}))
    assert np.isfinite(made).all()
    assert np.abs(made - value).max() < 40 + abs(value) * 1e-15


def test_noise_is_drawn_anew():
    values = pa.array([1.0] * 100)
    assert masked("noise", values, {"scale": 1}) != masked("noise", values, {"scale": 1})


@given(st.lists(st.none() | st.sampled_from("abcdefgh"), max_size=60))
@settings(max_examples=60, deadline=None)
def test_a_shuffled_column_holds_the_same_values(values):
    made = masked("shuffle", pa.array(values, pa.string()))
    present = [value for value in values if value is not None]
    if len(present) >= 5:
        assert Counter(made) == Counter(values)
        assert [value is None for value in made] == [value is None for value in values]
    else:
        assert set(made) <= {None}


def test_values_change_places_within_their_group_and_small_groups_are_hidden():
    groups = ["a"] * 50 + ["b"] * 50 + ["c"] * 4 + [None] * 6
    values = [f"{group}{place}" for place, group in enumerate(groups)]
    rows = pa.table({"v": values, "g": groups})
    made = masked("shuffle", rows, {"within": "g"})
    assert all(value is None or value[0] == (group or "N") for value, group in zip(made, groups, strict=True))
    assert made[100:104] == [None] * 4
    assert sorted(made[:50]) == sorted(values[:50])
    assert made[:50] != values[:50]


def test_every_permutation_is_as_likely():
    """Each of 4 values stands in each of 4 places about a quarter of 4,000 times (five standard deviations)."""
    counts = np.zeros((4, 4))
    for _ in range(4000):
        counts[np.arange(4), permutation(4)] += 1
    assert np.abs(counts - 1000).max() < 5 * (4000 * 0.25 * 0.75) ** 0.5


POINTS = st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50)), max_size=60)


@given(POINTS, st.integers(3, 7))
@settings(max_examples=100, deadline=None)
def test_groups_have_k_to_2k_less_one_records_and_nobody_is_in_two(points, k):
    groups = mdav(np.array(points, float).reshape(-1, 2), k)
    everybody = np.concatenate(groups).tolist() if groups else []
    assert sorted(everybody) == (list(range(len(points))) if len(points) >= k else [])
    assert all(k <= len(group) < 2 * k for group in groups)


def test_groups_are_the_clusters_that_are_there():
    clusters = np.array([[0, 0], [0, 1], [1, 0], [90, 90], [90, 91], [91, 90], [0, 90], [1, 90], [0, 91]], float)
    assert sorted(sorted(group.tolist()) for group in mdav(clusters, 3)) == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]


def test_columns_that_name_each_other_are_k_anonymous_together_and_keep_their_sums():
    random = np.random.default_rng(1)
    rows = pa.table({"v": random.integers(18, 90, 500), "w": random.normal(5000, 900, 500)})
    age = masked("microaggregate", rows, {"k": 5, "with_columns": ["w"]})
    income = OPERATORS["microaggregate"].over(
        rows, "w", OPERATORS["microaggregate"].parse({"k": 5, "with_columns": ["v"]})
    )
    classes = Counter(zip(age, income.to_pylist(), strict=True))
    assert min(classes.values()) >= 5
    assert sum(age) == pytest.approx(sum(rows["v"].to_pylist()))


@given(st.lists(st.integers(0, 40), max_size=20), st.integers(1, 30))
@settings(max_examples=60, deadline=None)
def test_blocks_lose_nothing_and_none_is_small(sizes, size):
    batches = [pa.record_batch({"n": pa.array([batch] * rows, pa.int64())}) for batch, rows in enumerate(sizes)]
    made = list(blocks(batches, size))
    assert [row for block in made for row in block["n"].to_pylist()] == [
        batch for batch, rows in enumerate(sizes) for _ in range(rows)
    ]
    assert all(size <= block.num_rows < 2 * size for block in made) or len(made) == 1


RULES = """
columns:
  name: {partial: {preset: name}}
  income: {noise: {scale: 100}}
  age: {microaggregate: {k: 5, with_columns: [income]}}
  town: {shuffle: {within: county}}
  county: drop
"""


@pytest.mark.parametrize(("rows", "ending"), [(0, "csv"), (0, "parquet"), (7, "parquet"), (70_000, "csv")])
def test_a_file_is_masked_in_blocks(tmp_path: Path, rows, ending):
    table = pa.table(
        {
            "name": pa.array(["张三丰"] * rows, pa.string()),
            "income": pa.array([5000.0 + place % 90 for place in range(rows)], pa.float64()),
            "age": pa.array([20 + place % 50 for place in range(rows)], pa.int32()),
            "town": pa.array([f"{'ab'[place % 2]}{place}" for place in range(rows)], pa.string()),
            "county": pa.array(["ab"[place % 2] for place in range(rows)], pa.string()),
        }
    )
    parquet.write_table(table, tmp_path / "in.parquet")
    report = mask_table(load_rules(RULES), tmp_path / "in.parquet", tmp_path / f"out.{ending}", b"k" * 16)
    assert report.rows == rows
    made = duckdb.sql(f"SELECT * FROM '{tmp_path}/out.{ending}'").to_arrow_table()
    assert made.column_names == ["name", "income", "age", "town"]
    if rows > 7:
        assert set(made["name"].to_pylist()) == {"张**"}
        assert min(Counter(made["age"].to_pylist()).values()) >= 5
        towns = made["town"].to_pylist()
        assert sorted(towns) == sorted(table["town"].to_pylist())
        assert [town[0] for town in towns[:100]] == ["a", "b"] * 50
        pairs = zip(made["income"].to_pylist(), table["income"].to_pylist(), strict=True)
        assert sum(income != plain for income, plain in pairs) > rows * 0.99
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.parquet", f"out.{ending}"]


def test_a_column_that_is_not_there_is_named(tmp_path: Path):
    parquet.write_table(pa.table({"v": [1]}), tmp_path / "in.parquet")
    for rule in ("shuffle: {within: gone}", "microaggregate: {with_columns: [gone]}", "date_shift: {subject: gone}"):
        with pytest.raises(YurtError, match="gone"):
            mask_table(
                load_rules(f"columns: {{v: {{{rule}}}}}"), tmp_path / "in.parquet", tmp_path / "o.csv", b"k" * 16
            )
