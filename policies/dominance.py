"""Totals under a dominance rule, and what can be made of them.

Any mixture of totals in which nobody counts less than nothing is a total too, of contributions that are multiplied, and
bounds whoever is in it from above. So for each large contribution the mixture of released totals that bounds it most
tightly is looked for, a linear program over the atoms (Dantzig 1963; in cell suppression Fischetti & Salazar 2001), and
judged by the rule like a total that was asked for: a difference of nested totals, a total less all the groups of it
that are told, and whatever is beyond those.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from typing import Any

import numpy as np

from policies.combinations import TooMuch

MAX_CELLS = 2_000
"""Totals of a frame that are mixed."""
MOST_BOUNDED = 12
"""Atoms whose largest contributions are bounded, the largest first: a rule is broken for whoever is large."""
_NOTHING = 1e-7
_INFEASIBLE = 2  # of scipy's states of a linear program


@dataclass(frozen=True, slots=True)
class Rule:
    """A total is withheld where its `n` largest contributions are more than `k` of it, or what is left of it beside the
    two largest is less than `p` of the largest."""

    n: int = 0  # 0: no such rule
    k: float = 1.0
    p: float = 0.0

    @property
    def largest(self) -> int:
        """How many of the largest contributions it looks at."""
        return max(self.n, 2)

    def withholds(self, total: float, top: Sequence[float]) -> bool:
        """`top`: the largest contributions, in order."""
        rest = total - sum(top[:2])
        return bool(top) and (bool(self.n and sum(top[: self.n]) > self.k * total) or rest < self.p * top[0])


@dataclass(frozen=True, slots=True)
class Contributions:
    """Of each atom, by its values: the sum of what its rows contribute, and the largest of it."""

    rule: Rule
    of: Mapping[tuple[object, ...], tuple[float, Sequence[float]]]

    def withholds(self, weights: Mapping[tuple[object, ...], float]) -> bool:
        """Would the rule withhold a mixture in which these atoms count so often."""
        parts = [(often, *self.of[atom]) for atom, often in weights.items() if atom in self.of]
        top = nlargest(self.rule.largest, (often * value for often, _, largest in parts for value in largest))
        return self.rule.withholds(sum(often * total for often, total, _ in parts), top)


@dataclass(frozen=True, slots=True)
class Mixture:
    """A mixture of totals: which of them are in it, and how often each atom counts."""

    cells: tuple[int, ...]
    weights: Any  # an array over the atoms


def mixtures(cells: Any, totals: Any, largest: Any) -> Iterator[Mixture]:
    """The tightest bounds. `cells`: how often each atom (a column) counts in each total (a row); `totals`: of each
    atom; `largest`: its largest contribution. Raises TooMuch where a bound was not found."""
    from scipy.optimize import linprog  # type: ignore[import-untyped]  # a third of a second

    told = cells @ totals
    scale = float(np.abs(told).max(initial=0.0)) or 1.0
    present = np.flatnonzero(totals > 0)
    for atom in present[np.argsort(-largest[present], kind="stable")][:MOST_BOUNDED]:
        least = np.where(present == atom, 1.0, 0.0)
        found = linprog(
            told / scale, A_ub=-cells[:, present].T, b_ub=-least, bounds=(None, None), method="highs",
        )  # fmt: skip
        if found.status == _INFEASIBLE:
            continue  # no mixture holds it, so none bounds it
        if found.status != 0:
            raise TooMuch
        weights = np.maximum(found.x @ cells, 0.0)
        weights[weights < _NOTHING] = 0.0
        yield Mixture(tuple(np.flatnonzero(np.abs(found.x) > _NOTHING).tolist()), weights)
