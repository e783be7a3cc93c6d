"""Numbers of people, audited over the people: who is in which groups of which statistics, whatever rows they are of.

    count(DISTINCT c.id_no) FROM citizen c JOIN visit v … GROUP BY month(v.visit_date)
        each person in the cells of the months in which such visits of theirs are
    sum(c.income)           the same, in each of these cells as often as they have such visits
    count(*) FROM citizen   each person in one cell

Numbers of people do not add up over their rows, and what is the same in all rows of a person is told by any of them:
those who came in January and those who came in February, less those who came in either, are those who came in both.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache, partial

from sqlglot import exp

from policies import rewrite
from policies.atoms import counted, from_tables
from policies.decision import Asked, Audit, Footprint, Member
from policies.dialects import parsed, said
from policies.people import BUCKETS, is_once
from policies.reduced import named, retold

_CELLS, _EVERYONE = "cells", "everyone"


@lru_cache(maxsize=4096)
def over_people(footprint: Footprint) -> tuple[tuple[str, Footprint], ...]:
    """What a statistic tells of people, each with how it is looked at: their number, and sums of what is the same in
    all rows of a person. Those of the same kind can be added and subtracted: sums that the same multiplies, of all
    rows or of those with a value."""
    if footprint.dialect != "duckdb" or footprint.min_group > BUCKETS // 2:
        return ()
    if footprint.total or footprint.rough or footprint.weighed:
        return ()
    found: list[tuple[str, Footprint]] = []
    once = is_once(footprint) or footprint.grain is not None
    if once and not footprint.valued and not footprint.factor:
        found.append(("people", footprint))
    if not footprint.persons and not footprint.once and (footprint.repeats or once):
        seen, factor = replace(footprint, factor=""), footprint.factor
        if factor:  # whom it makes nothing of is nobody in it
            some = exp.NEQ(this=exp.Paren(this=parsed(factor, "duckdb")), expression=exp.Literal.number(0))
            seen = replace(seen, conditions=(*footprint.conditions, said(some, "duckdb", last=True)))
        rows = "valued" if footprint.valued else "all"
        found.append((f"sum {rows} {_of_datasets(footprint, factor)}", seen))
    return tuple(found)


def _of_datasets(footprint: Footprint, text: str) -> str:
    """An expression with the names of datasets for those of their occurrences."""
    told = {f"b{place}": partial(named, table) for place, table in enumerate(footprint.tables)}
    return said(retold(text, "duckdb", told), "duckdb", last=True) if text else ""


def audit(members: Sequence[Member]) -> Audit:
    """The audit of some statistics of a crowd."""
    names = tuple(f"k{place}" for place in range(len(members)))
    minimum = max(member.footprint.min_group for member in members)
    each = [f"p{place}" for place in range(len(members))]
    everyone: exp.Query = _column_of(each[0])
    for name in each[1:]:
        everyone = exp.union(everyone, _column_of(name), copy=False)
    rows = exp.Select().from_(everyone.subquery(_EVERYONE, copy=False), copy=False)
    for name, key in zip(each, names, strict=True):
        same = exp.EQ(this=exp.column("u", name), expression=exp.column("u", _EVERYONE))
        rows = rows.join(exp.to_table(name), on=same, join_type="left", copy=False)
        rows = rows.select(exp.alias_(exp.column(_CELLS, name), key), copy=False)
    rows = rows.select(exp.column("u", _EVERYONE), copy=False)
    for name, member in zip(each, members, strict=True):
        rows = rows.with_(name, as_=_in_cells(member), copy=False)
    sql = said(counted(rows, names, minimum), "duckdb", last=True)
    asked = tuple(
        Asked(member.footprint, None, (place,), member.old, member.place, spread=True)
        for place, member in enumerate(members)
    )
    return Audit(sql, sql, 0, names, tuple(range(len(names))), asked, minimum)


def _column_of(name: str) -> exp.Select:
    return exp.Select(expressions=[exp.column("u")]).from_(exp.to_table(name), copy=False)


def _in_cells(member: Member) -> exp.Select:
    """A row per person: `u`, and a sorted list of the cells they are in, structs k0, k1, … of its keys and its grain;
    once each, or as often as they have rows there. A statistic without keys has one cell."""
    footprint = member.seen
    rows = from_tables(footprint)
    for text in footprint.conditions:
        rows = rows.where(exp.Paren(this=parsed(text, footprint.dialect)), copy=False)
    person = rewrite.column(rewrite.UNIT, f"b{member.table}")
    known = exp.Not(this=exp.Is(this=person.copy(), expression=exp.Null()))
    grain = () if is_once(footprint) else footprint.grain or ()
    keys = [parsed(key, footprint.dialect) for key in (*footprint.group_keys, *grain)] or [exp.Boolean(this=True)]
    values = [exp.PropertyEQ(this=exp.to_identifier(f"k{place}"), expression=key) for place, key in enumerate(keys)]
    cell: exp.Expr = exp.Struct(expressions=values)
    if is_once(footprint) or footprint.grain is not None:
        cell = exp.Distinct(expressions=[cell])
    listed = exp.func("list_sort", exp.ArrayAgg(this=cell))
    return (
        rows.where(known, copy=False)
        .select(exp.alias_(exp.cast(person, exp.DType.TEXT), "u"), exp.alias_(listed, _CELLS), copy=False)
        .group_by(person.copy(), copy=False)
    )
