"""Information-flow labels: what a value of the query depends on, and how (Denning 1976, over columns)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import IntEnum
from typing import TypeVar

from sqlglot import exp

from policies.decision import Source
from policies.grain import Grain

_T = TypeVar("_T")


class Level(IntEnum):
    """How close a value is to single rows; combining values keeps the highest."""

    CONSTANT = 0
    RELEASED = 1  # a statistic or group key behind its threshold: safe to compute on
    ROW = 2  # follows from single rows


@dataclass(frozen=True, slots=True)
class Dep:
    """One base column of one instance of a base table, as coarsely as the value shows it."""

    instance: str  # alias of the table's occurrence in the rewritten query
    dataset: str  # lower-case
    column: str  # lower-case
    grain: Grain | None = None  # None: exact


@dataclass(frozen=True, slots=True)
class Value:
    """An expression of the rewritten query with its label."""

    node: exp.Expr
    level: Level = Level.CONSTANT
    kind: str = "any"  # bool, int, num, date, time, text, interval, other; any fits all (NULL)
    deps: frozenset[Dep] = frozenset()  # columns whose values it shows
    preds: frozenset[Dep] = frozenset()  # columns that chose between its values
    plain: Dep | None = None  # it is exactly this column
    listed: tuple[str, str] | None = None  # it is exactly this column of this joined list
    rows: frozenset[str] = frozenset()  # joined lists, and occurrences of tables besides its columns', that decide it
    degree: int = 0  # as a polynomial of columns; 99: no polynomial
    aggregates: frozenset[int] = frozenset()  # the block's aggregates it uses unguarded
    sources: frozenset[Source] = frozenset()  # lineage
    joined: bool = False  # an allowed key equality: its columns demand nothing more
    branches: tuple[exp.Expr, ...] = ()  # conditions on single rows under which a choice inside it is not 0 or NULL
    mixed: tuple[exp.Expr, ...] = ()  # row sets that products of choices, and defaults, tell apart: empty or large
    weights: tuple[exp.Expr, ...] = ()  # known values of single rows that what it shows is multiplied with
    whole: bool = True  # it has a part that no choice takes away: it tells about every row
    reach: Decimal = Decimal(1)  # how far the constants in it can carry a value, by multiplication and division
    size: int = 1  # how many texts of a column's length it can be as long as

    @property
    def all_deps(self) -> frozenset[Dep]:
        """Columns it depends on in any way."""
        return self.deps | self.preds

    @property
    def instances(self) -> frozenset[str]:
        """Table occurrences it depends on."""
        return frozenset(dep.instance for dep in self.all_deps)

    @property
    def touches(self) -> frozenset[str]:
        """Table occurrences and joined lists whose rows decide it."""
        return self.rows | self.instances

    def shown_as(self, node: exp.Expr, kind: str | None = None, **changes: object) -> "Value":
        """The same label on another expression, which is no longer the plain column."""
        return replace(self, node=node, kind=kind or self.kind, plain=None, listed=None, joined=False, **changes)  # type: ignore[arg-type]

    def coarsened(self, grain: Grain) -> "Value":
        """A plain column shown only at `grain`."""
        if self.plain is None or self.plain.grain is not None:
            return self
        return replace(self, deps=frozenset({replace(self.plain, grain=grain)}))

    def as_predicate(self) -> "Value":
        """A boolean used to choose: all its columns become predicates."""
        return replace(self, deps=frozenset(), preds=self.all_deps)


def _united(sets: list[frozenset[_T]]) -> frozenset[_T]:
    """Their union; most are empty, or one and the same."""
    united: frozenset[_T] = frozenset()
    for each in sets:
        if each and each is not united:
            united = united | each if united else each
    return united


def combined(node: exp.Expr, kind: str, parts: Iterable[Value], degree: int = 99) -> Value:
    """The label of an expression made of `parts`."""
    parts = list(parts)
    branches = [branch for part in parts for branch in part.branches]
    mixed = [rows for part in parts for rows in part.mixed]
    return Value(
        node=node,
        level=max([part.level for part in parts], default=Level.CONSTANT),
        kind=kind,
        deps=_united([part.deps for part in parts]),
        preds=_united([part.preds for part in parts]),
        degree=degree,
        rows=_united([part.rows for part in parts]),
        aggregates=_united([part.aggregates for part in parts]),
        sources=_united([part.sources for part in parts]),
        branches=tuple(dict.fromkeys(branches)) if branches else (),
        mixed=tuple(dict.fromkeys(mixed)) if mixed else (),
        weights=tuple(dict.fromkeys(weight for part in parts for weight in part.weights)),
        whole=any(part.whole for part in parts) if parts else True,
        reach=max([part.reach for part in parts], default=Decimal(1)),
        size=sum(part.size for part in parts) if kind == "text" else 1,
    )


def conjoined(left: Value, right: Value) -> tuple[exp.Expr, ...]:
    """The row sets a product of the two tells about: those of both at once."""
    return tuple(
        exp.And(this=exp.Paren(this=one.copy()), expression=exp.Paren(this=other.copy()))
        for one in (*left.branches, *left.mixed)
        for other in (*right.branches, *right.mixed)
        if one != other
    )


KINDS_ALIKE = {"int": "num", "num": "num", "date": "time", "time": "time"}


def alike(left: str, right: str) -> bool:
    """May values of these kinds be compared without converting one per row."""
    return "any" in (left, right) or KINDS_ALIKE.get(left, left) == KINDS_ALIKE.get(right, right) != "other"


def common_kind(kinds: Iterable[str]) -> str:
    """The kind of a choice between values."""
    found = {kind for kind in kinds if kind != "any"}
    if not found:
        return "any"
    if len(found) == 1:
        return found.pop()
    return (
        KINDS_ALIKE.get(min(found), "other") if len({KINDS_ALIKE.get(kind, kind) for kind in found}) == 1 else "other"
    )
