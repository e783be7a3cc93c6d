"""Long honest sessions are answered, and what they answer together isolates nobody."""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from gateway import offline
from policies.model import Policy

SESSIONS = Path(__file__).parent / "data" / "sessions.txt"
MINIMUM = 10


def sessions() -> Iterator[tuple[str, list[str]]]:
    parts = SESSIONS.read_text(encoding="utf-8").split("\n== ")[1:]
    for part in parts:
        name, *questions = part.splitlines()
        yield name, [question for question in questions if question.strip()]


def asked(database: Path, policy: Policy, questions: list[str]) -> list[dict[str, Any]]:
    lines = [{"id": place, "sql": sql} for place, sql in enumerate(questions)]
    return list(offline.run(lines, policy, database, keep_history=True))


@pytest.mark.parametrize("questions", [each for _, each in sessions()], ids=[name for name, _ in sessions()])
def test_an_honest_session_is_answered(questions: list[str], database: Path, policy: Policy) -> None:
    """All but one question in twenty: whose every group another one's complement took may be refused."""
    answers = asked(database, policy, questions)
    refused = [(answer["code"], questions[answer["id"]]) for answer in answers if answer["outcome"] != "answer"]
    assert len(refused) <= len(questions) // 20, refused
    assert {code for code, _ in refused} <= {"DIFFERENCING"}


def test_a_question_asked_again_gets_the_same_answer(database: Path, policy: Policy) -> None:
    total, by_county = "SELECT count(*) FROM citizen", "SELECT county, count(*) FROM citizen GROUP BY county"
    answers = asked(database, policy, [total, by_county, by_county, total])
    assert answers[0]["rows"] == answers[3]["rows"]
    assert sorted(answers[1]["rows"]) == sorted(answers[2]["rows"])
    assert answers[1]["suppressed"] == answers[2]["suppressed"] == 2


Statistic = tuple[tuple[str, ...], str]  # group keys, condition
AGE, ALL = "floor(year(birth_date) / 10)", ""
SMALL, NEXT, OTHER = "county = '孤岛县'", "county = '临江县'", "county = '东海县'"


def question(statistic: Statistic) -> str:
    keys, where = statistic
    return f"SELECT {', '.join((*keys, 'count(*)'))} FROM citizen {where and 'WHERE ' + where} GROUP BY ALL"


def isolated(database: Path, statistics: Sequence[Statistic], answers: Sequence[dict[str, Any]]) -> list[int]:
    """An auditor of another make: the people behind each released count, and least squares in floating point. The
    sizes of the sets under the minimum whose count follows from the answers."""
    with duckdb.connect(str(database), read_only=True) as plain:
        people = plain.execute("SELECT id_no FROM citizen WHERE county <> '涉密县' ORDER BY 1").fetchall()
        place = {person: number for number, (person,) in enumerate(people)}
        cells = []
        for (keys, where), answer in zip(statistics, answers, strict=True):
            shown = ", ".join(("id_no", *keys))
            found = plain.execute(f"SELECT {shown} FROM citizen WHERE ({where or 'true'}) AND county <> '涉密县'")
            members: dict[tuple[str, ...], list[str]] = {}
            for person, *values in found.fetchall():
                members.setdefault(tuple(map(str, values)), []).append(person)
            for row in answer["rows"] or []:
                if row[-1] is not None:
                    cell = np.zeros(len(people))
                    cell[[place[person] for person in members[tuple(map(str, row[:-1]))]]] = 1
                    cells.append(cell)
    atoms, sizes = np.unique(np.array(cells).T, axis=0, return_counts=True)
    _, strength, basis = np.linalg.svd(atoms.T, full_matrices=False)
    leverage = (basis[strength > 1e-8] ** 2).sum(axis=0)  # 1 where an atom's indicator is in the row space
    return [int(size) for size, held in zip(sizes, leverage, strict=True) if held > 1 - 1e-9 and size < MINIMUM]


TWO_WAY = [((), ALL), (("county",), ALL), (("gender",), ALL), (("county", "gender"), ALL)]
KEYS = ("county", "gender", "diagnosis", AGE)
WHERES = (ALL, "gender = 'F'", "county <> '孤岛县'", "diagnosis <> 'HIV'")
ATTACKS: dict[str, list[Statistic]] = {
    "margins, then the table": TWO_WAY,
    "the table, then its margins": TWO_WAY[::-1],
    "one margin, the table, the total": [TWO_WAY[1], TWO_WAY[3], TWO_WAY[0], TWO_WAY[2]],
    "inclusion and exclusion": [
        ((), f"{SMALL} OR {NEXT}"),
        ((), f"{SMALL} OR {OTHER}"),
        ((), f"{SMALL} OR {NEXT} OR {OTHER}"),
    ],
    "three overlapping ranges": [
        ((), "year(birth_date) < 1980"),
        ((), "year(birth_date) >= 1950"),
        ((), "year(birth_date) BETWEEN 1950 AND 1979"),
        ((), "year(birth_date) BETWEEN 1950 AND 1979 AND county <> '孤岛县'"),
    ],
    "a general tracker": [  # count(C) from C or T, C or not T, T and not T
        ((), f"{SMALL} OR gender = 'F'"),
        ((), f"{SMALL} OR gender <> 'F'"),
        ((), "gender = 'F'"),
        ((), "gender <> 'F'"),
    ],
    "three margins of a cube": [
        ((), ALL),
        *((pair, ALL) for pair in itertools.combinations(("county", "gender", "diagnosis"), 2)),
        (("county",), ALL),
        (("gender",), ALL),
        (("diagnosis",), ALL),
    ],
    "everything with everything": [
        (keys, where) for count in (1, 2) for keys in itertools.combinations(KEYS, count) for where in WHERES
    ],
}


