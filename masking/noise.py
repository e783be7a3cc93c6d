"""Noise by OpenDP, the only place of masking that draws it: counts with differential privacy, numbers by scale."""

from collections.abc import Mapping, Sequence
from functools import cache
from math import floor, log, log2
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray


@cache
def _opendp() -> Any:
    import opendp.prelude as dp  # loads a native library, which few commands need

    dp.enable_features("contrib")
    return dp


def noisy_counts(counts: Sequence[int], epsilon: float) -> list[int]:
    """Counts over a domain fixed beforehand, with discrete Laplace noise: epsilon-DP for one record more or less."""
    dp = _opendp()
    space = dp.vector_domain(dp.atom_domain(T=int)), dp.l1_distance(T=int)
    measurement = space >> dp.m.then_laplace(scale=1 / epsilon)
    made: list[int] = measurement(list(counts))
    return made


def noisy_best(scores: Sequence[float], epsilon: float) -> int:
    """The place of about the highest score by the exponential mechanism: epsilon-DP where one record more or less moves
    every score by at most 1."""
    dp = _opendp()
    space = dp.vector_domain(dp.atom_domain(T=float, nan=False)), dp.linf_distance(T=float)
    measurement = dp.m.make_noisy_max(*space, dp.max_divergence(), scale=2 / epsilon)
    if measurement.map(1.0) > epsilon * (1 + 1e-9):
        raise ValueError("the noise is smaller than the budget asks for")
    return int(measurement(list(scores)))


GRID_BITS = 20
"""Noise is drawn in steps of a 2**20th to a 2**21st of its scale."""


def noisy_numbers(
    values: NDArray[np.float64], scale: float, distribution: Literal["laplace", "gaussian"]
) -> NDArray[np.float64]:
    """Finite numbers with noise of a given scale, each drawn for itself; finite again.

    The numbers are rounded to a grid of a power of two and the noise drawn in whole steps of it, several times as fast
    as over floats and without low bits that tell the value. Numbers beyond the grid take the way over floats.
    """
    if len(values) == 0:
        return values
    dp = _opendp()
    step = 2.0 ** (floor(log2(scale)) - GRID_BITS)
    fits = float(np.abs(values).max()) / step < 2.0**61
    kind, size = ("i64", scale / step) if fits else (float, scale)
    domain = dp.vector_domain(dp.atom_domain(T="i64") if fits else dp.atom_domain(T=float, nan=False))
    if distribution == "laplace":
        measurement = dp.m.make_laplace(domain, dp.l1_distance(T=kind), scale=size)
    else:
        measurement = dp.m.make_gaussian(domain, dp.l2_distance(T=float), scale=size)
    if not fits:
        return np.asarray(measurement(values.tolist()), np.float64)
    made = measurement(np.rint(values / step).astype(np.int64).tolist())
    return np.asarray(made, np.float64) * step


def noisy_keys(counts: Mapping[str, int], epsilon: float, delta: float) -> dict[str, int]:
    """Counts over keys nobody fixed beforehand: (epsilon, delta)-DP for one record more or less.

    Keys whose noisy count stays below the threshold do not appear (Korolova 2009), so that no value of a few people is
    ever named.
    """
    dp = _opendp()
    space = (
        dp.map_domain(dp.atom_domain(T="u32"), dp.atom_domain(T=int)),
        dp.l01inf_distance(dp.absolute_distance(T=int)),
    )
    scale = 1 / epsilon
    threshold = int(scale * log(1 / (2 * delta))) + 2
    while True:
        measurement = space >> dp.m.then_laplace_threshold(scale=scale, threshold=threshold)
        spent_epsilon, spent_delta = measurement.map((1, 1, 1))
        if spent_epsilon > epsilon * (1 + 1e-9):
            raise ValueError("the noise is smaller than the budget asks for")
        if spent_delta <= delta:
            break
        threshold += 1
    keys = list(counts)  # the library ends a text at a zero byte, so that it is given their places
    made: dict[int, int] = measurement({place: counts[key] for place, key in enumerate(keys)})
    return {keys[place]: count for place, count in made.items()}
