"""What the check carries from clause to clause."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlglot import exp

from policies.decision import Footprint, Guard, Source
from policies.dp_plan import Draft
from policies.errors import SQL_TOO_LARGE
from policies.labels import Dep, Value, alike, common_kind
from policies.lists import Joined, Listing, Mixed, Tie
from policies.model import Mode, Policy
from policies.refusal import Refusal
from policies.resolve import Relation, Scope, Unit
from policies.schema import Schema

RESERVED = "__y"
"""Prefix of hidden names; no column or alias of a query may begin with it."""
ROW = "r"
"""The row of a base table, inside its governed subquery."""


MAX_BASE = 4_000
"""Parts of one expression, written over base tables."""


@dataclass(slots=True)
class RowSets:
    """Conditions on the rows of a block."""

    present: list[exp.Expr] = field(default_factory=list)
    compared: list[exp.Expr] = field(default_factory=list)
    mixed: list[exp.Expr] = field(default_factory=list)
    factors: list[exp.Expr] = field(default_factory=list)
    known: list[exp.Expr] = field(default_factory=list)
    valued: list[tuple[exp.Expr, exp.Expr]] = field(default_factory=list)  # rows, and which of them have no value


@dataclass(slots=True)
class Aggregate:
    """One aggregate call of a block, and whose rows it is about."""

    number: int
    node: exp.Expr  # the call, FILTER included
    deps: frozenset[Dep]  # columns of its argument and FILTER
    row_sets: "Callable[[], RowSets]"  # whose rows it is about; made only where rows are protected
    totals: list[exp.Expr] = field(default_factory=list)  # summed columns under a dominance rule
    condition: exp.Expr | None = None  # FILTER
    people: int = 0  # whom it needs at least, whatever the policy's minimum
    made: "RowSets | None" = None

    @property
    def present(self) -> list[exp.Expr]:
        """A released value needs enough units in each of these row sets."""
        self.made = self.made or self.row_sets()
        return self.made.present

    @property
    def factors(self) -> list[exp.Expr]:
        """What is known of each row and multiplies what is summed."""
        self.made = self.made or self.row_sets()
        return self.made.factors

    @property
    def valued(self) -> list[tuple[exp.Expr, exp.Expr]]:
        """The rows whose values are added up, and which of them may have none."""
        self.made = self.made or self.row_sets()
        return self.made.valued

    @property
    def known(self) -> list[exp.Expr]:
        """What is known of each row and summed itself: as if it multiplied a count."""
        self.made = self.made or self.row_sets()
        return self.made.known

    @property
    def mixed(self) -> list[exp.Expr]:
        """Each of these row sets is empty, or has enough units."""
        self.made = self.made or self.row_sets()
        return self.made.mixed

    @property
    def compared(self) -> list[exp.Expr]:
        """Row sets whose differences from one another must not be small."""
        self.made = self.made or self.row_sets()
        return self.made.compared


@dataclass(slots=True)
class Person:
    """A SELECT grouped by the privacy unit: one row per person and other keys. See `policies.check_person`."""

    alias: str  # of the grouped subquery, whose columns stand for keys and statistics
    grouped: exp.Select
    keys: list[tuple[exp.Expr, Value]]  # what a key is computed from, and what stands for it
    units: list[Unit]
    columns: dict[str, str] = field(default_factory=dict)  # SQL of a statistic -> its column


@dataclass(slots=True)
class Block:
    """One SELECT being checked."""

    scope: Scope
    units: list[Unit] = field(default_factory=list)
    links: list[tuple[str, str, bool]] = field(default_factory=list)
    influence: set[Dep] = field(default_factory=set)
    conditions: list[exp.Expr] = field(default_factory=list)
    constants: set[str] = field(default_factory=set)  # tables of constants its rows are multiplied by
    lists: set[str] = field(default_factory=set)  # lists beside its rows: constants, series, statistics
    ties: list[Tie] = field(default_factory=list)  # equalities with columns of theirs
    mixed: list[Mixed] = field(default_factory=list)  # what its statistics depend on at once
    described: bool = True  # its conditions say all there is about its rows, but for what outer joins add
    unsaid: list[exp.Expr] = field(default_factory=list)  # conditions that base tables do not describe, or not yet
    joined: list[Joined] = field(default_factory=list)  # lists beside its rows, not described yet
    padded: bool = False  # an outer join adds rows
    matched: list[exp.Expr] = field(default_factory=list)  # conditions of outer joins, over base columns
    grouped: bool = False
    phase: str = "rows"  # rows: single rows; argument: inside an aggregate; groups, people: after grouping
    inside: bool = False  # it is a subquery: its columns are not the answer's
    raw_keys: list[Value] = field(default_factory=list)  # the same as labels of single rows
    written: list[tuple[exp.Expr, int]] = field(default_factory=list)  # keys with subqueries, as the query has them
    by_person: bool = False  # it groups by the privacy unit
    person: "Person | None" = None  # and what it knows of each
    personal: bool = False  # it uses such a subquery
    several: tuple[exp.Expr, ...] = ()  # true where a row of it stands for several, and for other than two
    keys: list[Value] = field(default_factory=list)
    aggregates: dict[int, Aggregate] = field(default_factory=dict)
    windowed: bool = False
    sets: list[frozenset[int]] = field(default_factory=list)  # positions in `keys`, where it has several groupings
    sorted_by: set[int] = field(default_factory=set)  # aggregates that the order of its rows tells about
    chosen_by: set[Source] = field(default_factory=set)  # what chose, matched, grouped or ordered its rows

    @property
    def exact(self) -> bool:
        """Do the conditions say all there is about its rows."""
        return self.described and not self.unsaid and not self.padded

    def note(self, sources: Iterable[Source], how: str) -> None:
        """Take down for the lineage what shaped the block's rows."""
        self.chosen_by |= {Source(each.dataset, each.column, how) for each in sources}

    @contextmanager
    def during(self, phase: str) -> Iterator[None]:
        """Check what is inside as part of another phase."""
        before, self.phase = self.phase, phase
        try:
            yield
        finally:
            self.phase = before


