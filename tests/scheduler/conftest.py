"""Small manifests and records for the scheduler's tests."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import scheduler.ledger
import scheduler.queue  # noqa: F401  declares its tables
from store.database import Base, Database

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    records = Database(f"sqlite:///{tmp_path / 'records.sqlite'}")
    Base.metadata.create_all(records.engine)
    yield records
    records.close()
