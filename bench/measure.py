"""Timing two things in turns, so that a machine that grows slower grows slower for both."""

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: our time against the other's, both the median of `runs` in milliseconds."""

    measure: str
    ours_ms: float
    other: str
    other_ms: float
    runs: int

    @property
    def ratio(self) -> float:
        """Ours divided by the other's."""
        return self.ours_ms / self.other_ms

    def as_json(self) -> dict[str, object]:
        """With the ratio."""
        return {**asdict(self), "ratio": self.ratio}


def in_turns(
    measure: str, ours: Callable[[], object], other_name: str, other: Callable[[], object], runs: int = 15
) -> Row:
    """Run ours, other, ours, other … after one warm-up of each."""
    ours()
    other()
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(runs):
        for side, act in enumerate((ours, other)):
            began = time.perf_counter()
            act()
            times[side].append((time.perf_counter() - began) * 1000)
    return Row(measure, statistics.median(times[0]), other_name, statistics.median(times[1]), runs)
