"""Verdicts on ordinary outputs, good and careless. Files of attackers are in tests/abuse/airlock."""

import json
import random
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

from sandbox.airlock import Verdict, inspect
from sandbox.airlock.codes import CODES
from sandbox.airlock.identities import DIRECT
from sandbox.airlock.tables import COUNT_HEADER

CARD = "11010519491231002X"  # the example of GB 11643-1999


def codes_of(path: Path) -> set[str]:
    return {finding.code for finding in inspect(path).findings}


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def figure(path: Path, note: str | None = None) -> Path:
    """A picture as Matplotlib saves one: RGBA, resolution, a Software note."""
    image = Image.new("RGBA", (640, 480), "white")
    drawing = ImageDraw.Draw(image)
    drawing.line([(60, 400), (200, 300), (350, 320), (580, 90)], fill="#1f77b4", width=3)
    drawing.text((250, 440), "epoch", fill="black")
    info = PngInfo()
    info.add_text("Software", note or "Matplotlib version3.10.0, https://matplotlib.org/")
    image.save(path, "PNG", pnginfo=info, dpi=(100, 100))
    return path


CLEAN = {
    "metrics.csv": "metric,value\naccuracy,0.8734512345678912\nauc,0.91\nf1,0.7\n",
    "metrics.tsv": "metric\tvalue\nauc\t0.91\n",
    "by_county.csv": "county,n,mean_income\n赛罕区,120,3321.5\n新城区,45,2900.1\n",
    "suppressed.csv": "county,count\na,120\nb,<10\nc,*\n",
    "curve.csv": "epoch,loss\n" + "".join(f"{i},{1 / (i + 1)}\n" for i in range(90)),
    "coefficients.csv": "term,estimate,std_err,p\n(Intercept),-1.25,0.031,2.1e-08\nage,0.0213,0.0005,0\n",
    "result.json": json.dumps({"auc": 0.91, "params": {"lr": 0.01, "layers": [64, 32]}, "model": "gbm"}),
    "note.md": "# Result\n\nAUC 0.91 on the held-out counties.\n",
    "说明.txt": "模型训练完成，AUC 0.91。\n",
}


@pytest.mark.parametrize("name", CLEAN)
def test_clean_outputs_pass(tmp_path: Path, name: str) -> None:
    result = inspect(write(tmp_path, name, CLEAN[name]))
    assert (result.verdict, result.findings) == (Verdict.PASS, ())


def test_clean_parquet_passes(tmp_path: Path) -> None:
    path = tmp_path / "metrics.parquet"
    pd.DataFrame({"metric": ["auc", "f1"], "value": [0.91, 0.7]}).to_parquet(path)
    assert inspect(path).verdict is Verdict.PASS


def test_a_figure_goes_to_a_person(tmp_path: Path) -> None:
    result = inspect(figure(tmp_path / "plot.png"))
    assert result.verdict is Verdict.REVIEW
    assert {f.code for f in result.findings} == {"IMAGE_REVIEW", "IMAGE_METADATA"}


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("n", True), ("count", True), ("group_n", True), ("patient_count", True), ("n_patients", True),
        ("number of people", True), ("人数", True), ("频数(人)", True), ("support", True), ("count(*)", True),
        ("count_star()", True),
        ("n_estimators", False), ("n_features", False), ("education_num", False), ("number_of_layers", False),
        ("mean", False), ("country", False), ("discount", False), ("accuracy", False),
    ],
)  # fmt: skip
def test_a_count_is_told_by_its_name(name: str, counts: bool) -> None:
    assert bool(COUNT_HEADER.search(name)) is counts


CARELESS = {
    "ids.csv": (f"a,b\nx,{CARD}\n", "IDENTITY"),
    "ids.json": (json.dumps({"result": [{"k": 1}], "who": CARD}), "IDENTITY"),
    "ids.txt": (f"The outlier is {CARD}.\n", "IDENTITY"),
    "phones.csv": ("a,b\nx,13812345678\ny,13912345670\nz,13712345679\n", "IDENTITY"),
    "split.csv": ("a,b,c\n110105,19491231,002X\n", "IDENTITY_SPLIT"),
    "decimals.csv": ("a,b\nx,0.110105194912310021\n", "NUMBER_TOO_PRECISE"),
    "encoded.txt": ("see MTEwMTA1MTk0OTEyMzEwMDJY\n", "IDENTITY_ENCODED"),
    "full_width.csv": ("a,b\nx,１１０１０５１９４９１２３１００２Ｘ\n", "IDENTITY"),
    "small.csv": ("county,count\na,120\nb,3\n", "SMALL_CELL"),
    "crosstab.csv": ("age,男,女\n0-17,120,14\n18-59,2,90\n", "SMALL_CELL_POSSIBLE"),
    "formula.csv": ("a,b\n=HYPERLINK(1),1\n", "FORMULA"),
    "hidden.csv": ("a,b\n1,2,secret\n", "HIDDEN_COLUMN"),
    "header.csv": ("patient_id,value\nx,1\n", "IDENTIFIER_HEADER"),
    "many.csv": ("a\n" + "0.5\n" * 6000, "TOO_MANY_ROWS"),
    "depth.json": ("[" * 100 + "]" * 100, "JSON_DEPTH"),
    "twice.json": ('{"a": 1, "a": 2}', "JSON_DUPLICATE_KEY"),
    "invisible.txt": ("re\u200bsult\n", "HIDDEN_CHARACTERS"),
    "override.txt": ("re\u202esult\n", "CONTROL_CHARACTERS"),
    "broken.json": ("{", "UNREADABLE"),
}


