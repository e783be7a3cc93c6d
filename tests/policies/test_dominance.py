"""What nested totals leave, and whether the rule would withhold it."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from policies.dominance import Contributions, Rule, rests

shares = st.lists(st.floats(0, 1e9, allow_subnormal=False), min_size=1, max_size=12)


@given(st.lists(shares, min_size=1, max_size=6), st.integers(1, 3), st.floats(0.1, 0.95), st.floats(0, 0.5))
def test_a_union_of_atoms_is_judged_as_its_contributions_are(
    atoms: list[list[float]], n: int, k: float, p: float
) -> None:
    rule = Rule(n, k, p)
    of = {(place,): (sum(each), sorted(each, reverse=True)[: rule.largest]) for place, each in enumerate(atoms)}
    every = sorted((value for each in atoms for value in each), reverse=True)
    whole = sum(sum(each) for each in atoms)
    assert Contributions(rule, of).withholds(list(of)) == rule.withholds(whole, every[: rule.largest])


def test_a_rule_that_asks_for_nothing_withholds_nothing() -> None:
    assert not Rule().withholds(10.0, [10.0])
    assert Rule(n=1, k=0.9).withholds(10.0, [9.5, 0.5])
    assert Rule(p=0.1).withholds(10.0, [9.0, 0.9])
    assert not Rule(p=0.1).withholds(30.0, [9.0, 9.0])


def left(cells: list[str], statistic: list[int], new: list[bool]) -> set[str]:
    held = np.array([[mark == "x" for mark in cell] for cell in cells])
    found = rests(held, np.array(statistic), np.array(new))
    return {"".join("x" if each else "." for each in rest) for rest in found}


def test_a_total_less_a_part_of_it_and_less_all_groups_of_it_is_looked_at() -> None:
    cells = ["xxxxx", "xx...", "..xx."]
    assert left(cells, [0, 1, 1], [True, True, True]) == {"..xxx", "xx..x", "....x"}


def test_what_was_answered_before_is_past_help() -> None:
    assert left(["xxx", "x.."], [0, 1], [False, False]) == set()
    assert left(["xxx", "x.."], [0, 1], [False, True]) == {".xx"}


def test_totals_that_only_overlap_leave_nothing() -> None:
    assert left(["xx.", ".xx"], [0, 1], [True, True]) == set()
