from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sandbox.airlock import models  # noqa: F401  declares the tables
from sandbox.airlock.vault import Vault
from store.database import Base, Database

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


class Record:
    """An audit hook that remembers, and that can be made to fail as a full disk would."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, dict[str, Any]]] = []
        self.broken = False

    def __call__(self, event: str, subject: str, facts: dict[str, Any]) -> None:
        if self.broken:
            raise OSError("no space left")
        self.events.append((event, subject, facts))


@pytest.fixture
def audit() -> Record:
    return Record()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/records.db")
    Base.metadata.create_all(
        database.engine, tables=[t for t in Base.metadata.sorted_tables if t.name.startswith("airlock_")]
    )
    yield database
    database.close()


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "vault")
