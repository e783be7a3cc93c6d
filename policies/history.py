"""The differencing guard: new answers and earlier ones, added and subtracted, must not single out a few people.

Statistics over the same rows (a *frame*: the same governed tables, joined alike) are audited together, cell by cell, by
linear algebra over their atoms (`policies.atoms`, `policies.combinations`). Statistics over different tables about the
same people are compared in pairs, by the sets of people. Everything is asked of the engine before the query runs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlglot import exp

from policies import atoms, rewrite
from policies.decision import Audit, Footprint, Place, Probe, Refused, Withhold
from policies.dialects import parsed, said
from policies.errors import HISTORY_FULL, NOT_IN_ENGINE
from policies.model import Policy

MAX_PROBES = 200
"""Comparisons one query may cost; beyond it the query is refused, never answered unchecked."""
MAX_AUDITED = 400
"""Statistics over the same rows that are audited together."""


@dataclass(frozen=True, slots=True)
class History:
    """What was answered before, over all users of the project."""

    footprints: tuple[Footprint, ...] = ()

    def with_answer(self, new: Sequence[Footprint]) -> "History":
        """The history after one more answer. What an earlier answer withheld and this one gave is answered now."""
        merged = {footprint: footprint for footprint in self.footprints}
        for footprint in new:
            known = merged.get(footprint, footprint)
            told = [set(each.withheld) for each in (known, footprint) if each.withheld is not None]
            merged[footprint] = replace(
                footprint,
                withheld=tuple(sorted(set.intersection(*told))) if told else None,
                pending=known.pending or footprint.pending or footprint.withheld is None,
            )
        return History(tuple(merged.values()))

    def same_as(self, other: "History") -> bool:
        """Equal, down to the cells that were withheld."""
        return self == other and all(
            (mine.withheld, mine.pending) == (theirs.withheld, theirs.pending)
            for mine, theirs in zip(self.footprints, other.footprints, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the history asks of an answer."""

    probes: tuple[Probe, ...] = ()
    audits: tuple[Audit, ...] = ()
    withheld: tuple[Withhold, ...] = ()

    @property
    def audited(self) -> frozenset[Footprint]:
        """Those of which is not known yet which cells will leave."""
        return frozenset(asked.footprint for audit in self.audits for asked in audit.asked if not asked.old)


def compare(
    new: Sequence[Footprint],
    history: History,
    policy: Policy,
    places: Mapping[Footprint, Place],
    quiet: frozenset[Footprint] = frozenset(),
) -> Comparison | Refused:
    """What has to hold before `new` is answered.

    `places`: those whose cells can be withheld one by one. `quiet`: those in a comparison of HAVING only; the history
    remembers them, so that no second question narrows them.
    """
    known = {footprint: footprint for footprint in history.footprints}
    fresh, withheld = [], []
    for one in dict.fromkeys(each for each in new if each not in quiet):
        before = known.get(one)
        if before is None or before.withheld is None:
            fresh.append(one)
        elif before.withheld and one in places:  # the same question gets the same answer
            withheld.append(Withhold(one, places[one], frozenset(before.withheld)))
        elif before.withheld:
            fresh.append(one)
    others = [  # of itself only what has left
        replace(each, pending=False) if each in fresh else each
        for each in history.footprints
        if each.withheld is not None or each not in fresh
    ]
    if any(one.dialect != other.dialect and _linked(one, other, policy) for one in fresh for other in others):
        return Refused.because(NOT_IN_ENGINE, what="A look at an earlier answer's rows", dialect=fresh[0].dialect)
    frames: dict[tuple[object, ...], list[Footprint]] = {}
    for one in fresh:
        frames.setdefault(_frame(one), []).append(one)
    audits: list[Audit] = []
    for frame, members in frames.items():
        earlier = [other for other in others if _frame(other) == frame]
        if len(earlier) + len(members) > MAX_AUDITED:
            return Refused.because(HISTORY_FULL)
        if len(earlier) + len(members) > 1:
            audits.append(atoms.audit(earlier, members, places, _ties(frame)))
    probes: dict[str, Probe] = {}
    for place, one in enumerate(fresh):
        for other in (*others, *fresh[:place], *([] if one.exact else [one])):
            apart = one is other or _frame(one) != _frame(other)
            probe = _by_units(one, other, policy) if apart else None
            if probe is not None:
                probes[probe.sql] = probe
            if len(probes) > MAX_PROBES:
                return Refused.because(HISTORY_FULL)
    return Comparison(tuple(probes.values()), tuple(audits), tuple(withheld))


def _linked(one: Footprint, other: Footprint, policy: Policy) -> bool:
    """Do the two speak of the same people."""
    return bool(set(one.tables) & set(other.tables)) or _shared_unit(one, other, policy) is not None


