"""Synthetic tables have the schema and formats of the original, and nothing of its people."""

from collections import Counter
from datetime import date, datetime

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masking import checksums
from masking.classify import suggest_table
from masking.identifiers import UNISSUED_COUNTY_DIGITS, synthetic_residents
from masking.noise import noisy_counts, noisy_keys
from masking.stand_ins import MAKERS
from masking.synthesis import bucket, synthesise
from store.errors import YurtError

RESIDENTS = synthetic_residents(3000, seed=9)
PATIENTS = RESIDENTS.append_column("age", pa.array([20 + n % 50 for n in range(3000)])).append_column(
    "diagnosis", pa.array(["I10"] * 1990 + ["E11"] * 1000 + [f"Q{n:02d}" for n in range(10)])
)


def rows(table: pa.Table) -> set[tuple[object, ...]]:
    return {tuple(row.values()) for row in table.to_pylist()}


def test_no_row_of_the_original_appears_and_the_schema_stays():
    made = synthesise(PATIENTS, 500, epsilon=10)
    assert made.table.schema.equals(PATIENTS.schema)
    assert made.table.num_rows == 500
    assert rows(made.table) & rows(PATIENTS) == set()
    for name in ("id_no", "phone"):
        assert not set(made.table[name].to_pylist()) & set(PATIENTS[name].to_pylist())


def test_identifiers_are_valid_nobody_s_and_agree_with_each_other():
    for row in synthesise(PATIENTS, 200, epsilon=10).table.to_pylist():
        assert checksums.id_card(row["id_no"])
        assert int(row["id_no"][4:6]) in UNISSUED_COUNTY_DIGITS
        assert row["id_no"][6:14] == f"{row['birth_date']:%Y%m%d}"
        assert ("女", "男")[int(row["id_no"][16]) % 2] == row["gender"]


def test_a_synthetic_table_is_read_as_the_original_is():
    made = synthesise(PATIENTS, 500, epsilon=10).table
    assert [s.type for s in suggest_table(made)] == [s.type for s in suggest_table(PATIENTS)]


def test_values_of_a_few_records_never_appear_and_frequent_ones_keep_their_share():
    made = synthesise(PATIENTS, 2000, epsilon=10).table
    shares = Counter(made["diagnosis"].to_pylist())
    assert set(shares) == {"I10", "E11"}
    assert 0.6 < shares["I10"] / 2000 < 0.72


@pytest.mark.parametrize("values", [["a", "b"] * 500, [1, 2] * 500, [None, "x"] * 500])
def test_a_table_of_which_every_combination_is_real_gives_fewer_rows_and_says_so(values):
    made = synthesise(pa.table({"c": values}), 50, epsilon=5)
    assert made.table.num_rows == 0
    assert made.redrawn >= 50
    assert made.table.schema.names == ["c"]


def test_missing_values_dates_and_fractions_keep_their_types():
    table = pa.table(
        {
            "day": pa.array([None if n % 4 == 0 else 19_000 + n % 5 for n in range(2000)], pa.int32()).cast(
                pa.date32()
            ),
            "fee": pa.array([n % 7 + 0.5 for n in range(2000)]),
            "x": pa.array([n * 1000 for n in range(2000)]),
            "flag": pa.array([n % 2 == 0 for n in range(2000)]),
        }
    )
    made = synthesise(table, 400, epsilon=20).table
    assert made.schema.equals(table.schema)
    assert 0.1 < made["day"].null_count / made.num_rows < 0.4
    assert all(0 <= fee < 8 for fee in made["fee"].to_pylist())


def test_codes_with_a_leading_zero_stay_codes():
    table = pa.table({"code": ["0471", "0472"] * 500, "n": [n % 100 for n in range(1000)]})
    assert set(synthesise(table, 50, epsilon=20).table["code"].to_pylist()) <= {"0471", "0472"}


def test_days_of_any_form_stay_days():
    days = [f"20{n % 20 + 10}-{n % 12 + 1:02d}-{n % 28 + 1:02d}" for n in range(3000)]
    table = pa.table({"v": days, "moment": [f"{day} 0{n % 10}:00:01" for n, day in enumerate(days)]})
    made = synthesise(table, 100, epsilon=50).table
    assert all(date.fromisoformat(day) for day in made["v"].to_pylist())
    assert all(datetime.fromisoformat(moment) for moment in made["moment"].to_pylist())


TYPES = [
    "HUGEINT", "UTINYINT", "DOUBLE", "DECIMAL(18,3)", "DATE", "TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE",
    "TIME", "INTERVAL", "UUID", "BLOB", "BIT", "BOOLEAN", "INTEGER[]", "STRUCT(a INTEGER)", "MAP(VARCHAR, INTEGER)",
    "ENUM('a', 'b')",
]  # fmt: skip


def test_columns_of_any_type_keep_it(tmp_path):
    path = tmp_path / "t.duckdb"
    columns = ", ".join(f"v{place} {sql_type}" for place, sql_type in enumerate(TYPES))
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"CREATE TABLE t ({columns}, v INTEGER)")
        connection.execute("INSERT INTO t (v) SELECT i % 100 FROM range(1000) r(i)")
    made = synthesise(path, 30, epsilon=50).table
    with duckdb.connect(str(path), read_only=True) as connection:
        given = connection.table("t").to_arrow_table().schema
    assert made.schema.types[:-2] == given.types[:-2]
    assert made.schema.field("v17").type == pa.string()  # an ENUM would list every value it ever had


def test_names_nobody_noticed_do_not_come_through():
    names = [f"vertraulich-{n}" for n in range(1000)]
    made = synthesise(pa.table({"c": names, "k": ["u", "v"] * 500}), 20, epsilon=5)
    assert made.columns["c"] == "nothing left"
    assert made.table["c"].null_count == made.table.num_rows


@given(st.floats(min_value=-1e12, max_value=1e12, allow_nan=False))
@settings(max_examples=100)
def test_a_number_lies_in_its_bucket(value):
    low, width = bucket(repr(value))
    assert low <= value or low == pytest.approx(value, rel=1e-9)
    assert value <= low + width * (1 + 1e-9) + 1e-12 * abs(value) + 1e-300


@given(st.integers(1, 10**12))
@settings(max_examples=40)
def test_stand_ins_have_valid_check_digits(number):
    assert checksums.luhn(MAKERS["CN_BANK_CARD"](number))
    assert checksums.uscc(MAKERS["CN_USCC"](number))
    assert "0.0.0" not in MAKERS["IP_ADDRESS"](number)


def test_noise_is_there_and_of_the_size_epsilon_says():
    """Mean of |Laplace(1/epsilon)| is 1/epsilon; 4,000 draws stray from it by less than a fifth."""
    noise = [abs(count) for count in noisy_counts([0] * 4000, 0.1)]
    assert 8 < sum(noise) / 4000 < 12


def test_keys_come_back_as_they_were_given():
    keys = {"\0a": 9000, "\0b": 9000, "": 9000, "键": 9000}
    assert noisy_keys(keys, 1.0, 1e-6).keys() == keys.keys()


def test_a_key_of_one_record_is_not_released():
    assert noisy_keys({"rare": 1, "frequent": 10_000}, 1.0, 1e-6).keys() == {"frequent"}


@pytest.mark.parametrize(("epsilon", "delta"), [(0, 1e-6), (-1, 1e-6), (1, 0), (1, 0.5), (1000, 1e-6)])
def test_a_budget_that_protects_nothing_is_refused(epsilon, delta):
    with pytest.raises(YurtError, match="MASK_BAD_BUDGET"):
        synthesise(PATIENTS, 1, epsilon, delta)
