"""Axes of a table along which it is made coarser: numbers and dates by range, codes by their hierarchy, words by sets.

The hierarchies are those of the `generalise` operator: division codes (GB/T 2260: province, city, county, township),
diagnoses (ICD-10: letter, category, subcategory) and IPv4 networks. A path runs from the root to the value itself.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import pyarrow as pa

Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Codes = np.ndarray[tuple[int, ...], np.dtype[np.int64]]
Rows = np.ndarray[tuple[int, ...], np.dtype[np.intp]]

ANY = "*"
"""What stands for every value, missing ones included."""
EPOCH = date(1970, 1, 1)


def _division(value: str) -> tuple[str, ...]:
    return tuple(value[:size] for size in (2, 4, 6, 9, 12) if size <= len(value))


def _diagnosis(value: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((value[:1], value[:3], value)))


def _network(value: str) -> tuple[str, ...]:
    parts = value.split(".")
    prefixes = (f"{'.'.join([*parts[:size], *['0'] * (4 - size)])}/{8 * size}" for size in (1, 2, 3))
    return (*prefixes, value)


PATHS: tuple[tuple[re.Pattern[str], Callable[[str], tuple[str, ...]]], ...] = (
    (re.compile(r"[1-8][0-9](?:[0-9]{2}){1,2}|[1-8][0-9]{8}|[1-8][0-9]{11}"), _division),
    (re.compile(r"[A-Z][0-9]{2}(?:\.[0-9A-Zx]{1,4})?"), _diagnosis),
    (re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}"), _network),
)
CODES = re.compile("[0-9]{6}")
"""Division codes of a region all have one length; ages and years, which are shorter, are numbers."""


@dataclass(frozen=True, slots=True)
class NumberAxis:
    """Numbers or days. `values` has NaN where there is none; `write` turns a number into text."""

    values: Array
    write: Callable[[float], str]

    @property
    def width(self) -> float:
        """Range of the whole column."""
        present = self.values[~np.isnan(self.values)]
        return float(present.max() - present.min()) if present.size else 0.0

    def penalty(self, rows: Rows) -> float:
        """Range of these rows as a share of the whole (normalised certainty penalty, Xu 2006); 1 for `*`."""
        values = self.values[rows]
        missing = np.isnan(values)
        if missing.any():
            return 0.0 if missing.all() else 1.0
        return float(values.max() - values.min()) / self.width if self.width else 0.0

    def cuts(self, rows: Rows) -> list[list[Rows]]:
        """Ways to split, the best first: missing from present, else at the median, with equal values together."""
        values = self.values[rows]
        missing = np.isnan(values)
        if missing.any():
            return [] if missing.all() else [[rows[missing], rows[~missing]]]
        median = float(np.median(values))
        return [[rows[low], rows[~low]] for low in (values <= median, values < median) if low.any() and not low.all()]

    def label(self, rows: Rows) -> str | None:
        """`18`, `18-25`, None where all are missing, `*` where some are."""
        values = self.values[rows]
        missing = np.isnan(values)
        if missing.any():
            return None if missing.all() else ANY
        low, high = float(values.min()), float(values.max())
        if low == high:
            return self.write(low)
        return f"{self.write(low)}{'/' if '-' in self.write(high)[1:] else '-'}{self.write(high)}"


@dataclass(frozen=True, slots=True)
class PathAxis:
    """Categories. `codes` index `leaves` (-1: missing); `paths` lead from below the root to each leaf; `flat`: the only
    level above a leaf is the root, so that a group is named by its set."""

    codes: Codes
    leaves: tuple[str, ...]
    paths: tuple[tuple[str, ...], ...]
    flat: bool

    def penalty(self, rows: Rows) -> float:
        """Categories the label of these rows stands for, as a share of all; 1 for `*`."""
        seen = np.unique(self.codes[rows])
        if seen[0] < 0:
            return 0.0 if len(seen) == 1 else 1.0
        if len(seen) == 1 or len(self.leaves) == 1:
            return 0.0
        covered = len(seen) if self.flat else self._below(self._common(seen))
        return (covered - 1) / (len(self.leaves) - 1)

    def _common(self, seen: Codes) -> tuple[str, ...]:
        """The longest path all these leaves share."""
        paths = [self.paths[code] for code in seen]
        shared = []
        for steps in zip(*paths, strict=False):
            if len(set(steps)) > 1:
                break
            shared.append(steps[0])
        return tuple(shared)

    def _below(self, path: tuple[str, ...]) -> int:
        return sum(leaf[: len(path)] == path for leaf in self.paths)

    def cuts(self, rows: Rows) -> list[list[Rows]]:
        """Ways to split: missing from present; else by the children of the common ancestor or the set in two."""
        codes = self.codes[rows]
        seen, counts = np.unique(codes, return_counts=True)
        if len(seen) == 1:
            return []
        if seen[0] < 0:
            return [[rows[codes < 0], rows[codes >= 0]]]
        if not self.flat:
            depth = len(self._common(seen))
            groups: dict[str, list[int]] = {}
            for code in seen.tolist():
                steps = self.paths[code]
                groups.setdefault(steps[depth] if depth < len(steps) else ANY, []).append(code)
            return [[rows[np.isin(codes, group)] for group in groups.values()]] if len(groups) > 1 else []
        half = int(np.searchsorted(np.cumsum(counts), counts.sum() / 2)) + 1
        return [
            [rows[codes <= seen[at - 1]], rows[codes > seen[at - 1]]] for at in (half, half - 1) if 0 < at < len(seen)
        ]

    def label(self, rows: Rows) -> str | None:
        """The value, the ancestor, or the set; None where all are missing, `*` where some are."""
        seen = np.unique(self.codes[rows])
        if seen[0] < 0:
            return None if len(seen) == 1 else ANY
        if len(seen) == 1:
            return self.leaves[int(seen[0])]
        if self.flat:
            return ANY if len(seen) == len(self.leaves) else "|".join(self.leaves[code] for code in seen.tolist())
        shared = self._common(seen)
        return f"{shared[-1]}{ANY if '/' not in shared[-1] else ''}" if shared else ANY


Axis = NumberAxis | PathAxis


def _whole(number: float) -> str:
    return f"{number:.0f}" if number == int(number) else repr(number)


def _day(number: float) -> str:
    return (EPOCH + timedelta(days=int(number))).isoformat()


def _number(text: str) -> float | None:
    try:
        made = float(text)
    except ValueError:
        return None
    return made if np.isfinite(made) else None


def _date(text: str) -> float | None:
    for form in ("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%Y-%m-%d %H:%M:%S"):
        try:
            return float((datetime.strptime(text, form).date() - EPOCH).days)  # noqa: DTZ007 - days have no zone
        except ValueError:
            continue
    return None


def axis(column: pa.ChunkedArray) -> Axis:
    """The axis of a column: days or numbers where every value is one, a hierarchy where every value is a code of it."""
    values = column.to_pylist()
    if any(isinstance(value, date) for value in values):
        days = [np.nan if v is None else (v.date() if isinstance(v, datetime) else v) for v in values]
        return NumberAxis(np.array([d if isinstance(d, float) else float((d - EPOCH).days) for d in days]), _day)
    texts = [None if value is None else str(value) for value in values]
    present = list(dict.fromkeys(text for text in texts if text is not None))
    codes = (
        bool(present)
        and all(CODES.fullmatch(text) for text in present)
        and isinstance(next(v for v in values if v is not None), str)
    )
    if not codes:
        for read, write in ((_date, _day), (_number, _whole)):
            known = {text: read(text) for text in present}
            if present and None not in known.values():
                found = {text: np.nan if number is None else number for text, number in known.items()}
                return NumberAxis(np.array([np.nan if t is None else found[t] for t in texts], float), write)
    return _categories(texts, present)


def _categories(texts: Sequence[str | None], present: Sequence[str]) -> PathAxis:
    leaves = tuple(sorted(present))
    place = {leaf: code for code, leaf in enumerate(leaves)}
    coded = np.array([-1 if text is None else place[text] for text in texts], dtype=np.int64)
    for form, path in PATHS:
        if leaves and all(form.fullmatch(leaf) for leaf in leaves):
            return PathAxis(coded, leaves, tuple(path(leaf) for leaf in leaves), flat=False)
    return PathAxis(coded, leaves, tuple((leaf,) for leaf in leaves), flat=True)
