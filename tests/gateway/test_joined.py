"""Rows that are joined with a statistic, or with a table of one row per person, are audited as the rows they are."""

from pathlib import Path
from typing import Any

import pytest

from gateway import offline
from policies.model import Policy

BY_COUNTY = "(SELECT county, count(*) AS n FROM citizen GROUP BY county)"
SPELLINGS = {
    "ON": f"FROM citizen c JOIN {BY_COUNTY} s ON s.county = c.county WHERE true",
    "USING": f"FROM citizen c JOIN {BY_COUNTY} s USING (county) WHERE true",
    "a comma": f"FROM citizen c, {BY_COUNTY} s WHERE c.county = s.county",
    "an outer join": f"FROM citizen c LEFT JOIN {BY_COUNTY} s ON s.county = c.county WHERE s.n > 0",
    "an outer join from the right": f"FROM {BY_COUNTY} s RIGHT JOIN citizen c ON s.county = c.county WHERE s.n > 0",
    "a common table": f"FROM (SELECT c.* EXCLUDE (name, phone) FROM citizen c JOIN {BY_COUNTY} s"
    " ON s.county = c.county) c WHERE true",
    "two statistics in a row": f"FROM citizen c JOIN {BY_COUNTY} s ON s.county = c.county"
    f" JOIN {BY_COUNTY} t ON t.county = s.county WHERE t.n > 0",
}


def asked(database: Path, policy: Policy, *questions: str) -> list[dict[str, Any]]:
    lines = [{"id": place, "sql": sql} for place, sql in enumerate(questions)]
    return list(offline.run(lines, policy, database, keep_history=True))


@pytest.mark.parametrize("rows", SPELLINGS.values(), ids=SPELLINGS)
def test_a_total_after_a_table_with_a_withheld_group_is_refused(rows: str, database: Path, policy: Policy) -> None:
    few = f"{rows} AND (c.diagnosis <> 'HIV' OR (c.county = '临江县' AND c.gender = 'F'))"
    table, total = asked(
        database,
        policy,
        f"SELECT c.diagnosis, count(*), sum(c.income) {few} GROUP BY 1",
        f"SELECT sum(c.income) {few}",
    )
    assert table["outcome"] == "answer"
    assert table["suppressed"] == 1
    assert total["code"] == "DIFFERENCING"


@pytest.mark.parametrize("rows", SPELLINGS.values(), ids=SPELLINGS)
def test_a_county_without_a_statistic_does_not_come_back_from_the_total_of_all(
    rows: str, database: Path, policy: Policy
) -> None:
    joined, whole = asked(database, policy, f"SELECT sum(c.income) {rows}", "SELECT sum(income) FROM citizen")
    assert joined["outcome"] == "answer"
    assert whole["code"] == "DIFFERENCING"


def test_a_margin_beside_what_a_statistic_divides_is_answered(database: Path, policy: Policy) -> None:
    rows = SPELLINGS["ON"]
    answers = asked(
        database,
        policy,
        f"SELECT c.gender, avg(c.income) {rows} GROUP BY 1",
        f"SELECT c.gender, s.n > 250, avg(c.income) {rows} GROUP BY 1, 2",
        f"SELECT avg(c.income) {rows}",
    )
    assert [answer["outcome"] for answer in answers] == ["answer"] * 3


def test_a_full_join_of_people_with_a_statistic_is_refused(database: Path, policy: Policy) -> None:
    sql = f"SELECT sum(c.income) FROM citizen c FULL JOIN {BY_COUNTY} s ON s.county = c.county"
    (answer,) = asked(database, policy, sql)
    assert answer["code"] == "CONSTRUCT_NOT_ALLOWED"


BY_HOME = "SELECT c.county, sum(v.cost) FROM citizen c JOIN visit v ON c.id_no = v.id_no GROUP BY c.county"


@pytest.mark.parametrize(
    "total",
    [
        "SELECT sum(v.cost) FROM citizen c JOIN visit v ON c.id_no = v.id_no",
        "SELECT sum(v.cost) FROM citizen c JOIN visit v ON c.id_no = v.id_no JOIN citizen d ON d.id_no = v.id_no",
        "SELECT sum(cost) FROM visit WHERE id_no IN (SELECT id_no FROM citizen)",
        "SELECT sum(cost) FROM visit v WHERE EXISTS (SELECT 1 FROM citizen c WHERE c.id_no = v.id_no)",
    ],
)
def test_a_total_over_other_tables_with_the_same_rows_is_refused(total: str, database: Path, policy: Policy) -> None:
    """The visits of the 7 people of one county were withheld."""
    counties, whole = asked(database, policy, BY_HOME, total)
    assert counties["suppressed"] == 1
    assert whole["code"] == "DIFFERENCING"


def test_statistics_of_visits_and_of_visits_with_their_people_are_both_answered(database: Path, policy: Policy) -> None:
    answers = asked(
        database,
        policy,
        BY_HOME,
        "SELECT sum(cost), count(*) FROM visit",
        "SELECT dept, avg(cost) FROM visit GROUP BY 1",
    )
    assert [answer["outcome"] for answer in answers] == ["answer"] * 3
