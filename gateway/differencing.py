"""The differencing guard at work: asks the engine what the history needs to know, before the query itself runs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from policies import people, persons
from policies.atoms import MAX_ATOMS
from policies.crowds import suspects
from policies.decision import Allowed, Audit, Crowd, Footprint, Pair, Place, Refused, Withhold
from policies.dominance import Contributions, Rule
from policies.errors import DIFFERENCING, HISTORY_FULL
from policies.people import Sketch
from policies.verdict import Coded, Verdict, digest, judge

Ask = Callable[[str, int], Any]
"""Runs one query of the guard: SQL and the most rows it may give; a `pyarrow.Table`."""


@dataclass(frozen=True, slots=True)
class Examined:
    """What of the answer may not leave, and what the history remembers of it."""

    withheld: tuple[Withhold, ...]
    footprints: tuple[Footprint, ...]


def examine(decision: Allowed, ask: Ask) -> Examined | Refused:
    """Compare an answer about to be computed with those before it. Raises what `ask` raises."""
    plan = decision.release
    if any(_too_near(pair, ask) for pair in plan.pairs):
        return Refused.because(DIFFERENCING)
    withheld = list(plan.withheld)
    digests: dict[Footprint, set[str]] = {}
    for audit in (*plan.audits, *_suspected(plan.crowds, ask)):
        found = _judged(audit, ask)
        if found.too_much:
            return Refused.because(HISTORY_FULL)
        if found.refused:
            return Refused.because(DIFFERENCING)
        places = {asked.footprint: asked.place for asked in audit.asked}
        for footprint, names in found.withheld.items():
            place = places[footprint]
            if place is None:
                return Refused.because(DIFFERENCING)
            withheld.append(Withhold(footprint, place, frozenset(names)))
            digests.setdefault(footprint, set()).update(names)
    for again in plan.withheld:
        digests.setdefault(again.footprint, set()).update(again.digests)
    remembered = (replace(each, withheld=tuple(sorted(digests.get(each, ())))) for each in decision.footprint)
    return Examined(tuple(withheld), tuple(remembered))


def _suspected(crowds: Sequence[Crowd], ask: Ask) -> Iterator[Audit]:
    """The audits of those statistics whose sketches make them suspect."""
    for crowd in crowds:
        queries = (people.sketch(each.seen, each.table, crowd.minimum) for each in crowd.members)
        sketches = [sketched(ask(sql, people.MAX_SKETCH + 1)) for sql in queries]
        counted = [
            sketch.people if people.is_once(each.seen) else sketch.rows
            for sketch, each in zip(sketches, crowd.members, strict=True)
        ]
        old = sum(each.old for each in crowd.members)
        for together in suspects(sketches, counted, old, crowd.minimum):
            yield persons.audit([crowd.members[place] for place in together])


def _judged(audit: Audit, ask: Ask) -> Verdict:
    if audit.unless and not ask(audit.unless, 2).num_rows:
        return Verdict()
    dominated = [_keys(ask(sql, MAX_ATOMS + 1)) for sql in audit.dominated]
    if any(len(keys) > MAX_ATOMS for keys in dominated):
        return Verdict(too_much=True)
    contributions = _contributed(audit.rule, ask(audit.contributions, MAX_ATOMS + 1)) if audit.contributions else None
    found = judge(audit, coded(ask(audit.sql, MAX_ATOMS + 1)), dominated, contributions)
    if found.too_much and not dominated:
        found = judge(audit, coded(ask(audit.coarse, MAX_ATOMS + 1)), coarse=True)
    return found


def _contributed(rule: Rule, table: Any) -> Contributions:
    """What the atoms in a table contribute; its last columns are the sum and the largest."""
    *values, totals, largest = (column.to_pylist() for column in table.columns)
    of = zip(zip(*values, strict=True), totals, largest, strict=True) if values else [((), totals[0], largest[0])]
    return Contributions(rule, {atom: (total or 0.0, top or ()) for atom, total, top in of})


def _keys(table: Any) -> set[str]:
    """The digests of the cells whose keys are in a table; it has one column `one` where there are no keys."""
    columns = [table.column(name).to_pylist() for name in table.column_names if name != "one"]
    return {digest([column[row] for column in columns]) for row in range(table.num_rows)}


def _too_near(pair: Pair, ask: Ask) -> bool:
    found = [sketched(ask(sql, people.MAX_SKETCH + 1)) for sql in people.sketches(pair)]
    if found and not people.near(found[0], found[1], pair.minimum):
        return False
    return bool(ask(people.exact(pair), 2).num_rows)


def sketched(table: Any) -> Sketch:
    """The sketch in a table."""
    kind, *numbers = (table.column(place) for place in range(table.num_columns))
    group, bucket, *sums = (column.to_numpy() for column in numbers)
    return Sketch(
        frozenset(kind.unique().to_pylist()), group, bucket, (sums[0], sums[1], sums[2]), (sums[3], sums[4], sums[5])
    )


def coded(table: Any) -> dict[str, Coded]:
    """The columns of a table, each value once."""
    made: dict[str, Coded] = {}
    for name in table.column_names:
        column = table.column(name).combine_chunks()
        if pa.types.is_floating(column.type):
            column = pc.add(column, 0.0)  # -0.0 is the group of 0.0
        if pa.types.is_list(column.type):
            made[name] = _lists(column.to_pylist())
            continue
        column = column.dictionary_encode(null_encoding="encode")
        codes, values = column.indices.to_numpy().astype("int64"), column.dictionary.to_pylist()
        if name == "who" and None in values:  # `fill_null` would import pandas where it is installed
            codes[codes == values.index(None)] = -1
        made[name] = Coded(codes, values)
    return made


def _lists(cells: Sequence[Sequence[Mapping[str, object]] | None]) -> Coded:
    """Of each atom the cells it is in, each by the values of its keys."""
    places: dict[tuple[tuple[object, ...], ...], int] = {}
    codes = [places.setdefault(tuple(tuple(each.values()) for each in told or ()), len(places)) for told in cells]
    return Coded(np.array(codes, dtype=np.int64), list(places))


def located(table: Any, withheld: Sequence[Withhold]) -> list[tuple[Place, list[bool]]]:
    """For each group of withheld cells, which rows of the answer hold one of them."""
    marked: list[tuple[Place, list[bool]]] = []
    for each in withheld:
        columns = [table.column(place).to_pylist() for place in each.place.keys]
        here = [True] * table.num_rows
        if each.place.level is not None:
            name, value = each.place.level
            here = [flag == value for flag in table.column(name).to_pylist()]
        rows = [
            here[row] and digest([column[row] for column in columns]) in each.digests for row in range(table.num_rows)
        ]
        marked.append((each.place, rows))
    return marked
