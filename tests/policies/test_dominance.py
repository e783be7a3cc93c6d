"""Mixtures of totals, how tightly they bound the largest contributions, and whether the rule would withhold them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from policies.dominance import Contributions, Rule, mixtures

shares = st.lists(st.floats(0, 1e9, allow_subnormal=False), min_size=1, max_size=12)


@given(st.lists(shares, min_size=1, max_size=6), st.integers(1, 3), st.floats(0.1, 0.95), st.floats(0, 0.5))
def test_a_union_of_atoms_is_judged_as_its_contributions_are(
    atoms: list[list[float]], n: int, k: float, p: float
) -> None:
    rule = Rule(n, k, p)
    of = {(place,): (sum(each), sorted(each, reverse=True)[: rule.largest]) for place, each in enumerate(atoms)}
    every = sorted((value for each in atoms for value in each), reverse=True)
    whole = sum(sum(each) for each in atoms)
    assert Contributions(rule, of).withholds(dict.fromkeys(of, 1.0)) == rule.withholds(whole, every[: rule.largest])


def test_a_rule_that_asks_for_nothing_withholds_nothing() -> None:
    assert not Rule().withholds(10.0, [10.0])
    assert Rule(n=1, k=0.9).withholds(10.0, [9.5, 0.5])
    assert Rule(p=0.1).withholds(10.0, [9.0, 0.9])
    assert not Rule(p=0.1).withholds(30.0, [9.0, 9.0])


def bounds(cells: list[str], contributions: list[float]) -> list[dict[int, float]]:
    """How often each atom counts in the tightest mixture that bounds it, largest contribution first."""
    held = np.array([[float(mark == "x") for mark in cell] for cell in cells])
    values = np.array(contributions)
    found = mixtures(held, values, values)
    return [{int(atom): round(float(each.weights[atom]), 6) for atom in np.flatnonzero(each.weights)} for each in found]


def test_the_tightest_bound_is_a_total_less_all_of_its_groups() -> None:
    assert bounds(["xxxx", ".x..", "..x."], [9.0, 3.0, 2.0, 1.0])[0] == {0: 1.0, 3: 1.0}


def test_totals_that_are_not_nested_are_mixed() -> None:
    assert bounds(["xx..", ".xx.", "..xx", "...x"], [9.0, 3.0, 2.0, 1.0])[0] == {0: 1.0}


def test_what_no_total_holds_has_no_bound() -> None:
    assert bounds(["xx."], [1.0, 2.0, 9.0]) == [{0: 1.0, 1: 1.0}] * 2


@given(
    st.lists(st.text("x.", min_size=5, max_size=5), min_size=1, max_size=6), st.permutations([9.0, 5.0, 3.0, 1.0, 0.5])
)
def test_in_a_mixture_nobody_counts_less_than_nothing_and_one_counts_whole(
    cells: list[str], contributions: list[float]
) -> None:
    held = np.array([[float(mark == "x") for mark in cell] for cell in cells])
    for mixture in mixtures(held, np.array(contributions), np.array(contributions)):
        assert (mixture.weights >= 0).all()
        assert mixture.weights.max() >= 1 - 1e-6
