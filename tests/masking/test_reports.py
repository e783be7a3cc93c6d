"""Reports: complete, without values, and harmless in the program that opens them."""

import json
import secrets
from pathlib import Path

import duckdb
import openpyxl
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from masking.identifiers import synthetic_residents
from masking.reports.classification import COLUMN_HEADINGS, classify_file, write_classification
from masking.reports.masking import describe_masking, write_masking
from masking.reports.workbook import Sheet, write_workbook
from masking.table import load_rules, mask_table
from store.errors import YurtError

RULES = """
columns: {id_no: pseudonym, name: {partial: {preset: name}}, birth_date: {generalise: {level: year}}, gender: keep}
others: drop
"""


@pytest.fixture
def register(tmp_path: Path) -> Path:
    path = tmp_path / "register.parquet"
    duckdb.from_arrow(synthetic_residents(300, seed=1)).write_parquet(str(path))
    return path


def test_a_classification_is_complete_in_json_and_excel(register, tmp_path):
    made = classify_file(register, register.name)
    for name in ("c.json", "c.xlsx", "c.md"):
        write_classification(made, tmp_path / name)
    written = json.loads((tmp_path / "c.json").read_text("utf-8"))
    assert written["tables"] == [
        {"table": "register", "rows": 300, "grade": 4, "highest_column": 4, "examine_as_important": False,
         "why": "highest column: id_no"}
    ]  # fmt: skip
    first = written["columns"][0]
    assert (first["type"], first["class"], first["personal"]) == ("CN_ID_CARD", "个人身份信息", True)
    assert first["confirmed_by"] is None
    book = openpyxl.load_workbook(tmp_path / "c.xlsx")
    rows = list(book["数据分类分级清单"].values)
    assert rows[0] == COLUMN_HEADINGS
    assert [row[2] for row in rows[1:]] == synthetic_residents(1).column_names
    assert "公民身份号码" in (tmp_path / "c.md").read_text("utf-8")


def test_no_report_holds_a_value(register, tmp_path):
    write_classification(classify_file(register, register.name), tmp_path / "c.json")
    mask_table(load_rules(RULES), register, tmp_path / "m.csv", secrets.token_bytes(32))
    write_masking(describe_masking(register, tmp_path / "m.csv", {}), tmp_path / "m.json")
    written = (tmp_path / "c.json").read_text("utf-8") + (tmp_path / "m.json").read_text("utf-8")
    for name in ("id_no", "name", "phone", "address"):
        assert not any(value in written for value in synthetic_residents(300, seed=1)[name].to_pylist())


def test_a_masking_report_tells_risk_before_and_after_and_who_approved(register, tmp_path):
    target = tmp_path / "m.parquet"
    done = mask_table(load_rules(RULES), register, target, secrets.token_bytes(32))
    made = describe_masking(register, target, done.operators, "王丽")
    columns = {c.column: c for c in made.columns}
    assert (columns["gender"].kept, columns["gender"].distinct) == (1.0, 1.0)
    assert (columns["id_no"].kept, columns["id_no"].distinct) == (0.0, 1.0)
    assert (columns["phone"].operator, columns["phone"].kept) == ("drop", None)
    assert (made.rows, made.left, made.approved_by) == (300, (), "王丽")
    assert made.before["unique_share"] > made.after["unique_share"]
    for name in ("m.json", "m.xlsx", "m.md"):
        write_masking(made, tmp_path / name)
    assert json.loads((tmp_path / "m.json").read_text("utf-8"))["approved_by"] == "王丽"
    assert openpyxl.load_workbook(tmp_path / "m.xlsx").sheetnames == ["脱敏清单", "重标识风险", "说明"]


def test_what_masking_left_is_named(register, tmp_path):
    mask_table(load_rules("columns: {phone: keep}\nothers: drop\n"), register, tmp_path / "m.csv", bytes(32))
    assert describe_masking(register, tmp_path / "m.csv", {}).left == ("phone",)


@given(text=st.text(max_size=40))
@example('=HYPERLINK("http://x")')
@example("@SUM(A1)")
@example("-1+2\x00\x0b")
@settings(max_examples=25, deadline=None)
def test_no_cell_is_a_formula(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("book") / "t.xlsx"
    write_workbook(path, [Sheet("s", ("h",), [(text,)])])
    cell = openpyxl.load_workbook(path)["s"]["A2"]
    assert cell.data_type in {"s", "n"}  # n: an empty one
    assert cell.data_type == "s" or cell.value is None
    if text.startswith(("=", "+", "-", "@")):
        assert cell.quotePrefix


def test_a_hostile_name_of_a_column_stays_a_name(tmp_path):
    table = pa.table({"=cmd|' /C calc'!A0": ["1"], "a|b\n# c": ["2"]})
    write_classification(classify_file(table, "t"), tmp_path / "c.xlsx")
    write_classification(classify_file(table, "t"), tmp_path / "c.md")
    cell = openpyxl.load_workbook(tmp_path / "c.xlsx")["数据分类分级清单"]["C2"]
    assert (cell.data_type, cell.value) == ("s", "=cmd|' /C calc'!A0")
    assert "a\\|b \\# c" in (tmp_path / "c.md").read_text("utf-8")


def test_a_report_needs_a_known_ending(register, tmp_path):
    with pytest.raises(YurtError, match="MASK_BAD_REPORT"):
        write_classification(classify_file(register, "r"), tmp_path / "c.pdf")
    assert [path.name for path in tmp_path.iterdir()] == ["register.parquet"]
