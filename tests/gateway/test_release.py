"""The release guard on small tables."""

import pyarrow as pa
import pytest

from gateway.release import release
from policies.decision import Guard, ReleasePlan
from policies.model import Mode
from store.errors import YurtError


def plan(*guards: Guard, visible: int = 2, complementary: bool = False, max_rows: int = 100) -> ReleasePlan:
    return ReleasePlan(Mode.THRESHOLD, 10, max_rows, 30.0, visible, guards, complementary=complementary)


ROW = Guard("__y1", "least", 10, None)


def test_small_groups_and_hidden_columns_stay_back() -> None:
    table = pa.table({"county": ["a", "b", "c"], "n": [50, 7, 12], "__y1": [50, 7, 12]})
    released = release(table, plan(ROW))
    assert released.table.to_pylist() == [{"county": "a", "n": 50}, {"county": "c", "n": 12}]
    assert released.suppressed == 1


def test_a_small_cell_becomes_null_and_its_row_stays() -> None:
    table = pa.table({"county": ["a", "b"], "n": [50, 3], "__y1": [50, 60], "__y2": [50, 3]})
    released = release(table, plan(ROW, Guard("__y2", "least", 10, (1,))))
    assert released.table.to_pylist() == [{"county": "a", "n": 50}, {"county": "b", "n": None}]
    assert released.suppressed == 1


def test_two_cells_that_differ_by_a_few_people_are_not_both_shown() -> None:
    table = pa.table({"all": [50, 50], "some": [46, 50], "__y2": [4, 0]})
    released = release(table, plan(Guard("__y2", "apart", 10, (1,))))
    assert released.table.column("some").to_pylist() == [None, 50]


def test_a_dominated_total_is_withheld() -> None:
    table = pa.table({"county": ["a"], "sum": [99], "__y3": [1]})
    assert release(table, plan(Guard("__y3", "dominance", 1, (1,)))).table.column("sum").to_pylist() == [None]


def test_with_a_known_total_the_withheld_groups_are_large_together() -> None:
    table = pa.table({"county": ["a", "b", "c"], "n": [50, 7, 12], "__y1": [50, 7, 12]})
    released = release(table, plan(ROW, complementary=True))
    assert released.table.to_pylist() == [{"county": "a", "n": 50}]
    assert released.suppressed == 2


def test_a_guard_of_another_branch_says_nothing() -> None:
    table = pa.table({"county": ["a"], "n": [5], "__y1": pa.array([None], pa.int64())})
    assert release(table, plan(ROW)).table.num_rows == 1


def test_too_many_rows_are_an_error_and_no_part_of_an_answer() -> None:
    with pytest.raises(YurtError) as caught:
        release(pa.table({"a": list(range(11)), "b": list(range(11))}), plan(max_rows=10))
    assert caught.value.code == "TOO_MANY_ROWS"
