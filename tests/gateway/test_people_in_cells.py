"""Numbers of people whose groups divide the rows that people have: who is in two groups is told by three numbers."""

from dataclasses import dataclass
from datetime import date
from itertools import combinations
from pathlib import Path

import duckdb
import pytest
from county import SCHEMA

from gateway import offline
from policies.model import Policy

JOINED = "FROM citizen c JOIN visit v ON v.id_no = c.id_no"
ALONE = "FROM visit v"


@dataclass(frozen=True)
class Kind:
    """So many people with a visit in each of some months."""

    people: int
    months: tuple[int, ...] = ()
    income: float | None = 1000  # of the first of them; each has seven more than the one before
    born: int = 1970
    dept: str = "内科"
    hospitals: tuple[str, ...] = ("市医院",)


def county(path: Path, *kinds: Kind) -> Path:
    everybody = [(kind, place) for kind in kinds for place in range(kind.people)]
    people = [
        (
            f"ID{n:03}",
            "n",
            "FM"[n % 2],
            date(kind.born, 1, 1),
            "临江县",
            "p",
            kind.income and kind.income + 7 * n,
            "flu",
        )
        for n, (kind, _) in enumerate(everybody)
    ]
    visits = [
        (f"ID{n:03}", hospital, kind.dept, date(2023, month, 3), "E11", 10, True)
        for n, (kind, _) in enumerate(everybody)
        for month in kind.months
        for hospital in kind.hospitals
    ]
    with duckdb.connect(str(path)) as connection:
        connection.execute(SCHEMA)
        connection.executemany("INSERT INTO citizen VALUES (?, ?, ?, ?, ?, ?, ?, ?)", people)
        connection.executemany(
            "INSERT INTO visit VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [(n, *visit) for n, visit in enumerate(visits)]
        )
    return path


@pytest.fixture(scope="module", params=[7, 12])
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Path]:
    number: int = request.param
    kinds = Kind(21, (5,)), Kind(30, (5, 5)), Kind(number, (5, 6)), Kind(51 - number, (6,))
    return number, county(tmp_path_factory.mktemp("months") / "county.duckdb", *kinds)


def told(database: Path, policy: Policy, *questions: str) -> list[object]:
    """All values that left, but for the keys."""
    lines = [{"id": place, "sql": sql} for place, sql in enumerate(questions)]
    answers = offline.run(lines, policy, database, keep_history=True)
    return [row[-1] for answer in answers for row in answer["rows"] or [] if row[-1] is not None]


def by_month(rows: str, shown: str = "count(DISTINCT v.id_no)") -> str:
    return f"SELECT coalesce(month(v.visit_date), 0) AS m, {shown} {rows} GROUP BY 1 ORDER BY 1"


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


IN_MONTHS = "month(v.visit_date) IN ({months})"
OTHER_WORDS = [
    "SELECT count(DISTINCT CASE WHEN {c} THEN v.id_no END) FROM visit v",
    "SELECT count(DISTINCT if({c}, v.id_no, NULL)) FROM visit v",
    "SELECT approx_count_distinct(CASE WHEN {c} THEN v.id_no END) FROM visit v",
    "SELECT count(*) FROM (SELECT DISTINCT id_no FROM visit v WHERE {c})",
    "SELECT count(v.id_no) FROM (SELECT id_no FROM visit v WHERE {c} GROUP BY id_no) v",
    "SELECT sum(k) FROM (SELECT id_no, 1 AS k FROM visit v WHERE {c} GROUP BY id_no)",
    "SELECT count(*) FROM (SELECT DISTINCT v.id_no, v.hospital FROM visit v WHERE {c})",
    "SELECT count(*) FROM citizen c JOIN (SELECT DISTINCT id_no FROM visit v WHERE {c}) t ON t.id_no = c.id_no",
    "SELECT count(DISTINCT v.id_no) FROM citizen c LEFT JOIN visit v ON v.id_no = c.id_no AND {c}",
    "SELECT count(DISTINCT v.id_no) FILTER (WHERE {c}) FROM citizen c LEFT JOIN visit v ON v.id_no = c.id_no",
    "SELECT count(DISTINCT v.id_no) FROM visit v FULL JOIN citizen c ON v.id_no = c.id_no WHERE {c}",
    "SELECT count(DISTINCT v.id_no) FROM visit v JOIN (VALUES (5), (6)) t(x) ON month(v.visit_date) = t.x WHERE {c}",
    "SELECT count(*) FROM citizen c WHERE EXISTS (SELECT 1 FROM visit v WHERE v.id_no = c.id_no AND {c})",
]


@pytest.mark.parametrize("words", OTHER_WORDS)
def test_in_other_words_it_is_the_same(words: str, both: tuple[int, Path], policy: Policy) -> None:
    number, database = both
    plain = "SELECT count(DISTINCT v.id_no) FROM visit v WHERE {c}"
    for spelled in ((words, words, words), (plain, plain, words), (words, plain, plain)):
        questions = [
            each.format(c=IN_MONTHS.format(months=months))
            for each, months in zip(spelled, ("5", "6", "5, 6"), strict=True)
        ]
        assert (len(told(database, policy, *questions)) == 3) == (number >= 10), spelled


