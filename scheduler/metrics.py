"""What a schedule was worth: waits, utilisation, and fairness among those who had to wait."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True, slots=True)
class Summary:
    """Figures of one simulated schedule. Times in seconds."""

    order: str
    gpus: int
    jobs: int  # finished
    refused: int  # asked for more than the pool or their quota ever gives
    makespan_s: float  # first submission to last end
    wait_mean_s: float
    wait_p50_s: float
    wait_p95_s: float
    wait_max_s: float
    utilisation: float  # GPU-seconds used over GPU-seconds there were within the makespan
    jain_backlogged: float  # see `Fairness`
    preemptions: int  # always 0: there are none
    decisions_per_s: float  # decisions made per second spent deciding


class Fairness:
    """Jain's index over the tenants that have jobs waiting, averaged over time (Jain et al., DEC-TR-301, 1984).

    x is what a tenant holds over its weight; the index is (Σx)² / (n·Σx²), from 1/n (one has all) to 1 (all equal).
    A tenant that waits for nothing is not short of anything and does not count; moments with fewer than two waiting
    tenants are left out; where none of those waiting holds anything, they are equal.
    """

    def __init__(self) -> None:
        self._weighted = 0.0
        self._seconds = 0.0

    def add(self, amounts: Iterable[float], seconds: float) -> None:
        """An interval in which the backlogged tenants held these amounts (already over their weights)."""
        held = list(amounts)
        if len(held) > 1 and seconds > 0:
            self._weighted += jain(held) * seconds
            self._seconds += seconds

    def index(self) -> float:
        """The time average; 1 when nobody ever had to wait beside another."""
        return self._weighted / self._seconds if self._seconds else 1.0


def jain(amounts: Sequence[float]) -> float:
    """Jain's fairness index of non-negative amounts; 1 for all zero."""
    squares = sum(amount * amount for amount in amounts)
    return sum(amounts) ** 2 / (len(amounts) * squares) if squares else 1.0


def percentile(ordered: Sequence[float], fraction: float) -> float:
    """Nearest-rank percentile of ascending values; 0 for none."""
    return ordered[max(0, ceil(fraction * len(ordered)) - 1)] if ordered else 0.0