@dataclass(frozen=True, slots=True)
class Masked:
    """How a column of an instance is masked, and what the mask reads."""

    operator: str
    arguments: Mapping[str, object]
    feed: exp.Expr  # over the base table, as `masking.operators.finishing` takes it


@dataclass(slots=True)
class Environment:
    """One decision in the making."""

    policy: Policy
    schema: Schema
    dialect: str
    user: Mapping[str, object]
    mentioned: frozenset[str]  # lower-case identifiers of the query: what base tables need to provide
    starred: bool
    query: Callable[..., Relation]  # checks a query; set by `check`
    value: Callable[..., Value]  # checks an expression
    now: datetime  # what CURRENT_DATE and CURRENT_TIMESTAMP mean in this decision
    count: int = 0
    nodes: int = 0
    base: dict[tuple[str, str], exp.Expr | None] = field(default_factory=dict)
    nullable: set[str] = field(default_factory=set)  # instances an outer join leaves out of some rows
    constants: dict[str, list[dict[str, exp.Expr]]] = field(default_factory=dict)  # rows of tables of constants
    lists: dict[str, Listing] = field(default_factory=dict)  # what stands beside the rows of tables
    listed: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)  # column -> list, column of it
    veiled: set[tuple[str, str]] = field(default_factory=set)  # columns computed from lists in subqueries
    outer: set[str] = field(default_factory=set)  # lists an outer join leaves out of some rows
    datasets: dict[str, str] = field(default_factory=dict)  # instance -> dataset
    governed: dict[str, exp.Expr] = field(default_factory=dict)  # instance -> its subquery
    masked: dict[tuple[str, str], Masked] = field(default_factory=dict)  # (instance, column) -> what masks it
    footprints: list[Footprint] = field(default_factory=list)
    guards: list[Guard] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)  # statistics that leave with noise
    labels: set[str] = field(default_factory=set)
    links: list[tuple[str, str]] = field(default_factory=list)  # occurrences tied by an allowed equality
    statistics: dict[str, exp.Expr] = field(default_factory=dict)  # common tables of the rewritten query, by its names
    crossings: list[tuple[frozenset[str], frozenset[Dep], exp.Expr]] = field(default_factory=list)  # to be tied
    harmless: bool = False  # all it names may be shown as it is; see `check.harmless`
    meta: dict[str, Any] = field(default_factory=dict)

    @property
    def open(self) -> bool:
        """Does every dataset of the policy give its rows away."""
        return all(dataset.release.mode is Mode.ROWS for dataset in self.policy.datasets.values())

    def fits(self, left: str, right: str) -> bool:
        """May values of these kinds meet; where a failed conversion tells nothing, the engine converts."""
        return self.harmless or alike(left, right)

    def common(self, kinds: Iterable[str]) -> str:
        """The kind of a choice between values; `other` where there is none."""
        found = common_kind(kinds)
        return "any" if self.harmless and found == "other" else found

    def number(self) -> int:
        """A number not used before in this decision."""
        self.count += 1
        return self.count

    def to_base(self, node: exp.Expr) -> exp.Expr | None:
        """`node` over the columns of base tables; None where it depends on a nested statistic."""
        if isinstance(node, exp.Column) and (node.table, node.name) in self.base:
            known = self.base[(node.table, node.name)]
            if known is None:
                return None
            return exp.Paren(this=known.copy()) if isinstance(known, exp.Binary) else known.copy()
        opaque = False
        inner = {each.name for each in node.find_all(exp.TableAlias)} if node.find(exp.Query) else set()

        def replaced(part: exp.Expr) -> exp.Expr:
            nonlocal opaque
            if isinstance(part, exp.Placeholder):
                opaque = True
            if isinstance(part, exp.Column) and part.table not in inner:  # a subquery's own columns stay its own
                key = (part.table, part.name)
                if key in self.base:
                    found = self.base[key]
                    if found is None:
                        opaque = True
                        return part
                    return exp.Paren(this=found.copy()) if isinstance(found, exp.Binary) else found.copy()
            return part

        made = node.transform(replaced)
        if not opaque and sum(1 for _ in made.walk()) > MAX_BASE:  # what a column means can double in every subquery
            raise Refusal.of(SQL_TOO_LARGE, limit=MAX_BASE, what="parts, subqueries written out")
        return None if opaque else self.inlined(made)

    def inlined(self, tree: exp.Expr) -> exp.Expr:
        """`tree` with common tables written in place, so that it can be asked alone."""

        def put(part: exp.Expr) -> exp.Expr:
            if isinstance(part, exp.Table) and not part.args.get("db") and part.name in self.statistics:
                query = self.statistics[part.name].copy().transform(put, copy=False)
                return exp.Subquery(this=query, alias=part.args.get("alias"))
            return part

        return tree.transform(put, copy=False) if self.statistics and tree.find(exp.Table) else tree

    def apart(self, tree: exp.Expr) -> exp.Expr:
        """`tree` with common tables written in place and table occurrences of its own, so that it can stand beside
        itself. `r`, the row of a base table, is each governed subquery's own already."""
        tree = self.inlined(tree.copy())
        names = {each.name for each in tree.find_all(exp.TableAlias)} - {ROW}
        fresh = {name: f"d{self.number()}" for name in sorted(names)}

        def put(part: exp.Expr) -> exp.Expr:
            if isinstance(part, exp.Column) and part.table in fresh:
                part.set("table", exp.to_identifier(fresh[part.table], quoted=True))
            elif isinstance(part, exp.TableAlias) and part.name in fresh:
                part.set("this", exp.to_identifier(fresh[part.name], quoted=True))
            return part

        return tree.transform(put, copy=False)
