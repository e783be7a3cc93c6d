"""What the gateway needs to answer one query with differential privacy. Values only; made by `dp_select`.

A query becomes one or more *releases* (a grouped SELECT over protected rows, whose exact bounded sums the engine
computes and the gateway makes noisy) and one *finish*: SQL over the noisy tables alone, which is post-processing and
costs nothing (Dwork & Roth 2014, proposition 2.1).
"""

from dataclasses import dataclass
from enum import StrEnum

from sqlglot import exp

from policies.model import PrivacyTerms


@dataclass(frozen=True, slots=True)
class Charge:
    """What something costs: `delta`-approximate `rho`-zCDP; where every part is also pure, its `epsilon`.

    Bun & Steinke 2016: rho and delta add up under composition (lemma 1.7, section 8), and so do epsilon and delta.
    """

    epsilon: float | None = 0.0  # None: a part of it (Gaussian noise) has no pure epsilon
    rho: float = 0.0
    delta: float = 0.0

    def __add__(self, other: "Charge") -> "Charge":
        both = self.epsilon is not None and other.epsilon is not None
        total = (self.epsilon or 0.0) + (other.epsilon or 0.0) if both else None
        return Charge(total, self.rho + other.rho, self.delta + other.delta)


class Noise(StrEnum):
    """Which discrete distribution (Canonne, Kamath & Steinke 2020)."""

    LAPLACE = "laplace"
    GAUSSIAN = "gaussian"


@dataclass(frozen=True, slots=True)
class Measure:
    """One whole-number column of the engine's exact table: a sum over units of contributions from -`most` to `most`."""

    column: str
    most: int  # what one unit adds to one group, at most, in steps
    step: float = 1.0  # the value of one step; a power of two


@dataclass(frozen=True, slots=True)
class Estimate:
    """One column of the noisy table, computed from noisy measures."""

    column: str
    kind: str  # count, sum, mean or variance
    measures: tuple[int, ...]
    whole: bool = False  # a sum of whole numbers
    centre: float = 0.0  # what was taken off each value before it was summed
    low: float = 0.0  # where a mean must lie
    high: float = 0.0
    sample: bool = False  # variance with n - 1
    root: bool = False  # its square root


@dataclass(frozen=True, slots=True)
class Draft:
    """One grouped SELECT over protected rows, before its share of the query's budget is known."""

    table: str  # what the finish calls the noisy table
    tree: exp.Expr  # keys, then measures; whole numbers, each unit's part in them bounded
    keys: tuple[str, ...]
    measures: tuple[Measure, ...]
    estimates: tuple[Estimate, ...]
    groups: int  # how many groups one unit is in, at most
    thresholded: bool  # the first measure is the number of units, and groups with few of them must not appear
    terms: tuple[PrivacyTerms, ...]
    unit: str
    rows: int  # of one unit in one group that count


@dataclass(frozen=True, slots=True)
class Release:
    """One grouped SELECT over protected rows, with the noise its columns get."""

    table: str
    sql: str
    keys: tuple[str, ...]
    measures: tuple[Measure, ...]
    estimates: tuple[Estimate, ...]
    groups: int
    noise: Noise
    scales: tuple[float, ...]  # of the noise, per measure, in steps
    losses: tuple[float, ...]  # per measure: epsilon of Laplace noise, rho of Gaussian noise
    threshold: int | None  # groups whose noisy number of units (the first measure) is below it do not appear
    delta: float  # what the threshold may cost
    cost: Charge


@dataclass(frozen=True, slots=True)
class NoisyOutput:
    """An output of the answer that is one noisy estimate, as far as its error is known."""

    place: int
    release: int
    estimate: int


@dataclass(frozen=True, slots=True)
class Budget:
    """What a project may spend on a dataset in all, or in any `period_days` days."""

    epsilon: float
    delta: float
    period_days: int | None = None

    @classmethod
    def of(cls, terms: PrivacyTerms) -> "Budget":
        """The budget that `terms` give."""
        return cls(terms.epsilon, terms.delta, terms.period_days)


@dataclass(frozen=True, slots=True)
class PrivatePlan:
    """A whole query."""

    releases: tuple[Release, ...]
    finish: str  # SQL over the releases' tables
    dialect: str
    datasets: tuple[str, ...]  # whose budgets it is charged to
    budgets: tuple[Budget, ...]  # of each of them
    cost: Charge
    outputs: tuple[NoisyOutput, ...] = ()
    notes: tuple[str, ...] = ()  # what a reader of the answer must know
