"""The operator's own reader of names reaches the engine processes; where it cannot be had, no text is read."""

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from gateway import offline
from gateway.duckdb import DuckDBEngine, Processes
from gateway.engine import Limits, Tables
from policies.load import load_policy
from store.errors import YurtError

ASKED = "SELECT yurt_redact_text(said) AS said FROM texts"


@pytest.fixture
def tables(tmp_path):
    parquet.write_table(pa.table({"said": ["申请人王秀英，手机13947112233", None]}), tmp_path / "texts.parquet")
    return Tables(files={"texts": tmp_path / "texts.parquet"})


def read(tables, name_model):
    processes = Processes(1, None, bytes(32), name_model)
    try:
        with DuckDBEngine(tables, processes=processes) as engine:
            return engine.execute(ASKED, Limits()).column("said").to_pylist()
    finally:
        processes.close()


def test_texts_are_masked_with_the_names_the_operator_s_model_reads(tables):
    ours, theirs = read(tables, ""), read(tables, "tests.masking.second:ReadsNoName")
    assert ("王秀英" in ours[0], "王秀英" in theirs[0]) == (False, True)
    assert "13947112233" not in theirs[0]


def test_the_command_that_answers_from_files_reads_with_it_too(tables, tmp_path):
    policy = load_policy(
        "project: P\npurpose: p\nrelease: {mode: rows, min_group: 1}\n"
        "datasets:\n  texts: {columns: {said: [{mask: redact_text}]}}\n"
    )
    asked = [{"id": 1, "sql": "SELECT said FROM texts"}]
    (ours,) = offline.run(asked, policy, tmp_path)
    (theirs,) = offline.run(asked, policy, tmp_path, name_model="tests.masking.second:ReadsNoName")
    assert ("王秀英" in str(ours["rows"]), "王秀英" in str(theirs["rows"])) == (False, True)


@pytest.mark.parametrize("name", ["not-installed", "no.such.module:factory", "tests.masking.second:OutOfBounds"])
def test_without_the_model_of_the_settings_no_text_is_read(tables, name):
    with pytest.raises(YurtError) as refused:
        read(tables, name)
    assert refused.value.code == "MASK_BAD_MODEL"
    assert name in refused.value.message
