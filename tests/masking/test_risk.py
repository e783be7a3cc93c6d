"""Risk measures against a plain calculation, and the level they give."""

from collections import Counter, defaultdict
from itertools import accumulate

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycanon import anonymity

from masking.files import open_tables
from masking.identifiers import synthetic_residents
from masking.risk import linkage, measure
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


@st.composite
def tables(draw):
    rows = draw(st.lists(st.tuples(*[st.sampled_from("abc")] * 2, st.sampled_from("uvwx")), min_size=2, max_size=40))
    return pa.table({name: [row[place] for row in rows] for place, name in enumerate(("q1", "q2", "s"))})


@given(table=tables())
@settings(max_examples=25, deadline=None)
def test_pycanon_finds_the_same_k_l_and_t(table):
    frame = table.to_pandas()
    risk = measure(table, ["q1", "q2"], "s")
    assert risk.k == anonymity.k_anonymity(frame, ["q1", "q2"])
    assert risk.l == anonymity.l_diversity(frame, ["q1", "q2"], ["s"])
    assert risk.t == pytest.approx(anonymity.t_closeness(frame, ["q1", "q2"], ["s"]), abs=1e-5)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 9)), min_size=4, max_size=30))
@settings(max_examples=25, deadline=None)
def test_pycanon_finds_the_same_t_for_numbers(rows):
    if len({value for _, value in rows}) < 3:
        return
    table = pa.table({"q": [row[0] for row in rows], "s": [row[1] for row in rows]})
    assert measure(table, ["q"], "s").t == pytest.approx(
        anonymity.t_closeness(table.to_pandas(), ["q"], ["s"]), abs=1e-5
    )


def test_missing_values_are_a_class_of_their_own():
    table = pa.table({"q": ["a", "a", None, None, None], "s": ["u", "v", "u", None, "u"]})
    risk = measure(table, ["q"], "s")
    assert (risk.k, risk.l, risk.avg_risk) == (2, 1, 0.4)


def test_three_attackers_on_a_table_counted_by_hand():
    """Classes of 1, 2 and 4 records; the population has 5, 2 and 4 of them, and people the table does not know."""
    table = pa.table({"q": ["a", "b", "b", "c", "c", "c", "c"]})
    population = pa.table({"q": ["a"] * 5 + ["b"] * 2 + ["c"] * 4 + ["d"] * 9})
    alone = linkage(table, ["q"], threshold=0.34)
    assert (alone.prosecutor, alone.at_risk, alone.journalist) == (1.0, pytest.approx(3 / 7, abs=1e-6), None)
    assert alone.marketer == pytest.approx(3 / 7, abs=1e-6)
    known = linkage(table, ["q"], population)
    assert known.journalist == 0.5
    assert known.marketer == pytest.approx((1 / 5 + 2 / 2 + 4 / 4) / 7, abs=1e-6)


@given(table=tables())
@settings(max_examples=10, deadline=None)
def test_who_knows_less_is_never_more_sure(table):
    found = linkage(table, ["q1", "q2"], pa.concat_tables([table, table]))
    assert found.journalist <= found.prosecutor
    assert found.marketer <= found.prosecutor


def test_numbers_and_text_link_to_each_other_and_so_do_missing_values():
    table = pa.table({"q": [1, None]})
    population = pa.table({"q": ["1", "1", None, None, None]})
    assert linkage(table, ["q"], population).journalist == 0.5


def test_the_engine_that_measures_can_read_nothing_else(tmp_path):
    with open_tables(pa.table({"q": [1]})) as opened:
        (tmp_path / "x.csv").write_text("a\n1\n")
        with pytest.raises(duckdb.PermissionException):
            opened.connection.execute(f"SELECT * FROM read_csv('{tmp_path}/x.csv')")


def test_a_table_of_a_database_file_is_measured_whatever_its_name(tmp_path):
    with duckdb.connect(str(tmp_path / "p.duckdb")) as connection:
        connection.execute("CREATE TABLE t AS SELECT i % 10 AS age FROM range(100) r(i)")
    assert measure(tmp_path / "p.duckdb", ["age"]).k == 10
    assert linkage(tmp_path / "p.duckdb", ["age"]).prosecutor == 0.1