@pytest.mark.parametrize("name", CARELESS)
def test_careless_outputs_are_found(tmp_path: Path, name: str) -> None:
    text, code = CARELESS[name]
    result = inspect(write(tmp_path, name, text))
    assert code in {finding.code for finding in result.findings}
    assert result.verdict in (CODES[code].verdict, Verdict.BLOCK)


def test_records_with_keys_are_blocked(tmp_path: Path) -> None:
    rng = random.Random(7)  # noqa: S311
    rows = [f"{rng.randrange(10**8)},{rng.choice('MF')},{rng.randrange(90)},{rng.random():.3f}" for _ in range(800)]
    table = write(tmp_path, "x.csv", "code,sex,age,income\n" + "\n".join(rows) + "\n")
    assert codes_of(table) >= {"KEY_COLUMN", "ROW_LEVEL"}
    records = [dict(zip(["code", "sex", "age", "income"], row.split(","), strict=True)) for row in rows]
    assert "ROW_LEVEL" in codes_of(write(tmp_path, "x.json", json.dumps(records)))
    pq.write_table(pa.Table.from_pylist(records), tmp_path / "x.parquet")
    assert "ROW_LEVEL" in codes_of(tmp_path / "x.parquet")


def test_parquet_parts_no_reader_shows_are_found(tmp_path: Path) -> None:
    hidden = pa.DictionaryArray.from_arrays(pa.array([0, 1]), ["a", "b", "never shown"])
    pq.write_table(pa.table({"m": hidden}), tmp_path / "d.parquet")
    pq.write_table(pa.table({"m": [b"x"]}), tmp_path / "b.parquet")
    pq.write_table(pa.table({"m": [1]}).replace_schema_metadata({"note": CARD}), tmp_path / "m.parquet")
    assert codes_of(tmp_path / "d.parquet") == {"HIDDEN_VALUES"}
    assert "BINARY_COLUMN" in codes_of(tmp_path / "b.parquet")
    assert codes_of(tmp_path / "m.parquet") >= {"FILE_METADATA", "IDENTITY"}


def test_notebooks_are_read_by_a_person_and_their_outputs_inspected(tmp_path: Path) -> None:
    def notebook(*outputs: dict[str, object]) -> Path:
        cell = {"cell_type": "code", "metadata": {}, "execution_count": 1, "source": ["print(1)"], "outputs": outputs}
        body = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        return write(tmp_path, "n.ipynb", json.dumps(body))

    stream = {"output_type": "stream", "name": "stdout", "text": ["auc 0.91\n"]}
    page = {"output_type": "display_data", "data": {"text/html": "<table>"}, "metadata": {}}
    leak = {"output_type": "stream", "name": "stdout", "text": [f"row {CARD}\n"]}
    assert (inspect(notebook(stream)).verdict, codes_of(notebook(stream))) == (Verdict.REVIEW, {"NOTEBOOK_REVIEW"})
    assert codes_of(notebook(page)) == {"NOTEBOOK_REVIEW", "NOTEBOOK_OUTPUT"}
    assert "IDENTITY" in codes_of(notebook(leak))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        (f"{CARD}.csv", "NAME_IDENTITY"),
        ("report_13812345678.csv", "NAME_IDENTITY"),
        ("a" * 90 + ".csv", "NAME_TOO_LONG"),
        ("a;b.csv", "NAME_CHARACTERS"),
        ("-rf.csv", "NAME_CHARACTERS"),
        ("x9Kq2LmZ7Tb4Rw8VyN3cHs6D.csv", "NAME_ENCODED"),
        ("metrics.csv.gz", "TYPE_NOT_ALLOWED"),
        ("metrics", "TYPE_NOT_ALLOWED"),
        (".csv", "TYPE_NOT_ALLOWED"),
    ],
)
def test_the_name_is_inspected_too(tmp_path: Path, name: str, code: str) -> None:
    assert code in codes_of(write(tmp_path, name, "metric,value\nauc,0.9\n"))


def test_no_finding_carries_a_value(tmp_path: Path) -> None:
    secret = f"姓名,住址,{CARD}\n张三丰,呼和浩特市新城区,{CARD}\n"
    result = inspect(write(tmp_path, "x.csv", secret))
    assert result.verdict is Verdict.BLOCK
    for finding in result.findings:
        assert CARD not in f"{finding.where}{finding.why}"
        assert finding.where.isascii()
        assert finding.why == CODES[finding.code].why


def test_the_digest_is_that_of_the_bytes_inspected(tmp_path: Path) -> None:
    import hashlib

    path = write(tmp_path, "m.csv", "metric,value\nauc,0.9\n")
    assert inspect(path).digest == f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


def test_direct_identifiers_are_types_the_recognisers_know() -> None:
    known = (
        "CN_ID_CARD CN_ID_CARD_15 CN_FPR_ID CN_HKMT_RESIDENCE CN_HKMT_PERMIT CN_EXIT_PERMIT CN_PASSPORT CN_MILITARY_ID "
        "CN_DRIVER_FILE_NO CN_BANK_CARD CN_MOBILE CN_PLATE CN_SOCIAL_SECURITY_CARD CN_MEDICAL_INSURANCE "
        "MEDICAL_RECORD_NO CN_REALTY_CERT CN_REALTY_UNIT VIN IMEI EMAIL_ADDRESS CREDIT_CARD IBAN_CODE US_SSN"
    )
    assert set(known.split()) == DIRECT


def test_without_the_name_model_of_the_settings_nothing_passes(tmp_path):
    result = inspect(write(tmp_path, "out.csv", "metric,value\nauc,0.91\n"), name_model="not-installed")
    assert (result.verdict, [finding.code for finding in result.findings]) == (Verdict.BLOCK, ["INSPECTION_MODEL"])
