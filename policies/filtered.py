"""Decided SQL over filtered copies: the same question, where a row filter was applied to a table beforehand.

A base table under a row filter stands in decided SQL as `(SELECT … FROM "t" AS "r" WHERE F)` (`policies.rewrite`).
Where the rows for which F holds lie in a table of their own, that subquery may read those: the same rows in the same
order. Anything that is not surely of that shape is left as it was.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from sqlglot import exp

from policies.dialects import parsed, said
from policies.environment import RESERVED, ROW
from policies.model import Policy
from policies.refusal import Refusal
from policies.rewrite import quoted, row_filter

_DIALECT = "duckdb"
_CLAUSES = frozenset({"expressions", "from_", "where"})
_TABLE = frozenset({"this", "alias"})


@dataclass(frozen=True, slots=True)
class Stand:
    """A table that holds the rows of `table` for which `condition` holds (SQL over `r`, as `conditions` gives it)."""

    table: str
    condition: str
    name: str


def stand_name(digest: str) -> str:
    """What an engine calls a copy: no query can name it, as no name of a query begins so."""
    return f"{RESERVED}{digest}"


def conditions(policy: Policy, user: Mapping[str, object]) -> dict[str, str]:
    """Table -> the SQL of its row filter with the user's attributes bound; not where the user lacks one of them."""
    found: dict[str, str] = {}
    for name, dataset in policy.datasets.items():
        try:
            condition = row_filter(dataset, user)
        except Refusal:
            continue
        if condition is not None:
            found[name] = said(condition, _DIALECT, last=True)
    return found


@lru_cache(maxsize=1024)
def over_stands(sql: str, stands: frozenset[Stand]) -> str:
    """`sql` with every filtered subquery that one of `stands` can give read from there; unchanged where there is none.

    Whoever has `stands` of one person's filters alone gets nothing but that person's rows: a subquery with another
    condition stays over its table.
    """
    if not stands:
        return sql
    tree = parsed(sql, _DIALECT)
    if said(tree, _DIALECT) != sql:  # reading it may have changed what it means
        return sql
    common = {each.alias.lower() for each in tree.find_all(exp.CTE)}
    found = {(each.table.lower(), each.condition): each.name for each in stands if each.table.lower() not in common}
    turned = [(select, name) for select in tree.find_all(exp.Select) if (name := _stand(select, found)) is not None]
    for select, name in turned:
        select.args["from_"].this.set("this", quoted(name))
        select.set("where", None)
    return said(tree, _DIALECT, last=True) if turned else sql


def _stand(select: exp.Select, stands: Mapping[tuple[str, str], str]) -> str | None:
    if {name for name, given in select.args.items() if given} != _CLAUSES:
        return None
    table, where = select.args["from_"].this, select.args["where"].this
    if not isinstance(table, exp.Table) or table.alias != ROW or {k for k, v in table.args.items() if v} != _TABLE:
        return None
    return stands.get((table.name.lower(), said(where, _DIALECT)))
