"""Joins that keep rows or ask with constants: what they tell is compared with other answers like anything else."""

from pathlib import Path
from typing import Any

import pytest

from gateway import offline
from policies.model import Policy

BANDS = "(VALUES (0, 50000, 'low'), (50000, 100000, 'middle'), (100000, 10000000, 'high')) AS b(low, high, band)"


def asked(database: Path, policy: Policy, *texts: str) -> list[dict[str, Any]]:
    lines = [{"id": place, "sql": sql} for place, sql in enumerate(texts)]
    return list(offline.run(lines, policy, database, keep_history=True))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (
            "SELECT count(*) FROM citizen WHERE county <> '孤岛县'",
            "SELECT count(DISTINCT c.id_no) FROM citizen c LEFT JOIN visit v ON v.id_no = c.id_no AND v.icd10 = 'B20'",
        ),
        (
            "SELECT count(*) FROM citizen WHERE county <> '孤岛县'",
            "SELECT count(DISTINCT c.id_no) FROM visit v RIGHT JOIN citizen c ON v.id_no = c.id_no AND v.insured",
        ),
        (
            "SELECT count(*) FROM citizen WHERE county <> '孤岛县'",
            "SELECT count(DISTINCT c.id_no) FROM citizen c FULL JOIN visit v ON v.id_no = c.id_no AND v.insured",
        ),
        (
            "SELECT count(*) FROM citizen",
            "SELECT count(*) FROM citizen, (VALUES ('孤岛县')) AS b(x) WHERE county <> b.x",
        ),
        (
            "SELECT count(*) FROM citizen",
            "SELECT b.x, count(*) FROM citizen, (VALUES ('东海县'), ('孤岛县')) b(x) WHERE county <> b.x GROUP BY x",
        ),
        (
            "SELECT count(*) FROM citizen WHERE year(birth_date) < 2008",
            "SELECT count(*) FROM citizen JOIN range(2009, 2010) AS g(y) ON year(birth_date) < g.y",
        ),
        (
            "SELECT count(*) FROM citizen",
            "SELECT count(*) FROM (SELECT c.id_no FROM citizen c JOIN (VALUES ('孤岛县')) b(x) ON county <> b.x) d",
        ),
    ],
)
def test_a_small_difference_is_seen_through_the_join(database: Path, policy: Policy, first: str, second: str) -> None:
    one, other = asked(database, policy, first, second)
    assert one["outcome"] == "answer"
    assert (other["outcome"], other["code"]) == ("refuse", "DIFFERENCING")


def test_constants_that_count_some_people_more_often_are_refused(database: Path, policy: Policy) -> None:
    (got,) = asked(
        database, policy, "SELECT sum(income) FROM citizen c, range(3) AS g(i) WHERE g.i < 2 OR c.county = '孤岛县'"
    )
    assert (got["outcome"], got["code"]) == ("refuse", "CONSTRUCT_NOT_ALLOWED")


def test_bands_of_constants_answer_as_the_conditions_do(database: Path, policy: Policy) -> None:
    (bands,) = asked(
        database,
        policy,
        f"SELECT band, count(*) AS n FROM citizen JOIN {BANDS} ON income >= low AND income < high GROUP BY band",
    )
    (cases,) = asked(
        database,
        policy,
        "SELECT CASE WHEN income < 50000 THEN 'low' WHEN income < 100000 THEN 'middle' ELSE 'high' END AS band,"
        " count(*) FROM citizen GROUP BY 1",
    )
    assert bands["outcome"] == "answer"
    assert sorted(bands["rows"]) == sorted(cases["rows"])


@pytest.mark.parametrize(
    "condition", ["income >= 10000 AND income < b.low", "income = b.low", "income BETWEEN b.low AND b.high"]
)
def test_bands_finer_than_the_granted_steps_are_refused(database: Path, policy: Policy, condition: str) -> None:
    fine = "(VALUES (0, 12345), (20000, 30000), (12345, 50000)) AS b(low, high)"
    (got,) = asked(database, policy, f"SELECT count(*) FROM citizen JOIN {fine} ON {condition}")
    assert (got["outcome"], got["code"]) == ("refuse", "USE_NOT_ALLOWED")


def test_many_constants_are_too_many_questions_at_once(database: Path, policy: Policy) -> None:
    years = ", ".join(f"({year})" for year in range(1900, 1970))
    sql = f"SELECT b.y, count(*) FROM citizen JOIN (VALUES {years}) AS b(y) ON year(birth_date) < b.y GROUP BY b.y"
    (got,) = asked(database, policy, sql)
    assert (got["outcome"], got["code"]) == ("refuse", "COMPARISONS_TOO_MANY")


def test_the_same_question_is_answered_again(database: Path, policy: Policy) -> None:
    sql = "SELECT c.gender, count(*) AS n, avg(v.cost) FROM citizen c LEFT JOIN visit v ON v.id_no = c.id_no GROUP BY 1"
    one, other = asked(database, policy, sql, sql)
    assert one["outcome"] == other["outcome"] == "answer"
    assert sorted(map(repr, one["rows"])) == sorted(map(repr, other["rows"]))
