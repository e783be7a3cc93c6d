"""Names that forms, rows, lists and other mentions prove, and half names that stay."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masking.detect import detect
from masking.names_company import LIST, lists


def people(text: str) -> list[str]:
    return [text[span.start : span.end] for span in detect(text) if span.type == "PERSON"]


@pytest.mark.parametrize(
    "text", ["联系人：张女士", "联系人：王总", "负责人：李工，电话见附件", "老师：欧阳老师", "汉族\t男\t35"]
)
def test_a_surname_with_a_title_and_a_row_of_figures_are_no_names(text: str) -> None:
    assert people(text) == []


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("摄影：高原  编辑：白雪", ["高原", "白雪"]),
        ("人民陪审员 纪念", ["纪念"]),
        ("莲花\t女\t18804711234\t在职", ["莲花"]),
        ("xm=石榴&phone=13947112233", ["石榴"]),
    ],
)
def test_the_box_of_one_person_makes_a_word_a_name(text: str, names: list[str]) -> None:
    assert people(text) == names


def test_who_stands_in_a_list_of_people_is_one() -> None:
    assert people("参加会议的有：满都拉、何似、贺喜格、商量、文化。")[-2:] == ["商量", "文化"]
    assert people("原告殷兆麟诉被告陆小满、陆小暑民间借贷纠纷一案")[-1] == "陆小暑"


@pytest.mark.parametrize("text", ["马铃薯、向日葵、甜菜", "黄芪、党参、白术、甘草", "张家口、秦皇岛、唐山"])
def test_a_list_of_things_stays_one(text: str) -> None:
    assert people(text) == []


def test_who_is_named_with_certainty_is_named_wherever_the_name_stands() -> None:
    text = "患者车晓东，男，电话13947112233。车晓东了吗？车晓东这边请。"
    assert people(text) == ["车晓东"] * 3


@given(st.lists(st.sampled_from(["甲", "乙丙丁", "、", "/", "x", "\n", "很" * 25]), max_size=30).map("".join))
def test_lists_looked_for_at_their_marks_are_all_there_are(text: str) -> None:
    assert [row.span() for row in lists(text)] == [row.span() for row in LIST.finditer(text)]
