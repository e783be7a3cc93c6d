"""The release guard on small tables."""

import pyarrow as pa
import pytest

from gateway.release import release
from policies.decision import Footprint, Guard, Place, ReleasePlan, Withhold
from policies.model import Mode
from policies.verdict import digest
from store.errors import YurtError


def plan(*guards: Guard, visible: int = 2, max_rows: int = 100) -> ReleasePlan:
    return ReleasePlan(Mode.THRESHOLD, 10, max_rows, 30.0, visible, guards)


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


def withheld(key: str | None, place: Place) -> Withhold:
    """The cell of the group `key`; None: of the one group there is."""
    footprint = Footprint(("people",), ("SELECT 1",), (), (), ("u",), 10)
    return Withhold(footprint, place, frozenset({digest([] if key is None else [key])}))


def test_a_cell_that_gives_another_away_takes_its_row_or_only_its_columns() -> None:
    table = pa.table({"county": ["a", "b"], "n": [50, 12]})
    assert release(table, plan(), [withheld("b", Place((0,), None))]).table.to_pylist() == [{"county": "a", "n": 50}]
    one = release(table, plan(), [withheld("b", Place((0,), (1,)))])
    assert one.table.column("n").to_pylist() == [50, None]
    assert one.suppressed == 1


def test_of_several_groupings_only_the_rows_of_the_right_one_go() -> None:
    table = pa.table({"county": ["a", None, None], "n": [50, 12, 62], "__y2": [0, 0, 1]})
    released = release(table, plan(), [withheld(None, Place((), None, ("__y2", 1)))])
    assert released.table.column("n").to_pylist() == [50, 12]


def test_a_guard_of_another_branch_says_nothing() -> None:
    table = pa.table({"county": ["a"], "n": [5], "__y1": pa.array([None], pa.int64())})
    assert release(table, plan(ROW)).table.num_rows == 1


def test_too_many_rows_are_an_error_and_no_part_of_an_answer() -> None:
    with pytest.raises(YurtError) as caught:
        release(pa.table({"a": list(range(11)), "b": list(range(11))}), plan(max_rows=10))
    assert caught.value.code == "TOO_MANY_ROWS"
