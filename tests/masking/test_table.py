"""Masking files by rules."""

from pathlib import Path

import duckdb
import pytest

from masking.identifiers import synthetic_residents
from masking.table import load_rules, mask_table
from store.errors import YurtError

KEY = b"0123456789abcdef"
RULES = """
columns:
  id_no: {pseudonym: {scope: test}}
  name: {partial: {preset: name}}
  phone: {partial: {preset: mobile}}
  address: {generalise: {level: county}}
  birth_date: {generalise: {level: year}}
  gender: keep
  county_code: drop
"""


@pytest.fixture
def register(tmp_path: Path) -> Path:
    path = tmp_path / "register.parquet"
    duckdb.from_arrow(synthetic_residents(500, seed=6)).write_parquet(str(path))
    return path


@pytest.mark.parametrize("name", ["out.parquet", "out.csv"])
def test_a_file_is_masked_whole(register: Path, tmp_path: Path, name):
    report = mask_table(load_rules(RULES), register, tmp_path / name, KEY)
    assert report.rows == 500
    assert report.operators["county_code"] == "drop"
    path = str(tmp_path / name)
    relation = duckdb.read_parquet(path) if name.endswith("parquet") else duckdb.read_csv(path, all_varchar=True)
    table = relation.to_arrow_table().to_pydict()
    residents = synthetic_residents(500, seed=6).to_pydict()
    assert list(table) == ["id_no", "name", "phone", "address", "birth_date", "gender"]
    assert len(set(table["id_no"])) == 500
    assert table["gender"] == residents["gender"]
    assert table["phone"][0] == residents["phone"][0][:3] + "****" + residents["phone"][0][7:]
    assert {str(day)[4:] for day in table["birth_date"]} == {"-01-01"}
    assert not set(table["name"]) & set(residents["name"])
    assert all(address.endswith(("旗", "县", "区", "市", "盟", "***")) for address in table["address"])


def test_the_same_key_and_scope_join_two_files(register: Path, tmp_path: Path):
    ids = []
    for name, key in (("a.csv", KEY), ("b.csv", KEY), ("c.csv", b"another key of 16")):
        mask_table(
            load_rules("columns: {id_no: {pseudonym: {scope: s}}}\nothers: drop"), register, tmp_path / name, key
        )
        ids.append((tmp_path / name).read_text())
    assert ids[0] == ids[1]
    assert ids[0] != ids[2]


@pytest.mark.parametrize(
    "text",
    [
        "columns: [a]", "x: 1", "columns: {id_no: nose}", "columns: {id_no: {bucket: 3}}", "columns: {}\nothers: nose",
        "columns: {id_no: {bucket: {width: 5}}}", "columns: {nope: keep}\nothers: keep",
        "columns: {gender: drop}\nothers: drop",
        "columns: {a: {keep: {}, drop: {}}}", ": :",
    ],
)  # fmt: skip
def test_rules_that_do_not_fit_are_refused_and_leave_no_file(register: Path, tmp_path: Path, text):
    with pytest.raises(YurtError, match="MASK_BAD_RULES"):
        mask_table(load_rules(text), register, tmp_path / "out.csv", KEY)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["register.parquet"]


def test_a_leading_zero_in_a_csv_survives(tmp_path: Path):
    (tmp_path / "in.csv").write_text("code\n0471\n0472\n")
    mask_table(load_rules("columns: {code: keep}"), tmp_path / "in.csv", tmp_path / "out.csv", KEY)
    assert (tmp_path / "out.csv").read_text().split() == ["code", "0471", "0472"]
