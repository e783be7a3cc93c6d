"""Masked text holds no identifier, whatever the operator."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masking.detect import detect
from masking.identifiers import synthetic_residents
from masking.text import TEXT_OPERATORS, mask_all, mask_text


@pytest.mark.parametrize("operator", TEXT_OPERATORS)
def test_no_labelled_value_survives(labelled, operator):
    masked = mask_text(labelled.text, operator)
    for start, end, _ in labelled.spans:
        assert labelled.text[start:end] not in masked
    assert detect(masked) == []


def test_each_operator_says_what_it_hides():
    text = "张伟的手机13947112233，再说一遍13947112233"
    assert mask_text(text) == "<PERSON>的手机<CN_MOBILE>，再说一遍<CN_MOBILE>"
    assert mask_text(text, "constant") == "***的手机***，再说一遍***"
    assert mask_text(text, "partial") == "张*的手机139****2233，再说一遍139****2233"
    assert mask_text(text, "number") == "<PERSON_1>的手机<CN_MOBILE_1>，再说一遍<CN_MOBILE_1>"


@pytest.mark.parametrize("operator", TEXT_OPERATORS)
def test_masking_twice_changes_nothing(labelled, operator):
    once = mask_text(labelled.text, operator)
    assert mask_text(once, operator) == once


@given(
    st.sampled_from(synthetic_residents(40, seed=3).to_pylist()),
    st.sampled_from(["\u200b", "\u00a0", " ", "-", ""]),
    st.sampled_from(TEXT_OPERATORS),
)
@settings(max_examples=60, deadline=None)
def test_hidden_digits_never_leave(person, gap, operator):
    spread = f"{person['id_no'][:6]}{gap}{person['id_no'][6:14]}{gap}{person['id_no'][14:]}"
    masked = mask_text(
        f"{person['name']}，身份证号{spread}，电话{person['phone']}，住址{person['address']}。", operator
    )
    assert f"{person['birth_date']:%Y%m%d}" not in masked
    assert person["phone"][3:7] not in masked
    assert person["name"] not in masked
    assert person["address"][-6:] not in masked


@pytest.mark.parametrize("operator", TEXT_OPERATORS)
def test_texts_masked_together_are_masked_as_one_by_one(operator: str) -> None:
    texts = [
        "",
        "张伟的电话13947112233",
        "今天下雨",
        "联系人：张伟，13947112233，另一部13947112234",
        "张伟的电话13947112233",
    ]
    assert mask_all(texts, operator) == [mask_text(text, operator) for text in texts]
