"""Whatever is asked of a small table in whatever order, what is told isolates nobody, and nothing is withheld idly."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.atoms import audit
from policies.decision import Audit, Footprint, Place
from policies.verdict import Coded, Verdict, digest, judge

K = 3
NAMES = "abc"
Person = tuple[int, ...]
Row = tuple[int, Person]  # who, and what of them
Cell = tuple[int, ...]  # positions of rows

conditions = st.one_of(
    st.just(""), st.tuples(st.sampled_from(NAMES), st.sampled_from(["=", "<>"]), st.integers(0, 2)).map(
        lambda parts: f"{parts[0]} {parts[1]} {parts[2]}")
)  # fmt: skip
statistics = st.tuples(conditions, st.sets(st.sampled_from(NAMES), max_size=2))
people = st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 1))


def footprint(condition: str, keys: set[str]) -> Footprint:
    return Footprint(("people",), ("SELECT 1 AS u",), (condition,) if condition else (), tuple(sorted(keys)), ("u",), K)


def holds(condition: str, row: Row) -> bool:
    name, sign, value = condition.split()
    return (row[1][NAMES.index(name)] == int(value)) == (sign == "=")


def cells(asked: Footprint, rows: Sequence[Row]) -> dict[tuple[int, ...], Cell]:
    """Group -> its rows, of the groups that may be told at all."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for place, row in enumerate(rows):
        if all(holds(condition, row) for condition in asked.conditions):
            groups.setdefault(tuple(row[1][NAMES.index(key)] for key in asked.keys), []).append(place)
    return {key: tuple(held) for key, held in groups.items() if len({rows[place][0] for place in held}) >= K}


def counted(of: Audit, rows: Sequence[Row]) -> dict[str, Coded]:
    """What an engine would answer the audit's query."""
    tests = {asked.test: asked.footprint.conditions[0] for asked in of.asked if asked.test is not None}
    atoms: dict[tuple[object, ...], set[int]] = {}
    for row in rows:
        told = [holds(tests[place], row) for place in range(of.tests)]
        atoms.setdefault((*told, *(row[1][NAMES.index(key)] for key in of.keys)), set()).add(row[0])
    lines = [
        (*atom, len(who), person)
        for atom, who in atoms.items()
        for person in (sorted(who) if len(who) < K else [None])
    ]  # fmt: skip
    names = [*(f"t{place}" for place in range(of.tests)), *(f"k{place}" for place in range(len(of.keys))), "n", "who"]
    made = {}
    for name, column in zip(names, zip(*lines, strict=True), strict=True):
        values = list(dict.fromkeys(value for value in column if value is not None))
        made[name] = Coded(np.array([-1 if value is None else values.index(value) for value in column]), values)
    return made


def verdict(new: Footprint, history: Sequence[Footprint], rows: Sequence[Row], movable: bool = True) -> Verdict:
    of = audit(history, [new], {new: Place((), None)} if movable else {}, ())
    return judge(of, counted(of, rows))


def isolated(told: Sequence[Cell], rows: Sequence[Row]) -> bool:
    """By brute force: is a set of atoms with 1 to K - 1 people the support of a sum of multiples of cells."""
    if not told:
        return False
    matrix = np.zeros((len(told), len(rows)))
    for line, cell in enumerate(told):
        matrix[line, list(cell)] = 1
    atoms, inverse = np.unique(matrix.T, axis=0, return_inverse=True)
    who = [{rows[place][0] for place in np.flatnonzero(inverse.reshape(-1) == atom)} for atom in range(len(atoms))]
    small = [atom for atom in range(len(atoms)) if len(who[atom]) < K and atoms[atom].any()]
    everything = np.linalg.matrix_rank(atoms)
    for chosen in (each for count in range(1, 2 * K) for each in combinations(small, count)):
        if len(set().union(*(who[atom] for atom in chosen))) < K:
            rest = np.delete(atoms, chosen, axis=0)
            if np.linalg.matrix_rank(rest) < everything if len(rest) else everything:
                return True
    return False


def told(history: Sequence[Footprint], rows: Sequence[Row]) -> list[Cell]:
    return [
        cell
        for each in history
        for key, cell in cells(each, rows).items()
        if digest(key) not in (each.withheld or ())
    ]  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(st.lists(people, min_size=6, max_size=25), st.lists(statistics, min_size=2, max_size=6))
def test_no_session_isolates_anybody(table: list[Person], asked: list[tuple[str, set[str]]]) -> None:
    rows = list(enumerate(table))
    history: list[Footprint] = []
    for condition, keys in asked:
        new = footprint(condition, keys)
        if new in history:
            continue
        found = verdict(new, history, rows)
        assert (found.refused, found.too_much) == (False, False)
        if found.withheld:
            assert isolated([*told(history, rows), *cells(new, rows).values()], rows)
        history.append(replace(new, withheld=tuple(found.withheld.get(new, ()))))
        assert not isolated(told(history, rows), rows)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 8), people), min_size=8, max_size=25),
    st.lists(statistics, min_size=2, max_size=4),
)
def test_nor_where_people_have_several_rows(rows: list[Row], asked: list[tuple[str, set[str]]]) -> None:
    history: list[Footprint] = []
    for condition, keys in asked:
        new = footprint(condition, keys)
        if new not in history:
            found = verdict(new, history, rows)
            history.append(replace(new, withheld=tuple(found.withheld.get(new, ()))))
            assert not isolated(told(history, rows), rows)


@settings(max_examples=40, deadline=None)
@given(st.lists(people, min_size=6, max_size=25), statistics, statistics)
def test_what_cannot_be_withheld_is_refused_exactly_where_it_isolates(
    table: list[Person], first: tuple[str, set[str]], second: tuple[str, set[str]]
) -> None:
    rows, old, new = list(enumerate(table)), footprint(*first), footprint(*second)
    if old != new:
        both = isolated([*cells(old, rows).values(), *cells(new, rows).values()], rows)
        assert verdict(new, [old], rows, movable=False).refused == both


def test_where_somebody_may_be_being_told_the_rest_nothing_counts_as_withheld() -> None:
    rows = [(place, (int(place > 1), 0, 0)) for place in range(9)]
    by_a, total = footprint("", {"a"}), footprint("", set())
    settled = replace(by_a, withheld=(digest((1,)),))
    assert not verdict(total, [settled], rows).withheld
    assert verdict(total, [replace(settled, pending=True)], rows).withheld
