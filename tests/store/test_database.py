"""The session with the records: who reads may know cheaply that nothing was written since."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from store.database import Database


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/records.sqlite"


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    database = Database(url)
    with database.session() as session:
        session.execute(text("CREATE TABLE note (line TEXT)"))
    yield database
    database.close()


def test_the_number_of_changes_stays_while_people_only_read(database: Database) -> None:
    before = database.changes()
    with database.reading() as session:
        session.execute(text("SELECT * FROM note")).all()
    assert before is not None
    assert database.changes() == before


def test_it_changes_with_what_this_process_commits_and_not_with_what_it_takes_back(database: Database) -> None:
    before = database.changes()
    with database.session() as session:
        session.execute(text("INSERT INTO note VALUES ('never')"))
        session.rollback()
    assert database.changes() == before
    with database.session() as session:
        session.execute(text("INSERT INTO note VALUES ('kept')"))
    assert database.changes() != before


def test_it_changes_with_what_somebody_else_commits(database: Database, url: str) -> None:
    before = database.changes()
    other = Database(url)
    with other.session() as session:
        session.execute(text("INSERT INTO note VALUES ('theirs')"))
    other.close()
    assert database.changes() != before
