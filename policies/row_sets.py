"""Whose rows a statistic is about where a table of constants has a part in it: one question per row of constants.

`JOIN (VALUES …) AS b(low, high, label) ON income >= low AND income < high GROUP BY label` asks about each band on its
own. Taken apart, each is compared with other answers like a condition that somebody wrote out.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from sqlglot import exp

from policies.environment import Environment
from policies.errors import COMPARISONS_TOO_MANY
from policies.lists import distinct
from policies.refusal import Refusal

MAX_CONSTANTS = 64
"""Rows of constants, multiplied over their tables, that one SELECT may join with protected rows."""


@dataclass(frozen=True, slots=True)
class RowSet:
    """Rows under conditions, in groups by keys, both over base columns; a key that is constant is None."""

    conditions: tuple[exp.Expr, ...]
    keys: tuple[exp.Expr | None, ...]
    whole: bool = True  # it alone is what the statistic is about


def told_apart(env: Environment, tables: Iterable[str], keys: Sequence[exp.Expr]) -> bool:
    """Does each group of the answer belong to one row of every one of these tables of constants. Else a person may
    count in it several times, and some people more often than others."""
    for table in tables:
        columns = [key.name for key in keys if isinstance(key, exp.Column) and key.table == table]
        if not distinct(env.constants[table], columns):
            return False
    return True


def row_sets(env: Environment, rows: RowSet) -> Iterator[RowSet]:
    """One row set per combination of rows of the constant tables that `rows` depends on."""
    tables = _tables(env, [*rows.conditions, *(key for key in rows.keys if key is not None)])
    count = 1
    for table in tables:
        count *= len(env.constants[table])
    if count > MAX_CONSTANTS:
        raise Refusal.of(COMPARISONS_TOO_MANY, count=count, limit=MAX_CONSTANTS)
    for chosen in product(*(env.constants[table] for table in tables)):
        known = dict(zip(tables, chosen, strict=True))

        def constant(part: exp.Expr, known: dict[str, dict[str, exp.Expr]] = known) -> exp.Expr:
            if isinstance(part, exp.Column) and part.table in known:
                return known[part.table][part.name].copy()
            return part

        conditions = tuple(each.copy().transform(constant) for each in rows.conditions)
        keys = (None if key is None else key.copy().transform(constant) for key in rows.keys)
        yield RowSet(
            conditions,
            tuple(None if key is None or key.find(exp.Column) is None else key for key in keys),
            not tables,
        )


def _tables(env: Environment, nodes: Sequence[exp.Expr]) -> list[str]:
    found = {column.table for node in nodes for column in node.find_all(exp.Column)}
    return sorted(found & env.constants.keys())
