"""The policy of one project: what may be done with which column of which dataset. Frozen; nothing by default."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from sqlglot import exp

from policies.grain import Grain, at_least


class Use(StrEnum):
    """What can be done with a column."""

    READ = "read"
    FILTER = "filter"
    GROUP = "group"
    JOIN = "join"
    AGGREGATE = "aggregate"
    COUNT = "count"


class Mode(StrEnum):
    """How answers leave."""

    ROWS = "rows"
    THRESHOLD = "threshold"
    DP = "dp"


class Reach(StrEnum):
    """Whose earlier answers a new one is compared with."""

    PROJECT = "project"  # its own project's
    DATASET = "dataset"  # those over the dataset, whichever project they were given to


@dataclass(frozen=True, slots=True)
class Capability:
    """One use of a column, at `grain` or coarser (None: the exact value)."""

    use: Use
    grain: Grain | None = None


@dataclass(frozen=True, slots=True)
class Mask:
    """A masking operator, by name, with its arguments."""

    operator: str
    arguments: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class ColumnPolicy:
    """What may be done with one column."""

    name: str
    capabilities: tuple[Capability, ...] = ()
    mask: Mask | None = None
    quantile: tuple[float, float] | None = None  # permitted range of quantiles, both ends included

    @property
    def usable(self) -> bool:
        """Is there anything at all that may be done with it."""
        return bool(self.capabilities) or self.mask is not None or self.quantile is not None

    def allows(self, use: Use, grain: Grain | None = None) -> bool:
        """May a value of this coarseness be used so."""
        return any(held.use == use and at_least(grain, held.grain) for held in self.capabilities)

    @property
    def readable(self) -> bool:
        """May its values, masked ones included, be shown row by row (if the dataset releases rows)."""
        return self.mask is not None or self.allows(Use.READ)

    def described(self) -> str:
        """The capabilities, for a hint."""
        parts = [held.use + (f" ({held.grain})" if held.grain else "") for held in self.capabilities]
        if self.mask:
            parts.append(f"read masked ({self.mask.operator})")
        if self.quantile:
            parts.append("quantiles from {} to {}".format(*self.quantile))
        return ", ".join(parts) or "nothing"


@dataclass(frozen=True, slots=True)
class Dominance:
    """The (n, k) rule: the `n` largest contributors may not hold more than the share `k` of a total."""

    n: int
    k: float


@dataclass(frozen=True, slots=True)
class PrivacyTerms:
    """Terms of the `dp` mode: a budget per project and dataset, and how much of the data one unit may be."""

    epsilon: float
    delta: float
    epsilon_per_query: float
    max_groups_contributed: int
    bounds: Mapping[str, tuple[float, float]]  # where a column's values are clamped to
    max_rows_contributed: int = 1  # rows of one unit in one group that count
    domains: Mapping[str, tuple[Any, ...]] = field(default_factory=lambda: MappingProxyType({}))  # public group keys
    period_days: int | None = None  # what was spent longer ago than this no longer counts; None: it always does

    def bounds_of(self, column: str) -> tuple[float, float] | None:
        """The bounds of a column, in whatever case the policy writes it."""
        return next((pair for name, pair in self.bounds.items() if name.lower() == column.lower()), None)

    def domain_of(self, column: str) -> tuple[Any, ...] | None:
        """The public values of a column; None: which values there are is private."""
        return next((values for name, values in self.domains.items() if name.lower() == column.lower()), None)


@dataclass(frozen=True, slots=True)
class ReleaseRule:
    """How answers about a dataset leave."""

    mode: Mode = Mode.THRESHOLD
    min_group: int = 10  # distinct privacy units
    max_rows: int = 10_000
    timeout_s: float = 30.0
    dominance: Dominance | None = None
    p_percent: float | None = None  # a total protects its largest contributor to within this share
    privacy: PrivacyTerms | None = None
    history: Reach = Reach.PROJECT


@dataclass(frozen=True, slots=True)
class DatasetPolicy:
    """One dataset of the project."""

    name: str
    columns: Mapping[str, ColumnPolicy]  # by lower-case name
    release: ReleaseRule
    unit: str | None = None  # column that names the privacy unit; None: each row is its own
    rows: exp.Expr | None = None  # row filter; `exp.Placeholder` stands for a user attribute
    joins: tuple[tuple[str, str], ...] = ()  # (dataset, column) pairs whose equality joins are allowed


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything one project may do."""

    project: str
    purpose: str
    release: ReleaseRule
    datasets: Mapping[str, DatasetPolicy]  # by lower-case name
    version: str = ""  # digest of the text it was loaded from

    @property
    def shared(self) -> frozenset[str]:
        """Datasets over which answers to every project count."""
        return frozenset(name for name, each in self.datasets.items() if each.release.history is Reach.DATASET)
