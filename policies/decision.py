"""What the check decides: values, never exceptions. Adapters turn them into HTTP, CLI or notebook output."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from policies.dominance import Rule
from policies.dp_plan import PrivatePlan
from policies.model import Mode
from store.errors import ErrorCode


@dataclass(frozen=True, slots=True)
class Refused:
    """No, why, and what to do instead."""

    code: str
    message: str
    hint: str
    span: tuple[int, int] | None = None  # [start, end) in code points of the query
    rule: str | None = None  # the line of the policy behind it
    suggestion: str | None = None  # the nearest query that passes, where one was found

    @classmethod
    def because(
        cls, code: ErrorCode, span: tuple[int, int] | None = None, rule: str | None = None, **fields: object
    ) -> "Refused":
        """A refusal from its code."""
        return cls(code.name, code.message.format(**fields), code.hint.format(**fields), span, rule)


@dataclass(frozen=True, slots=True)
class Source:
    """A base column behind an output, and how it got there."""

    dataset: str
    column: str
    how: str  # value, masked, key, aggregate, count or influence; of what chose the rows: filter, join, key or order


@dataclass(frozen=True, slots=True)
class OutputColumn:
    """One column of the answer."""

    name: str
    sources: tuple[Source, ...] = ()
    influences: tuple[Source, ...] = ()  # what chose, matched, grouped or ordered its rows


@dataclass(frozen=True, slots=True)
class Guard:
    """A hidden column the release guard reads: where it is not NULL and fails, the outputs it names are withheld.

    `kind`: `least` fails below `bound`; `apart` fails from 1 to `bound` - 1 (two released sets that differ by too few);
    `dominance` fails above 0.
    """

    hidden: str
    kind: str
    bound: int
    outputs: tuple[int, ...] | None = None  # positions of the answer's columns; None: the whole row


@dataclass(frozen=True, slots=True)
class Pair:
    """Two statistics over different tables about the same people: no two groups of theirs may differ by a few people.
    See `policies.people`."""

    one: "Footprint"
    other: "Footprint"
    places: tuple[int, int]  # which table of either names the people

    @property
    def minimum(self) -> int:
        """How many people two groups have to differ by, if they differ."""
        return max(self.one.min_group, self.other.min_group)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the cells of a statistic stand in the answer, so that single ones can be withheld."""

    keys: tuple[
        int | str, ...
    ]  # the engine's columns, by position or name, with its group keys, in the footprint's order
    outputs: tuple[int, ...] | None  # the columns that tell about these people; None: the whole row
    level: tuple[str, int] | None = None  # a hidden column and its value in the rows of this grouping; None: all rows


@dataclass(frozen=True, slots=True)
class Withhold:
    """Cells of the answer that may not leave, by the digests of their key values."""

    footprint: "Footprint"
    place: Place
    digests: frozenset[str]


@dataclass(frozen=True, slots=True)
class Asked:
    """One statistic in an audit: its cells are the atoms where `test` holds, divided by `groups`."""

    footprint: "Footprint"
    test: int | None  # position of its condition among the audit's; None: every row
    groups: tuple[int, ...]  # positions of its group keys among the audit's keys
    old: bool  # answered before
    place: Place | None = None  # None: no cell can be withheld alone
    factor: int | None = None  # position among the audit's keys of what multiplies each row; None: it counts once
    spread: bool = False  # its only group is a list of cells, and an atom is in each of them, as often as it is there


@dataclass(frozen=True, slots=True)
class Audit:
    """Statistics over the same rows, whose sums can be added and subtracted; see `policies.combinations`.

    `sql` gives a row per atom: the truth of each condition, the value of each key, the people; where they are few a row
    for each of them. `coarse` gives the same with only the new statistics' keys, for when there are too many atoms.
    """

    sql: str
    coarse: str
    tests: int
    keys: tuple[str, ...]
    coarse_keys: tuple[int, ...]
    asked: tuple[Asked, ...]  # those answered before come first
    minimum: int
    dominated: tuple[str, ...] = ()  # for each of `asked`, and for the atoms: what a dominance rule withholds
    unless: str = ""  # where this finds no row, another audit looks at the same rows
    contributions: str = ""  # of totals under a dominance rule: what the rows of each atom contribute
    rule: Rule = field(default_factory=Rule)  # and that rule


