"""Classes, the grade of a table and its volume rule; drift from one version to the next."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masking.classify import ColumnSuggestion, suggest_table
from masking.columns import kind_of
from masking.drift import Drift, DriftCode, drift
from masking.entities import EntityType
from masking.grading import IMPORTANT, IMPORTANT_SENSITIVE, MANY, class_of, grade_table, is_personal, is_sensitive
from masking.identifiers import synthetic_residents


def column(kind: str | None, role: str = "other", grade: int = 2, **changed: object) -> ColumnSuggestion:
    plain = {"table": "t", "column": "c", "evidence": "e", "operator": "keep", "arguments": {}}
    return ColumnSuggestion(**{**plain, "type": kind, "role": role, "grade": grade, **changed})


PERSONAL = column("PERSON", "direct", 3)
SECRET = column("HEALTH", "sensitive", 4)


def test_every_entity_type_has_a_class():
    made = {kind: class_of(column(kind.value, kind_of(kind).role, 3)) for kind in EntityType}
    assert [kind for kind, name in made.items() if name in {"其他个人信息", "一般业务数据"}] == []


def test_companies_are_no_personal_information_and_patients_are_sensitive():
    assert not is_personal(column("CN_USCC", "direct", 2))
    assert is_personal(PERSONAL)
    assert not is_sensitive(PERSONAL)
    assert is_sensitive(SECRET)


@pytest.mark.parametrize(
    ("columns", "rows", "grade", "important"),
    [
        ([PERSONAL], MANY - 1, 3, False), ([PERSONAL], MANY, 4, False), ([PERSONAL], IMPORTANT, 4, True),
        ([SECRET], IMPORTANT_SENSITIVE - 1, 4, False), ([SECRET], IMPORTANT_SENSITIVE, 4, True),
        ([column(None)], IMPORTANT * 10, 2, False), ([], 5, 1, False),
    ],
)  # fmt: skip
def test_volume_raises_the_grade_of_personal_information_only(columns, rows, grade, important):
    found = grade_table("t", rows, columns)
    assert (found.grade, found.important) == (grade, important)


@given(st.lists(st.sampled_from([PERSONAL, SECRET, column(None), column("ORG", "quasi", 2)])), st.integers(0, 10**8))
@settings(max_examples=30, deadline=None)
def test_a_table_is_never_graded_below_its_highest_column(columns, rows):
    found = grade_table("t", rows, columns)
    assert found.grade >= max((c.grade for c in columns), default=1)
    assert 1 <= found.grade <= 4


def codes(old: pa.Table, new: pa.Table, accepted: dict[str, int] | None = None) -> dict[str, str]:
    return {f.column: f.code.value for f in drift(suggest_table(old), suggest_table(new), accepted)}


NOTES = ["无意见，同意按规定办理，请各单位配合落实，逾期不再受理相关申请"] * 40
REMARKS = [
    f"请回电{phone}处理，申请人反映的问题需要尽快给予书面答复" for phone in synthetic_residents(40)["phone"].to_pylist()
]


def test_the_same_table_has_not_drifted():
    residents = synthetic_residents(200, seed=1)
    assert codes(residents, synthetic_residents(200, seed=2)) == {}


def test_identifiers_that_appear_in_remarks_are_noticed():
    (found,) = drift(suggest_table(pa.table({"note": NOTES})), suggest_table(pa.table({"note": REMARKS})))
    assert (found.code, found.column, found.grave) == (DriftCode.IDENTIFIER_NEW, "note", True)
    assert "CN_MOBILE" in found.why
    assert not any(phone in found.why for phone in synthetic_residents(40)["phone"].to_pylist())


def test_columns_that_come_and_go_are_noticed():
    old, new = pa.table({"a": ["x"], "b": ["y"]}), pa.table({"b": ["y"], "c": ["z"]})
    assert codes(old, new) == {"c": "COLUMN_NEW", "a": "COLUMN_GONE"}


def test_a_grade_above_the_accepted_one_is_noticed_even_if_it_was_proposed_before():
    old, new = column("AGE", "quasi", 3), column("INCOME", "sensitive", 4)
    assert [f.code for f in drift([old], [new], {"c": 3})] == [DriftCode.GRADE_HIGHER]
    assert drift([old], [old], {"c": 2}) == []


def test_more_identifiers_than_before_are_noticed():
    old = column("FREE_TEXT", "direct", 3, share=0.1, identifying=0.1)
    new = column("FREE_TEXT", "direct", 3, share=0.6, identifying=0.6)
    assert [f.code for f in drift([old], [new])] == [DriftCode.SHARE_CHANGED]


def test_a_column_that_lost_its_values_is_noticed():
    old, new = column("AGE", "quasi", 3, rows=9), column("AGE", "quasi", 3, rows=9, missing=9)
    assert drift([old], [new]) == [Drift(DriftCode.VALUES_GONE, "c", "100% of values are missing")]
