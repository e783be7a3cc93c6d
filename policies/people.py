"""Statistics over different tables about the same people: any two released groups of theirs are compared.

Sums over two groups differ by what those people tell who are not equally often in both, so these must not be few. Each
group is summed up in buckets of people by hash: how many, and the sums of two parts of their hashes, each person once
and each as often as they have rows. Groups that differ in fewer than k people differ in fewer than k buckets, so two
that differ in k buckets or in none need no closer look (the cells of an invertible Bloom lookup table; Eppstein et al.
2011). A sketch depends on one statistic alone: it is made once and remembered, however many others it is compared with.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from sqlglot import exp

from policies import atoms, rewrite
from policies.decision import Footprint, Pair
from policies.dialects import parsed, said
from policies.model import Policy

BUCKETS = 256
PART, _PARTS = 2**28, (8, 36)
"""The size of the parts of a hash that are added up, and the bits they begin at; those before are the bucket."""
MAX_SKETCH = 131_072
"""Rows of a sketch; larger ones are not made."""
_FACTORS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], dtype=np.uint64)
"""Odd numbers, any: what three numbers are mixed into one with."""
MAX_CANDIDATES = 200_000
"""Pairs of groups of nearly equal size whose buckets are looked at."""


def linked(one: Footprint, other: Footprint, policy: Policy) -> bool:
    """Do the two speak of the same people."""
    return bool(set(one.tables) & set(other.tables)) or _shared(one, other, policy) is not None


def pair(one: Footprint, other: Footprint, policy: Policy) -> Pair | None:
    """The comparison of two statistics, if they speak of the same people."""
    places = _shared(one, other, policy)
    return None if places is None else Pair(one, other, places)


def exact(pair: Pair) -> str:
    """A query that gives a row if two groups are too near each other."""
    both = zip((pair.one, pair.other), pair.places, strict=True)
    keys = [len(pair.one.group_keys), len(pair.other.group_keys)]
    near = _near([_groups(*each, pair.minimum) for each in both], keys, pair.minimum)
    return said(near, pair.one.dialect, last=True)


def sketches(pair: Pair) -> tuple[str, ...]:
    """The queries for the sketches of both; none where there is no way to make them."""
    if pair.one.dialect != "duckdb" or pair.minimum > BUCKETS // 2:
        return ()
    return tuple(sketch(*each, pair.minimum) for each in zip((pair.one, pair.other), pair.places, strict=True))


@lru_cache(maxsize=4096)
def sketch(footprint: Footprint, place: int, minimum: int) -> str:
    """The query for the sketch of one, whose table at `place` names the people."""
    return said(_sketch(_groups(footprint, place, minimum), len(footprint.group_keys)), "duckdb", last=True)


@dataclass(frozen=True, slots=True)
class Sketch:
    """A row per group and bucket, column by column, as the sketch's query gives them."""

    kind: frozenset[str]  # type of the people's identifiers
    group: Any  # arrays from here on
    bucket: Any
    people: tuple[Any, Any, Any]  # how many, and the sums of the lower and the higher parts of their hashes
    rows: tuple[Any, Any, Any]  # the same with each person as often as they have rows


def near(one: Sketch, other: Sketch, minimum: int) -> bool:
    """May there be a group of one and a group of the other that differ in 1 to `minimum` - 1 people."""
    if len(one.kind | other.kind) > 1 or max(len(one.group), len(other.group)) > MAX_SKETCH:
        return True  # written in two ways, people hash differently
    (mine, my_sizes), (theirs, their_sizes) = _tables(one), _tables(other)
    low = np.searchsorted(their_sizes, my_sizes - minimum, side="right")
    high = np.searchsorted(their_sizes, my_sizes + minimum, side="left")
    if int((high - low).sum()) > MAX_CANDIDATES:
        return True
    for group, first, last in zip(mine, low, high, strict=True):
        people, rows = (theirs[first:last] != group).sum(axis=2).T
        if ((people < minimum) & (rows > 0)).any():  # nearly the same people, or the same in other numbers
            return True
    return False


