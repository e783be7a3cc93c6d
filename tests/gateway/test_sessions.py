"""Long honest sessions are answered, and what they answer together isolates nobody."""

import itertools
from collections.abc import Iterator
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


def test_counts_of_a_session_isolate_nobody(database: Path, policy: Policy) -> None:
    """An auditor of another make: the people behind each released count, and least squares in floating point."""
    keys = ["county", "gender", "diagnosis", "floor(year(birth_date) / 10)"]
    wheres = ["", " WHERE gender = 'F'", " WHERE county <> '孤岛县'", " WHERE diagnosis <> 'HIV'"]
    choices = [chosen for count in (1, 2) for chosen in itertools.combinations(keys, count)]
    questions = [f"SELECT {', '.join(k)}, count(*) FROM citizen{w} GROUP BY ALL" for k in choices for w in wheres]
    answers = asked(database, policy, questions)
    with duckdb.connect(str(database), read_only=True) as plain:
        people = plain.execute("SELECT id_no FROM citizen WHERE county <> '涉密县' ORDER BY 1").fetchall()
        place = {person: number for number, (person,) in enumerate(people)}
        cells = []
        for (chosen, where), answer in zip(itertools.product(choices, wheres), answers, strict=True):
            condition = f"{where} AND" if where else " WHERE"
            found = plain.execute(f"SELECT id_no, {', '.join(chosen)} FROM citizen{condition} county <> '涉密县'")
            released = {tuple(map(str, row[:-1])) for row in answer["rows"] or [] if row[-1] is not None}
            members: dict[tuple[str, ...], list[str]] = {}
            for person, *values in found.fetchall():
                members.setdefault(tuple(map(str, values)), []).append(person)
            for key in released:
                cell = np.zeros(len(people))
                cell[[place[person] for person in members[key]]] = 1
                cells.append(cell)
    atoms, sizes = np.unique(np.array(cells).T, axis=0, return_counts=True)
    _, strength, basis = np.linalg.svd(atoms.T, full_matrices=False)
    leverage = (basis[strength > 1e-8] ** 2).sum(axis=0)  # 1 where an atom's indicator is in the row space
    assert len(cells) > 50
    assert not [int(size) for size, held in zip(sizes, leverage, strict=True) if held > 1 - 1e-9 and size < MINIMUM]
