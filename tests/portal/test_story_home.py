"""A story empties only what a story made."""

from pathlib import Path

import pytest

from portal.story.home import begin_anew
from store.errors import YurtError


def test_a_second_story_begins_on_an_empty_home_with_its_settings(tmp_path: Path) -> None:
    begin_anew(tmp_path)
    (tmp_path / "yurt.toml").write_text('language = "en"')
    (tmp_path / "records.sqlite").write_text("x")
    (tmp_path / "data" / "census").mkdir(parents=True)
    begin_anew(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"yurt.toml", "made-by-yurt-demo"}


def test_a_home_somebody_works_in_is_never_emptied(tmp_path: Path) -> None:
    (tmp_path / "records.sqlite").write_text("precious")
    with pytest.raises(YurtError, match="HOME_NOT_A_DEMO"):
        begin_anew(tmp_path)
    assert (tmp_path / "records.sqlite").read_text() == "precious"
