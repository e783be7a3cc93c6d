"""Sums and differences of numbers of people that leave a few of them are suspected, in however long a history."""

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sketches import once, sketch

from policies.crowds import suspects
from policies.people import Sketch

K = 10
EVERYONE = range(3000)
Groups = Sequence[Sequence[int]]


def suspected(statistics: Sequence[Groups], old: int, *, rows: int = 1) -> list[int]:
    """`rows`: everybody has so many."""
    made = [sketch(*(dict.fromkeys(group, rows) for group in groups)) for groups in statistics]
    together = suspects(made, [counted(each) for each in made], old, K)
    return sorted({place for some in together for place in some})


def counted(made: Sketch) -> tuple[object, object, object]:
    return made.rows


def tables(random: Random, number: int) -> list[Groups]:
    """Statistics that divide many people at random, as a history of questions does."""
    found = []
    for _ in range(number):
        size, chosen = random.randrange(2, 12), random.sample(EVERYONE, 2500)
        of = {person: random.randrange(size) for person in chosen}
        found.append([[person for person in chosen if of[person] == group] for group in range(size)])
    return found


@pytest.mark.parametrize("before", [0, 3, 20, 50])
@pytest.mark.parametrize("size", [60, 400, 1400])
@pytest.mark.parametrize("both", [1, 7])
def test_whoever_is_in_two_groups_and_counted_in_their_union_is_suspected(both: int, size: int, before: int) -> None:
    random = Random(both * size + before)  # noqa: S311
    people = random.sample(EVERYONE, 2 * size - both)
    one, other, either = [people[:size]], [people[size - both :]], [people]
    history = tables(random, before)
    place = len(history) // 2
    asked = [*history[:place], one, other, *history[place:], either]
    assert set(suspected(asked, len(asked) - 1)) >= {place, place + 1, len(asked) - 1}


@pytest.mark.parametrize("before", [0, 3, 20])
def test_months_and_their_total_are_suspected_if_few_came_twice(before: int) -> None:
    random = Random(before)  # noqa: S311
    month = {person: {random.randrange(12)} for person in EVERYONE}
    for person in random.sample(EVERYONE, K - 1):
        month[person] |= {random.randrange(12)}
    months = [[person for person in EVERYONE if each in month[person]] for each in range(12)]
    history = tables(random, before)
    asked = [*history, months, [list(EVERYONE)]]
    for old in (before, before + 1):
        assert set(suspected(asked, old)) >= {before, before + 1}


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32), st.integers(2, 30))
def test_groups_that_have_nothing_to_do_with_each_other_are_not(seed: int, number: int) -> None:
    history = tables(Random(seed), number)  # noqa: S311
    assert suspected(history, number - 1) == []
    assert suspected([*history, history[0]], number) == []  # what is told again tells nothing


def test_what_was_told_before_is_not_looked_at_again() -> None:
    people = list(EVERYONE)
    told = [[people[:100]], [people[95:200]], [people[:200]]]
    assert suspected([*told, [people[1000:1500]]], 3) == []


def test_rows_count_as_often_as_they_are_there() -> None:
    """Two rows each of some, one each of others: twice the one number of people is no other number of rows."""
    people = list(EVERYONE)
    one, other = sketch(once(people[:500])), sketch(dict.fromkeys(people[:505], 2))
    assert suspects([one, other], [one.people, other.rows], 1, K) == [[0, 1]]
    assert suspects([one, other], [one.people, other.people], 1, K) == [[0, 1]]
    assert suspected([[people[:500]], [people[:520]]], 1, rows=2) == []


@pytest.mark.parametrize("before", [0, 30])
def test_the_same_told_twice_in_one_answer_hides_nothing(before: int) -> None:
    random = Random(before)  # noqa: S311
    people = random.sample(EVERYONE, 800)
    asked: list[Groups] = [*tables(random, before), [people[:404]], [people[395:]], [people], [people]]
    assert set(suspected(asked, before)) >= {before, before + 1}
    assert set(suspected(asked, before + 2)) >= {before, before + 1}


def test_nothing_new_is_nothing_suspicious() -> None:
    history = tables(Random(1), 20)  # noqa: S311
    assert suspected(history, len(history)) == []
    assert suspected([*history, []], len(history)) == []
