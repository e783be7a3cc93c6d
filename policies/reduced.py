"""Statistics over joined tables described over one of them, so that those of the table alone meet them.

A table with one row per person, joined by the person, adds no row: its columns are values of the other table's rows,
and whoever is not in it is left out by one more condition. `citizen JOIN visit` by county and `visit` as a whole are so
over the same rows, and their answers are audited together: a total beside the groups gives a withheld group away.
"""

from dataclasses import replace
from functools import lru_cache

from sqlglot import exp

from policies import rewrite
from policies.decision import Footprint
from policies.dialects import parsed, said


@lru_cache(maxsize=4096)
def reduced(footprint: Footprint) -> Footprint:
    """The same statistic over fewer tables; its keys keep their order, so that its cells keep their names."""
    if footprint.dialect != "duckdb" or not footprint.exact or footprint.total:
        return footprint
    while (found := _tied(footprint)) is not None:
        footprint = _without(footprint, *found)
    return footprint


def _tied(footprint: Footprint) -> tuple[int, int, str] | None:
    """A table with one row per person, the table it is joined with by the person, and the condition that says so."""
    for text in footprint.conditions if len(footprint.tables) > 1 else ():
        node = parsed(text, footprint.dialect)
        sides = [node.this, node.expression] if isinstance(node, exp.EQ) else []
        if not all(isinstance(side, exp.Column) for side in sides):
            continue
        places = [_place(footprint, side) for side in sides]
        for one, other in (places, places[::-1]) if sides and None not in places else ():
            if one != other and one in footprint.single and one is not None and other is not None:
                return one, other, text
    return None


def _place(footprint: Footprint, column: exp.Expr) -> int | None:
    """The table whose person a column is."""
    place = int(column.table[1:]) if isinstance(column, exp.Column) and column.table[1:].isdigit() else -1
    known = 0 <= place < len(footprint.people) and footprint.people[place] == column.name.lower()
    return place if known else None


def _without(footprint: Footprint, gone: int, stays: int, tie: str) -> Footprint:
    dialect = footprint.dialect
    names = {f"b{place}": f"b{place - (place > gone)}" for place in range(len(footprint.tables)) if place != gone}
    inner = "one"
    person = rewrite.column(rewrite.UNIT, names[f"b{stays}"])
    item = exp.Subquery(this=parsed(footprint.sources[gone], dialect), alias=exp.TableAlias(this=rewrite.quoted(inner)))
    same = exp.EQ(this=rewrite.column(rewrite.UNIT, inner), expression=person)

    def of_row(output: exp.Expr) -> exp.Select:
        return exp.Select(expressions=[output]).from_(item.copy(), copy=False).where(same.copy(), copy=False)

    def put(part: exp.Expr) -> exp.Expr:
        if not isinstance(part, exp.Column):
            return part
        if part.table in names:
            return rewrite.column(part.name, names[part.table])
        if part.table != f"b{gone}":
            return part
        if part.name == rewrite.UNIT:
            return person.copy()
        return exp.Subquery(this=of_row(rewrite.column(part.name, inner)))

    def told(text: str) -> str:
        return said(parsed(text, dialect).transform(put, copy=False), dialect, last=True)

    there = said(exp.Exists(this=of_row(exp.Literal.number(1))), dialect, last=True)
    kept = [place for place in range(len(footprint.tables)) if place != gone]
    return replace(
        footprint,
        tables=tuple(footprint.tables[place] for place in kept),
        sources=tuple(footprint.sources[place] for place in kept),
        conditions=tuple(sorted({*(told(text) for text in footprint.conditions if text != tie), there})),
        keys=tuple(map(told, footprint.keys)),
        fixed=tuple(map(told, footprint.fixed)),
        units=tuple(said(_plain(parsed(told(text), dialect)), dialect, last=True) for text in footprint.units),
        factor=told(footprint.factor) if footprint.factor else "",
        people=tuple(footprint.people[place] for place in kept),
        single=tuple(place - (place > gone) for place in footprint.single if place != gone),
    )


def _plain(person: exp.Expr) -> exp.Expr:
    """COALESCE(x, x) as x."""
    parts = [person.this, *person.expressions] if isinstance(person, exp.Coalesce) else [person]
    return parts[0] if all(each == parts[0] for each in parts) else person
