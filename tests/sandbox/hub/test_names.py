"""Folder names stay in their place and never meet."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.hub.names import slug

_HOSTILE = [
    "", ".", "..", "../../etc", "/", "a/b", "a\\b", "\0", "名字", "ＡＢＣ", "a" * 500, "-rf", "a\nb", "A", "a", "a ",
    "é",
]  # fmt: skip


@pytest.mark.parametrize("name", _HOSTILE)
def test_any_name_becomes_a_plain_folder_name(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9](?:[a-z0-9-]{0,33}[a-z0-9])", slug(name, "project"))


def test_no_two_of_them_meet() -> None:
    assert len({slug(name) for name in _HOSTILE}) == len(_HOSTILE)
    assert slug("a", "b-c") != slug("a-b", "c")


@given(st.text(), st.text())
def test_it_is_the_same_every_time_and_depends_on_both(person: str, project: str) -> None:
    assert slug(person, project) == slug(person, project)
    assert (slug(person, project) == slug(project, person)) is (person == project)
