"""The corpus against real data: honest answers equal DuckDB's, attacks learn nothing."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from corpus import attacks, queries
from county import CANARY

from gateway import offline
from policies.model import Policy

ATTACKS = [line for line in attacks() if line["dialect"] == "duckdb"]
ROW_FILTERS = {
    "citizen": "county <> '涉密县'",
    "enterprise": "county <> '涉密县'",
    "visit": "visit_date >= DATE '2023-01-01'",
}
WITHHELD = {  # what stays back, and only that: the 7 people of 孤岛县, an income bucket of 2, and one complement
    "benign-012": 1, "benign-027": 1, "benign-033": 1, "benign-040": 1, "benign-053": 1, "benign-075": 1,
    "benign-103": 1,
    "honest-003": 1, "honest-004": 2, "honest-012": 1, "honest-019": 1, "honest-030": 1, "honest-033": 2,
}  # fmt: skip


@pytest.fixture(scope="module")
def plain(database: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect()
    connection.execute(f"ATTACH '{database}' AS data (READ_ONLY)")
    for table, condition in ROW_FILTERS.items():
        connection.execute(f"CREATE VIEW {table} AS SELECT * FROM data.{table} WHERE {condition}")
    yield connection
    connection.close()


def rounded(rows: list[Any]) -> list[list[Any]]:
    return [[round(each, 6) if isinstance(each, float) else each for each in row] for row in rows]


@pytest.fixture(scope="module")
def answers(database: Path, policy: Policy) -> dict[str, dict[str, Any]]:
    lines = [*queries("allowed"), *queries("honest"), *ATTACKS]
    return {line["id"]: line for line in offline.run(lines, policy, database)}


@pytest.mark.parametrize("line", queries("allowed"), ids=lambda line: line["id"])
def test_honest_answers_equal_those_of_plain_duckdb(
    line: dict[str, Any], answers: dict[str, dict[str, Any]], plain: duckdb.DuckDBPyConnection
) -> None:
    got = answers[line["id"]]
    assert got["outcome"] == "answer", got
    rows = rounded(got["rows"])
    wanted = rounded([[offline._plain(each) for each in row] for row in plain.execute(line["sql"]).fetchall()])
    if "legal_rep_id" in line["sql"]:
        assert not {row[1] for row in rows} & {row[1] for row in wanted}
        return
    missing = [row for row in wanted if row not in rows]
    assert [row for row in rows if row not in wanted] == []
    assert len(missing) == WITHHELD.get(line["id"], 0), missing


@pytest.mark.parametrize("line", queries("honest"), ids=lambda line: line["id"])
def test_an_analyst_gets_what_duckdb_says_but_for_what_is_withheld(
    line: dict[str, Any], answers: dict[str, dict[str, Any]], plain: duckdb.DuckDBPyConnection
) -> None:
    got = answers[line["id"]]
    assert got["outcome"] == "answer", got
    if line.get(
        "over_released"
    ):  # masked, withheld in single cells, or computed from groups of which some are withheld
        assert got["rows"]
        return
    wanted = rounded([[_json(each) for each in row] for row in plain.execute(line["sql"]).fetchall()])
    rows = rounded(got["rows"])
    assert [row for row in rows if row not in wanted] == []
    assert len([row for row in wanted if row not in rows]) == line["withheld"]


def _json(value: Any) -> Any:
    return [_json(each) for each in value] if isinstance(value, list) else offline._plain(value)


@pytest.mark.parametrize("line", ATTACKS, ids=lambda line: line["id"])
def test_attacks_learn_nothing(line: dict[str, Any], answers: dict[str, dict[str, Any]]) -> None:
    got = answers[line["id"]]
    for secret in (CANARY, *line.get("never", ())):
        assert secret not in json.dumps(got, ensure_ascii=False)
    if got["outcome"] == "answer":
        untold = got["suppressed"] is None  # where how much was withheld would tell of it
        withheld = untold or got["suppressed"] or all(each is None for row in got["rows"] for each in row)
        assert "rewrite" in line["accept"] or ("suppress" in line["accept"] and withheld), got


def test_a_folder_of_parquet_answers_as_the_database_does(
    database: Path, policy: Policy, answers: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    for file in database.parent.glob("*.parquet"):
        (tmp_path / file.name).symlink_to(file)
    honest = [line for line in queries("allowed") if line["id"].startswith("honest")]
    lines = [line for line in honest if "legal" not in line["sql"] and "LIMIT" not in line["sql"]][:12]
    for got in offline.run(lines, policy, tmp_path):
        assert sorted(map(repr, rounded(got["rows"]))) == sorted(map(repr, rounded(answers[got["id"]]["rows"])))


def test_history_lasts_only_where_it_is_kept(database: Path, policy: Policy) -> None:
    pair = [
        {"id": 1, "sql": "SELECT count(*) FROM citizen"},
        {"id": 2, "sql": "SELECT count(*) FROM citizen WHERE county <> '孤岛县'"},
    ]
    assert [line["outcome"] for line in offline.run(pair, policy, database)] == ["answer", "answer"]
    kept = list(offline.run(pair, policy, database, keep_history=True))
    assert [line["outcome"] for line in kept] == ["answer", "refuse"]
    assert kept[1]["code"] == "DIFFERENCING"


def test_a_difference_in_one_group_withholds_that_group_alone(database: Path, policy: Policy) -> None:
    count = "SELECT county, count(*) FROM citizen"
    first = {"id": 1, "sql": f"{count} GROUP BY county"}
    second = {
        "id": 2,
        "sql": f"{count} WHERE NOT (county = '临江县' AND diagnosis = 'HIV') GROUP BY county",
    }
    answers = list(offline.run([first, second], policy, database, keep_history=True))
    counties = {row[0] for row in answers[1]["rows"]}
    assert answers[1]["outcome"] == "answer"
    assert "临江县" not in counties
    assert "西山县" in counties


def test_predicates_see_masked_values_too(database: Path) -> None:
    from corpus import POLICY

    from policies.load import load_policy

    policy = load_policy(POLICY.replace("[{mask: constant}]", "[{mask: constant}, filter]"))
    lines = [
        {"id": 1, "sql": "SELECT count(*) FROM enterprise WHERE legal_rep_phone = '13711112222'"},
        {"id": 2, "sql": "SELECT DISTINCT legal_rep_phone FROM enterprise WHERE legal_rep_phone = '***'"},
    ]
    got = list(offline.run(lines, policy, database))
    assert got[0]["rows"] == [[0]]
    assert got[1]["rows"] == [["***"]]


def test_pseudonyms_are_consistent_within_a_project_and_unlinkable_across(engine: Any, policy: Policy) -> None:
    from dataclasses import replace

    from gateway.answer import Answer, answer
    from policies.history import History

    schema = offline.schema_of(engine, policy)
    sql = "SELECT uscc, legal_rep_id FROM enterprise WHERE uscc = 'USCC00001'"
    values = []
    for project in (policy, policy, replace(policy, project="P002")):
        got = answer(sql, project, schema, engine, History())
        assert isinstance(got, Answer)
        values.append(got.table.column(1)[0].as_py())
    assert values[0] == values[1] != values[2]
    assert "ID000001" not in values


def test_without_a_record_nothing_runs(engine: Any, policy: Policy) -> None:
    from gateway.answer import Failed, answer
    from policies.history import History

    class Untouched:
        def execute(self, sql: str, limits: object) -> None:
            raise AssertionError("it ran")

        def cancel(self) -> None: ...

        def close(self) -> None: ...

    def broken(sql: str, decision: object) -> None:
        raise OSError("disk full")

    schema = offline.schema_of(engine, policy)
    got = answer("SELECT count(*) FROM citizen", policy, schema, Untouched(), History(), record=broken)
    assert isinstance(got, Failed)
    assert got.code == "AUDIT_UNAVAILABLE"


def test_when_the_atoms_are_too_many_nothing_is_answered(
    database: Path, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    from policies import atoms

    lines = [
        {"id": 1, "sql": "SELECT count(*) FROM citizen"},
        {"id": 2, "sql": "SELECT gender, diagnosis, count(*) FROM citizen GROUP BY ALL"},
    ]
    monkeypatch.setattr(atoms, "MAX_ATOMS", 3)
    got = list(offline.run(lines, policy, database, keep_history=True))
    assert [line["code"] for line in got] == [None, "HISTORY_FULL"]


def test_neither_the_order_of_a_union_nor_having_tells_of_what_is_withheld(database: Path, policy: Policy) -> None:
    rare = "sum(income) FILTER (WHERE diagnosis = 'HIV')"
    ordered = (
        f"SELECT gender AS k, {rare} AS s FROM citizen WHERE county = '临江县' GROUP BY gender"
        " UNION ALL SELECT 'x', 10000.0 * x FROM range(50) AS r(x) ORDER BY s NULLS FIRST"
    )
    (answer,) = offline.run([{"id": 1, "sql": ordered}], policy, database)
    assert [row[1] for row in answer["rows"]] == [None, None, *(10000.0 * x for x in range(50))]
    chosen = (
        "SELECT gender, count(*) FROM citizen WHERE county = '临江县' OR county = '孤岛县'"
        " GROUP BY gender HAVING count(*) > {}"
    )
    total = {"id": 1, "sql": "SELECT gender, count(*) FROM citizen WHERE county = '临江县' GROUP BY gender"}
    for least in (10, 1000):
        lines = [total, {"id": 2, "sql": chosen.format(least)}]
        _, answer = offline.run(lines, policy, database, keep_history=True)
        assert (answer["outcome"], answer["rows"], answer["suppressed"]) == ("answer", [], None)
