"""Enough people behind every released value: hidden counts of distinct privacy units, dominance, small differences.

A guarded value is either withheld by the engine itself (`CASE WHEN … THEN value END`, for statistics that the query
computes further with) or delivered next to hidden columns from which the release guard decides (for the answer's own).
"""

from dataclasses import dataclass, field
from decimal import Decimal

from sqlglot import exp

from policies.check_from import classes
from policies.decision import Guard
from policies.demand import all_readable
from policies.dialects import LARGEST
from policies.environment import RESERVED, Aggregate, Block, Environment
from policies.errors import COMPARISONS_TOO_MANY, DOMINANCE_UNSUPPORTED
from policies.labels import Dep
from policies.model import Mode, ReleaseRule
from policies.refusal import Refusal
from policies.resolve import Unit

MAX_COMPARED = 12
"""Different conditional row sets of one SELECT that are compared pairwise."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """`measure` (an aggregate over the block's rows) must satisfy `kind` with `bound`; see `decision.Guard`."""

    measure: exp.Expr
    kind: str
    bound: int


@dataclass(slots=True)
class Thresholds:
    """What must hold for the rows of a block, and for each of its aggregates."""

    row: list[Requirement] = field(default_factory=list)
    of: dict[int, list[Requirement]] = field(default_factory=dict)
    units: list[tuple[exp.Expr, int]] = field(default_factory=list)  # protected unit classes with their minimum

    @property
    def protected(self) -> bool:
        """Does anything need a threshold."""
        return bool(self.row) or any(self.of.values())


def thresholds(env: Environment, block: Block, node: exp.Expr) -> Thresholds:
    """The requirements of a grouped block."""
    made = Thresholds()
    shaping = frozenset(block.influence) | frozenset().union(*(key.all_deps for key in block.keys))
    groups = classes(block)
    by_rows = [_protected(env, units, shaping) for units in groups]
    for units, minimum in zip(groups, by_rows, strict=True):
        if minimum:
            made.units.append((_person(units), minimum))
            made.row.append(Requirement(_distinct(_person(units), exp.true()), "least", minimum))
    by_all = list(made.units)
    compared: dict[str, tuple[exp.Expr, Aggregate]] = {}
    for aggregate in block.aggregates.values():
        needed = list(by_all)
        for units, minimum in zip(groups, by_rows, strict=True):
            own = 0 if minimum else _protected(env, units, aggregate.deps)
            if own:
                needed.append((_person(units), own))
                if all(person.sql() != _person(units).sql() for person, _ in made.units):
                    made.units.append((_person(units), own))
        made.of[aggregate.number] = [
            Requirement(_distinct(person, present), "least", max(minimum, aggregate.people))
            for person, minimum in needed
            for present in aggregate.present
        ]
        made.of[aggregate.number] += [
            Requirement(_distinct(person, rows), "apart", minimum)
            for person, minimum in needed
            for rows in aggregate.mixed
        ]
        if needed:
            _differences(made, aggregate, compared, needed)
        if aggregate.totals:
            made.of[aggregate.number] += _dominance(env, block, aggregate, node)
    return made


def _protected(env: Environment, units: list[Unit], deps: frozenset[Dep]) -> int:
    """The minimum number of units of a class, 0 where everything about it may be shown."""
    minimum = 0
    for unit in units:
        release = env.policy.datasets[unit.dataset].release
        own = frozenset(dep for dep in deps if dep.instance == unit.instance)
        if release.mode is not Mode.ROWS or not all_readable(env.policy, own):
            minimum = max(minimum, release.min_group)
    if minimum == 0 and any(env.policy.datasets[dep.dataset].release.mode is not Mode.ROWS for dep in deps):
        outside = {unit.instance for unit in units}
        foreign = [dep for dep in deps if dep.instance not in outside and dep.instance not in env.meta["owned"]]
        if foreign:  # a membership test over protected rows chose these rows
            minimum = max(env.policy.datasets[unit.dataset].release.min_group for unit in units)
    return minimum


def _person(units: list[Unit]) -> exp.Expr:
    nodes = [unit.node.copy() for unit in units]
    return nodes[0] if len(nodes) == 1 else exp.Coalesce(this=nodes[0], expressions=nodes[1:])


def _distinct(person: exp.Expr, where: exp.Expr) -> exp.Expr:
    counted = exp.Count(this=exp.Distinct(expressions=[person.copy()]), big_int=True)
    if isinstance(where, exp.Boolean) and where.this:
        return counted
    return exp.Filter(this=counted, expression=exp.Where(this=where.copy()))


def _differences(
    made: Thresholds,
    aggregate: Aggregate,
    compared: dict[str, tuple[exp.Expr, Aggregate]],
    needed: list[tuple[exp.Expr, int]],
) -> None:
    """Two released row sets of one block must not differ by a few units."""
    for rows in aggregate.compared:
        text = rows.sql()
        if text in compared:
            continue
        for other, earlier in compared.values():
            whole = isinstance(rows, exp.Boolean)
            target = earlier.number if whole and earlier.number != aggregate.number else aggregate.number
            for person, minimum in needed:
                apart = exp.NullSafeNEQ(this=_certain(rows), expression=_certain(other))
                made.of.setdefault(target, []).append(Requirement(_distinct(person, apart), "apart", minimum))
        compared[text] = (rows, aggregate)
        if len(compared) > MAX_COMPARED:
            raise Refusal.of(COMPARISONS_TOO_MANY, aggregate.node, count=len(compared), limit=MAX_COMPARED)


def _certain(condition: exp.Expr) -> exp.Expr:
    """A condition with NULL as false."""
    return exp.Coalesce(this=exp.Paren(this=condition.copy()), expressions=[exp.Boolean(this=False)])


def _dominance(env: Environment, block: Block, aggregate: Aggregate, node: exp.Expr) -> list[Requirement]:
    """The (n, k) and p % rules: 1 where a total tells too much about its largest contributors."""
    owner = next(dep.dataset for dep in sorted(aggregate.deps, key=str) if _ruled(env, dep.dataset))
    dataset, table = env.policy.datasets[owner], env.schema.tables[owner]
    single = len(block.units) == 1 and (dataset.unit is None or table.key == dataset.unit.lower())
    if not single:
        raise Refusal.of(DOMINANCE_UNSUPPORTED, node, rule=f"{dataset.name}.release.dominance", dataset=dataset.name)
    return [
        requirement
        for column in aggregate.totals
        for rows in aggregate.present
        if not _in_vain(rows, column)
        for requirement in _dominated(dataset.release, exp.Abs(this=column.copy()), rows)
    ]


def _in_vain(rows: exp.Expr, column: exp.Expr) -> bool:
    """Are the rows only those with a value of the column: the others contribute nothing to its total anyway."""
    test = rows.this if isinstance(rows, exp.Not) else None
    if not isinstance(test, exp.Is) or not isinstance(test.expression, exp.Null):
        return False
    return test.this.unnest() in list(column.find_all(exp.Column))


def _dominated(release: ReleaseRule, size: exp.Expr, rows: exp.Expr) -> list[Requirement]:
    """The rules over the contributions `size` of the row set `rows`."""
    one, zero = exp.Literal.number(1), exp.Literal.number(0)
    return [
        Requirement(exp.Case(ifs=[exp.If(this=test, true=one.copy())], default=zero.copy()), "dominance", 1)
        for test in _tests(release, size, rows)
    ]


def dominated(release: ReleaseRule, column: exp.Expr) -> exp.Expr:
    """Is the total of `column` over a group one that a rule withholds."""
    return exp.or_(*_tests(release, exp.Abs(this=column.copy()), exp.true()), copy=False)


def _tests(release: ReleaseRule, size: exp.Expr, rows: exp.Expr) -> list[exp.Expr]:
    def filtered(call: exp.Expr) -> exp.Expr:
        if isinstance(rows, exp.Boolean) and rows.this:
            return call
        return exp.Filter(this=call, expression=exp.Where(this=rows.copy()))

    def top(count: int) -> exp.Expr:
        largest = exp.Max(this=size.copy(), expressions=[exp.Literal.number(count)])
        return exp.Anonymous(this=LARGEST, expressions=[filtered(largest)])

    total = filtered(exp.Sum(this=size.copy()))
    found: list[exp.Expr] = []
    if release.dominance is not None:
        share = exp.Mul(this=_number(release.dominance.k), expression=total.copy())
        found.append(exp.GT(this=top(release.dominance.n), expression=share))
    if release.p_percent is not None:
        rest = exp.Sub(this=total.copy(), expression=top(2))
        found.append(exp.LT(this=rest, expression=exp.Mul(this=_number(release.p_percent), expression=top(1))))
    return found


def _ruled(env: Environment, dataset: str) -> bool:
    release = env.policy.datasets[dataset].release
    return release.dominance is not None or release.p_percent is not None


def _number(value: float) -> exp.Expr:
    return exp.Literal.number(f"{Decimal(repr(value)):f}")


def holds(requirement: Requirement) -> exp.Expr:
    """The requirement as a condition of the engine."""
    measure, bound = requirement.measure.copy(), exp.Literal.number(requirement.bound)
    if requirement.kind == "least":
        return exp.GTE(this=measure, expression=bound)
    if requirement.kind == "apart":
        small = exp.Between(this=measure, low=exp.Literal.number(1), high=exp.Literal.number(requirement.bound - 1))
        return exp.Not(this=small)
    return exp.EQ(this=measure, expression=exp.Literal.number(0))


def together(requirements: list[Requirement]) -> exp.Expr | None:
    """All of them as one condition."""
    distinct = {requirement.measure.sql() + requirement.kind: holds(requirement) for requirement in requirements}
    parts = list(distinct.values())
    if not parts:
        return None
    return exp.and_(*parts, copy=False) if len(parts) > 1 else parts[0]


def guarded(aggregate: Aggregate, requirements: list[Requirement]) -> exp.Expr:
    """The aggregate, NULL where it may not be known."""
    condition = together(requirements)
    if condition is None:
        return aggregate.node.copy()
    return exp.Case(ifs=[exp.If(this=condition, true=aggregate.node.copy())])


@dataclass(slots=True)
class Hidden:
    """Hidden columns of the answer's own SELECT, without repetition."""

    env: Environment
    columns: dict[str, tuple[str, exp.Expr]] = field(default_factory=dict)  # SQL -> name, expression

    def name(self, measure: exp.Expr) -> str:
        """The hidden column that carries `measure`."""
        text = measure.sql()
        if text not in self.columns:
            self.columns[text] = (f"{RESERVED}{self.env.number()}", measure.copy())
        return self.columns[text][0]

    def guard(self, requirement: Requirement, outputs: tuple[int, ...] | None) -> Guard:
        """The release guard's view of a requirement."""
        return Guard(self.name(requirement.measure), requirement.kind, requirement.bound, outputs)
