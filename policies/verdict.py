"""Which cells of a new answer have to be withheld, so that no few people are isolated by all that was told.

Of the new cells in an isolating combination one is withheld, and so on until none isolates: complementary suppression,
in tables of any shape and beside any earlier answer (Cox 1980; Chin & Ozsoyoglu 1982).
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from math import isfinite
from typing import Any

import numpy as np

from policies import atoms
from policies.combinations import PRIME, Combinations, Isolated, TooMuch
from policies.decision import Asked, Audit, Footprint
from policies.dominance import MAX_CELLS, Contributions, mixtures

MAX_HIDDEN = 500
"""Totals that a dominance rule withholds and that are looked at one by one."""
MAX_HELD = 80_000_000
"""Atoms times statistics that are laid side by side; as many eight bytes."""


def digest(values: Sequence[object]) -> str:
    """A cell's name in the history: its key values, shortened; the values themselves are not kept."""
    whole = (value + 0.0 if isinstance(value, float) else value for value in values)  # -0.0 is the group of 0.0
    text = json.dumps([None if value is None else str(value) for value in whole], ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


@dataclass(slots=True)
class Verdict:
    """What an audit found: new cells to withhold, or that withholding does not help."""

    withheld: dict[Footprint, set[str]] = field(default_factory=dict)
    refused: bool = False
    too_much: bool = False  # ask again with the coarse query


@dataclass(frozen=True, slots=True, eq=False)
class _Cell:
    """One cell of one statistic that was or would be released."""

    asked: Asked
    key: tuple[object, ...]  # values of the footprint's group keys; of those that are told apart, if it is an old one
    atoms: Any  # their numbers
    times: Any = None  # how often each counts, modulo PRIME; None: once
    size: int = 0  # people, counted twice where they are in two atoms

    @property
    def row(self) -> tuple[object, ...] | None:
        """The row of the answer it stands in."""
        place = self.asked.place
        return None if place is None else (place.level, place.keys, self.key)

    @property
    def whole(self) -> bool:
        """Does all of that row go when the cell is withheld."""
        return self.asked.place is not None and self.asked.place.outputs is None


@dataclass(frozen=True, slots=True)
class Coded:
    """A column of the engine's answer: `values[codes]`, each value once; -1 for NULL in the column `who`."""

    codes: Any
    values: Sequence[Any]


def judge(
    audit: Audit,
    columns: Mapping[str, Coded],
    dominated: Sequence[AbstractSet[str]] = (),
    contributions: Contributions | None = None,
    *,
    coarse: bool = False,
) -> Verdict:
    """Find the new cells that, with earlier answers or one another, isolate fewer than the minimum.

    `columns`: the result of the audit's query, by name. `dominated`: for each statistic of an audit of totals, and for
    the atoms, the digests of those that a dominance rule withholds; then the question is whether one can be computed,
    and whether any mixture of totals breaks the rule, where `contributions` tell.
    """
    if len(columns["n"].codes) > atoms.MAX_ATOMS:
        return Verdict(too_much=True)
    known = _Atoms(columns, audit.minimum, audit.coarse_keys if coarse else tuple(range(len(audit.keys))))
    found = Verdict()
    old: list[_Cell] = []
    new: list[_Cell] = []
    hidden: list[_Cell] = []
    for line, asked in enumerate(audit.asked):
        for cell in known.cells(asked):
            withheld = bool(dominated) and digest(cell.key) in dominated[line]
            (hidden if withheld else old if asked.old else new).append(cell)
    if dominated:
        hidden = list({cell.atoms.tobytes(): cell for cell in [*hidden, *known.alone(dominated[-1])]}.values())
    if len(hidden) > MAX_HIDDEN or (contributions is not None and len(old) + len(new) > MAX_CELLS):
        return Verdict(too_much=True)
    try:
        for target in hidden if dominated else [None]:
            _withhold(known, old, new, target, found)
        if contributions is not None:
            _keep_rule(known, old, new, contributions, found)
    except TooMuch:
        return Verdict(too_much=True)
    return found


def _keep_rule(
    known: "_Atoms", old: Sequence[_Cell], new: list[_Cell], contributions: Contributions, found: Verdict
) -> None:
    """Take cells out of `new` until no mixture of those left breaks the rule."""
    while new and not found.refused:
        cells = [*old, *new]
        among = (mixture for mixture in known.mixtures(cells, contributions) if max(mixture) >= len(old))
        broken = next(among, None)  # what old ones tell alone is past help
        if broken is None:
            return
        movable = [place for place in broken if place >= len(old) and cells[place].asked.place is not None]
        if not movable:
            found.refused = True
            return
        least = cells[min(movable, key=lambda place: (cells[place].size, str(cells[place].key), place))]
        gone = [cell for cell in new if cell is least or (least.whole and cell.row == least.row)]
        for cell in gone:
            found.withheld.setdefault(cell.asked.footprint, set()).add(digest(cell.key))
        new[:] = [cell for cell in new if cell not in gone]  # cells are equal to themselves alone


def _withhold(known: "_Atoms", old: Sequence[_Cell], new: list[_Cell], target: _Cell | None, found: Verdict) -> None:
    """Take cells out of `new` until those left isolate nobody, or do not add up to `target`. Raises TooMuch."""
    first = len(old) + (target is not None)
    cells = [*old, *([] if target is None else [target]), *new]
    if not new or found.refused:
        return
    together = known.combinations(cells, first, None if target is None else len(old))
    while violations := together.isolating():
        gone: set[int] = set()
        for violation in violations:
            if gone & set(violation.cells):
                continue
            least = _least(violation, cells)
            if least is None:
                found.refused = True
                return
            for place in range(first, len(cells)):
                if place == least or (cells[least].whole and cells[place].row == cells[least].row):
                    gone.add(place)
                    together.take_away(place)
                    footprint = cells[place].asked.footprint
                    found.withheld.setdefault(footprint, set()).add(digest(cells[place].key))
        new[:] = [cell for cell in new if not any(cell is cells[place] for place in gone)]


def _least(violation: Isolated, cells: Sequence[_Cell]) -> int | None:
    """The cell to withhold: one without which the combination falls, if there is, and the smallest of these."""
    movable = [place for place in violation.cells if cells[place].asked.place is not None]
    order = ((place not in violation.essential, cells[place].size, str(cells[place].key), place) for place in movable)
    return min(order)[-1] if movable else None


class _Atoms:
    """The atoms of one audit, numbered."""

    def __init__(self, columns: Mapping[str, Coded], minimum: int, kept: Sequence[int]) -> None:
        """`kept`: which of the audit's keys are the columns k0, k1, …"""
        self._kept = kept
        names = [name for name in columns if name not in ("n", "who")]
        columns = {name: _ordered(each) if name in names else each for name, each in columns.items()}
        self._minimum = minimum
        self._values = {name: columns[name].values for name in names}
        atom_of, first = _numbered([columns[name].codes for name in names], len(columns["n"].codes))
        self._codes = {name: columns[name].codes[first] for name in names}
        self._count = np.asarray(columns["n"].values, dtype=np.int64)[columns["n"].codes[first]]
        self._who: list[list[int]] = [[] for _ in first]  # people of small atoms, by number
        for atom, person in zip(atom_of.tolist(), columns["who"].codes.tolist(), strict=True):
            if person >= 0:
                self._who[atom].append(person)

    def people(self, atoms_of: Any) -> int:
        """Distinct people in some atoms, counted up to the minimum."""
        if (self._count[atoms_of] >= self._minimum).any():
            return self._minimum
        return min(self._minimum, len({person for atom in atoms_of for person in self._who[int(atom)]}))

    def factors(self, asked: Asked) -> Any:
        """What a statistic's sum multiplies each atom with, modulo PRIME; None: nothing."""
        if asked.factor is None:
            return None
        name = f"k{self._kept.index(asked.factor)}"
        return np.array([_residue(each) for each in self._values[name]], dtype=np.int64)[self._codes[name]]

    def cells(self, asked: Asked) -> list[_Cell]:
        """The cells of a statistic that are large enough and, if answered before, were not withheld then."""
        held = np.ones(len(self._count), dtype=bool)
        if asked.test is not None:
            truth = self._values[f"t{asked.test}"]
            held = np.array([bool(each) for each in truth], dtype=bool)[self._codes[f"t{asked.test}"]]
        factors = self.factors(asked)
        if factors is not None:
            held = held & (factors != 0)
        members = np.flatnonzero(held)
        if asked.spread:
            return list(self._spread(asked, members))
        grouped = [place for place in asked.groups if place in self._kept]
        names = [f"k{self._kept.index(place)}" for place in grouped]
        number, first = _numbered([self._codes[name][members] for name in names], len(members))
        withheld = _left_out(asked) if len(grouped) == len(asked.groups) else frozenset()
        order = np.argsort(number, kind="stable")
        ends = np.cumsum(np.bincount(number, minlength=len(first)))
        found: list[_Cell] = []
        for cell, end in enumerate(ends):
            atoms_of = members[order[ends[cell - 1] if cell else 0 : end]]
            one = members[first[cell]]
            key = tuple(self._values[name][self._codes[name][one]] for name in names)
            found.append(_Cell(asked, key, atoms_of, None if factors is None else factors[atoms_of]))
        return self._told(found, withheld)

    def _spread(self, asked: Asked, members: Any) -> list[_Cell]:
        """Those of one whose groups divide the rows of a person: an atom is in several. Without keys it has one."""
        name, keys = f"k{self._kept.index(asked.groups[0])}", len(asked.footprint.group_keys)
        held: dict[tuple[object, ...], dict[int, int]] = {}
        for atom in members.tolist():
            told = self._values[name][self._codes[name][atom]]
            for key, times in Counter(cell[:keys] for cell in told).items():
                held.setdefault(key, {})[atom] = times
        cells = (
            _Cell(asked, key, np.array(list(often)), np.array(list(often.values()), dtype=np.int64))
            for key, often in held.items()
        )
        return self._told(cells, _left_out(asked))

    def _told(self, cells: Iterable[_Cell], withheld: AbstractSet[str]) -> list[_Cell]:
        """Those that are large enough and were not withheld, with their sizes."""
        found: list[_Cell] = []
        for cell in cells:
            size = int(self._count[cell.atoms].sum())
            enough = size >= self._minimum and self.people(cell.atoms) >= self._minimum
            if enough and not (withheld and digest(cell.key) in withheld):
                found.append(replace(cell, size=size))
        return found

    def alone(self, dominated: AbstractSet[str]) -> list[_Cell]:
        """The atoms with those digests, as cells of no statistic."""
        nothing = Asked(Footprint((), (), (), (), (), self._minimum), None, (), True)
        found: list[_Cell] = []
        for atom in range(len(self._count)) if dominated else ():
            key = self._of(atom)
            if digest(key) in dominated:
                found.append(_Cell(nothing, key, np.array([atom]), size=int(self._count[atom])))
        return found

    def mixtures(self, cells: Sequence[_Cell], contributions: Contributions) -> Iterator[tuple[int, ...]]:
        """The cells of each tightest mixture that breaks the rule."""
        parts = [contributions.of.get(self._of(atom), (0.0, ())) for atom in range(len(self._count))]
        held = np.zeros((len(cells), len(self._count)))
        for place, cell in enumerate(cells):
            held[place, cell.atoms] = self._multiplied(cell.asked)[cell.atoms]
        alike, groups = np.unique(held, axis=1, return_inverse=True)  # atoms that the same totals hold
        totals = np.bincount(groups, weights=[total for total, _ in parts], minlength=alike.shape[1])
        largest = np.zeros(alike.shape[1])
        np.maximum.at(largest, groups, [max(top, default=0.0) for _, top in parts])
        for mixture in mixtures(alike, totals, largest):
            often = mixture.weights[groups]
            weights = {self._of(int(atom)): float(often[atom]) for atom in np.flatnonzero(often)}
            if mixture.cells and contributions.withholds(weights):
                yield mixture.cells

    def _multiplied(self, asked: Asked) -> Any:
        """What a statistic's sum multiplies each atom with."""
        if asked.factor is None:
            return np.ones(len(self._count))
        name = f"k{self._kept.index(asked.factor)}"
        known = [float(each) if isinstance(each, (int, float, Decimal)) else 0.0 for each in self._values[name]]
        return np.nan_to_num(np.array(known)[self._codes[name]])

    def _of(self, atom: int) -> tuple[object, ...]:
        """The values of an atom."""
        return tuple(values[self._codes[name][atom]] for name, values in self._values.items())

    def combinations(self, cells: Sequence[_Cell], old: int, hidden: int | None = None) -> Combinations:
        """The cells as vectors over atoms; atoms that the same cells hold are one. Raises TooMuch.

        With a `hidden` cell among the old ones, isolating means that the others add up to it.
        """
        # the cells of a statistic are apart, and stand in one line, unless a person may be in several
        line_of = [(cell.asked, place if cell.asked.spread else None) for place, cell in enumerate(cells)]
        lines = {each: line for line, each in enumerate(dict.fromkeys(line_of))}
        if len(lines) * len(self._count) > MAX_HELD:
            raise TooMuch
        within = np.zeros((len(lines), len(self._count)), dtype=np.int64)  # which of its cells, from 1
        factors: dict[int, Any] = {}
        for place, cell in enumerate(cells):
            line = lines[line_of[place]]
            within[line, cell.atoms] = place + 1
            if cell.times is not None:
                factors.setdefault(line, np.zeros(len(self._count), dtype=np.int64))[cell.atoms] = cell.times
        number, first = _numbered([*within, *factors.values()], len(self._count))
        order, ends = np.argsort(number, kind="stable"), np.cumsum(np.bincount(number, minlength=len(first)))
        held: list[dict[int, int]] = []
        groups = []
        for column, end in enumerate(ends):
            places = within[:, first[column]]
            if places.any():
                lines_here = np.flatnonzero(places).tolist()
                held.append(
                    {
                        int(places[line]) - 1: int(factors[line][first[column]]) if line in factors else 1
                        for line in lines_here
                    }
                )
                groups.append(order[ends[column - 1] if column else 0 : end])

        if hidden is not None:  # of atoms nothing may be left over; what is of the cell itself is looked for
            sizes = [self._minimum] * len(held) + [1]
            return Combinations([*held, {hidden: 1}], len(cells), old, sizes, lambda _: 1, self._minimum)
        large = [bool((self._count[group] >= self._minimum).any()) for group in groups]
        who: list[frozenset[int]] = [
            frozenset() if big else frozenset(person for atom in group.tolist() for person in self._who[atom])
            for big, group in zip(large, groups, strict=True)
        ]

        def people(columns_of: Sequence[int]) -> int:
            """Distinct people, counted up to the minimum."""
            found: set[int] = set()
            for column in columns_of:
                found |= who[column]
                if large[column] or len(found) >= self._minimum:
                    return self._minimum
            return len(found)

        sizes = [people([column]) for column in range(len(groups))]
        return Combinations(held, len(cells), old, sizes, people, self._minimum, who)


def _left_out(asked: Asked) -> frozenset[str]:
    """The cells of an earlier answer that nobody was told."""
    known = asked.old and not asked.footprint.pending
    return frozenset(asked.footprint.withheld or ()) if known else frozenset()


def _residue(value: object) -> int:
    """A number modulo PRIME; 0 for NULL, which a sum leaves out. What is no number makes a sum no number either."""
    if value is None:
        return 0
    if not isinstance(value, (int, float, Decimal)) or not isfinite(value):
        return 1
    exact = Fraction(value)
    return exact.numerator * pow(exact.denominator, -1, PRIME) % PRIME


def _ordered(column: Coded) -> Coded:
    """The same with values in a fixed order, so that what is chosen does not depend on the engine's order of rows."""
    order = sorted(range(len(column.values)), key=lambda place: str(column.values[place]))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return Coded(rank[column.codes], [column.values[place] for place in order])


def _numbered(codes: Sequence[Any], rows: int) -> tuple[Any, Any]:
    """For each row the number of its combination of codes, and for each number its first row."""
    number = np.zeros(rows, dtype=np.int64)
    for each in codes:
        _, number = np.unique(number * (int(each.max(initial=0)) + 1) + each, return_inverse=True)
    _, first = np.unique(number, return_index=True)
    return number, first
