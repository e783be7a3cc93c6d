"""Mondrian's output is k-anonymous and l-diverse, tells the truth, and costs what it says."""

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycanon import anonymity

from masking.hierarchies import NumberAxis, PathAxis, axis
from masking.identifiers import synthetic_residents
from masking.mondrian import anonymise, partition
from masking.outputs import write_table
from masking.risk import measure
from store.errors import YurtError

WORDS = st.one_of(st.none(), st.sampled_from(["汉", "蒙", "满", "回"]))
NUMBERS = st.one_of(st.none(), st.integers(0, 90))
CODES = st.sampled_from(["150102", "150103", "150202", "320102"])


@st.composite
def people(draw, k):
    rows = draw(st.lists(st.tuples(NUMBERS, WORDS, CODES, st.sampled_from("abc")), min_size=2 * k, max_size=60))
    return pa.table(
        {
            "age": pa.array([row[0] for row in rows], pa.int64()),
            "nation": pa.array([row[1] for row in rows], pa.string()),
            "county": pa.array([row[2] for row in rows], pa.string()),
            "s": pa.array([row[3] for row in rows], pa.string()),
        }
    )


QUASI = ["age", "nation", "county"]


@given(table=people(3))
@settings(max_examples=25, deadline=None)
def test_every_class_has_k_records_and_pycanon_agrees(table):
    made = anonymise(table, QUASI, 3)
    assert made.after.k >= 3
    assert anonymity.k_anonymity(made.table.to_pandas().fillna("missing"), QUASI) == made.after.k
    assert made.table.num_rows == table.num_rows
    assert made.table["s"] == table["s"]
    assert 0 <= made.utility.ncp <= 1
    assert made.utility.discernibility >= 3 * table.num_rows


@given(table=people(4))
@settings(max_examples=15, deadline=None)
def test_every_class_has_l_sensitive_values(table):
    if len(set(table["s"].to_pylist())) < 2:
        with pytest.raises(YurtError, match="MASK_TOO_FEW"):
            anonymise(table, QUASI, 2, "s", 2)
        return
    made = anonymise(table, QUASI, 2, "s", 2)
    assert (made.after.k >= 2, made.after.l >= 2) == (True, True)


def holds(label: str | None, value: object) -> bool:
    """Is the value one of those the label stands for?"""
    if label is None or value is None or label == "*":
        return label == "*" or (label is None and value is None)
    if isinstance(value, int):
        low, _, high = label.partition("-")
        return int(low) <= value <= int(high or low)
    return value in label.split("|") or (label.endswith("*") and str(value).startswith(label[:-1]))


@given(table=people(2))
@settings(max_examples=25, deadline=None)
def test_a_label_never_lies(table):
    made = anonymise(table, QUASI, 2).table
    for column in QUASI:
        pairs = zip(made[column].to_pylist(), table[column].to_pylist(), strict=True)
        assert all(holds(label, value) for label, value in pairs)


def test_the_example_of_the_paper_is_cut_at_the_medians():
    """LeFevre 2006, figure 4 in two dimensions: equal values stay together, every part keeps two."""
    ages, zips = axis(pa.chunked_array([[25, 25, 26, 27, 27, 28]])), axis(pa.chunked_array([[11, 12, 11, 10, 12, 11]]))
    parts = partition([ages, zips], 6, 2)
    assert sorted(sorted(part.tolist()) for part in parts) == [[0, 1, 2], [3, 4, 5]]


def test_codes_give_way_to_the_division_above():
    codes = pa.chunked_array([["150102", "150103", "150202"]])
    found = axis(codes)
    assert isinstance(found, PathAxis)
    assert [found.label(rows) for rows in ([0], [0, 1], [0, 1, 2])] == ["150102", "1501*", "15*"]


@pytest.mark.parametrize(
    ("values", "label"),
    [
        (["2001-01-05", "2003-02-01"], "2001-01-05/2003-02-01"), (["1.5", "3"], "1.5-3"), (["-4", "7"], "-4-7"),
        (["I10", "I11.9"], "I*"), (["10.1.2.3", "10.1.9.9"], "10.1.0.0/16"), (["b", "a"], "*"),
    ],
)  # fmt: skip
def test_each_kind_of_value_has_its_label(values, label):
    assert axis(pa.chunked_array([values])).label([0, 1]) == label


def test_ages_are_numbers_and_not_codes():
    assert isinstance(axis(pa.chunked_array([["34", "56"]])), NumberAxis)


def test_names_and_numbers_of_people_do_not_stay_in_the_table():
    residents = synthetic_residents(300, seed=4)
    made = anonymise(residents, ["birth_date", "gender", "county_code"], 5)
    assert set(made.dropped) == {"id_no", "name", "phone", "address"}
    assert (made.before.level, made.after.level) == (1, 3)
    assert made.after.max_risk <= 0.2


def test_a_table_that_is_too_small_is_refused():
    with pytest.raises(YurtError, match="MASK_TOO_FEW"):
        anonymise(pa.table({"q": [1, 2]}), ["q"], 3)
    with pytest.raises(YurtError, match="MASK_NO_COLUMN"):
        anonymise(pa.table({"q": [1, 2]}), ["nope"], 2)


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_what_is_written_is_as_anonymous_as_what_was_made(tmp_path: Path, name):
    residents = synthetic_residents(120, seed=4).select(["birth_date", "gender"])
    write_table(anonymise(residents, ["birth_date", "gender"], 4).table, tmp_path / name)
    assert measure(tmp_path / name, ["birth_date", "gender"]).k >= 4
    assert [path.name for path in tmp_path.iterdir()] == [name]