PAIRS = "v.id_no || '-' || v.dept"


@pytest.mark.parametrize("words", ["v.id_no || ''", "concat(v.id_no, c.gender)", PAIRS])
def test_people_counted_with_something_else_are_people(words: str, both: tuple[int, Path], policy: Policy) -> None:
    number, database = both
    shown = f"count(DISTINCT {words})"
    values = told(database, policy, by_month(JOINED, shown), of_all(JOINED))
    assert (len(values) == 3) == (number >= 10)


def test_people_counted_with_something_else_behind_an_outer_join_are_not(
    policy: Policy, both: tuple[int, Path]
) -> None:
    assert (
        told(both[1], policy, f"SELECT count(DISTINCT {PAIRS}) FROM citizen c LEFT JOIN visit v ON v.id_no = c.id_no")
        == []
    )


def test_a_question_of_all_at_once_withholds_what_would_tell(both: tuple[int, Path], policy: Policy) -> None:
    number, database = both
    rows = "FROM citizen c LEFT JOIN visit v ON v.id_no = c.id_no"
    shown = "count(DISTINCT v.id_no), count(DISTINCT c.id_no)"
    lines = [{"id": 0, "sql": f"SELECT coalesce(month(v.visit_date), 0) AS m, {shown} {rows} GROUP BY ROLLUP (1)"}]
    (answer,) = offline.run(lines, policy, database)
    for column in (1, 2):
        cells = [row[column] for row in answer["rows"] if row[column] is not None]
        assert (len(cells) == 3) == (number >= 10)


INCOME = "sum(c.income)"
WEIGHED = "sum(c.income * (year(c.birth_date) - 1950))"
YEARS = "sum(year(c.birth_date) - 1950)"
LEFT = "FROM citizen c LEFT JOIN visit v ON v.id_no = c.id_no"
VISITED = "FROM citizen c WHERE EXISTS (SELECT 1 FROM visit v WHERE v.id_no = c.id_no)"
ONE_TWICE = Kind(30, (5,)), Kind(40, (6,)), Kind(12, (5, 6), income=None), Kind(1, (5, 6)), Kind(30)
ONE_AWAY = Kind(12, income=None), Kind(1), Kind(100, (5,))
ONE_BORN_LATER = Kind(11, born=1950), Kind(1, born=1971), Kind(100, (5,))


@pytest.mark.parametrize(
    ("kinds", "questions"),
    [
        (ONE_AWAY, (f"SELECT {INCOME} FROM citizen c", f"SELECT {INCOME} {JOINED}")),
        (ONE_TWICE, (f"SELECT {INCOME} {JOINED}", f"SELECT {INCOME} {VISITED}")),
        (ONE_TWICE, (by_month(JOINED, INCOME), f"SELECT {INCOME} {VISITED}")),
        (ONE_TWICE, (by_month(LEFT, INCOME), f"SELECT {INCOME} FROM citizen c")),
        (ONE_BORN_LATER, (f"SELECT {WEIGHED} FROM citizen c", f"SELECT {WEIGHED} {JOINED}")),
        (ONE_BORN_LATER, (f"SELECT {YEARS} FROM citizen c", f"SELECT {YEARS} {JOINED}")),
    ],
)
def test_nobodys_income_is_what_two_sums_leave(
    kinds: tuple[Kind, ...], questions: tuple[str, str], tmp_path: Path, policy: Policy
) -> None:
    database = county(tmp_path / "county.duckdb", *kinds)
    assert told(database, policy, questions[0])
    assert told(database, policy, questions[1])
    assert len(told(database, policy, *questions)) < sum(len(told(database, policy, each)) for each in questions)


def test_whoever_came_in_all_of_four_months_takes_fifteen_questions(tmp_path: Path, policy: Policy) -> None:
    sets = [each for size in (1, 2, 3, 4) for each in combinations((1, 2, 3, 4), size)]
    kinds = (Kind(7 if len(months) == 4 else 20, months) for months in sets)
    database = county(tmp_path / "county.duckdb", *kinds)
    questions = [f"{of_all(ALONE)} WHERE month(v.visit_date) IN ({', '.join(map(str, each))})" for each in sets]
    assert len(told(database, policy, *questions)) == len(sets) - 1


@pytest.mark.parametrize("depts", [2, 5, 6])
def test_each_of_many_small_sets_is_kept(depts: int, tmp_path: Path, policy: Policy) -> None:
    names = [f"D{number}" for number in range(depts)]
    kinds = [
        kind
        for number, name in enumerate(names)
        for kind in (
            Kind(20, (5,), dept=name, hospitals=("H1",)),
            Kind(25 + number, (5,), dept=name, hospitals=("H2",)),
            Kind(3, (5,), dept=name, hospitals=("H1", "H2")),
        )
    ]
    database = county(tmp_path / "county.duckdb", *kinds)
    parts = [f"{of_all(ALONE)} WHERE dept = '{name}' AND hospital = '{h}'" for name in names for h in ("H1", "H2")]
    whole = f"SELECT dept, count(DISTINCT id_no) {ALONE} GROUP BY dept"
    assert len(told(database, policy, *parts, whole)) == len(parts)
