"""Statistics over joined tables described over one of them, so that those of the table alone meet them.

A table with one row per person, joined by the person, adds no row: its columns are values of the other table's rows,
and whoever is not in it is left out by one more condition. `citizen JOIN visit` by county and `visit` as a whole are so
over the same rows, and their answers are audited together: a total beside the groups gives a withheld group away. A
table that stands beside the others and is tied to none of them multiplies what they tell, all alike, and is left out.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache, partial

from sqlglot import exp

from policies import rewrite
from policies.decision import Footprint
from policies.dialects import parsed, said

_ALIAS = re.compile(r"b\d+")
_ONE = "one"


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
    names = {f"b{place}": f"b{place - (place > gone)}" for place in range(len(footprint.tables)) if place != gone}
    told: Callable[[str], str] = partial(_renamed, names=names, dialect=dialect)
    there: tuple[str, ...] = ()
    if stays is not None:
        person = rewrite.column(rewrite.UNIT, names[f"b{stays}"])
        row = partial(_row_of, parsed(footprint.sources[gone], dialect), person)
        same = (rewrite.UNIT, *(footprint.people[gone : gone + 1] if gone in footprint.collapsed else ()))
        told = partial(_renamed, names=names, dialect=dialect, gone=f"b{gone}", person=person, row=row, same=same)
        there = (said(exp.Exists(this=row(exp.Literal.number(1))), dialect, last=True),)
    kept = [place for place in range(len(footprint.tables)) if place != gone]

    def staying(texts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(told(text) for text in texts if stays is not None or f"b{gone}" not in tables_of(text, dialect))

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


def _row_of(source: exp.Expr, person: exp.Column, output: exp.Expr) -> exp.Select:
    """What a table says of a person."""
    item = exp.Subquery(this=source.copy(), alias=exp.TableAlias(this=rewrite.quoted(_ONE)))
    same = exp.EQ(this=rewrite.column(rewrite.UNIT, _ONE), expression=person.copy())
    return exp.Select(expressions=[output]).from_(item, copy=False).where(same, copy=False)


def _renamed(
    text: str,
    names: Mapping[str, str],
    dialect: str,
    gone: str = "",
    person: exp.Column | None = None,
    row: Callable[[exp.Expr], exp.Select] | None = None,
    same: tuple[str, ...] = (),
) -> str:
    def put(part: exp.Expr) -> exp.Expr:
        if not isinstance(part, exp.Column):
            return part
        if part.table in names:
            return rewrite.column(part.name, names[part.table])
        if part.table != gone or person is None or row is None:
            return part
        return person.copy() if part.name in same else exp.Subquery(this=row(rewrite.column(part.name, _ONE)))

    return said(parsed(text, dialect).transform(put, copy=False), dialect, last=True)


def _plain(person: exp.Expr) -> exp.Expr:
    """COALESCE(x, x) as x."""
    parts = [person.this, *person.expressions] if isinstance(person, exp.Coalesce) else [person]
    return parts[0] if all(each == parts[0] for each in parts) else person
