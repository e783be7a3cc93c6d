"""What a researcher sees of an answer, a refusal and a silence."""

import json
from types import ModuleType
from typing import Any

import pyarrow as pa
import pytest


def test_an_answer_is_arrow_and_whatever_frame_is_asked_for(yurt: ModuleType, gateway: Any) -> None:
    gateway.table(pa.table({"区": ["东", "西"], "n": [41, 57]}), suppressed=2, notes=["Rounded."])
    answer = yurt.query("SELECT 1")
    assert answer.to_arrow().to_pydict() == {"区": ["东", "西"], "n": [41, 57]}
    assert answer.to_polars()["n"].sum() == 98
    assert list(answer.to_pandas().columns) == ["区", "n"]
    assert (len(answer), answer.suppressed, answer.notes) == (2, 2, ["Rounded."])


def test_a_question_carries_the_sql_and_no_credential(yurt: ModuleType, gateway: Any) -> None:
    gateway.table(pa.table({"n": [1]}))
    yurt.query("SELECT 1")
    method, path, body, headers = gateway.asked[0]
    assert (method, path, body) == ("POST", "/v1/query", {"sql": "SELECT 1"})
    assert not {"authorization", "cookie"} & {name.lower() for name in headers}


def test_a_refusal_has_its_parts(yurt: ModuleType, gateway: Any) -> None:
    said = {"code": "C", "message": "No.", "hint": "Do this.", "span": [7, 11], "suggestion": "SELECT 2"}
    gateway.json(403, said)
    with pytest.raises(yurt.Refused) as refused:
        yurt.query("SELECT 1")
    error = refused.value
    assert (error.code, error.message, error.hint) == ("C", "No.", "Do this.")
    assert (error.span, error.suggestion) == ((7, 11), "SELECT 2")
    assert error._render_traceback_() == ["C: No.", "Do this.", "This would pass:", "SELECT 2"]


@pytest.mark.parametrize("body", [{}, {"detail": "x"}, [], None, "text"])
def test_an_answer_that_is_no_refusal_is_a_failure_of_the_gateway(yurt: ModuleType, gateway: Any, body: Any) -> None:
    gateway.json(500, body)
    with pytest.raises(yurt.Refused) as refused:
        yurt.tables()
    assert refused.value.code == "GATEWAY_FAILED"


def test_without_a_gateway_it_says_what_to_do(yurt: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YURT_GATEWAY_SOCKET", "/nowhere/gateway.sock")
    with pytest.raises(yurt.Refused) as refused:
        yurt.query("SELECT 1")
    assert (refused.value.code, "portal" in refused.value.hint) == ("GATEWAY_UNREACHABLE", True)


def test_tables_and_explanations_come_as_data(yurt: ModuleType, gateway: Any) -> None:
    gateway.json(200, {"tables": [{"name": "visits"}]})
    assert yurt.tables() == [{"name": "visits"}]
    gateway.json(200, {"outcome": "allow"})
    assert yurt.explain("SELECT 1") == {"outcome": "allow"}
    assert [asked[:2] for asked in gateway.asked] == [("GET", "/v1/tables"), ("POST", "/v1/explain")]


@pytest.mark.parametrize(
    ("suppressed", "sentence"),
    [(0, ""), (1, "1 result was withheld"), (5, "5 results were withheld"), (None, "how many would tell too much")],
)
def test_what_was_withheld_is_said(yurt: ModuleType, gateway: Any, suppressed: int | None, sentence: str) -> None:
    gateway.table(pa.table({"n": [1]}), suppressed=suppressed)
    answer = yurt.query("SELECT 1")
    assert sentence in repr(answer)
    assert sentence in answer._repr_html_()
    assert ("withheld" in repr(answer)) is (sentence != "")


def test_a_table_is_small_and_every_cell_of_it_is_text(yurt: ModuleType, gateway: Any) -> None:
    gateway.table(pa.table({"<b>": ["<script>alert(1)</script>", None] + ["x"] * 98}))
    shown = yurt.query("SELECT 1")._repr_html_()
    assert "<script>" not in shown
    assert "&lt;b&gt;" in shown
    assert shown.count("<tr>") == 21
    assert "100 rows, the first 20 shown." in shown


def test_a_refusals_words_are_escaped(yurt: ModuleType) -> None:
    shown = yurt.Refused("C", "<i>", "<i>", None, "<script>")._repr_html_()
    assert "<i>" not in shown
    assert "<script>" not in shown


def test_a_noisy_answer_shows_how_wrong_it_may_be_and_not_that_something_was_withheld() -> None:
    from yurt.answer import Answer

    report = {"suppressed": None, "error_bars": {"n": 6.4915}, "notes": ["Every id_no counts with at most one row."]}
    shown = repr(Answer(pa.table({"n": [1208]}), report))
    assert "n ± 6.492" in shown
    assert "Every id_no counts" in shown
    assert "withheld" not in shown


def streamed(gateway: Any, ending: dict[str, Any] | None) -> None:
    """A streamed answer of two batches, and what it ends with."""
    sink = pa.BufferOutputStream()
    table = pa.table({"n": [1, 2]})
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table, max_chunksize=1)
        if ending is not None:
            stream.write_batch(pa.record_batch({"n": pa.array([], pa.int64())}), {"yurt": json.dumps(ending)})
    gateway.status, gateway.body = 200, sink.getvalue().to_pybytes()
    gateway.headers = {
        "Content-Type": "application/octet-stream",
        "X-Yurt-Report": '{"streamed": true, "suppressed": 0}',
    }


def test_a_streamed_answer_is_read_whole_or_part_by_part(yurt: ModuleType, gateway: Any) -> None:
    streamed(gateway, {"rows": 2})
    assert yurt.query("SELECT 1").to_arrow().to_pydict() == {"n": [1, 2]}
    assert [batch.to_pydict() for batch in yurt.batches("SELECT 1")] == [{"n": [1]}, {"n": [2]}]


@pytest.mark.parametrize(
    ("ending", "code"),
    [({"code": "TOO_MANY_ROWS", "message": "Too many."}, "TOO_MANY_ROWS"), (None, "ANSWER_BROKEN_OFF")],
)
def test_a_streamed_answer_that_did_not_end_well_is_none(
    yurt: ModuleType, gateway: Any, ending: dict[str, Any] | None, code: str
) -> None:
    streamed(gateway, ending)
    with pytest.raises(yurt.Refused) as refused:
        yurt.query("SELECT 1")
    assert refused.value.code == code
