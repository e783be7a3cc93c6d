"""The migrations make exactly the tables the models declare."""

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

import portal.models  # noqa: F401  declares every table
from store.database import Base, Database


def test_a_migrated_database_has_the_models_schema(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/records.sqlite")
    database.migrate()
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, Base.metadata) == []


def test_migrating_twice_changes_nothing(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/records.sqlite")
    database.migrate()
    database.migrate()
    with database.reading() as session:
        assert session.connection().exec_driver_sql("SELECT count(*) FROM alembic_version").scalar() == 1
