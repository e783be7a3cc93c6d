"""Later sources win, and a setting nobody knows is an error."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from store.settings import Settings


def test_the_environment_wins_over_the_file_and_an_argument_over_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "yurt.toml").write_text('language = "en"\nport = 1234\nsandbox_pids = 64\n')
    monkeypatch.setenv("YURT_PORT", "2345")
    settings = Settings(home=tmp_path, sandbox_pids=99)
    assert (settings.language, settings.port, settings.sandbox_pids) == ("en", 2345, 99)


def test_a_misspelt_setting_in_the_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "yurt.toml").write_text('langauge = "en"\n')
    with pytest.raises(ValidationError, match="langauge"):
        Settings(home=tmp_path)


def test_an_engine_is_a_table_of_the_file(tmp_path: Path) -> None:
    lines = ("[engines.county]", 'kind = "postgres"', 'host = "db"', 'datasets = ["visit"]', 'secret_file = "key"')
    (tmp_path / "yurt.toml").write_text("\n".join(lines))
    found = Settings(home=tmp_path).engines["county"]
    assert (found.kind, found.datasets, found.db_schema) == ("postgres", ("visit",), "public")
    (tmp_path / "yurt.toml").write_text("\n".join((*lines, 'password = "in the open"')))
    with pytest.raises(ValidationError, match="password"):
        Settings(home=tmp_path)


def test_records_live_in_the_home_unless_told_otherwise(tmp_path: Path) -> None:
    assert Settings(home=tmp_path).records_url == f"sqlite:///{tmp_path}/records.sqlite"
    assert Settings(home=tmp_path, database_url="postgresql://db/x").records_url == "postgresql://db/x"
