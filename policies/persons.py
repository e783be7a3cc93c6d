"""Statistics of people over rows that people have several of, described over the people.

    count(DISTINCT c.id_no) FROM citizen c JOIN visit v … WHERE v.dept = 'a' AND c.gender = 'F'
        those of citizen with gender = 'F' AND EXISTS (a visit of theirs WHERE dept = 'a')
    sum(c.income)           the same rows of citizen, each multiplied with how many such visits there are

Numbers of people do not add up over their rows, and what is the same in all rows of a person is told by any of them. So
described, they are audited together with all other statistics over the people, whichever rows they were taken from.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from sqlglot import exp

from policies import rewrite
from policies.decision import Footprint
from policies.dialects import parsed, said
from policies.reduced import tables_of, ties

_ROW = "one"


@lru_cache(maxsize=4096)
def by_person(footprint: Footprint) -> Footprint | None:
    """The description; None where there is none: the groups divide the rows, or no table has one row per person."""
    if footprint.dialect != "duckdb" or not footprint.exact or footprint.total or footprint.factor or footprint.valued:
        return None
    if len(footprint.tables) != 2 or footprint.collapsed or not (footprint.persons or footprint.repeats):
        return None
    tied = next((each for each in ties(footprint) if each[0] in footprint.single), None)
    if tied is None or tied[1] in footprint.single:
        return None
    stays, gone, tie = tied
    own = {f"b{stays}"}
    if any(tables_of(key, footprint.dialect) - own for key in footprint.group_keys):
        return None
    inside = [text for text in footprint.conditions if text != tie and tables_of(text, footprint.dialect) - own]
    outside = [text for text in footprint.conditions if text != tie and text not in inside]
    rows = _rows_of(footprint, stays, gone, inside)
    conditions = {_alone(text, stays, footprint.dialect) for text in outside}
    there = said(exp.Exists(this=rows(exp.Literal.number(1))), footprint.dialect, last=True)
    number = said(exp.Subquery(this=rows(exp.Count(this=exp.Star()))), footprint.dialect, last=True)
    keys = tuple(_alone(key, stays, footprint.dialect) for key in footprint.group_keys)
    return replace(
        footprint,
        tables=(footprint.tables[stays],),
        sources=(footprint.sources[stays],),
        conditions=tuple(sorted({*conditions, there})),
        keys=keys,
        fixed=(),
        units=(said(rewrite.column(rewrite.UNIT, "b0"), footprint.dialect, last=True),),
        factor="" if footprint.persons else number,
        people=(footprint.people[stays],),
        single=(0,),
        collapsed=(),
        once=False,
        persons=False,
        repeats=False,
    )


def _rows_of(
    footprint: Footprint, stays: int, gone: int, conditions: Sequence[str]
) -> Callable[[exp.Expr], exp.Select]:
    """A person's rows under conditions."""
    dialect = footprint.dialect
    item = exp.Subquery(this=parsed(footprint.sources[gone], dialect), alias=exp.TableAlias(this=rewrite.quoted(_ROW)))
    same = exp.EQ(this=rewrite.column(rewrite.UNIT, _ROW), expression=rewrite.column(rewrite.UNIT, "b0"))
    names = {f"b{gone}": _ROW, f"b{stays}": "b0"}
    chosen = [exp.Paren(this=_renamed(text, names, dialect)) for text in conditions]

    def of(output: exp.Expr) -> exp.Select:
        made = exp.Select(expressions=[output]).from_(item.copy(), copy=False)
        return made.where(same.copy(), *(each.copy() for each in chosen), copy=False)

    return of


def _alone(text: str, stays: int, dialect: str) -> str:
    return said(_renamed(text, {f"b{stays}": "b0"}, dialect), dialect, last=True)


def _renamed(text: str, names: Mapping[str, str], dialect: str) -> exp.Expr:
    def put(part: exp.Expr) -> exp.Expr:
        known = names.get(part.table) if isinstance(part, exp.Column) else None
        return rewrite.column(part.name, known) if known is not None else part

    return parsed(text, dialect).transform(put, copy=False)
