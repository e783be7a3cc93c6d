"""What was masked as suggested holds nothing the detector or the classification still finds."""

from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from masking.classify import suggest_table
from masking.detect import detect
from masking.identifiers import synthetic_residents
from masking.risk import measure
from masking.table import Rules, mask_table

KEY = b"0123456789abcdef"


def register(rows: int = 1500) -> pa.Table:
    """Residents with free text, an e-mail address and an income beside."""
    residents = synthetic_residents(rows, seed=5)
    people = residents.to_pylist()
    notes = [f"来电人{one['name']}反映供暖问题，请回电{one['phone']}尽快办理" for one in people]
    return (
        residents.append_column("remark", pa.array(notes))
        .append_column("email", pa.array([f"user{place}@example.cn" for place in range(rows)]))
        .append_column("income", pa.array([3000.0 + place % 900 for place in range(rows)]))
    )


@pytest.fixture(scope="module")
def masked(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("rescan")
    parquet.write_table(register(), folder / "in.parquet")
    rules = Rules({s.column: (s.operator, s.arguments) for s in suggest_table(folder / "in.parquet")}, "refuse")
    mask_table(rules, folder / "in.parquet", folder / "out.parquet", KEY)
    return folder / "out.parquet"


def test_no_direct_identifier_is_left(masked):
    before = {s.column for s in suggest_table(register()) if s.role == "direct"}
    assert before >= {"id_no", "name", "phone", "address", "remark", "email"}
    assert [(s.column, s.type) for s in suggest_table(masked) if s.role == "direct"] == []


def test_no_cell_holds_anything_the_detector_knows(masked):
    table = parquet.read_table(masked)
    cells = {str(value) for column in table.slice(0, 150).columns for value in column.to_pylist()}
    found = [span.type for cell in cells for span in detect(cell) if span.type not in {"LOCATION", "ADDRESS"}]
    assert found == []


def test_the_level_of_risk_rises_with_masking(masked):
    quasi = ["birth_date", "gender", "county_code"]
    before, after = measure(register(), quasi), measure(masked, quasi)
    assert (before.level, after.level) == (1, 2)
    assert after.unique_share < before.unique_share


@pytest.mark.parametrize(
    ("operator", "args"),
    [
        ("encrypt_siv", {}),
        ("encrypt", {}),
        ("pseudonym", {"algorithm": "hmac-sha256"}),
        ("redact", {"type": "CN_ID_CARD"}),
    ],
)
def test_other_operators_leave_no_direct_identifier_either(tmp_path, operator, args):
    parquet.write_table(register(200).select(["id_no"]), tmp_path / "in.parquet")
    mask_table(Rules({"id_no": (operator, args)}, "refuse"), tmp_path / "in.parquet", tmp_path / "out.csv", KEY)
    assert [s.role for s in suggest_table(tmp_path / "out.csv")] == ["other"]


@pytest.mark.parametrize("operator", ["fpe", "surrogate"])
def test_what_keeps_its_form_is_still_taken_for_what_it_looks_like(tmp_path, operator):
    """Nobody can tell a stand-in from the real thing by looking; the masking report says which column is which."""
    args = {"preset": "id_card"} if operator == "fpe" else {"kind": "id_card"}
    parquet.write_table(register(200).select(["id_no"]), tmp_path / "in.parquet")
    mask_table(Rules({"id_no": (operator, args)}, "refuse"), tmp_path / "in.parquet", tmp_path / "out.csv", KEY)
    assert [s.type for s in suggest_table(tmp_path / "out.csv")] == ["CN_ID_CARD"]