@dataclass(frozen=True, slots=True)
class Member:
    """A statistic in a crowd."""

    footprint: "Footprint"
    seen: "Footprint"  # what of it is looked at
    table: int  # the one that names the people
    old: bool  # answered before
    place: Place | None = None  # None: no cell can be withheld alone


@dataclass(frozen=True, slots=True)
class Crowd:
    """Statistics about the same people, whatever rows of theirs they are over; see `policies.crowds`. What their
    sketches make suspect is audited."""

    members: tuple[Member, ...]  # those answered before come first
    minimum: int


@dataclass(frozen=True, slots=True)
class ReleasePlan:
    """What the release guard does with the engine's table."""

    mode: Mode
    min_group: int
    max_rows: int
    timeout_s: float
    visible: int  # the first so many columns are the answer's; the rest are hidden
    guards: tuple[Guard, ...] = ()
    pairs: tuple[Pair, ...] = ()
    audits: tuple[Audit, ...] = ()
    crowds: tuple[Crowd, ...] = ()
    withheld: tuple[Withhold, ...] = ()  # cells that an earlier answer to the same question left out
    nested: bool = False  # statistics inside the query are withheld by the engine, uncounted
    uncounted: bool = False  # how many cells were withheld would tell about them
    private: PrivatePlan | None = None  # noise, where the answer is released with differential privacy


@dataclass(frozen=True, slots=True)
class Footprint:
    """Whom an answered statistic was about, in canonical SQL over the aliases b0, b1, …: what the history remembers."""

    tables: tuple[str, ...]  # datasets, in the order of the aliases
    sources: tuple[str, ...]  # the governed subquery behind each alias, in SQL
    conditions: tuple[str, ...]  # sorted conjuncts
    keys: tuple[str, ...]  # sorted group keys, columns bound to one constant included
    units: tuple[str, ...]  # one expression per class of privacy units
    min_group: int
    exact: bool = True  # False: the conditions do not say it all (outer join, nested statistic)
    rough: bool = False  # leaves out what an outer join adds: only weighed together with the same tables
    dialect: str = "duckdb"
    fixed: tuple[str, ...] = ()  # those of `keys` that a condition binds to one constant
    total: str = ""  # the column whose totals this is about, where a dominance rule protects them
    once: bool = False  # it counts each person once, however many rows they have
    persons: bool = False  # it counts people: how many rows they have says nothing more
    valued: str = ""  # true of rows without a value, which it leaves out
    repeats: bool = False  # it adds up what is the same in several rows of a person
    factor: str = ""  # what is known of each row and multiplies what it adds to the sum
    weighed: bool = False  # nothing of it was told but on which side of known means its mean lies
    people: tuple[str, ...] = ()  # the column of each table that names the person
    single: tuple[int, ...] = ()  # tables with one row per person
    collapsed: tuple[int, ...] = ()  # tables whose rows were put together, one row per person
    grain: tuple[str, ...] | None = None  # and by what else, where all of its rows were
    dominated: str = ""  # true of a group whose total tells too much about its largest contributors
    withheld: tuple[str, ...] | None = field(default=(), compare=False)  # cells not told; None: not answered yet
    pending: bool = field(default=False, compare=False)  # somebody may be being told more of it

    @property
    def group_keys(self) -> tuple[str, ...]:
        """What its cells differ in."""
        return tuple(key for key in self.keys if key not in self.fixed)


@dataclass(frozen=True, slots=True)
class LastMask:
    """A column of the answer that its engine has to mask before it leaves: an operator of the catalogue."""

    position: int
    operator: str
    arguments: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class MaskedLast:
    """The same query with the masks of columns it only passes on left to the engine: `sql` alone gives raw values.

    It is a type of its own so that nothing that runs SQL can take it for a query; see `policies.last`.
    """

    sql: str
    masks: tuple[LastMask, ...]


@dataclass(frozen=True, slots=True)
class Allowed:
    """Yes: what to execute, and what to do with the result."""

    sql: str
    columns: tuple[str, ...]
    release: ReleasePlan
    lineage: tuple[OutputColumn, ...]
    footprint: tuple[Footprint, ...]
    pseudonyms: tuple[str, ...] = ()  # scope labels whose keys the engine needs
    tables: tuple[str, ...] = ()  # base tables read
    masked_last: MaskedLast | None = None  # the same, for an engine that masks what it sends

    @property
    def lineage_map(self) -> Mapping[str, tuple[Source, ...]]:
        """Output name -> sources."""
        return {column.name: column.sources for column in self.lineage}


Decision = Allowed | Refused
