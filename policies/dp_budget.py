"""How charges add up, and what they amount to as (epsilon, delta).

Half of the policy's delta pays for thresholds on group keys, half for reading zCDP as (epsilon, delta). Everything
spent is at most the smaller of two sums, both valid by composition: all of it as zCDP, or what is pure by its epsilons
and the rest as zCDP. The conversion is OpenDP's (Canonne, Kamath & Steinke 2020, proposition 7 and corollary 13).
"""

import math
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any

from policies.dp_plan import Budget, Charge
from policies.model import PrivacyTerms

_STEPS = 60


@cache
def opendp() -> Any:
    """The library, loaded when differential privacy is first asked for."""
    import opendp.prelude as library

    library.enable_features("contrib")
    return library


@lru_cache(maxsize=4096)
def epsilon_of(rho: float, delta: float) -> float:
    """The least epsilon OpenDP can show for `rho`-zCDP at `delta`; infinite where delta is 0."""
    if rho == 0:
        return 0.0
    if delta <= 0 or not math.isfinite(rho):
        return math.inf
    library = opendp()
    unit = library.m.make_gaussian(
        library.atom_domain(T="i64"), library.absolute_distance(T=float), scale=1.0
    )  # costs d^2 / 2
    distance = math.sqrt(2 * rho)
    while unit.map(distance) < rho:
        distance = math.nextafter(distance, math.inf)
    return float(library.c.make_zCDP_to_approxDP(unit).map(distance).epsilon(delta))


@lru_cache(maxsize=1024)
def rho_within(epsilon: float, delta: float) -> float:
    """The largest rho found whose zCDP is (`epsilon`, `delta`)-DP; 0 where delta is 0."""
    if delta <= 0:
        return 0.0
    low, high = 0.0, epsilon  # rho-zCDP is never better than (rho, delta)-DP for the deltas a policy may name
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if epsilon_of(middle, delta) <= epsilon else (low, middle)
    return low


def thresholds_share(terms: PrivacyTerms) -> float:
    """The delta one query may use for its thresholds: enough for as many queries as the epsilon can ever pay."""
    half = terms.delta / 2
    if half <= 0:
        return 0.0
    each = rho_within(terms.epsilon_per_query, half)
    queries = max(terms.epsilon / terms.epsilon_per_query, rho_within(terms.epsilon, half) / each)
    return half / math.ceil(queries)


def spent(charges: Iterable[Charge], budget: Budget) -> float:
    """The epsilon that `charges` amount to together, at the delta of `budget`; infinite where delta is used up."""
    everything = list(charges)
    pure = [charge for charge in everything if charge.epsilon is not None]
    mixed = [charge for charge in everything if charge.epsilon is None]
    half = budget.delta / 2
    if _sum(charge.delta for charge in everything) > half:
        return math.inf
    by_rho = epsilon_of(_sum(charge.rho for charge in everything), half)
    by_parts = _sum(charge.epsilon or 0.0 for charge in pure) + epsilon_of(_sum(charge.rho for charge in mixed), half)
    return min(by_rho, by_parts)


def affordable(before: Iterable[Charge], wanted: Charge, budget: Budget) -> bool:
    """Does `wanted` fit into what `before` left of the budget."""
    return spent([*before, wanted], budget) <= budget.epsilon


def _sum(values: Iterable[float]) -> float:
    """A sum that ten payments of a tenth do not push past one: the exact sum, rounded once."""
    return math.fsum(values)
