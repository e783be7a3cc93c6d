"""Names: which column a word means. Each SELECT has its own scope; inner scopes see outer ones, never the reverse."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlglot import exp

from policies.decision import Source as Base
from policies.errors import COLUMN_AMBIGUOUS, COLUMN_UNKNOWN, CONSTRUCT_NOT_ALLOWED
from policies.labels import Dep, Value
from policies.lists import Mixed, Row, Tie
from policies.refusal import Refusal

SCHEMAS = ("main", "public", "default")
"""Where the engines keep the tables; a query may say so."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Where the privacy unit of one table occurrence can be read in the current SELECT."""

    instance: str
    dataset: str
    node: exp.Expr


@dataclass(slots=True)
class Relation:
    """A checked query: its rewritten tree, the labels of its columns, and what chose its rows."""

    query: exp.Expr
    columns: dict[str, Value]  # by name as written; nodes are expressions inside `query`
    units: tuple[Unit, ...] = ()  # hidden unit columns it hands out; empty for statistics and free rows
    influence: frozenset[Dep] = frozenset()  # columns that chose its rows
    links: tuple[tuple[str, str, bool], ...] = ()  # equated occurrences; True where their units are equated
    conditions: tuple[exp.Expr, ...] = ()  # over base columns
    constants: frozenset[str] = frozenset()  # tables of constants its rows are multiplied by
    lists: frozenset[str] = frozenset()  # lists beside its rows, and what ties and mixes them
    ties: tuple[Tie, ...] = ()
    mixed: tuple[Mixed, ...] = ()
    outside: frozenset[str] = frozenset()  # tables and lists of outer queries that it looks at
    rows: tuple[Row, ...] | None = None  # all it can hold, where that is constant
    unique: frozenset[str] | None = None  # columns in which no two of its rows are alike
    exact: bool = True  # the conditions say all there is about its rows
    hidden: tuple[str, ...] = ()  # hidden columns after the visible ones
    renames: tuple[str, ...] = ()  # names a common table expression gives its columns
    definition: "tuple[exp.Expr, Scope] | None" = None  # of a common table expression, to check it anew per use
    name: str = ""  # of the common table expression, in the rewritten query
    single: bool = False  # it has at most one row, whatever the data
    personal: bool = False  # it has statistics of single people
    several: tuple[exp.Expr, ...] = ()  # its hidden columns that say whether one of its rows stands for several
    chosen_by: frozenset[Base] = frozenset()  # what chose, matched, grouped or ordered its rows


@dataclass(slots=True)
class Source:
    """One FROM item in scope."""

    name: str  # lower-case, as the query calls it
    columns: dict[str, Value]  # lower-case name -> value, in order
    shown: dict[str, str]  # lower-case name -> name as written
    units: tuple[Unit, ...] = ()
    unusable: frozenset[str] = frozenset()  # columns that exist but are granted for nothing
    dataset: str | None = None
    single: bool = False  # at most one row, whatever the data
    unnamed: frozenset[str] = frozenset()  # columns that exist and the policy does not even name


@dataclass(slots=True)
class Scope:
    """Sources and names of one SELECT."""

    parent: "Scope | None" = None
    sources: list[Source] = field(default_factory=list)
    ctes: dict[str, Relation] = field(default_factory=dict)
    merged: dict[str, Value] = field(default_factory=dict)  # USING columns
    aliases: dict[str, exp.Expr] = field(default_factory=dict)  # SELECT aliases, unresolved
    expanding: set[str] = field(default_factory=set)

    def cte(self, name: str) -> Relation | None:
        """The common table expression of that name, innermost first."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.ctes:
                return scope.ctes[name]
            scope = scope.parent
        return None

    def column(self, node: exp.Column) -> Value | None:
        """The column `node` means, here or in an outer scope; None if there is none (it may be an alias)."""
        scope: Scope | None = self
        while scope is not None:
            found = scope.here(node)
            if found is not None or scope.hides(node):
                return found
            scope = scope.parent
        return None

    def hides(self, node: exp.Column) -> bool:
        """Does a table of this scope have such a column, granted for nothing: then no outer one is meant."""
        name, table = node.name.lower(), node.table.lower()
        return any(name in each.unusable | each.unnamed and table in ("", each.name) for each in self.sources)

    def here(self, node: exp.Column) -> Value | None:
        """The column `node` means in this scope alone. Refuses what is ambiguous."""
        name, table = node.name.lower(), node.table.lower()
        schema = node.args.get("db")
        if node.args.get("catalog") or (schema is not None and schema.name.lower() not in SCHEMAS):
            raise Refusal.of(COLUMN_UNKNOWN, node)
        if not table and name in self.merged:
            return self.merged[name]
        holders = [each for each in self.sources if name in each.columns and table in ("", each.name)]
        if schema is not None:
            holders = [each for each in holders if each.dataset is not None and each.dataset.lower() == table]
        if len(holders) > 1:
            raise Refusal.of(COLUMN_AMBIGUOUS, node, name=node.name)
        return holders[0].columns[name] if holders else None

    def unusable(self, node: exp.Column) -> str | None:
        """DATASET.COLUMN if `node` names a column that is granted for nothing."""
        name, table = node.name.lower(), node.table.lower()
        scope: Scope | None = self
        while scope is not None:
            for each in scope.sources:
                if name in each.unusable and table in ("", each.name):
                    return f"{each.dataset}.{name}"
            scope = scope.parent
        return None

    def star(self, node: exp.Expr) -> Iterator[tuple[str, Value]]:
        """Columns a star stands for, unusable ones refused by the caller."""
        star = node.this if isinstance(node, exp.Column) else node
        for key, given in star.args.items():
            if given and key not in ("except_", "replace", "rename"):
                raise Refusal.of(CONSTRUCT_NOT_ALLOWED, node, what="A star with conditions", hint="Name the columns.")
        left_out = {each.name.lower() for each in star.args.get("except_") or []}
        renamed = {each.this.name.lower(): each.alias for each in star.args.get("rename") or []}
        table = node.table.lower() if isinstance(node, exp.Column) else ""
        holders = [each for each in self.sources if table in ("", each.name)]
        if not holders:
            raise Refusal.of(COLUMN_UNKNOWN, node)
        given_out: set[str] = set()
        for each in holders:
            for name, value in each.columns.items():
                if name in left_out or (not table and name in self.merged and name in given_out):
                    continue
                given_out.add(name)
                yield renamed.get(name, each.shown[name]), value if table else self.merged.get(name, value)

    def starred_unusable(self, node: exp.Expr) -> str | None:
        """A column a star would show although it is granted for nothing."""
        star = node.this if isinstance(node, exp.Column) else node
        left_out = {each.name.lower() for each in star.args.get("except_") or []}
        table = node.table.lower() if isinstance(node, exp.Column) else ""
        for each in self.sources:
            for name in sorted(each.unusable - left_out):
                if table in ("", each.name):
                    return f"{each.dataset}.{name}"
        return None
