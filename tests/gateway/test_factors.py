"""Sums of products with what one may know of people are equations of their own."""

from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pytest
from county import SCHEMA

from gateway import offline
from policies.model import Policy

YEARS = [*range(1960, 1979), 2000]
RESIDUES = {place * place % 19 for place in range(1, 19)}
MINIMUM = 10


def half(shift: int) -> set[int]:
    """10 of 20 years; any two of the 19 halves have 5 in common (rows of a Hadamard matrix; Paley 1933)."""
    return {2000, *(1960 + (place + shift) % 19 for place in RESIDUES)}


SETS = [half(shift) | half(shift + 1) for shift in range(11)]


@pytest.fixture(scope="module")
def twenty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty people with flu, each of another year, among others."""
    path = tmp_path_factory.mktemp("twenty") / "twenty.duckdb"
    people = [(f"ID{n:03}", year, "flu", 1000 * n + 7 * n * n) for n, year in enumerate(YEARS)]
    people += [(f"ID{n:03}", 1940 + n % 60, "none", 500 * n) for n in range(100, 300)]
    with duckdb.connect(str(path)) as connection:
        connection.execute(SCHEMA)
        rows = [(who, "n", "F", date(year, 5, 1), "临江县", "p", income, what) for who, year, what, income in people]
        connection.executemany("INSERT INTO citizen VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
    return path


def asked(database: Path, policy: Policy, shown: str, sets: list[set[int]], *, keep: bool = True) -> list[bool]:
    """Which of the questions about people of these years are answered."""
    lines = [
        {
            "id": place,
            "sql": f"SELECT {shown} FROM citizen WHERE diagnosis = 'flu' AND year(birth_date) IN "
            f"({', '.join(map(str, sorted(years)))})",
        }
        for place, years in enumerate(sets)
    ]
    return [answer["outcome"] == "answer" for answer in offline.run(lines, policy, database, keep_history=keep)]


def equations(answered: list[bool]) -> int:
    """How many independent equations the sums and the sums of products over these sets are."""
    rows = [
        [factor(year) * (year in years) for year in YEARS]
        for years, told in zip(SETS, answered, strict=True)
        for factor in (lambda _: 1, lambda year: year - 1980)
        if told
    ]
    return int(np.linalg.matrix_rank(np.array(rows)))


VALUES = ("sum(income * year(birth_date))", "avg((2100 - year(birth_date)) * income)", "corr(income, year(birth_date))")


@pytest.mark.parametrize("value", VALUES)
def test_sums_and_sums_of_products_are_stopped_before_few_people_can_be_solved(
    value: str, twenty: Path, policy: Policy
) -> None:
    """Of more than 11 equations for 20 people some combination is about fewer than 10 of them."""
    shown = f"sum(income), {value}"
    assert equations(asked(twenty, policy, shown, SETS, keep=False)) == len(YEARS)
    answered = asked(twenty, policy, shown, SETS)
    assert answered[0]
    assert equations(answered) <= len(YEARS) - MINIMUM + 1


def test_a_sum_of_ten_people_stands_alone_since_one_of_products_would_leave_nine(twenty: Path, policy: Policy) -> None:
    assert asked(twenty, policy, "sum(income)", [half(0)]) == [True]
    assert asked(twenty, policy, f"sum(income), {VALUES[0]}", [half(0)]) == [False]


def test_rows_that_no_condition_describes_take_no_factor(twenty: Path, policy: Policy) -> None:
    sql = (
        "SELECT c.gender, sum(c.income * year(c.birth_date)) FROM citizen c LEFT JOIN visit v ON v.id_no = c.id_no"
        " GROUP BY c.gender"
    )
    (answer,) = offline.run([{"id": 1, "sql": sql}], policy, twenty)
    assert answer["code"] == "NON_LINEAR"


def test_one_sum_of_products_is_answered(database: Path, policy: Policy) -> None:
    sql = "SELECT gender, sum(income * (2026 - year(birth_date))) / sum(income) AS age FROM citizen GROUP BY gender"
    (answer,) = offline.run([{"id": 1, "sql": sql}], policy, database)
    assert answer["outcome"] == "answer"
    assert len(answer["rows"]) == 2
