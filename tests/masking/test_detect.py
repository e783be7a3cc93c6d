"""The detector on labelled texts, on hidden characters, and on anything Hypothesis thinks of."""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import masking
from masking.detect import Span, detect, detect_all
from masking.entities import ENTITIES, EntityType
from tests.masking.scoring import read


def found(text: str) -> list[tuple[int, int, str]]:
    return [(span.start, span.end, span.type.value) for span in detect(text)]


def test_every_labelled_value_is_found_and_nothing_else(labelled):
    assert found(labelled.text) == labelled.spans


def test_nothing_is_found_in_a_trap(trap):
    assert found(trap.text) == []


def test_every_type_of_the_contract_has_a_sample(sample_types):
    assert sample_types == {kind.value for kind in EntityType}


def test_every_type_has_its_facts():
    assert set(ENTITIES) == set(EntityType)
    assert all(1 <= entity.grade <= 4 for entity in ENTITIES.values())


def test_full_width_digits_keep_their_offsets():
    assert detect("电话：１３９４７１１２２３３。") == [Span(3, 14, EntityType.CN_MOBILE, 0.95)]


@pytest.mark.parametrize("hidden", ["\u200b", "\u200d", "\ufeff", "\u00ad", "\u2060"])
def test_characters_without_width_hide_nothing(hidden):
    text = "手机139" + hidden + "4711" + hidden + "2233谢谢"
    assert found(text) == [(2, 15, "CN_MOBILE")]


@pytest.mark.parametrize("blank", ["\u00a0", "\u3000", "\u2009", " ", "-", "\u2011"])
def test_blanks_inside_a_number_hide_nothing(blank):
    assert found(f"身份证150151{blank}19900307{blank}2421") == [(3, 23, "CN_ID_CARD")]


def test_a_checksum_beats_a_name_and_a_context():
    assert found("车架号LSVAA4182E2184847") == [(3, 20, "VIN")]


@given(
    st.text(
        alphabet=st.one_of(st.characters(), st.sampled_from("张三139471122331501X·-@.李手机身份证路号\u200b１")),
        max_size=80,
    )
)
@settings(max_examples=150, deadline=None)
@example("1" * 300)
@example("张" * 300)
@example("1-" * 200)
def test_spans_are_sorted_disjoint_and_inside_the_text(text):
    spans = detect(text)
    assert all(0 <= span.start < span.end <= len(text) for span in spans)
    assert all(one.end <= other.start for one, other in pairwise(spans))
    assert all(0.5 <= span.score <= 1 for span in spans)


def test_another_process_finds_the_same():
    text = "诉求人乌云其其格，女，现住内蒙古自治区呼和浩特市赛罕区大学西路235号，手机13947112233"
    code = f"from masking.detect import detect; print([(s.start, s.end, s.type.value) for s in detect({text!r})])"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == str(found(text))


def test_many_threads_find_what_one_finds():
    texts = [str(row["text"]) for row in read()][:120] * 4
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(detect, texts)) == [detect(text) for text in texts]


def test_no_pattern_uses_a_word_boundary():
    """`\\b` does not fire between a Han character and a digit: a pattern with it misses what is glued to Chinese."""
    for path in Path(masking.__file__).parent.rglob("*.py"):
        source = re.sub(r'"""[\s\S]*?"""', "", path.read_text("utf-8"))
        assert "\\b" not in source, path


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("出 生：1990年1月30日", [(4, 14, "DATE_OF_BIRTH")]),
        ("姓 名：昂沁　　性 别：男", [(4, 6, "PERSON")]),
        ("聯絡電話：13812340098", [(5, 16, "CN_MOBILE")]),
    ],
)
def test_stretched_and_traditional_labels_are_labels(text, spans):
    assert found(text) == spans


def test_who_is_named_once_is_named_wherever_the_name_stands():
    text = "原告时建明诉称，被告未付款。后时建明撤诉，法院准予时建明撤诉。"
    assert [text[start:end] for start, end, kind in found(text) if kind == "PERSON"] == ["时建明"] * 3


def test_a_form_makes_a_name_of_a_word():
    assert found("法定代表人（签章）：黄河") == [(10, 12, "PERSON")]
    assert found("黄河水位上涨，电话会议随后召开。") == []


def test_a_value_far_behind_others_is_found_as_one_at_the_front():
    plain = "会议听取汇报，研究部署下一步工作。" * 300
    text = plain + "手机13947112233" + plain + "邮箱a.b@example.cn" + plain
    assert [kind for _, _, kind in found(text)] == ["CN_MOBILE", "EMAIL_ADDRESS"]


def test_texts_together_are_read_as_one_by_one():
    texts = [row["text"] for row in read()[::9]] + ["", " \u200b", "plain", "申请人王秀英"]
    assert detect_all(texts) == [detect(text) for text in texts]


def test_a_row_is_proved_by_a_number_far_behind():
    row = f"3,高兴,男,{'内蒙古自治区呼和浩特市新城区海拉尔东路附近的地方' * 4},13947112233"
    assert ["PERSON", (2, 4)] in [[span.type.value, (span.start, span.end)] for span in detect(row)]
