"""The words of questions: kept once, privately, and only as what their digest says."""

import stat
from pathlib import Path

from gateway.questions import LONGEST, Questions, digest


def test_a_text_is_found_by_its_digest_in_its_project_alone(tmp_path: Path) -> None:
    texts = Questions(tmp_path / "questions")
    texts.keep("县/../p", "SELECT '名'")
    assert Questions(tmp_path / "questions").text("县/../p", digest("SELECT '名'")) == "SELECT '名'"
    assert texts.text("other", digest("SELECT '名'")) is None


def test_only_the_platform_can_read_them(tmp_path: Path) -> None:
    Questions(tmp_path / "questions").keep("p", "SELECT 1")
    (file,) = (tmp_path / "questions").rglob("*.sql")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_changed_text_is_no_text(tmp_path: Path) -> None:
    texts = Questions(tmp_path / "questions")
    texts.keep("p", "SELECT 1")
    (file,) = (tmp_path / "questions").rglob("*.sql")
    file.write_text("SELECT 2")
    assert texts.text("p", digest("SELECT 1")) is None


def test_a_very_long_text_is_not_kept(tmp_path: Path) -> None:
    Questions(tmp_path / "questions").keep("p", "x" * (LONGEST + 1))
    assert not list(tmp_path.rglob("*.sql"))
