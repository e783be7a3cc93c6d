"""Hostile names become valid, distinct, stable names."""

import re
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.naming import escape, file_name, label_value, object_name, table_name, unescape

HOSTILE = [
    "", " ", "-", ".", "..", "a", "A", "a-", "-a", "a.", "a b", "a_b", "a-b", "a.b", "张三", "张 三", "張三",
    "李四@民政局", "ᠮᠣᠩᠭᠣᠯ", "ana@example.org", "ANA@example.org", "ana+x@example.org",
    "../../etc/passwd", "/", "\\\\host\\share",
    "a\0b", "a\nb", "a/b", "CON", "nul.txt", "x" * 63, "x" * 64, "x" * 300, "é", "e\u0301", "ﬁ", "１２", "🐎",
    "\u202egnp.exe", "SELECT", "select", "drop table x;--", "a'b", 'a"b', "${HOME}", "$(id)",
    "--help", "a%2e%2e", "١", "x-00", "\udc80",
    "a-44d8f1c7cf1d5a2a",
]  # fmt: skip
DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
texts = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=120))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_become_valid(text: str) -> None:
    assert DNS_LABEL.fullmatch(object_name("sb", text))
    assert LABEL_VALUE.fullmatch(label_value(text))
    assert re.fullmatch(r"t_[a-z0-9_]{1,61}", table_name(text))
    name = file_name(text, ".csv")
    assert len(name.encode()) <= 255
    assert not re.search(r"[\x00-\x1f/\\:*?\"<>|%$';\u202e]|\.\.|^[.-]", name)
    assert not re.fullmatch(r"(?i)(con|nul)\..*", name)


def test_hostile_names_stay_apart() -> None:
    for make in (lambda t: object_name("sb", t), label_value, table_name, lambda t: file_name(t), escape):
        for one, other in combinations(HOSTILE, 2):
            assert make(one) != make(other), (one, other)


def test_case_insensitive_file_systems_do_not_merge_two_pods_or_tables() -> None:
    for make in (lambda t: object_name("sb", t), table_name):
        assert len({make(text).lower() for text in HOSTILE}) == len(HOSTILE)


def test_parts_do_not_flow_into_each_other() -> None:
    assert object_name("sb", "ab", "c") != object_name("sb", "a", "bc")
    assert object_name("sb", "a", "") != object_name("sb", "a")
    assert object_name("sb", "a") != object_name("ns", "a")


def test_names_are_stable() -> None:
    assert object_name("sb", "张三", "低保核查") == "sb-d0377c758b625b68"
    assert label_value("low-income") == "low-income"
    assert file_name("低保核查", ".csv") == "低保核查.csv"


def test_a_name_like_one_of_ours_does_not_meet_the_one_it_copies() -> None:
    assert label_value(label_value("张三")) != label_value("张三")
    assert file_name(file_name("a/b")) != file_name("a/b")


@given(texts)
def test_escaping_is_reversible_and_valid(text: str) -> None:
    name = escape(text)
    assert re.fullmatch(r"x[-a-z0-9]*", name)
    assert unescape(name) == text


@given(texts, texts)
def test_two_texts_never_share_a_name(one: str, other: str) -> None:
    if one != other:
        assert object_name("sb", one) != object_name("sb", other)
        assert label_value(one) != label_value(other)
        assert file_name(one) != file_name(other)
        assert table_name(one) != table_name(other)


@pytest.mark.parametrize("name", ["", "x-", "x-4", "x-61", "a", "xA", "x-zz", "x-ff"])
def test_what_escape_does_not_make_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        unescape(name)
