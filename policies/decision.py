"""What the check decides: values, never exceptions. Adapters turn them into HTTP, CLI or notebook output."""

from collections.abc import Mapping
from dataclasses import dataclass

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
    how: str  # value, masked, key, aggregate, count or influence


@dataclass(frozen=True, slots=True)
class OutputColumn:
    """One column of the answer."""

    name: str
    sources: tuple[Source, ...] = ()


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
class Probe:
    """A query the engine answers before the main one: it returns a row per violation of the differencing rule.

    With `keys`, positions of the answer's columns, a violation withholds the rows with those key values; without,
    the answer is refused.
    """

    sql: str
    keys: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ReleasePlan:
    """What the release guard does with the engine's table."""

    mode: Mode
    min_group: int
    max_rows: int
    timeout_s: float
    visible: int  # the first so many columns are the answer's; the rest are hidden
    guards: tuple[Guard, ...] = ()
    probes: tuple[Probe, ...] = ()
    nested: bool = False  # statistics inside the query are withheld by the engine, uncounted
    private: PrivatePlan | None = None  # noise, where the answer is released with differential privacy
    complementary: bool = False  # a total over the groups is known: never let a withheld group be the only one


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
    dialect: str = "duckdb"


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

    @property
    def lineage_map(self) -> Mapping[str, tuple[Source, ...]]:
        """Output name -> sources."""
        return {column.name: column.sources for column in self.lineage}


Decision = Allowed | Refused
