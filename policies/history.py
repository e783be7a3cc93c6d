"""The differencing guard: new answers and earlier ones, added and subtracted, must not single out a few people.

Statistics over the same rows (a *frame*: the same tables, joined alike) are audited together, cell by cell, by linear
algebra over their atoms (`policies.atoms`, `policies.combinations`), also where they were taken under different terms
(`policies.ground`). Statistics over different tables about the same people are compared in pairs, by the sets of
people. Everything is asked of the engine before the query runs.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from sqlglot import exp

from policies import atoms, people
from policies.decision import Audit, Crowd, Footprint, Member, Pair, Place, Refused, Withhold
from policies.dialects import parsed
from policies.dominance import Rule
from policies.errors import HISTORY_FULL, NOT_IN_ENGINE
from policies.ground import grounded
from policies.model import Policy
from policies.persons import over_people
from policies.reduced import reduced

MAX_PAIRS = 400
"""Comparisons of sets of people one query may cost; beyond it the query is refused, never answered unchecked."""
MAX_AUDITED = 400
"""Statistics over the same rows that are audited together."""


@dataclass(frozen=True, slots=True)
class History:
    """What was answered before: over all users of the project, and of all projects where the policy says so."""

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

    pairs: tuple[Pair, ...] = ()
    audits: tuple[Audit, ...] = ()
    crowds: tuple[Crowd, ...] = ()
    withheld: tuple[Withhold, ...] = ()

    @property
    def audited(self) -> frozenset[Footprint]:
        """Those of which is not known yet which cells will leave."""
        asked = frozenset(each.footprint for audit in self.audits for each in audit.asked if not each.old)
        return asked.union(each.footprint for crowd in self.crowds for each in crowd.members if not each.old)


def compare(
    new: Sequence[Footprint],
    history: History,
    policy: Policy,
    places: Mapping[Footprint, Place],
    quiet: frozenset[Footprint] = frozenset(),
) -> Comparison | Refused:
    """What has to hold before `new` is answered.

    `places`: those whose cells can be withheld one by one. `quiet`: those of which one bit a group is told, on which
    side of its own mean the mean of all lies. The history remembers that, and another question that they are in is
    compared as if it told them: each more bit would narrow them.
    """
    known = {footprint: footprint for footprint in history.footprints if not footprint.weighed}
    balanced = {replace(footprint, weighed=False) for footprint in history.footprints if footprint.weighed}
    again = all(each in known or (each in quiet and each in balanced) for each in new)
    fresh, withheld = [], []
    for one in dict.fromkeys(each for each in new if each not in quiet or (each in balanced and not again)):
        before = known.get(one)
        if before is None or before.withheld is None:
            fresh.append(one)
        elif before.withheld and one in places:  # the same question gets the same answer
            withheld.append(Withhold(one, places[one], frozenset(before.withheld)))
        elif before.withheld:
            fresh.append(one)
    others = [  # of itself only what has left
        replace(each, pending=False) if each in fresh else each
        for each in known
        if each.withheld is not None or each not in fresh
    ]
    if any(one.dialect != other.dialect and people.linked(one, other, policy) for one in fresh for other in others):
        return Refused.because(NOT_IN_ENGINE, what="A look at an earlier answer's rows", dialect=fresh[0].dialect)
    seen = _seen((*fresh, *others))
    frame_of = {one: _frame(seen.get(one, one)) for one in (*fresh, *others)}
    audits: list[Audit] = []
    for frame, described in _frames((*others, *fresh), seen).items():
        members = [one for one in fresh if one in described]
        earlier = [one for one in others if one in described]
        if members and len(described) > MAX_AUDITED:
            return Refused.because(HISTORY_FULL)
        if members and len(described) > 1:
            rule = _rule(policy, members[0])
            audits.append(atoms.audit(earlier, members, places, _ties(frame), described, rule))
    pairs: dict[Pair, None] = {}
    for place, one in enumerate(fresh):
        for other in (*others, *fresh[:place], *([] if one.exact and not one.repeats and not one.persons else [one])):
            pair = people.pair(one, other, policy) if _in_pairs(one, other, frame_of) else None
            if pair is not None:
                pairs[pair] = None
            if len(pairs) > MAX_PAIRS:
                return Refused.because(HISTORY_FULL)
    crowds: list[Crowd] = []
    for kind in dict.fromkeys(kind for one in fresh for kind, _ in over_people(one)):
        mine, theirs = (
            {one: seen for one in some for each, seen in over_people(one) if each == kind} for some in (fresh, others)
        )
        crowds += _crowds(mine, theirs, frame_of, policy, places)
    return Comparison(tuple(pairs), tuple(audits), tuple(crowds), tuple(withheld))


def _seen(footprints: Sequence[Footprint]) -> dict[Footprint, Footprint]:
    """How to describe statistics that others took over more or fewer tables, or under other terms."""
    joined: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
    for one in footprints:
        joined.setdefault(reduced(one).tables, set()).add(one.tables)
    fewer = {one: each for one in footprints if len(joined[(each := reduced(one)).tables]) > 1}
    found = _grounded([fewer.get(one, one) for one in footprints])
    described = {one: found.get(fewer.get(one, one), fewer.get(one, one)) for one in footprints}
    return {one: each for one, each in described.items() if each != one}


def _grounded(footprints: Sequence[Footprint]) -> dict[Footprint, Footprint]:
    terms: dict[tuple[str, ...], dict[tuple[str, ...], Footprint]] = {}
    for one in footprints:
        terms.setdefault(one.tables, {}).setdefault(one.sources, one)
    several = {
        tables
        for tables, found in terms.items()
        if len(found) > 1 and sum(grounded(each) != each for each in found.values()) > 1
    }
    return {one: grounded(one) for one in footprints if one.tables in several}


def _rule(policy: Policy, footprint: Footprint) -> Rule:
    """The dominance rule of totals."""
    release = policy.datasets[footprint.tables[0]].release
    limits = release.dominance
    pair = (limits.n, limits.k) if limits is not None else (0, 1.0)
    return Rule(*pair, release.p_percent or 0.0)


def _frames(
    footprints: Sequence[Footprint], seen: Mapping[Footprint, Footprint]
) -> dict[tuple[object, ...], dict[Footprint, Footprint]]:
    """Statistics over the same rows, and how they are described there. Numbers of people do not add up over rows."""
    found: dict[tuple[object, ...], dict[Footprint, Footprint]] = {}
    for one in footprints:
        if not one.persons:
            described = seen.get(one, one)
            found.setdefault(_frame(described), {})[one] = described
    return found


def _crowds(
    fresh: Mapping[Footprint, Footprint],
    others: Mapping[Footprint, Footprint],
    frame_of: Mapping[Footprint, tuple[object, ...]],
    policy: Policy,
    places: Mapping[Footprint, Place],
) -> Iterator[Crowd]:
    """Statistics about the same people as the new ones, unless all are over the same rows and audited by them. Of each
    what is looked at."""
    waiting = list(fresh)
    while waiting:
        linked = {each: people.pair(waiting[0], each, policy) for each in (*others, *waiting)}
        members = [
            Member(each, fresh[each], pair.places[1], False, places.get(each))
            if each in fresh
            else Member(each, others[each], pair.places[1], True)
            for each, pair in linked.items()
            if pair is not None
        ]
        waiting = [each for each in waiting[1:] if linked[each] is None]
        by_rows = all(len(member.seen.single) == len(member.seen.tables) for member in members)
        if not by_rows or len({frame_of[member.footprint] for member in members}) > 1:
            yield Crowd(tuple(members), max(member.footprint.min_group for member in members))


def _in_pairs(one: Footprint, other: Footprint, frame_of: Mapping[Footprint, tuple[object, ...]]) -> bool:
    """Are two statistics compared by their people: those over other rows, which no audit looks at together; and those
    whose people are told whichever of their rows they stand in, by what is the same in all of them or by their number.
    """
    if any(each.total or each.factor or each.rough for each in (one, other)):
        return False
    again_told = (one.repeats and other.repeats) or (one.persons and other.persons)
    if one.valued or other.valued:
        return again_told and one.valued == other.valued
    alike = one.persons == other.persons or all(  # a number of people says nothing beside one of rows
        each.persons or (each.exact and len(each.single) == len(each.tables)) for each in (one, other)
    )
    return again_told or (alike and (one is other or frame_of[one] != frame_of[other]))


@lru_cache(maxsize=4096)
def _frame(footprint: Footprint) -> tuple[object, ...]:
    """Equal for statistics whose rows are the same rows: the same tables, tied alike where there are several. Totals
    of a column under a dominance rule are audited apart: a count tells nothing of them. So are, beside all rows, those
    with a value: to a sum the others are nobody."""
    ties = tuple(text for text in footprint.conditions if _tie(text, footprint)) if len(footprint.tables) > 1 else ()
    apart = (footprint.total, footprint.once, footprint.valued)
    return footprint.tables, footprint.sources, ties, footprint.units[0], footprint.dialect, apart


def _ties(frame: tuple[object, ...]) -> tuple[str, ...]:
    ties = frame[2]
    return ties if isinstance(ties, tuple) else ()


def _tie(text: str, footprint: Footprint) -> bool:
    node = parsed(text, footprint.dialect)
    sides = (node.this, node.expression) if isinstance(node, exp.EQ) else ()
    return len({side.table for side in sides if isinstance(side, exp.Column)}) == 2  # of two tables
