"""What nested totals leave: a total less a part of it, or less all groups of it that are told, is a total too.

Under a dominance rule such a rest may tell too much about its largest contributors though neither total does, whatever
conditions cut the rows into. So for each atom the sum of the contributions and the largest of them are asked; those of
any union of atoms follow.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from typing import Any

import numpy as np

MAX_CELLS = 2_000
"""Totals of a frame whose differences are looked at."""


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

    def withholds(self, atoms: Sequence[tuple[object, ...]]) -> bool:
        """Would the rule withhold the total of these atoms."""
        parts = [self.of[atom] for atom in atoms if atom in self.of]
        top = nlargest(self.rule.largest, (value for _, largest in parts for value in largest))
        return self.rule.withholds(sum(total for total, _ in parts), top)


def rests(cells: Any, statistic: Any, new: Any) -> Iterator[Any]:
    """Atoms that nested totals leave, each as a row of truth values: `cells` has a row per total, `statistic` says
    which one each belongs to, `new` which are not answered yet; what only old ones leave is past help."""
    shared = cells.astype(np.int64) @ cells.T.astype(np.int64)
    sizes = np.diag(shared)
    within = (shared == sizes[:, None]) & (sizes[:, None] < sizes[None, :])  # the first of a pair is inside the second
    seen: set[bytes] = set()
    for whole in range(len(cells)):
        parts = np.flatnonzero(within[:, whole])
        alone = [parts[place : place + 1] for place in range(len(parts))]
        groups = [parts[statistic[parts] == each] for each in np.unique(statistic[parts])]
        for some in (*alone, *(each for each in groups if len(each) > 1)):
            rest = cells[whole] & ~cells[some].any(axis=0)
            fresh = new[whole] or new[some].any()
            if fresh and rest.any() and rest.tobytes() not in seen:
                seen.add(rest.tobytes())
                yield rest
