"""Risk measures against a plain calculation, and the level they give."""

from collections import Counter, defaultdict
from itertools import accumulate

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masking.identifiers import synthetic_residents
from masking.risk import measure
from store.errors import YurtError


def classes_of(rows: list[tuple[str, str]]) -> dict[str, list[str]]:
    made = defaultdict(list)
    for quasi, sensitive in rows:
        made[quasi].append(sensitive)
    return made


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), min_size=1, max_size=40))
@settings(max_examples=10, deadline=None)
def test_k_l_and_t_are_what_their_definitions_say(rows):
    made = classes_of(rows)
    whole = Counter(sensitive for _, sensitive in rows)
    distance = max(
        sum(abs(members.count(value) / len(members) - whole[value] / len(rows)) for value in whole) / 2
        for members in made.values()
    )
    risk = measure(pa.table({"q": [row[0] for row in rows], "s": [row[1] for row in rows]}), ["q"], "s")
    assert risk.k == min(map(len, made.values()))
    assert risk.l == min(len(set(members)) for members in made.values())
    assert risk.t == pytest.approx(distance, abs=1e-6)
    assert risk.max_risk == pytest.approx(1 / risk.k, abs=1e-6)
    assert risk.avg_risk == pytest.approx(len(made) / len(rows), abs=1e-6)
    assert risk.unique_share == pytest.approx(sum(len(m) == 1 for m in made.values()) / len(rows), abs=1e-6)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 9)), min_size=4, max_size=30))
@settings(max_examples=10, deadline=None)
def test_numbers_are_compared_in_their_order(rows):
    values = sorted({value for _, value in rows})
    if len(values) < 3:
        return
    whole = Counter(value for _, value in rows)
    distances = []
    for members in classes_of([(q, str(v)) for q, v in rows]).values():
        steps = accumulate(members.count(str(v)) / len(members) - whole[v] / len(rows) for v in values)
        distances.append(sum(map(abs, steps)) / (len(values) - 1))
    risk = measure(pa.table({"q": [row[0] for row in rows], "s": [row[1] for row in rows]}), ["q"], "s")
    assert risk.t == pytest.approx(max(distances), abs=1e-6)


def test_li_s_example_of_ordered_salaries():
    """Li, Li, Venkatasubramanian 2007, section 4: classes {3,4,5}k and {6,8,11}k of nine salaries: 0.375 and 0.167."""
    salaries = [3, 4, 5, 6, 8, 11, 7, 9, 10]
    risk = measure(pa.table({"q": ["a"] * 3 + ["b"] * 3 + ["c"] * 3, "s": salaries}), ["q"], "s")
    assert risk.t == pytest.approx(0.375)


def test_the_level_follows_identifiers_and_risk():
    residents = synthetic_residents(400, seed=1)
    plain = residents.select(["gender"])
    assert measure(residents, ["gender"]).level == 1
    assert measure(plain, ["gender"]).level == 3
    assert measure(residents.select(["birth_date", "gender"]), ["birth_date", "gender"]).level == 2


def test_without_a_sensitive_column_there_is_no_l_and_no_t():
    risk = measure(pa.table({"q": ["a", "a"]}), ["q"])
    assert (risk.k, risk.l, risk.t) == (2, None, None)


def test_an_empty_table_has_no_risk():
    risk = measure(pa.table({"q": pa.array([], pa.string())}), ["q"])
    assert (risk.k, risk.max_risk, risk.unique_share) == (0, 0.0, 0.0)


def test_an_unknown_column_is_named():
    with pytest.raises(YurtError, match="MASK_NO_COLUMN"):
        measure(pa.table({"q": ["a"]}), ["nope"])


def test_a_hostile_column_name_is_only_a_name():
    name = 'a"; DROP TABLE t; --'
    assert measure(pa.table({name: ["x", "x"]}), [name]).k == 2
