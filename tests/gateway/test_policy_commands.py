"""`yurt policy`, as a person or a CI job calls it."""

import json
import subprocess
import sys
from pathlib import Path

from corpus import HERE, SCHEMA


def yurt(*arguments: str, lines: str = "") -> subprocess.CompletedProcess[str]:
    code = "from portal.cli.policy import app; app()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], input=lines, capture_output=True, text=True, check=False
    )


def test_check_prints_one_decision_per_line(tmp_path: Path) -> None:
    (tmp_path / "schema.sql").write_text(SCHEMA, encoding="utf-8")
    lines = '{"id": "a", "sql": "SELECT count(*) AS n FROM citizen"}\n{"id": "b", "sql": "SELECT name FROM citizen"}\n'
    done = yurt("check", "--policy", str(HERE / "policy.yaml"), "--schema", str(tmp_path / "schema.sql"), lines=lines)
    assert done.returncode == 0, done.stderr
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert set(first) == {"id", "outcome", "code", "message", "hint", "span", "sql", "lineage"}
    assert (first["id"], first["outcome"], first["code"]) == ("a", "allow", None)
    assert first["sql"].startswith("SELECT COUNT(*)")
    assert (second["id"], second["outcome"], second["code"], second["span"]) == (
        "b",
        "refuse",
        "COLUMN_NOT_USABLE",
        [7, 11],
    )


def test_run_answers_from_the_data(database: Path) -> None:
    lines = '{"id": 1, "sql": "SELECT count(*) AS n FROM citizen"}\n{"id": 2, "sql": "SELEC"}\n'
    done = yurt("run", "--policy", str(HERE / "policy.yaml"), "--data", str(database), lines=lines)
    assert done.returncode == 0, done.stderr
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert set(first) == {"id", "outcome", "code", "message", "columns", "rows", "suppressed", "elapsed_ms"}
    assert (first["columns"], first["rows"], first["suppressed"]) == (["n"], [[1207]], 0)
    assert set(first["elapsed_ms"]) == {"decide", "execute", "release"}
    assert (second["outcome"], second["rows"]) == (
        "refuse" if second["code"] == "STATEMENT_NOT_ALLOWED" else "error",
        None,
    )


def test_explain_shows_the_whole_decision(tmp_path: Path) -> None:
    (tmp_path / "schema.sql").write_text(SCHEMA, encoding="utf-8")
    files = ("--policy", str(HERE / "policy.yaml"), "--schema", str(tmp_path / "schema.sql"))
    done = yurt("explain", "EXPLAIN POLICY SELECT county, count(*) FROM citizen GROUP BY county", *files)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["outcome"], told["release"]["min_group"]) == ("allow", 10)
    assert told["tables"][0]["columns"]["county"] == "group, filter"


def test_replay_compares_two_policies_over_questions(tmp_path: Path) -> None:
    (tmp_path / "schema.sql").write_text(SCHEMA, encoding="utf-8")
    changed = (HERE / "policy.yaml").read_text(encoding="utf-8").replace("county:     [group, filter]", "county: []", 1)
    (tmp_path / "changed.yaml").write_text(changed, encoding="utf-8")
    lines = "".join(
        json.dumps({"id": place, "sql": sql}) + "\n"
        for place, sql in enumerate(
            ("SELECT county, count(*) FROM citizen GROUP BY county", "SELECT count(*) FROM visit", "SELECT 1; SELECT 2")
        )
    )
    done = yurt(
        "replay", "--policy", str(tmp_path / "changed.yaml"), "--before", str(HERE / "policy.yaml"),
        "--schema", str(tmp_path / "schema.sql"), lines=lines,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    *each, last = (json.loads(line) for line in done.stdout.splitlines())
    assert [line["change"] for line in each] == ["newly refused", "unchanged", "unchanged"]
    assert each[0]["after"]["code"] == "COLUMN_NOT_USABLE"
    assert last["summary"]["newly_refused"] == 1
    assert yurt("replay", "--policy", str(tmp_path / "changed.yaml")).returncode == 2


def test_explain_policy_asked_as_a_query_is_answered_from_no_data(database: Path) -> None:
    lines = '{"id": 1, "sql": "EXPLAIN POLICY SELECT name FROM citizen"}\n'
    done = yurt("run", "--policy", str(HERE / "policy.yaml"), "--data", str(database), lines=lines)
    (line,) = (json.loads(each) for each in done.stdout.splitlines())
    assert (line["outcome"], line["columns"]) == ("answer", ["part", "explanation"])
    assert ["code", "COLUMN_NOT_USABLE"] in line["rows"]


def test_what_is_no_question_never_ends_in_a_traceback(database: Path) -> None:
    arguments = ("run", "--policy", str(HERE / "policy.yaml"), "--data", str(database))
    for line in ("[" * 100_000, '{"id": NaN, "sql": "SELECT 1"}', '{"id": 1, "sql": "SELECT 1", "setup": "x"}'):
        done = yurt(*arguments, lines=line + "\n")
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    half = '{"id": "\\ud800", "sql": "SELECT \'\\ud800\'"}\n'
    done = yurt(*arguments, lines=half)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["code"] == "SQL_INVALID"


def test_bad_usage_is_one_line_and_exit_2(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("project: P\nsurprise: 1\n", encoding="utf-8")
    for arguments in (
        ("run", "--policy", str(tmp_path / "bad.yaml"), "--data", str(tmp_path)),
        ("run", "--policy", str(HERE / "policy.yaml"), "--data", str(tmp_path / "nowhere")),
        ("check", "--policy", str(tmp_path / "none.yaml"), "--schema", str(tmp_path / "none.sql")),
    ):
        done = yurt(*arguments)
        assert done.returncode == 2
        assert len(done.stderr.strip().splitlines()) == 1
