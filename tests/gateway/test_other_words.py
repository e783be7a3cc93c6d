"""The same rows in other words, and the same people by other rows, are compared with what was told of them before."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from corpus import POLICY

from gateway import offline
from policies.load import load_policy
from policies.model import Policy

NO_RULES = load_policy(POLICY.replace(", dominance: {n: 2, k: 0.9}, p_percent: 0.1", ""))
Changed = Callable[..., Path]


@pytest.fixture
def changed(database: Path, tmp_path: Path) -> Changed:
    """The county's tables as files, after some statements."""

    def made(*statements: str) -> Path:
        with duckdb.connect() as connection:
            for file in database.parent.glob("*.parquet"):
                connection.execute(f"CREATE TABLE {file.stem} AS FROM '{file}'")
            for statement in statements:
                connection.execute(statement)
            for file in database.parent.glob("*.parquet"):
                connection.execute(f"COPY {file.stem} TO '{tmp_path / file.name}'")
        return tmp_path

    return made


def asked(data: Path, policy: Policy, *questions: str) -> list[dict[str, Any]]:
    lines = [{"id": place, "sql": sql} for place, sql in enumerate(questions)]
    return list(offline.run(lines, policy, data, keep_history=True))


EMPTY = "UPDATE citizen SET income = NULL WHERE year(birth_date) >= 1996"
VALUES = (
    "c.income", "c.income * 2", "-c.income", "CAST(c.income AS DOUBLE)", "coalesce(c.income, 0)",
    "CASE WHEN c.county = '临江县' THEN c.income END",
)  # fmt: skip


@pytest.mark.parametrize("value", VALUES)
def test_people_without_a_value_are_nobody_in_the_difference_of_two_sums(
    value: str, changed: Changed, policy: Policy
) -> None:
    data = changed(EMPTY)
    decoys = "c.gender = 'F' AND (year(c.birth_date) = 1944 OR year(c.birth_date) >= 1996)"
    first, second = asked(
        data,
        policy,
        "SELECT sum(c.income) FROM citizen c WHERE c.county = '临江县'",
        f"SELECT sum({value}) FROM citizen c WHERE c.county = '临江县' AND NOT ({decoys})",
    )
    assert first["outcome"] == "answer"
    assert second.get("code") == "DIFFERENCING"


def test_a_sum_beside_a_count_is_answered_where_few_have_no_value(changed: Changed, policy: Policy) -> None:
    data = changed("UPDATE citizen SET income = NULL WHERE id_no IN (SELECT id_no FROM citizen ORDER BY id_no LIMIT 3)")
    (both,) = asked(data, policy, "SELECT county, count(*) AS n, sum(income) AS s FROM citizen GROUP BY county")
    assert both["outcome"] == "answer"
    assert len(both["rows"]) == 4


ONE_OF_EACH = (
    "DELETE FROM visit",
    "INSERT INTO visit SELECT row_number() OVER (), id_no, 'H1', dept, DATE '2024-01-01', 'E11', 100, true"
    " FROM citizen, (VALUES ('内科'), ('外科')) d(dept)",
)
PEOPLE = "FROM citizen c JOIN visit v ON c.id_no = v.id_no WHERE c.county = '临江县'"


@pytest.mark.parametrize("what", ["count(DISTINCT c.id_no)", "sum(c.income)"])
def test_other_rows_of_the_same_people_tell_no_more_of_them(what: str, changed: Changed, policy: Policy) -> None:
    women, men, others = asked(
        changed(*ONE_OF_EACH),
        policy,
        f"SELECT {what} {PEOPLE} AND v.dept = '内科' AND c.gender = 'F'",
        f"SELECT {what} {PEOPLE} AND v.dept = '内科' AND c.gender = 'M'",
        f"SELECT {what} {PEOPLE} AND v.dept = '外科' AND c.diagnosis <> 'HIV'",
    )
    assert women["outcome"] == men["outcome"] == "answer"
    assert others.get("code") == "DIFFERENCING"


def test_numbers_of_people_that_differ_in_a_few_are_refused_whatever_their_rows(
    changed: Changed, policy: Policy
) -> None:
    number = "SELECT count(DISTINCT c.id_no) FROM citizen c JOIN visit v ON c.id_no = v.id_no WHERE "
    few = "c.county = '临江县' AND year(c.birth_date) = 1943 AND c.gender = 'F'"
    first, second = asked(
        changed(*ONE_OF_EACH),
        policy,
        number + "c.county = '东海县'",
        number + f"(c.county = '东海县' AND v.dept = '内科') OR ({few})",
    )
    assert first["outcome"] == "answer"
    assert second.get("code") == "DIFFERENCING"


def test_firms_beside_people_are_compared_as_firms(database: Path) -> None:
    revenue = "SELECT sum(e.revenue) FROM enterprise e, citizen c WHERE c.county = '临江县' AND e.industry = 'mining'"
    all_of_them, but_one, alone = asked(
        database,
        NO_RULES,
        revenue,
        f"{revenue} AND e.uscc <> 'USCC00009'",
        "SELECT sum(revenue) FROM enterprise WHERE industry = 'mining' AND uscc <> 'USCC00012'",
    )
    assert all_of_them["outcome"] == "answer"
    assert (but_one.get("code"), alone.get("code")) == ("DIFFERENCING", "DIFFERENCING")


def test_a_grouping_by_nothing_is_one_group(database: Path, policy: Policy) -> None:
    (got,) = asked(database, policy, "SELECT count(*) FROM citizen GROUP BY GROUPING SETS (())")
    assert got["rows"] == [[1207]]
