"""Amounts of compute as exact integers: one vector for requests, capacities and quotas."""

from typing import NamedTuple


class Resources(NamedTuple):
    """Thousandths of a processor, bytes, thousandths of a GPU."""

    cpu_milli: int = 0
    memory_bytes: int = 0
    gpu_milli: int = 0

    def plus(self, other: "Resources") -> "Resources":
        """Both together."""
        return Resources(self[0] + other[0], self[1] + other[1], self[2] + other[2])

    def minus(self, other: "Resources") -> "Resources":
        """What is left after taking `other`; may be negative."""
        return Resources(self[0] - other[0], self[1] - other[1], self[2] - other[2])

    def fits(self, room: "Resources") -> bool:
        """True when every amount is within `room`."""
        return self[0] <= room[0] and self[1] <= room[1] and self[2] <= room[2]

    def share(self, of: "Resources") -> float:
        """Dominant share: the largest fraction of any resource that `of` has (Ghodsi et al., NSDI 2011)."""
        return max((mine / whole for mine, whole in zip(self, of, strict=True) if whole), default=0.0)