def _tables(sketch: Sketch) -> tuple[Any, Any]:
    """Groups × (people, rows) × buckets, smallest group first, each bucket in one number; and their sizes."""
    names, place = np.unique(sketch.group, return_inverse=True)
    table = np.zeros((len(names), 2, BUCKETS), dtype=np.uint64)
    for layer, values in enumerate((sketch.people, sketch.rows)):
        for factor, each in zip(_FACTORS, values, strict=True):
            table[place, layer, sketch.bucket] += each.astype(np.uint64) * factor
    sizes = np.zeros(len(names), dtype=np.int64)
    np.add.at(sizes, place, sketch.people[0])
    order = np.argsort(sizes, kind="stable")
    return table[order], sizes[order]


def _shared(one: Footprint, other: Footprint, policy: Policy) -> tuple[int, int] | None:
    """The tables of either with the same people in them."""
    for place, mine in enumerate(one.tables):
        for there, theirs in enumerate(other.tables):
            left, right = policy.datasets.get(mine), policy.datasets.get(theirs)
            if left is None or right is None:
                continue
            units = ((left.unit or "").lower(), (right.unit or "").lower())
            if mine == theirs or (theirs, units[1]) in left.joins or (mine, units[0]) in right.joins:
                return place, there
    return None


def is_once(footprint: Footprint) -> bool:
    """Is everybody in each of its groups once, however many rows they have."""
    if footprint.grain is not None:
        return not footprint.grain
    return footprint.persons or footprint.once or len(footprint.single) == len(footprint.tables)


def _groups(footprint: Footprint, place: int, minimum: int) -> exp.Select:
    """A row per group and person: the keys k0, k1, …, the person `u`, how many of the group's rows are theirs, how many
    people the group has. Only groups large enough to be released."""
    rows = atoms.from_tables(footprint)
    for text in footprint.conditions:
        rows = rows.where(exp.Paren(this=parsed(text, footprint.dialect)), copy=False)
    person = rewrite.column(rewrite.UNIT, f"b{place}")
    named = [
        exp.alias_(parsed(key, footprint.dialect), f"k{number}") for number, key in enumerate(footprint.group_keys)
    ]
    rows = rows.select(*named, exp.alias_(person, "u"), copy=False)
    rows = rows.where(exp.Not(this=exp.Is(this=person.copy(), expression=exp.null())), copy=False)
    keys = _keys(len(named))
    grain = [
        exp.alias_(parsed(each, footprint.dialect), f"g{number}") for number, each in enumerate(footprint.grain or ())
    ]
    rows = rows.select(*grain, copy=False).distinct(copy=False) if footprint.grain else rows
    once = exp.Select().from_(rows.subquery("rows_", copy=False), copy=False)
    always = footprint.once or footprint.grain == ()
    often: exp.Expr = exp.Literal.number(1) if always else exp.Count(this=exp.Star())
    once = once.select(*keys, exp.column("u"), exp.alias_(often, "n"), copy=False)
    once = once.group_by(*_keys(len(named)), exp.column("u"), copy=False)
    people = exp.Window(this=exp.Count(this=exp.Star()), partition_by=_keys(len(named)) or None, over="OVER")
    sized = exp.Select().from_(once.subquery("once_", copy=False), copy=False)
    sized = sized.select(*_keys(len(named)), exp.column("u"), exp.column("n"), copy=False)
    sized = sized.select(exp.alias_(people, "people"), copy=False)
    large = exp.Select(expressions=[exp.Star()]).from_(sized.subquery("sized_", copy=False), copy=False)
    return large.where(exp.GTE(this=exp.column("people"), expression=exp.Literal.number(minimum)), copy=False)


def _keys(count: int, table: str | None = None) -> list[exp.Expr]:
    return [exp.column(f"k{number}", table) for number in range(count)]


