"""The command, run as a person runs it."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb

from audit import verify_log
from audit.log import read_records
from masking.identifiers import synthetic_residents

YURT = Path(sys.executable).parent / "yurt"


def yurt(*args: object, stdin: str = "", home: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(YURT), "mask", *map(str, args)],
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        env=os.environ | ({} if home is None else {"YURT_HOME": str(home)}),
    )


def lines(*rows: object) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def test_detect_answers_each_line_in_order():
    done = yurt("detect", stdin=lines({"id": 7, "text": "电话13947112233"}, {"id": "x", "text": "无"}))
    assert done.returncode == 0
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"id": 7, "spans": [{"start": 2, "end": 13, "type": "CN_MOBILE", "score": 0.95}]},
        {"id": "x", "spans": []},
    ]


def test_text_masks_by_the_chosen_operator():
    done = yurt("text", "--operator", "partial", stdin=lines({"id": 1, "text": "电话13947112233"}))
    assert json.loads(done.stdout) == {"id": 1, "text": "电话139****2233"}


def test_half_a_character_breaks_nothing():
    done = yurt("text", stdin='{"id": 1, "text": "电话13947112233\\ud83d"}\n')
    assert json.loads(done.stdout)["text"] == "电话<CN_MOBILE>\ud83d"


def test_bad_usage_is_exit_2_and_one_line():
    for done in (
        yurt("detect", stdin="not json\n"), yurt("detect", stdin='{"id": 1}\n'), yurt("text", "--operator", "nose"),
        yurt("detect", "--lang", "fr"), yurt("suggest", "/nowhere.csv"), yurt("risk", "/nowhere.csv", "--quasi", "a"),
        yurt("table", "--rules", "/nowhere.yaml", "--in", "/nowhere.csv", "--out", "/nowhere/out.csv"),
    ):  # fmt: skip
        assert done.returncode == 2
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr


def test_suggest_table_and_risk_work_on_a_file(tmp_path: Path):
    source, rules, target = tmp_path / "r.parquet", tmp_path / "r.yaml", tmp_path / "out.csv"
    duckdb.from_arrow(synthetic_residents(200, seed=1)).write_parquet(str(source))
    rules.write_text("columns: {id_no: pseudonym, name: {partial: {preset: name}}}\nothers: drop\n")
    suggested = [json.loads(line) for line in yurt("suggest", source).stdout.splitlines()]
    assert list(suggested[0]) == ["table", "column", "type", "role", "grade", "evidence", "operator"]
    assert suggested[0]["type"] == "CN_ID_CARD"
    summary = json.loads(yurt("table", "--rules", rules, "--in", source, "--out", target).stdout)
    assert summary["rows"] == 200
    assert len(target.read_text().splitlines()) == 201
    risk = json.loads(yurt("risk", source, "--quasi", "gender,county_code", "--sensitive", "name").stdout)
    assert list(risk) == ["k", "l", "t", "max_risk", "avg_risk", "unique_share", "level"]
    assert risk["level"] == 1


def test_risk_tells_more_when_asked(tmp_path: Path):
    table, people = tmp_path / "t.csv", tmp_path / "p.csv"
    table.write_text("q\na\nb\nb\n")
    people.write_text("q\n" + "a\n" * 4 + "b\n" * 2)
    found = json.loads(yurt("risk", table, "--quasi", "q", "--population", people).stdout)
    assert (found["k"], found["prosecutor"], found["journalist"]) == (1, 1.0, 0.5)


def test_anonymise_writes_a_table_whose_risk_is_as_promised(tmp_path: Path):
    source, target = tmp_path / "r.parquet", tmp_path / "out.csv"
    duckdb.from_arrow(synthetic_residents(200, seed=1)).write_parquet(str(source))
    asked = ("anonymise", "--k", 5, "--quasi", "birth_date,gender,county_code", "--in", source, "--out", target)
    made = json.loads(yurt(*asked).stdout)
    assert list(made) == ["rows", "classes", "dropped", "before", "after", "utility"]
    found = json.loads(yurt("risk", target, "--quasi", "birth_date,gender,county_code").stdout)
    assert (found["k"], found["level"]) == (made["after"]["k"], 3)
    assert found["k"] >= 5
    assert yurt(*asked, "--l", 2).returncode == 2


def test_reports_are_written_beside_the_usual_output(tmp_path: Path):
    source, rules = tmp_path / "r.parquet", tmp_path / "r.yaml"
    duckdb.from_arrow(synthetic_residents(100, seed=1)).write_parquet(str(source))
    rules.write_text("columns: {id_no: pseudonym}\nothers: drop\n")
    done = yurt("suggest", source, "--report", tmp_path / "c.json")
    assert done.stdout == yurt("suggest", source).stdout
    assert json.loads((tmp_path / "c.json").read_text("utf-8"))["report"] == "classification"
    asked = ("table", "--rules", rules, "--in", source, "--out", tmp_path / "m.csv", "--approved-by", "王丽")
    assert yurt(*asked, "--report", tmp_path / "m.json").returncode == 0
    assert json.loads((tmp_path / "m.json").read_text("utf-8"))["approved_by"] == "王丽"
    assert yurt("suggest", source, "--report", tmp_path / "c.pdf").returncode == 2


def test_synthesise_writes_as_many_rows_as_asked(tmp_path: Path):
    source, target = tmp_path / "r.csv", tmp_path / "out.csv"
    duckdb.from_arrow(synthetic_residents(300, seed=1)).write_csv(str(source))
    made = json.loads(yurt("synthesise", "--in", source, "--out", target, "--rows", 40, "--epsilon", 8).stdout)
    assert (made["rows"], made["columns"]["name"]) == (40, "stand-in")
    assert len(target.read_text().splitlines()) == 41
    assert yurt("synthesise", "--in", source, "--out", target, "--epsilon", 0).returncode == 2


def test_a_reveal_is_recorded_before_anything_is_led_back(tmp_path: Path):
    source, masked, back, key, rules = (tmp_path / name for name in ("in.csv", "m.csv", "back.csv", "key", "r.yaml"))
    source.write_text("phone,city\n13947112233,呼和浩特\n")
    key.write_bytes(bytes(range(32)))
    rules.write_text("columns: {phone: {fpe: {preset: mobile}}, city: pseudonym}\n")
    home = tmp_path / "home"
    asked = ("table", "--rules", rules, "--key-file", key)
    assert yurt(*asked, "--in", source, "--out", masked).returncode == 0
    assert yurt(*asked, "--in", masked, "--out", back, "--reveal", home=home).returncode == 0
    assert back.read_text().splitlines()[1].startswith("13947112233,")
    (record,) = read_records(home / "audit" / "log.jsonl")
    assert (record["event"], record["details"]["columns"]) == ("file.revealed", ["phone"])
    assert record["subject"] == hashlib.sha256(masked.read_bytes()).hexdigest()
    assert record["actor"].startswith("os:")
    assert "13947112233" not in (home / "audit" / "log.jsonl").read_text()
    assert verify_log(home / "audit" / "log.jsonl").records == 1


def test_no_record_no_reveal(tmp_path: Path):
    masked, back, key, rules = (tmp_path / name for name in ("m.csv", "back.csv", "key", "r.yaml"))
    masked.write_text("phone\n13947112233\n")
    key.write_bytes(bytes(32))
    rules.write_text("columns: {phone: {fpe: {preset: mobile}}}\n")
    (tmp_path / "home").write_text("no folder")
    asked = ("table", "--rules", rules, "--key-file", key, "--in", masked, "--out", back, "--reveal")
    done = yurt(*asked, home=tmp_path / "home")
    assert (done.returncode, back.exists()) == (2, False)
    assert "YURT_HOME" in done.stderr


def test_no_command_overwrites_what_it_reads(tmp_path: Path):
    source, rules = tmp_path / "r.csv", tmp_path / "r.yaml"
    source.write_text("a,b\n" + "1,2\n" * 20)
    rules.write_text("columns: {}\nothers: constant\n")
    for asked in (("table", "--rules", rules), ("anonymise", "--k", 2, "--quasi", "a"), ("synthesise",)):
        done = yurt(*asked, "--in", source, "--out", source)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert source.read_text() == "a,b\n" + "1,2\n" * 20