def _frame(footprint: Footprint) -> tuple[object, ...]:
    """Equal for statistics whose rows are the same rows: the same tables, tied alike where there are several."""
    ties = tuple(text for text in footprint.conditions if _tie(text, footprint)) if len(footprint.tables) > 1 else ()
    return footprint.tables, footprint.sources, ties, footprint.units[0], footprint.dialect


def _ties(frame: tuple[object, ...]) -> tuple[str, ...]:
    ties = frame[2]
    return ties if isinstance(ties, tuple) else ()


def _tie(text: str, footprint: Footprint) -> bool:
    node = parsed(text, footprint.dialect)
    return isinstance(node, exp.EQ) and isinstance(node.this, exp.Column) and isinstance(node.expression, exp.Column)


def _shared_unit(one: Footprint, other: Footprint, policy: Policy) -> tuple[int, int] | None:
    for place, mine in enumerate(one.tables):
        for there, theirs in enumerate(other.tables):
            left, right = policy.datasets.get(mine), policy.datasets.get(theirs)
            if left is None or right is None:
                continue
            units = ((left.unit or "").lower(), (right.unit or "").lower())
            if mine == theirs or (theirs, units[1]) in left.joins or (mine, units[0]) in right.joins:
                return place, there
    return None


def _by_units(one: Footprint, other: Footprint, policy: Policy) -> Probe | None:
    """Rows of different tables, or that no conditions describe: compare the people behind each two released groups, and
    how often each of them is in there. Sums over two groups differ by what those tell who are not equally often in
    both."""
    places = _shared_unit(one, other, policy)
    if places is None:
        return None
    minimum = max(one.min_group, other.min_group)
    left, right = (_groups(each, place, minimum) for each, place in zip((one, other), places, strict=True))
    pairs = exp.Select().from_(left.subquery("a"), copy=False)
    pairs = pairs.join(right.subquery("b"), on=exp.EQ(this=exp.column("u", "a"), expression=exp.column("u", "b")))
    keys = [exp.column(f"k{place}", side) for side, each in (("a", one), ("b", other)) for place, _ in _keys(each)]
    people = exp.Add(this=exp.Max(this=exp.column("people", "a")), expression=exp.Max(this=exp.column("people", "b")))
    equal = exp.EQ(this=exp.column("n", "a"), expression=exp.column("n", "b"))
    alike = exp.Count(this=exp.Case(ifs=[exp.If(this=equal, true=exp.Literal.number(1))]))
    within = exp.Literal.number(1), exp.Literal.number(minimum - 1)
    few = [
        exp.Between(
            this=exp.Sub(this=exp.Sub(this=people.copy(), expression=exp.Count(this=exp.Star())), expression=shared),
            low=within[0].copy(),
            high=within[1].copy(),
        )
        for shared in (exp.Count(this=exp.Star()), alike)
    ]
    pairs = pairs.select(exp.alias_(exp.Literal.number(1), "violation"), copy=False)
    if keys:
        pairs = pairs.group_by(*keys, copy=False)
    pairs = pairs.having(exp.or_(*few), copy=False).limit(1, copy=False)
    return Probe(said(pairs, one.dialect))


def _keys(footprint: Footprint) -> list[tuple[int, str]]:
    return list(enumerate(footprint.group_keys))


def _groups(footprint: Footprint, place: int, minimum: int) -> exp.Select:
    """A row per group and person: the keys, the person, how many of the group's rows are the person's, how many people
    the group has. Only groups large enough to be released."""
    rows = atoms.from_tables(footprint)
    for text in footprint.conditions:
        rows = rows.where(exp.Paren(this=parsed(text, footprint.dialect)), copy=False)
    person = rewrite.column(rewrite.UNIT, f"b{place}")
    named = [exp.alias_(parsed(key, footprint.dialect), f"k{number}") for number, key in _keys(footprint)]
    rows = rows.select(*named, exp.alias_(person, "u"), copy=False)
    rows = rows.where(exp.Not(this=exp.Is(this=person.copy(), expression=exp.null())), copy=False)
    keys = [exp.column(each.alias) for each in named]
    once = exp.Select().from_(rows.subquery("rows_"), copy=False)
    once = once.select(*keys, exp.column("u"), exp.alias_(exp.Count(this=exp.Star()), "n"), copy=False)
    once = once.group_by(*(key.copy() for key in keys), exp.column("u"), copy=False)
    people = exp.Window(this=exp.Count(this=exp.Star()), partition_by=[key.copy() for key in keys] or None, over="OVER")
    sized = exp.Select().from_(once.subquery("once_"), copy=False)
    sized = sized.select(*(key.copy() for key in keys), exp.column("u"), exp.column("n"), copy=False)
    sized = sized.select(exp.alias_(people, "people"), copy=False)
    large = exp.Select(expressions=[exp.Star()]).from_(sized.subquery("sized_"), copy=False)
    return large.where(exp.GTE(this=exp.column("people"), expression=exp.Literal.number(minimum)), copy=False)