def _near(sides: Sequence[exp.Select], keys: Sequence[int], minimum: int) -> exp.Select:
    """A row if there are two groups that differ in too few people, or in how often too few are in them: most may be in
    one of them twice or three times as often, and a multiple of the one sum is taken off the other."""
    pairs = exp.Select().from_(sides[0].subquery("a", copy=False), copy=False)
    same = exp.EQ(this=exp.column("u", "a"), expression=exp.column("u", "b"))
    pairs = pairs.join(sides[1].subquery("b", copy=False), on=same, copy=False)
    groups = [*_keys(keys[0], "a"), *_keys(keys[1], "b")]
    named = [exp.alias_(each.copy(), f"g{place}") for place, each in enumerate(groups)]
    people = exp.Add(this=exp.Max(this=exp.column("people", "a")), expression=exp.Max(this=exp.column("people", "b")))
    often = exp.cast(exp.column("n", "a"), exp.DType.DOUBLE)
    ratio = exp.Div(this=often, expression=exp.column("n", "b"), typed=False, safe=True)
    alike = pairs.select(
        *named, exp.alias_(people, "people"), exp.alias_(exp.Count(this=exp.Star()), "alike"), copy=False
    ).group_by(*groups, ratio, copy=False)
    either = exp.Sub(this=exp.Max(this=exp.column("people")), expression=exp.Sum(this=exp.column("alike")))
    few = [
        exp.Between(
            this=exp.Sub(this=either.copy(), expression=shared),
            low=exp.Literal.number(1),
            high=exp.Literal.number(minimum - 1),
        )
        for shared in (exp.Sum(this=exp.column("alike")), exp.Max(this=exp.column("alike")))
    ]
    made = exp.Select().from_(alike.subquery("alike_", copy=False), copy=False)
    made = made.select(exp.alias_(exp.Literal.number(1), "violation"), copy=False)
    if groups:
        made = made.group_by(*(exp.column(f"g{place}") for place in range(len(groups))), copy=False)
    return made.having(exp.or_(*few), copy=False).limit(1, copy=False)


def _sketch(groups: exp.Select, keys: int) -> exp.Select:
    """A row per group and bucket of people; see `Sketch`."""
    group = exp.func("hash", *(_keys(keys) or [exp.Literal.number(0)]))
    hashed = exp.func("hash", exp.cast(exp.column("u"), exp.DType.TEXT))
    kind = exp.func("typeof", exp.column("u"))
    rows = exp.Select().from_(groups.subquery("groups_", copy=False), copy=False).select(
        exp.alias_(group, "grouping"), exp.alias_(hashed, "h"), exp.alias_(kind, "kind"), exp.column("n"), copy=False
    )  # fmt: skip
    bucket = exp.cast(_part(exp.Literal.number(0), BUCKETS), exp.DType.INT)
    parts = [exp.Literal.number(1), *(exp.cast(_part(exp.Literal.number(low), PART), "BIGINT") for low in _PARTS)]
    sums = [_sum(part.copy()) for part in parts]
    sums += [_sum(exp.Mul(this=exp.column("n"), expression=part)) for part in parts]
    named = [exp.alias_(each, f"s{place}") for place, each in enumerate(sums)]
    made = exp.Select().from_(rows.subquery("hashed_", copy=False), copy=False).select(
        exp.alias_(exp.func("min", exp.column("kind")), "kind"),
        exp.column("grouping"),
        exp.alias_(bucket, "bucket"),
        *named,
        copy=False,
    )  # fmt: skip
    return made.group_by(exp.column("grouping"), bucket.copy(), copy=False).limit(MAX_SKETCH + 1, copy=False)


def _part(lowest: exp.Expr, size: int) -> exp.Expr:
    """A number below `size` from the bits of the hash `h` above the `lowest`."""
    shifted = exp.Paren(this=exp.BitwiseRightShift(this=exp.column("h"), expression=lowest))
    return exp.Mod(this=shifted, expression=exp.Literal.number(size))


def _sum(part: exp.Expr) -> exp.Expr:
    """The sum as an eight-byte number; past it, which takes more rows than there are, of no use but no error."""
    whole = exp.Mod(this=exp.Paren(this=exp.Sum(this=part)), expression=exp.Literal.number(2**62))
    return exp.cast(whole, exp.DType.BIGINT)
