"""Noise on an engine's exact table: the only place where it is drawn, and always by OpenDP.

The exact table stays in this module; what leaves `noisy` is noise-protected and may be computed with freely.
"""

import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from gateway.errors import NOISE_FAILED
from policies.dp_noise import distance, half_width, key_distance, key_mechanism, mechanism
from policies.dp_plan import Estimate, Release
from store.errors import YurtError

ALPHA = 0.05
_LIMIT = 1 << 62
_PART = 4096
"""Rows from which on another thread draws too."""
_MOST_THREADS = 4


@dataclass(frozen=True, slots=True)
class Noisy:
    """A noisy table: rows of keys and estimates, in the order of the keys, and how wrong each estimate may be."""

    rows: list[tuple[Any, ...]]
    widths: tuple[float | None, ...]  # per estimate: a 95 % half-width that holds in every row; None: unknown


def noisy(release: Release, table: Any) -> Noisy:
    """`table` (pyarrow, keys then measures) with noise. Raises NOISE_FAILED, and then nothing has left."""
    count = len(release.keys)
    keys = [column.to_pylist() for column in table.columns[:count]]
    exact = [
        [max(-_LIMIT, min(_LIMIT, int(value))) for value in column.to_pylist()] for column in table.columns[count:]
    ]
    if len(exact) != len(release.measures):
        raise YurtError(NOISE_FAILED)
    shown, values = _drawn(release, exact, table.num_rows)
    ordered = sorted(range(len(shown)), key=lambda place: tuple(_order(column[shown[place]]) for column in keys))
    rows, errors = [], []
    for place in ordered:
        made = [_estimated(estimate, release, [column[place] for column in values]) for estimate in release.estimates]
        rows.append((*(column[shown[place]] for column in keys), *(value for value, _ in made)))
        errors.append([error for _, error in made])
    return Noisy(rows, tuple(_widest(column) for column in zip(*errors, strict=True)) if errors else _none(release))


def _none(release: Release) -> tuple[float | None, ...]:
    return tuple(None for _ in release.estimates)


def _widest(errors: Sequence[float | None]) -> float | None:
    known = [error for error in errors if error is not None]
    return max(known) if known else None


def _drawn(release: Release, exact: list[list[int]], rows: int) -> tuple[list[int], list[list[int]]]:
    """The rows that appear, and per measure their noisy values. OpenDP's privacy map is asked again first."""
    noise, rest = release.noise, exact
    shown, values = list(range(rows)), []
    places = range(len(exact))
    if release.threshold is not None:
        keyed = key_mechanism(noise, release.scales[0], release.threshold)
        loss, delta = keyed.map(key_distance(noise, release.groups))
        if loss > release.losses[0] or delta > release.delta:
            raise YurtError(NOISE_FAILED)
        counts = exact[0]
        found: dict[int, int] = {}
        for part in _at_once(keyed, [{row: counts[row] for row in part} for part in _parts(rows)]):
            found |= part
        shown = sorted(found)
        values, rest, places = [[int(found[row]) for row in shown]], exact[1:], range(1, len(exact))
    for place, column in zip(places, rest, strict=True):
        measurement = mechanism(noise, release.scales[place])
        if measurement.map(distance(noise, release.measures[place], release.groups)) > release.losses[place]:
            raise YurtError(NOISE_FAILED)
        given = [[column[shown[row]] for row in part] for part in _parts(len(shown))]
        values.append([int(value) for part in _at_once(measurement, given) for value in part] if shown else [])
    return shown, values


def _parts(rows: int) -> list[range]:
    """The rows in consecutive parts, one for each thread that may draw."""
    parts = min(len(os.sched_getaffinity(0)), _MOST_THREADS, 1 + rows // _PART)
    return [range(*ends) for ends in pairwise(rows * place // parts for place in range(parts + 1))]


def _at_once(draw: Callable[[Any], Any], parts: list[Any]) -> list[Any]:
    """`draw` of every part, several at once: OpenDP works without the interpreter's lock.

    It draws each row's noise by itself and compares each row with the threshold by itself, so that the parts together
    are the same mechanism as the whole, whose privacy map was asked.
    """
    if len(parts) == 1:
        return [draw(parts[0])]
    with ThreadPoolExecutor(len(parts)) as threads:
        return list(threads.map(draw, parts))


def _order(value: Any) -> tuple[bool, str, Any]:
    """NULL last; values of one column are of one type."""
    return (value is None, "" if value is None else type(value).__name__, 0 if value is None else value)


def _estimated(estimate: Estimate, release: Release, steps: list[int]) -> tuple[float | int | None, float | None]:
    """The value of an estimate and its half-width, from the noisy measures of one group."""
    parts = [steps[place] * release.measures[place].step for place in estimate.measures]
    alpha = ALPHA / len(parts)  # each part is within its width, all at once (union bound)
    off = [
        half_width(release.noise, release.scales[place], alpha) * release.measures[place].step
        for place in estimate.measures
    ]
    if estimate.kind in ("count", "sum"):
        return (round(parts[0]) if estimate.whole else parts[0]), off[0]
    if estimate.kind == "mean":
        return _mean(estimate, parts, off)
    return _variance(estimate, parts, off)


def _mean(estimate: Estimate, parts: list[float], off: list[float]) -> tuple[float | None, float | None]:
    """centre + total / number, within the bounds; NULL where hardly anybody seems to be there."""
    total, number = parts
    if number < 1:
        return None, None
    found = min(max(estimate.centre + total / number, estimate.low), estimate.high)
    span = estimate.high - estimate.low
    few = number - off[1]
    wrong = (off[0] + abs(total / number) * off[1]) / few if few > 0 else math.inf
    return found, min(wrong, span)


def _variance(estimate: Estimate, parts: list[float], off: list[float]) -> tuple[float | None, float | None]:
    """Mean of squares less square of the mean, around the centre of the bounds."""
    first, second, number = parts
    if number < 2:
        return None, None
    apart, span = first / number, (estimate.high - estimate.low) / 2
    spread = min(max(second / number - apart * apart, 0.0), span * span)
    spread *= number / (number - 1) if estimate.sample else 1.0
    few = number - off[2]
    wrong = math.inf
    if few > 0:
        mean_off = (off[0] + abs(apart) * off[2]) / few
        wrong = (off[1] + abs(second / number) * off[2]) / few + mean_off * (2 * abs(apart) + mean_off)
    wrong = min(wrong, span * span)
    if not estimate.root:
        return spread, wrong
    root = math.sqrt(spread)
    return root, max(math.sqrt(spread + wrong) - root, root - math.sqrt(max(0.0, spread - wrong)))
