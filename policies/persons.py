"""Statistics of people over rows that people have several of, described over the people.

    count(DISTINCT c.id_no) FROM citizen c JOIN visit v … WHERE v.dept = 'a' AND c.gender = 'F'
        those of citizen with gender = 'F' AND EXISTS (a visit of theirs WHERE dept = 'a')
    sum(c.income)           the same rows of citizen, each multiplied with how many such visits there are

Numbers of people do not add up over their rows, and what is the same in all rows of a person is told by any of them. So
described, they are audited together with all other statistics over the people, whichever rows they were taken from.
"""

from dataclasses import replace
from functools import lru_cache, partial

from sqlglot import exp

from policies import rewrite
from policies.decision import Footprint
from policies.dialects import parsed, said
from policies.reduced import ROW, named, retold, rows_of, tables_of, ties


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
    told = {f"b{stays}": partial(named, "b0"), f"b{gone}": partial(named, ROW)}
    chosen = [exp.Paren(this=retold(text, footprint.dialect, told)) for text in inside]
    person = rewrite.column(rewrite.UNIT, "b0")
    rows = rows_of(parsed(footprint.sources[gone], footprint.dialect), person, chosen)
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
        units=(said(person, footprint.dialect, last=True),),
        factor="" if footprint.persons else number,
        people=(footprint.people[stays],),
        single=(0,),
        collapsed=(),
        once=False,
        persons=False,
        repeats=False,
    )


def _alone(text: str, stays: int, dialect: str) -> str:
    """An expression over the table alone."""
    return said(retold(text, dialect, {f"b{stays}": partial(named, "b0")}), dialect, last=True)
