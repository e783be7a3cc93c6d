"""Lists beside protected rows: constants, series and statistics that a query joins with people.

A list can weigh people. Where it holds 'flu' once and 'leprosy' a thousand times, a count of rows is a thousand times
the few plus the many; where it says which diagnosis counts how much, a sum is; and the largest entry that met anybody
names who is there. So a statistic over such rows has to meet each person once or everybody equally often (`even`), and
one of a list's column tells about the people of each of its entries (`told`).
"""

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from sqlglot import exp

from policies.errors import COMPARISONS_TOO_MANY, CONSTRUCT_NOT_ALLOWED, SQL_TOO_LARGE, SUBQUERY_NOT_ALLOWED
from policies.labels import Level
from policies.model import DatasetPolicy, Mode
from policies.refusal import Refusal

if TYPE_CHECKING:
    from policies.environment import Block, Environment
    from policies.labels import Value
    from policies.resolve import Scope

Row = dict[str, exp.Expr]
"""Column -> constant."""

MAX_ROWS = 1_000
"""Rows that a list whose length is not known is taken to have."""
MAX_TOLD = 64
"""Entries that one statistic of a list's columns may tell apart."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What is known of a list before the engine reads it."""

    rows: tuple[Row, ...] | None = None  # all it can hold; None where that is data, or long
    unique: frozenset[str] | None = None  # columns in which no two of its rows are alike
    fixed: bool = True  # the same for every row beside it

    def alone(self, columns: frozenset[str]) -> bool:
        """Do these columns leave one row at most."""
        if self.unique is not None and self.unique <= columns:
            return True
        return self.rows is not None and distinct(self.rows, columns)


@dataclass(frozen=True, slots=True)
class Tie:
    """`list.column = other`, which must hold of every row."""

    name: str
    column: str
    others: frozenset[str]  # what `other` is of
    node: exp.Expr  # `other`


@dataclass(slots=True)
class Joined:
    """A list of statistics or of rows that may be shown, joined with the rows of tables."""

    name: str
    tree: exp.Expr  # the subquery or common table that holds it
    exact: bool  # conditions say all there is about its own rows
    on: exp.Expr | None = None  # of a LEFT JOIN, which takes no row away


class Mixed(NamedTuple):
    """What a condition, an argument or a key depends on at once."""

    rows: frozenset[str]  # occurrences of tables, and lists
    node: exp.Expr
    equal: bool = False  # it says that what is inside a query equals what is outside


def distinct(rows: Iterable[Row], columns: Iterable[str]) -> bool:
    """Are the rows certainly different in these columns."""
    places = sorted(columns)
    seen: set[tuple[tuple[str, str], ...]] = set()
    for row in rows:
        cells = [cell for column in places if (cell := _constant(row[column])) is not None]
        if len(cells) < len(places) or tuple(cells) in seen:
            return False
        seen.add(tuple(cells))
    kinds = [{kind for kind, _ in column if kind != "null"} for column in zip(*seen, strict=True)]
    return all(len(each) <= 1 for each in kinds)  # true and 1 become one value where they meet in a column


def _constant(node: exp.Expr) -> tuple[str, str] | None:
    """What engines tell apart whatever type they read it in; None where that is not plain to see."""
    node, sign = node.unnest(), ""
    while isinstance(node, exp.Neg):
        node, sign = node.this.unnest(), "" if sign else "-"
    if isinstance(node, exp.Null):
        return "null", ""
    if isinstance(node, exp.Literal) and node.is_string:
        return "text", node.name
    if isinstance(node, exp.Literal):
        return "number", repr(float(sign + node.name) + 0.0)
    return ("bool", str(bool(node.this))) if isinstance(node, exp.Boolean) else None


def _people(env: "Environment", classes: list[list[tuple[str, str]]]) -> set[str]:
    """Occurrences that have to be met equally often: of protected people, or else of rows with a column that may not be
    read."""
    for hides in (_groups_only, _hides):
        found = {
            name
            for each in classes
            if any(hides(env.policy.datasets[dataset]) for _, dataset in each)
            for name, _ in each
        }
        if found:
            return found
    return set()


def _groups_only(dataset: DatasetPolicy) -> bool:
    return dataset.release.mode is not Mode.ROWS


def _hides(dataset: DatasetPolicy) -> bool:
    return any(column.usable and not column.readable for column in dataset.columns.values())


def outside(block: "Block", columns: dict[str, "Value"]) -> frozenset[str]:
    """Occurrences and lists of outer queries that decide about its rows."""
    looked_at = [each.rows for each in block.mixed] + [value.touches for value in (*block.keys, *columns.values())]
    return frozenset().union(*looked_at) - block.lists - {unit.instance for unit in block.units}


