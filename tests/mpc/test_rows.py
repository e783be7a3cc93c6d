"""A party's rows are cleaned the same way everywhere, and what cannot be computed is refused before any peer hears."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from mpc.job import JobFile, parse_job
from mpc.rows import Rows, id_card_holds, normalise_key, read_rows, salted_digests
from store.errors import YurtError


def job(**changes: Any) -> JobFile:
    parties = [{"name": "a", "data": "a.csv", "key": "id", "values": ["x"], **changes.pop("party", {})}]
    parties += [{"name": name, "data": f"{name}.csv", "key": "id"} for name in "bc"]
    text = {"job": "j", "purpose": "p", "operator": "psi_join_aggregate", "protocol": "ABY3", "receiver": "c"}
    return parse_job(yaml.safe_dump({**text, "parties": parties, **changes}))


def read(tmp_path: Path, frame: pd.DataFrame, **changes: Any) -> Rows:
    frame.to_csv(tmp_path / "a.csv", index=False)
    return read_rows(job(**changes), "a", tmp_path / "a.csv")


@pytest.mark.parametrize(
    "written",
    [
        "11010519491231002X",
        " 11010519491231002x ",
        "１１０１０５１９４９１２３１００２Ｘ",
        "\u3000110105 19491231 002X",
    ],
)
def test_one_person_has_one_key_however_it_was_typed(written: str) -> None:
    assert normalise_key(written) == "11010519491231002X"
    assert id_card_holds(normalise_key(written))


def test_a_wrong_check_digit_is_rejected_and_counted(tmp_path: Path) -> None:
    frame = pd.DataFrame({"id": ["11010519491231002X", "110105194912310021", ""], "x": [1.5, 2.5, 3.5]})
    rows = read(tmp_path, frame, parameters={"key_format": "cn_id_card"})
    assert (rows.keys, rows.rejected, rows.values.tolist()) == (["11010519491231002X"], 2, [[1_500_000]])


def test_a_repeated_key_is_refused_unless_it_is_declared(tmp_path: Path) -> None:
    frame = pd.DataFrame({"id": ["a1", "A1 ", "b2"], "x": [1, 2, 3]})
    with pytest.raises(YurtError) as refusal:
        read(tmp_path, frame)
    assert refusal.value.code == "DUPLICATE_KEY"
    rows = read(tmp_path, frame, party={"duplicates": "first"})
    assert (rows.keys, rows.repeated, rows.values[:, 0].tolist()) == (["A1", "B2"], 1, [1_000_000, 3_000_000])


def test_a_missing_value_counts_for_nothing(tmp_path: Path) -> None:
    rows = read(tmp_path, pd.DataFrame({"id": ["a", "b"], "x": [None, 2.0]}))
    assert rows.values[:, 0].tolist() == [0, 2_000_000]
    assert rows.valid[:, 0].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("values", "code"), [(["1e13", "1"], "RANGE"), (["inf", "1"], "VALUE_INVALID"), (["many", "1"], "VALUE_INVALID")]
)
def test_a_value_that_cannot_be_summed_exactly_is_refused(tmp_path: Path, values: list[str], code: str) -> None:
    with pytest.raises(YurtError) as refusal:
        read(tmp_path, pd.DataFrame({"id": ["a", "b"], "x": values}))
    assert refusal.value.code == code
    assert values[0] not in refusal.value.message


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(YurtError) as refusal:
        read(tmp_path, pd.DataFrame({"id": ["a"], "y": [1]}))
    assert (refusal.value.code, "x" in refusal.value.message) == ("COLUMN_MISSING", True)


def test_engine_files_hold_digests_that_differ_from_job_to_job() -> None:
    first, second = salted_digests(["A1"], "00" * 16), salted_digests(["A1"], "01" * 16)
    assert first != second
    assert len(first[0]) == 32
