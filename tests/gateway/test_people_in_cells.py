"""Numbers of people whose groups divide the rows that people have: who is in two groups is told by three numbers."""

from datetime import date
from pathlib import Path

import duckdb
import pytest
from county import SCHEMA

from gateway import offline
from policies.model import Policy

JOINED = "FROM citizen c JOIN visit v ON v.id_no = c.id_no"
ALONE = "FROM visit v"


def county(path: Path, both: int) -> Path:
    """102 people with visits in May or June, of whom some came in both months; 30 came twice in May."""
    people = [(f"ID{n:03}", "n", "FM"[n % 2], date(1970, 1, 1), "临江县", "p", 1000, "flu") for n in range(102)]
    visits = [(n, 5) for n in [*range(51 + both), *range(30)]] + [(n, 6) for n in range(51, 102)]
    with duckdb.connect(str(path)) as connection:
        connection.execute(SCHEMA)
        connection.executemany("INSERT INTO citizen VALUES (?, ?, ?, ?, ?, ?, ?, ?)", people)
        rows = [
            (k, f"ID{n:03}", "市医院", "内科", date(2023, m, 3), "E11", 10, True) for k, (n, m) in enumerate(visits)
        ]
        connection.executemany("INSERT INTO visit VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
    return path


@pytest.fixture(scope="module", params=[7, 12])
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Path]:
    number: int = request.param
    return number, county(tmp_path_factory.mktemp("months") / "county.duckdb", number)


def told(database: Path, policy: Policy, *questions: str) -> list[object]:
    """All values that left, but for the keys."""
    lines = [{"id": place, "sql": sql} for place, sql in enumerate(questions)]
    answers = offline.run(lines, policy, database, keep_history=True)
    return [row[-1] for answer in answers for row in answer["rows"] or [] if row[-1] is not None]


def by_month(rows: str, shown: str = "count(DISTINCT v.id_no)") -> str:
    return f"SELECT month(v.visit_date) AS m, {shown} {rows} GROUP BY 1 ORDER BY 1"


def of_all(rows: str, shown: str = "count(DISTINCT v.id_no)") -> str:
    return f"SELECT {shown} {rows}"


@pytest.mark.parametrize(
    ("questions", "numbers"),
    [
        ((by_month(JOINED), of_all(JOINED)), 3),
        ((of_all(JOINED), by_month(JOINED)), 3),
        ((by_month(ALONE), of_all(ALONE)), 3),
        ((by_month(ALONE), of_all(JOINED)), 3),
        ((by_month(JOINED), of_all(ALONE)), 3),
        ((f"SELECT month(v.visit_date) AS m, count(DISTINCT v.id_no) {ALONE} GROUP BY ROLLUP (1)",), 3),
        ((by_month(JOINED), f"SELECT gender, count(DISTINCT c.id_no) {JOINED} GROUP BY gender"), 4),
        ((*(f"{of_all(ALONE)} WHERE month(v.visit_date) IN ({months})" for months in ("5", "6", "5, 6")),), 3),
        ((by_month(JOINED), of_all(JOINED, "count(DISTINCT c.id_no) FILTER (WHERE v.dept = '内科')")), 3),
    ],
)
def test_who_is_in_both_groups_is_told_if_they_are_enough(
    questions: tuple[str, ...], numbers: int, both: tuple[int, Path], policy: Policy
) -> None:
    number, database = both
    assert (len(told(database, policy, *questions)) == numbers) == (number >= 10)


def test_rows_are_told_beside_people(both: tuple[int, Path], policy: Policy) -> None:
    _, database = both
    assert len(told(database, policy, by_month(JOINED, "count(*)"), of_all(JOINED, "count(*)"), of_all(JOINED))) == 4