def unique(block: "Block", columns: dict[str, "Value"]) -> frozenset[str] | None:
    """The columns that hold all group keys."""
    nodes = [value.node for value in columns.values()]
    if block.sets or any(key.node not in nodes for key in block.keys):
        return None
    return frozenset(list(columns)[nodes.index(key.node)] for key in block.keys)


def constant_rows(env: "Environment", block: "Block", columns: dict[str, "Value"]) -> tuple[Row, ...] | None:
    """All rows a SELECT from nothing, or from one list of constants, can give."""
    if not block.scope.sources:
        constant = all(value.level is Level.CONSTANT for value in columns.values())
        return ({name: value.node for name, value in columns.items()},) if constant else None
    of = {value.listed[0] if value.listed else "" for value in columns.values()}
    if len(of) != 1 or len(block.scope.sources) != 1 or not of <= env.lists.keys():
        return None
    known = env.lists[of.pop()].rows
    if known is None:
        return None
    return tuple({name: row[value.listed[1]] for name, value in columns.items() if value.listed} for row in known)


def even(env: "Environment", block: "Block", classes: list[list[tuple[str, str]]], node: exp.Expr) -> None:
    """Refuse a statistic that counts some people more often than others by what stands beside them. `classes`: the
    occurrences of tables that allowed equalities tie together."""
    bound = _people(env, classes)
    members = block.lists | {name for each in classes for name, _ in each}
    waiting = set(block.lists)
    while ready := {name for name in waiting if env.lists[name].alone(_fixed_columns(env, block, name, bound))}:
        bound |= ready
        waiting -= ready
    mixed = [*block.mixed, *(Mixed(key.touches, key.node) for key in block.keys)]
    for rows, at, _ in mixed:
        own = rows & members
        if own & bound and own - bound:
            raise Refusal.of(
                CONSTRUCT_NOT_ALLOWED,
                at if at.args.get("parent") is None else node,
                what="A list that counts some rows more often than others",
                hint="Group by a column in which the rows of the list differ, or compare it with =.",
            )


def bounded(env: "Environment", block: "Block", node: exp.Expr) -> None:
    """Refuse lists that make so many rows of one that the time they take would tell whether there is one."""
    rows = 1
    for name in block.lists:
        known, tied = env.lists[name], frozenset(tie.column for tie in block.ties if tie.name == name)
        rows *= 1 if known.alone(tied) else len(known.rows) if known.rows is not None else MAX_ROWS
    if rows > MAX_ROWS**2:
        raise Refusal.of(SQL_TOO_LARGE, node, limit=MAX_ROWS**2, what="rows of lists beside each row of a table")


def repeated(
    env: "Environment", block: "Block", classes: list[list[tuple[str, str]]], hidden: AbstractSet[str], node: exp.Expr
) -> None:
    """Refuse a statistic of columns that may not be read where other rows, which may, choose how often each of theirs
    is in it: the sums over all rows but one are as good as the rows. `classes`: the occurrences whose units are
    equated; `hidden`: those with such columns in the statistic. A table all of whose columns may be read can stand
    beside them by equality, as a table of codes does."""
    of = {name: dataset for each in classes for name, dataset in each}
    codes = {name for name, dataset in of.items() if not _hides(env.policy.datasets[dataset])}
    entries = [*block.mixed, *(Mixed(key.touches, key.node) for key in block.keys)]
    for each in classes:
        names = {name for name, _ in each}
        for rows, at, _ in entries if names & hidden else []:
            others = rows & of.keys() - names
            sides = [at.this.unnest(), at.expression.unnest()] if isinstance(at, exp.EQ) else []
            plain = bool(sides) and all(isinstance(side, exp.Column) for side in sides)
            if rows & names and others and not (plain and others <= codes):
                raise Refusal.of(
                    CONSTRUCT_NOT_ALLOWED,
                    at if at.args.get("parent") is None else node,
                    what="A join that counts some rows more often than others",
                    hint="Join by the columns that the policy lists, or take the statistic of one table.",
                )


def around(scope: "Scope") -> set[str]:
    """The table occurrences and lists of the queries around a scope."""
    found: set[str] = set()
    outer = scope.parent
    while outer is not None:
        for source in outer.sources:
            found |= {unit.instance for unit in source.units}
            found |= {name for value in source.columns.values() for name in value.touches}
        outer = outer.parent
    return found


