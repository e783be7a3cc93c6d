"""The linear algebra behind the differencing guard, against brute force on small cases."""

from fractions import Fraction
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from policies.combinations import Combinations, Isolated

K = 5


def search(cells: list[list[int]], old: int, sizes: list[int]) -> Combinations:
    atoms = [{place: row[atom] for place, row in enumerate(cells) if row[atom]} for atom in range(len(sizes))]
    return Combinations(atoms, len(cells), old, sizes, lambda chosen: sum(sizes[atom] for atom in chosen), K)


def isolated(cells: list[list[int]], old: int, sizes: list[int]) -> list[Isolated]:
    return search(cells, old, sizes).isolating()


def rank(rows: list[list[int]]) -> int:
    """Rank over the rationals, by elimination with fractions."""
    matrix = [[Fraction(value) for value in row] for row in rows]
    done = 0
    for column in range(len(matrix[0]) if matrix else 0):
        pivot = next((place for place in range(done, len(matrix)) if matrix[place][column]), None)
        if pivot is None:
            continue
        matrix[done], matrix[pivot] = matrix[pivot], matrix[done]
        for place in range(done + 1, len(matrix)):
            factor = matrix[place][column] / matrix[done][column]
            matrix[place] = [one - factor * two for one, two in zip(matrix[place], matrix[done], strict=True)]
        done += 1
    return done


def reachable(cells: list[list[int]], support: tuple[int, ...]) -> bool:
    """Is there a nonzero combination of the rows that is zero outside `support`: rank drops without its columns."""
    outside = [[value for column, value in enumerate(row) if column not in support] for row in cells]
    return rank(outside) < rank(cells) if outside and outside[0] else rank(cells) > 0


def light_supports(cells: list[list[int]], sizes: list[int]) -> list[tuple[int, ...]]:
    atoms = range(len(sizes))
    sets = (chosen for count in range(1, K) for chosen in combinations(atoms, count))
    return [chosen for chosen in sets if sum(sizes[atom] for atom in chosen) < K and reachable(cells, chosen)]


def test_a_set_and_the_same_set_without_one_person_isolate_that_person() -> None:
    found = isolated([[1, 1], [1, 0]], 1, [200, 1])
    assert [(each.cells, each.atoms) for each in found] == [((1,), (1,))]


def test_inclusion_and_exclusion_over_three_answers_is_seen() -> None:
    union, left, right = [1, 1, 1], [1, 1, 0], [0, 1, 1]
    assert isolated([union, left, right], 2, [200, 3, 300])
    assert not isolated([union, left, right], 2, [200, 30, 300])


def test_a_general_tracker_is_seen() -> None:
    """Denning and Schlörer 1980: count(C) = count(C or T) + count(C or not T) - count(T) - count(not T)."""
    c_and_t, c_not_t, t, rest = 1, 1, 100, 100
    cells = [[1, 1, 1, 0], [1, 1, 0, 1], [1, 0, 1, 0], [0, 1, 0, 1]]
    assert isolated(cells, 3, [c_and_t, c_not_t, t, rest])


def test_margins_of_a_table_without_small_cells_isolate_nobody() -> None:
    rows = [[1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0], [0, 1, 0, 1], [1, 1, 1, 1]]
    assert not isolated(rows, 2, [3, 90, 80, 70])


def test_a_withheld_cell_comes_back_from_a_total_and_taking_one_more_away_helps() -> None:
    total, first, second = [1, 1, 1], [1, 0, 0], [0, 1, 0]
    together = search([total, first, second], 1, [100, 90, 3])
    assert together.isolating()
    together.take_away(2)
    assert not together.isolating()


def test_what_history_alone_gives_away_is_not_blamed_on_a_new_answer() -> None:
    assert not isolated([[1, 1, 0], [1, 0, 0], [0, 0, 1]], 2, [50, 2, 50])


def test_sums_and_sums_of_products_with_what_is_known_are_solved_together() -> None:
    plain, doubled = [1, 1, 1], [7, 7, 9]
    assert not isolated([plain], 0, [20, 20, 1])
    assert isolated([plain, doubled], 1, [20, 20, 1])


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_brute_force_agrees(data: st.DataObject) -> None:
    atoms = data.draw(st.integers(2, 7))
    sizes = data.draw(st.lists(st.sampled_from([1, 1, 2, 3, 40]), min_size=atoms, max_size=atoms))
    row = st.lists(st.sampled_from([0, 0, 0, 1, 1, 1, 2, 7]), min_size=atoms, max_size=atoms)
    cells = data.draw(st.lists(row, min_size=1, max_size=6))
    found = isolated(cells, 0, sizes)
    light = light_supports(cells, sizes)
    for each in found:
        assert any(set(chosen) <= set(each.atoms) for chosen in light)
    assert bool(found) == bool(light)
