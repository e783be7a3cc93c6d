"""How much noise: scales and thresholds, calibrated by OpenDP's own privacy maps. Nothing is drawn here.

One unit is in at most `groups` groups, and in each its part in a measure is at most `most` steps. So adding or removing
one unit changes the column of that measure by at most groups * most in L1 and sqrt(groups) * most in L2.
"""

import math
from functools import lru_cache
from typing import Any

from policies.dp_budget import opendp
from policies.dp_plan import Measure, Noise

MAX_THRESHOLD = 1 << 40


@lru_cache(maxsize=1024)
def mechanism(noise: Noise, scale: float) -> Any:
    """OpenDP's measurement on a column of whole numbers."""
    library = opendp()
    domain = library.vector_domain(library.atom_domain(T="i64"))
    if noise is Noise.LAPLACE:
        return library.m.make_laplace(domain, library.l1_distance(T="i64"), scale=scale)
    return library.m.make_gaussian(domain, library.l2_distance(T=float), scale=scale)


@lru_cache(maxsize=1024)
def key_mechanism(noise: Noise, scale: float, threshold: int) -> Any:
    """OpenDP's measurement on numbers of units by group, which drops groups below a threshold."""
    library = opendp()
    domain = library.map_domain(library.atom_domain(T="u32"), library.atom_domain(T="i64"))
    if noise is Noise.LAPLACE:
        metric = library.l01inf_distance(library.absolute_distance(T="i64"))
        return library.m.make_laplace_threshold(domain, metric, scale=scale, threshold=threshold)
    metric = library.l02inf_distance(library.absolute_distance(T="f64"))
    return library.m.make_gaussian_threshold(domain, metric, scale=scale, threshold=threshold)


def distance(noise: Noise, measure: Measure, groups: int) -> Any:
    """How far neighbours are apart in a measure: L1 in whole steps, or L2 rounded up."""
    if noise is Noise.LAPLACE:
        return groups * measure.most
    return math.nextafter(math.sqrt(groups), math.inf) * measure.most if groups > 1 else float(measure.most)


def key_distance(noise: Noise, groups: int) -> tuple[Any, ...]:
    """The same for the numbers of units by group: groups changed, total change, change of each."""
    if noise is Noise.LAPLACE:
        return groups, groups, 1
    return groups, math.nextafter(math.sqrt(groups), math.inf) if groups > 1 else 1.0, 1.0


def scale_for(noise: Noise, measure: Measure, groups: int, loss: float) -> float:
    """The least scale, to within rounding, whose privacy map stays within `loss` (epsilon or rho)."""
    far = distance(noise, measure, groups)
    scale = far / loss if noise is Noise.LAPLACE else far / math.sqrt(2 * loss)
    while mechanism(noise, scale).map(far) > loss:
        scale *= 1 + 1e-12
    return float(scale)


@lru_cache(maxsize=1024)
def threshold_for(noise: Noise, scale: float, groups: int, delta: float) -> int | None:
    """The least threshold that keeps the chance of showing a group with one unit in it within `delta`."""
    far = key_distance(noise, groups)
    low, high = 1, 2
    while key_mechanism(noise, scale, high).map(far)[1] > delta:
        low, high = high, high * 2
        if high > MAX_THRESHOLD:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if key_mechanism(noise, scale, middle).map(far)[1] <= delta else (middle, high)
    return high


def half_width(noise: Noise, scale: float, alpha: float) -> float:
    """The error that is exceeded with probability `alpha`, in steps, by OpenDP's accuracy functions."""
    from opendp import accuracy

    opendp()
    if noise is Noise.LAPLACE:
        return float(accuracy.laplacian_scale_to_accuracy(scale, alpha)) + 0.5
    return float(accuracy.gaussian_scale_to_accuracy(scale, alpha)) + 0.5