def correlated(env: "Environment", block: "Block", node: exp.Expr) -> None:
    """Refuse a statistic of protected rows that each outer row chooses by more than an equality: those that leave out
    one row each are as good as the rows. Rows that an equality chooses are a group, and audited as one."""
    outer = around(block.scope) - block.lists - {unit.instance for unit in block.units}
    entries = [*block.mixed, *(Mixed(key.touches, key.node) for key in block.keys)]
    for rows, _, equal in entries if outer else []:
        if not equal and any(name not in env.lists or env.lists[name].rows is None for name in rows & outer):
            raise Refusal.of(
                SUBQUERY_NOT_ALLOWED,
                node,
                why="it computes a statistic per outer row",
                hint="Join and GROUP BY instead.",
            )


def _fixed_columns(env: "Environment", block: "Block", name: str, bound: set[str]) -> frozenset[str]:
    """The list's columns that a group and a row of `bound` fix."""
    tied = {tie.column for tie in block.ties if tie.name == name and tie.others <= bound}
    if env.lists[name].rows is None:  # grouped by what it holds, its groups could overlap, and what they share is data
        return frozenset(tied)
    return frozenset(tied | _keys(block, name))


def _keys(block: "Block", name: str) -> set[str]:
    if block.sets:  # a total is over all of them
        return set()
    return {key.listed[1] for key in block.keys if key.listed is not None and key.listed[0] == name}


def _pinned(env: "Environment", block: "Block", name: str) -> bool:
    """Does each group meet one row of the list."""
    listing, columns = env.lists[name], _keys(block, name)
    if name in env.outer:
        known = listing.rows is not None and bool(columns)
        nulls = known and any(isinstance(row[column], exp.Null) for row in listing.rows or () for column in columns)
        return known and not nulls and listing.alone(frozenset(columns))
    if not block.sets:
        nodes = [key.node for key in block.keys]
        columns |= {tie.column for tie in block.ties if tie.name == name and (not tie.others or tie.node in nodes)}
    return listing.fixed and listing.alone(frozenset(columns))


def unpinned(env: "Environment", block: "Block", part: "Value") -> list[str]:
    """The lists whose rows decide what a value is within a group."""
    return sorted(name for name in part.rows & block.lists if not _pinned(env, block, name))


def told(env: "Environment", block: "Block", part: "Value") -> Iterator[exp.Expr]:
    """The row sets that a statistic of `part` tells apart by the lists in it: of each entry, and of each entry with
    each choice of the value. Refuses where the entries are data."""
    names = unpinned(env, block, part)
    if not names:
        return
    used: dict[str, dict[str, exp.Expr]] = {name: {} for name in names}
    for column in part.node.find_all(exp.Column):
        listed = env.listed.get((column.table, column.name))
        if listed is not None and listed[0] in used:
            used[listed[0]][listed[1]] = column
        elif (column.table, column.name) in env.veiled:
            raise _grouped(part)
    choices: list[list[exp.Expr]] = []
    for name, columns in used.items():
        rows = env.lists[name].rows
        if rows is None or not columns:
            raise _grouped(part)
        entries = {tuple(row[column].sql() for column in columns): row for row in rows}
        sets = [_is(row, columns) for row in entries.values()]
        if name in env.outer:
            sets.append(_is(dict.fromkeys(columns, exp.null()), columns))
        choices.append(sets)
    flags = [*part.branches, *part.mixed]
    count = 1 + len(flags)
    for each in choices:
        count *= len(each)
    if count > MAX_TOLD:
        raise Refusal.of(COMPARISONS_TOO_MANY, count=count, limit=MAX_TOLD)
    for chosen in product(*choices):
        entry = exp.and_(*(each.copy() for each in chosen), copy=False)
        yield entry
        for flag in flags:
            yield exp.And(this=exp.Paren(this=entry.copy()), expression=exp.Paren(this=flag.copy()))


def _is(row: Row, columns: dict[str, exp.Expr]) -> exp.Expr:
    parts: list[exp.Expr] = []
    for name, column in columns.items():
        if isinstance(row[name], exp.Null):
            parts.append(exp.Is(this=column.copy(), expression=exp.null()))
        else:
            parts.append(exp.EQ(this=column.copy(), expression=row[name].copy()))
    return exp.and_(*parts, copy=False) if len(parts) > 1 else parts[0]


def _grouped(part: "Value") -> Refusal:
    return Refusal.of(
        CONSTRUCT_NOT_ALLOWED,
        part.node,
        what="A statistic of what is joined to single rows",
        hint="Group by it, or join it to the grouped answer.",
    )