@pytest.mark.parametrize("name", ATTACKS)
def test_what_is_told_together_isolates_nobody(name: str, database: Path, policy: Policy) -> None:
    statistics = ATTACKS[name]
    answers = asked(database, policy, [question(each) for each in statistics])
    assert any(answer["outcome"] == "refuse" or answer["suppressed"] for answer in answers)
    assert any(answer["outcome"] == "answer" for answer in answers)
    assert not isolated(database, statistics, answers)


def test_the_other_auditor_sees_what_a_guard_of_pairs_lets_through(database: Path, policy: Policy) -> None:
    for name in ("the table, then its margins", "inclusion and exclusion", "a general tracker"):
        statistics = ATTACKS[name]
        alone = list(offline.run([{"id": 1, "sql": question(each)} for each in statistics], policy, database))
        assert isolated(database, statistics, alone), name


def test_no_line_of_a_two_way_table_with_known_totals_has_a_single_cell_withheld(
    database: Path, policy: Policy
) -> None:
    _, counties, genders, table = asked(database, policy, [question(each) for each in TWO_WAY])
    shown = {(row[0], row[1]) for row in table["rows"]}
    lines = [[(row[0], gender) for gender in "FM"] for row in counties["rows"]]
    lines += [[(county, row[0]) for (county,) in {(cell[0],) for cell in shown}] for row in genders["rows"]]
    assert table["suppressed"]
    for line in lines:
        assert sum(cell not in shown for cell in line) != 1


@pytest.mark.parametrize("value", ["count(*)", "sum(income)", "avg(income)", "count(DISTINCT id_no)", "median(income)"])
def test_every_kind_of_statistic_counts(value: str, database: Path, policy: Policy) -> None:
    wheres = [f"{SMALL} OR {NEXT}", f"{SMALL} OR {OTHER}", f"{SMALL} OR {NEXT} OR {OTHER}"]
    answers = asked(database, policy, [f"SELECT {value} FROM citizen WHERE {where}" for where in wheres])
    assert [answer["code"] for answer in answers] == [None, None, "DIFFERENCING"]


BY_INDUSTRY = "SELECT industry, sum(revenue) FROM enterprise GROUP BY industry"
EAST, MINING = "county = '东海县'", "industry = 'mining'"
REVENUE: dict[str, list[tuple[str, int | None]]] = {  # questions, and how many cells each withholds; None: refused
    "totals in one answer": [("SELECT industry, sum(revenue) FROM enterprise GROUP BY ROLLUP (industry)", 2)],
    "the rest beside the whole": [
        ("SELECT sum(revenue) FILTER (WHERE industry <> 'tourism') AS rest, sum(revenue) AS whole FROM enterprise", 1)
    ],
    "the table, then its total": [(BY_INDUSTRY, 1), ("SELECT avg(revenue) FROM enterprise", None)],
    "the total, then the table": [("SELECT avg(revenue), count(*) FROM enterprise", 0), (BY_INDUSTRY, 2)],
    "a difference nobody asked for": [
        (f"SELECT sum(revenue) FROM enterprise WHERE {EAST} OR {MINING}", 0),
        (f"SELECT sum(revenue) FROM enterprise WHERE ({EAST} AND industry <> 'tourism') OR {MINING}", None),
    ],
}


@pytest.mark.parametrize("session", REVENUE.values(), ids=REVENUE)
def test_a_total_that_a_dominance_rule_withholds_cannot_be_computed(
    session: list[tuple[str, int | None]], database: Path, policy: Policy
) -> None:
    """One of the 7 firms in tourism has nearly all the revenue there."""
    answers = asked(database, policy, [question for question, _ in session])
    assert [answer["suppressed"] for answer in answers] == [withheld for _, withheld in session]
    assert [answer["code"] for answer in answers] == [
        "DIFFERENCING" if withheld is None else None for _, withheld in session
    ]


def test_counts_and_totals_are_told_apart_where_a_dominance_rule_withholds_a_total(
    database: Path, policy: Policy
) -> None:
    questions = [
        "SELECT industry, sum(revenue), count(*) FROM enterprise GROUP BY industry",
        "SELECT count(*) FROM enterprise",
        "SELECT sum(employees) FROM enterprise",
    ]
    answers = asked(database, policy, questions)
    assert [answer["outcome"] for answer in answers] == ["answer"] * 3
    assert {row[0]: row[2] for row in answers[0]["rows"]}["tourism"] == 7
