"""A history of a whole dataset: two projects may not put together what neither may be told."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from platform_home import Terms, grant, platform_database, publish

from audit import AuditLog
from gateway.answer import Answer
from gateway.desk import Desk
from gateway.engine import EngineLimits
from gateway.engines import EnginePool
from gateway.identity import Sandbox
from gateway.standing import Standings
from policies.decision import Refused

USES = ["group", "filter"]
BOTH, COUNTY = {"county": USES, "ill": USES}, {"county": USES}
ALL, NOT_SMALL = "SELECT count(*) FROM people", "SELECT count(*) FROM people WHERE county <> 'small'"


def people() -> pa.Table:
    """40 people of a large county, 20 of another, 3 of a small one."""
    counties = ["large"] * 40 + ["other"] * 20 + ["small"] * 3
    return pa.table(
        {"id": [f"p{place}" for place in range(63)], "county": counties, "ill": [place % 2 for place in range(63)]}
    )


@contextmanager
def opened(home: Path, histories: Sequence[str], columns: Sequence[dict[str, Any]]) -> Iterator[Desk]:
    (home / "data").mkdir()
    parquet.write_table(people(), home / "data" / "people.parquet")
    parquet.write_table(people().select(["id"]).slice(0, 20), home / "data" / "visits.parquet")
    database = platform_database(home, projects={"one": ["researcher"], "two": ["colleague"]})
    for name in ("people", "visits"):
        publish(database, home, name, "id", "researcher")
    for project, person, history, granted in zip(
        ("one", "two"), ("researcher", "colleague"), histories, columns, strict=True
    ):
        release = {"mode": "threshold", "min_group": 5, "history": history}
        grant(database, project, person, "people", Terms({"id": ["join", "count"], **granted}, release, ["visits.id"]))
    visits = Terms({"id": ["join", "count"]}, {"mode": "threshold", "min_group": 5}, ["people.id"])
    grant(database, "one", "researcher", "visits", visits)
    engines = EnginePool(b"k" * 32, EngineLimits(threads=1))
    audit = AuditLog(home / "audit", bytes(32))
    try:
        yield Desk(database, audit, engines, Standings(database, home / "data", engines))
    finally:
        engines.close()
        database.close()


ONE, TWO = Sandbox("researcher", "one"), Sandbox("colleague", "two")


def asked(desk: Desk, sandbox: Sandbox, sql: str) -> str:
    """`answer`, or the code of the refusal."""
    given = desk.ask(sandbox, sql)
    if isinstance(given, Answer):
        return "answer"
    assert isinstance(given, Refused), given
    return given.code


@pytest.mark.parametrize("columns", [BOTH, COUNTY], ids=["the same columns", "other columns"])
def test_what_another_project_was_told_counts(tmp_path: Path, columns: dict[str, Any]) -> None:
    with opened(tmp_path, ["dataset", "dataset"], [BOTH, columns]) as desk:
        assert asked(desk, ONE, ALL) == "answer"
        assert asked(desk, TWO, NOT_SMALL) == "DIFFERENCING"
        assert asked(desk, TWO, ALL) == "answer"


def test_a_history_is_a_projects_own_unless_its_policy_says_otherwise(tmp_path: Path) -> None:
    with opened(tmp_path, ["project", "project"], [BOTH, BOTH]) as desk:
        assert asked(desk, ONE, ALL) == "answer"
        assert asked(desk, TWO, NOT_SMALL) == "answer"


def test_answers_to_projects_whose_own_policy_does_not_say_so_count_too(tmp_path: Path) -> None:
    with opened(tmp_path, ["project", "dataset"], [BOTH, COUNTY]) as desk:
        assert asked(desk, ONE, ALL) == "answer"
        assert asked(desk, TWO, NOT_SMALL) == "DIFFERENCING"


def test_three_answers_of_two_projects_are_put_together(tmp_path: Path) -> None:
    """All but the small county, and all but the ill of it, leave its ill: each two of the three are far apart."""
    ill, others = "SELECT count(*) FROM people WHERE ill = 1", "SELECT count(*) FROM people WHERE ill = 0"
    with opened(tmp_path, ["dataset", "dataset"], [BOTH, BOTH]) as desk:
        assert asked(desk, ONE, ill) == "answer"
        assert asked(desk, ONE, others) == "answer"
        assert asked(desk, TWO, NOT_SMALL) == "DIFFERENCING"


def test_tables_that_a_project_may_not_use_are_looked_at_for_it(tmp_path: Path) -> None:
    """And a refusal names neither them nor who asked about them."""
    visitors = "SELECT count(*) FROM people WHERE id IN (SELECT id FROM visits)"
    with opened(tmp_path, ["dataset", "dataset"], [BOTH, BOTH]) as desk:
        assert asked(desk, ONE, visitors) == "answer"
        assert asked(desk, TWO, "SELECT count(*) FROM people WHERE county = 'other'") == "answer"
        assert asked(desk, TWO, "SELECT count(*) FROM visits") == "TABLE_UNKNOWN"
        assert asked(desk, ONE, ALL) == "answer"
        refused = desk.ask(TWO, NOT_SMALL)
        assert isinstance(refused, Refused)
        assert not any(word in f"{refused} {desk.explain(TWO, NOT_SMALL)}" for word in ("visits", "researcher", "one'"))


def test_after_a_restart_they_still_count(tmp_path: Path) -> None:
    with opened(tmp_path, ["dataset", "dataset"], [BOTH, COUNTY]) as desk:
        assert asked(desk, ONE, ALL) == "answer"
        again = Desk(desk._database, desk._audit, desk._engines, desk._standings)
        assert asked(again, TWO, NOT_SMALL) == "DIFFERENCING"
