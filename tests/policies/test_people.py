"""Sketches of sets of people never call near ones far apart."""

from hypothesis import given
from hypothesis import strategies as st
from sketches import once, sketch

from policies.people import near

K = 5


PEOPLE = st.dictionaries(st.integers(0, 300), st.integers(1, 3), min_size=K, max_size=40)


@given(PEOPLE, st.dictionaries(st.integers(0, 300), st.integers(0, 3), max_size=6), PEOPLE)
def test_groups_that_differ_in_few_people_are_always_looked_at(
    one: dict[int, int], change: dict[int, int], aside: dict[int, int]
) -> None:
    other = {person: rows for person, rows in {**one, **change}.items() if rows}
    apart = [person for person in {*one, *other} if one.get(person) != other.get(person)]
    if 1 <= len(apart) < K:
        assert near(sketch(aside, one), sketch(other), K)


def test_equal_groups_and_far_ones_are_not() -> None:
    everyone = once(range(500))
    assert not near(sketch(everyone), sketch(everyone), K)
    assert not near(sketch(everyone), sketch(once(range(480))), K)
    assert not near(sketch(everyone, once(range(20))), sketch(everyone, once(range(600, 620))), K)


def test_people_written_in_two_ways_are_compared_exactly() -> None:
    assert near(sketch(once(range(50))), sketch(once(range(50)), kind="BIGINT"), K)
