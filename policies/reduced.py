"""Statistics over joined tables described over one of them, so that those of the table alone meet them.

A table with one row per person, joined by the person, adds no row: its columns are values of the other table's rows,
and whoever is not in it is left out by one more condition. `citizen JOIN visit` by county and `visit` as a whole are so
over the same rows, and their answers are audited together: a total beside the groups gives a withheld group away. A
table that stands beside the others and is tied to none of them multiplies what they tell, all alike, and is left out.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial

from sqlglot import exp

from policies import rewrite
from policies.decision import Footprint
from policies.dialects import parsed, said

_ALIAS = re.compile(r"b\d+")
ROW = "one"
"""How rows of a person are called inside of what stands for them."""


@lru_cache(maxsize=4096)
def reduced(footprint: Footprint) -> Footprint:
    """The same statistic over fewer tables; its keys keep their order, so that its cells keep their names."""
    if footprint.dialect != "duckdb" or not (footprint.exact or footprint.rough) or footprint.total:
        return footprint
    while (found := _tied(footprint)) is not None:
        footprint = _without(footprint, *found)
    for place in reversed(range(len(footprint.tables))):
        if _beside(footprint, place):
            footprint = _without(footprint, place)
    return footprint


def _beside(footprint: Footprint, place: int) -> bool:
    """Is it another table than that of the people, which nothing speaks of together with others."""
    own = f"b{place}"
    texts = (*footprint.conditions, *footprint.keys, footprint.factor, footprint.valued)
    named = [tables_of(text, footprint.dialect) for text in (*texts, footprint.units[0]) if text]
    people = tables_of(footprint.units[0], footprint.dialect)
    return own not in people and all(own not in each or each == {own} for each in named)


def tables_of(text: str, dialect: str) -> set[str]:
    """The tables of a footprint that an expression speaks of."""
    return {column.table for column in parsed(text, dialect).find_all(exp.Column) if _ALIAS.fullmatch(column.table)}


def _tied(footprint: Footprint) -> tuple[int, int, str] | None:
    """A table with one row per person, the table it is joined with by the person, and the condition that says so; one
    whose rows were put together before any other, since nothing but the person is left of it."""
    found = list(ties(footprint))
    return min(found, key=lambda tied: tied[0] not in footprint.collapsed, default=None)


def ties(footprint: Footprint) -> Iterator[tuple[int, int, str]]:
    """A table with one row per person, one it is joined with by the person, and the condition that says so."""
    for text in footprint.conditions if len(footprint.tables) > 1 else ():
        node = parsed(text, footprint.dialect)
        sides = [node.this, node.expression] if isinstance(node, exp.EQ) else []
        if not all(isinstance(side, exp.Column) for side in sides):
            continue
        places = [_place(footprint, side) for side in sides]
        for one, other in (places, places[::-1]) if sides and None not in places else ():
            alone = one in footprint.single or (one in footprint.collapsed and _only_person(footprint, one))
            if one != other and alone and one is not None and other is not None:
                yield one, other, text


def _only_person(footprint: Footprint, place: int) -> bool:
    """Does nothing speak of other columns of the table than who the person is."""
    own, person = f"b{place}", footprint.people[place]
    texts = (*footprint.conditions, *footprint.keys, footprint.factor, footprint.valued)
    columns = (each for text in texts if text for each in parsed(text, footprint.dialect).find_all(exp.Column))
    return all(each.name.lower() in (person, rewrite.UNIT) for each in columns if each.table == own)


def _place(footprint: Footprint, column: exp.Expr) -> int | None:
    """The table whose person a column is."""
    place = int(column.table[1:]) if isinstance(column, exp.Column) and column.table[1:].isdigit() else -1
    known = 0 <= place < len(footprint.people) and footprint.people[place] == column.name.lower()
    return place if known else None


def _without(footprint: Footprint, gone: int, stays: int | None = None, tie: str = "") -> Footprint:
    """The footprint without a table: its columns are values of the rows of the table that `stays`, or nothing where
    there is none."""
    dialect = footprint.dialect
    kept = [place for place in range(len(footprint.tables)) if place != gone]
    told: dict[str, Callable[[str], exp.Expr]] = {
        f"b{place}": partial(named, f"b{now}") for now, place in enumerate(kept)
    }
    there: tuple[str, ...] = ()
    if stays is not None:
        person = rewrite.column(rewrite.UNIT, f"b{kept.index(stays)}")
        row = rows_of(parsed(footprint.sources[gone], dialect), person)
        same = (rewrite.UNIT, *(footprint.people[gone : gone + 1] if gone in footprint.collapsed else ()))
        told[f"b{gone}"] = lambda name: (
            person.copy() if name in same else exp.Subquery(this=row(rewrite.column(name, ROW)))
        )
        there = (said(exp.Exists(this=row(exp.Literal.number(1))), dialect, last=True),)

    def staying(texts: tuple[str, ...]) -> tuple[str, ...]:
        left = (text for text in texts if tables_of(text, dialect) <= told.keys())
        return tuple(said(retold(text, dialect, told), dialect, last=True) for text in left)

    return replace(
        footprint,
        tables=tuple(footprint.tables[place] for place in kept),
        sources=tuple(footprint.sources[place] for place in kept),
        conditions=tuple(sorted({*staying(tuple(text for text in footprint.conditions if text != tie)), *there})),
        keys=staying(footprint.keys),
        fixed=staying(footprint.fixed),
        units=tuple(said(_plain(parsed(text, dialect)), dialect, last=True) for text in staying(footprint.units)),
        factor=next(iter(staying((footprint.factor,))), "") if footprint.factor else "",
        valued=next(iter(staying((footprint.valued,))), "") if footprint.valued else "",
        people=tuple(footprint.people[place] for place in kept),
        single=tuple(place - (place > gone) for place in footprint.single if place != gone),
        collapsed=tuple(place - (place > gone) for place in footprint.collapsed if place != gone),
    )


def rows_of(
    source: exp.Expr, person: exp.Column, conditions: Sequence[exp.Expr] = ()
) -> Callable[[exp.Expr], exp.Select]:
    """Makes what a table says of a person, in the rows under conditions that name them `ROW`."""
    item = exp.Subquery(this=source, alias=exp.TableAlias(this=rewrite.quoted(ROW)))
    same = exp.EQ(this=rewrite.column(rewrite.UNIT, ROW), expression=person.copy())

    def of(output: exp.Expr) -> exp.Select:
        made = exp.Select(expressions=[output]).from_(item.copy(), copy=False)
        return made.where(*(each.copy() for each in (same, *conditions)), copy=False)

    return of


def retold(text: str, dialect: str, told: Mapping[str, Callable[[str], exp.Expr]]) -> exp.Expr:
    """An expression with its columns put otherwise, table by table; those of other tables stay."""

    def put(part: exp.Expr) -> exp.Expr:
        known = told.get(part.table) if isinstance(part, exp.Column) else None
        return known(part.name) if known is not None else part

    return parsed(text, dialect).transform(put, copy=False)


def named(table: str, name: str) -> exp.Column:
    """The column of a table."""
    return rewrite.column(name, table)


def _plain(person: exp.Expr) -> exp.Expr:
    """COALESCE(x, x) as x."""
    parts = [person.this, *person.expressions] if isinstance(person, exp.Coalesce) else [person]
    return parts[0] if all(each == parts[0] for each in parts) else person
