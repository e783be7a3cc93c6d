"""Masking files by rules."""

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from pyarrow import parquet

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


REVERSIBLE = """
columns:
  id_no: {fpe: {preset: id_card, scope: s}}
  name: {encrypt: {scope: s}}
  phone: {encrypt_siv: {scope: s}}
  address: {surrogate: {kind: email, scope: s}}
  birth_date: {generalise: {level: year}}
  gender: keep
  county_code: drop
"""


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_the_key_leads_reversible_columns_back_and_no_others(register: Path, tmp_path: Path, ending):
    masked, back = tmp_path / f"masked.{ending}", tmp_path / f"back.{ending}"
    rules = load_rules(REVERSIBLE)
    mask_table(rules, register, masked, KEY)
    mask_table(rules, masked, back, KEY, reveal=True)
    mask_table(rules, masked, tmp_path / "wrong.csv", b"another key of 16", reveal=True)
    read = duckdb.read_parquet if ending == "parquet" else duckdb.read_csv
    table = read(str(back)).to_arrow_table().to_pydict()
    residents = synthetic_residents(500, seed=6).to_pydict()
    assert table["id_no"] == residents["id_no"]
    assert table["name"] == residents["name"]
    assert [str(phone) for phone in table["phone"]] == residents["phone"]
    assert all(text.endswith("@example.com") for text in table["address"])
    assert "county_code" not in table
    wrong = (tmp_path / "wrong.csv").read_text()
    assert not any(text in wrong for name in ("id_no", "name", "phone") for text in residents[name])


def test_a_line_broken_far_below_is_reported_and_leaves_no_file(tmp_path: Path):
    lines = ["id,name", *(f"{number},secret{number}" for number in range(60_000)), "1,secret,too,many", "2,secret"]
    (tmp_path / "in.csv").write_text("\n".join(lines))
    with pytest.raises(YurtError, match="MASK_B") as refused:
        mask_table(load_rules("columns: {}\nothers: keep"), tmp_path / "in.csv", tmp_path / "out.csv", KEY)
    assert "secret" not in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


@pytest.mark.parametrize("name", ["out.xlsx", "out", "nowhere/out.csv"])
def test_a_target_that_cannot_be_is_refused(register: Path, tmp_path: Path, name):
    with pytest.raises(YurtError, match="MASK_BAD_TARGET"):
        mask_table(load_rules("columns: {}\nothers: keep"), register, tmp_path / name, KEY)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030", "utf-16"])
def test_no_row_is_lost_in_any_encoding(tmp_path: Path, encoding):
    (tmp_path / "in.csv").write_text("姓名,号\n张三,001\n李四,002\n", encoding=encoding)
    report = mask_table(load_rules("columns: {姓名: partial, 号: keep}"), tmp_path / "in.csv", tmp_path / "o.csv", KEY)
    assert report.rows == 2
    assert (tmp_path / "o.csv").read_text("utf-8").split() == ["姓名,号", "***,001", "***,002"]


MEASURED = """
import resource, sys
from pathlib import Path
from masking.table import load_rules, mask_table
rules = "columns: {id_no: {pseudonym: {algorithm: aes-cmac}}, name: {partial: {preset: name}}}"
mask_table(load_rules(rules), Path(sys.argv[1]), Path(sys.argv[2]), bytes(32))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_memory_does_not_grow_with_the_file(tmp_path: Path):
    """A million rows more, and hardly anything more in memory (before, they took a hundred MiB)."""
    people = synthetic_residents(50_000, seed=1).select(["id_no", "name"])
    used = []
    for times in (8, 28):
        source = tmp_path / f"{times}.parquet"
        with parquet.ParquetWriter(source, people.schema) as writer:
            for _ in range(times):
                writer.write_table(people)
        asked = [sys.executable, "-c", MEASURED, source, tmp_path / "out.parquet"]
        used.append(int(subprocess.run(asked, capture_output=True, text=True, check=True).stdout))
    assert used[1] - used[0] < 40
