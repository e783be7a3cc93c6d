"""Rows that belong to one unit: what a query over protected rows may do so that removing a unit removes its rows only.

A row of a join belongs to the unit that all its protected tables agree on; rows on which they disagree are dropped.
Then two ways remain for one unit's rows to decide about another's, and both are refused here: an outer join that keeps
a row because no row of *somebody else* matched, and EXISTS or IN over rows that are not of the row's own unit.
"""

from collections.abc import Iterable, Sequence

from sqlglot import exp

from policies.environment import Block, Environment
from policies.errors import DP_UNSUPPORTED
from policies.labels import Dep
from policies.model import Mode
from policies.refusal import Refusal
from policies.resolve import Relation, Scope, Unit

Link = tuple[str, str, bool]


def private(env: Environment, dataset: str) -> bool:
    """Is the dataset (lower-case) released with differential privacy."""
    return env.policy.datasets[dataset].release.mode is Mode.DP


def protected(env: Environment, units: Iterable[Unit]) -> list[Unit]:
    """Those of `units` whose dataset is."""
    return [unit for unit in units if private(env, unit.dataset)]


def outer_join(
    env: Environment, before: Sequence[Unit], new: Sequence[Unit], links: Sequence[Link], node: exp.Join
) -> None:
    """Refuse an outer join between protected tables unless its ON equates their units. Its links hold for matched
    rows only, so they prove nothing about a subquery's rows."""
    optional: set[tuple[str, str]] = env.meta.setdefault("optional", set())
    optional |= {(one, other) for one, other, _ in links}
    left, right = ({unit.instance for unit in protected(env, units)} for units in (before, new))
    if not left or not right:
        return
    if not any(units and _joins(one, other, left, right) for one, other, units in links):
        raise Refusal.of(
            DP_UNSUPPORTED, node, what="An outer join that does not equate the tables' units",
            hint="Join on the units, or use an inner join.",
        )  # fmt: skip


def _joins(one: str, other: str, left: set[str], right: set[str]) -> bool:
    return (one in left and other in right) or (one in right and other in left)


def membership(
    env: Environment, block: Block, relation: Relation, node: exp.Expr, anchor: tuple[Dep | None, Dep | None] | None
) -> None:
    """Refuse EXISTS or IN over protected rows unless every one of them is of the outer row's own unit.

    `anchor`: the two sides of IN, where they are plain columns; None for EXISTS.
    """
    inner = {unit.instance for unit in protected(env, relation.units)}
    if not inner:
        return
    outer = {unit.instance for unit in protected(env, _in_scope(block.scope))}
    reached = set(outer)
    if anchor is not None:
        subject, right = anchor
        own = subject is not None and subject.instance in outer and _is_unit(env, subject)
        reached = {right.instance} if own and right is not None and _is_unit(env, right) else set()
    optional = env.meta.get("optional", set())
    links = [(one, other) for one, other, units in relation.links if units and (one, other) not in optional]
    links = [(one, other) for one, other in links if {one, other} <= inner | outer]
    while True:
        more = {end for link in links if set(link) & reached for end in link} - reached
        if not more:
            break
        reached |= more
    if not inner <= reached:
        raise Refusal.of(
            DP_UNSUPPORTED, node, what="A test for rows of other units",
            hint="Equate the units of both tables inside the subquery, or join them.",
        )  # fmt: skip


def _in_scope(scope: Scope | None) -> Iterable[Unit]:
    while scope is not None:
        for source in scope.sources:
            yield from source.units
        scope = scope.parent


def _is_unit(env: Environment, dep: Dep) -> bool:
    return (env.policy.datasets[dep.dataset].unit or "").lower() == dep.column


def one_unit(units: Sequence[Unit]) -> tuple[exp.Expr, list[exp.Expr]]:
    """The unit a row belongs to, and the conditions under which it is one."""
    nodes = [unit.node for unit in units]
    person = (
        nodes[0].copy()
        if len(nodes) == 1
        else exp.Coalesce(this=nodes[0].copy(), expressions=[each.copy() for each in nodes[1:]])
    )
    conditions: list[exp.Expr] = [exp.Not(this=exp.Is(this=person.copy(), expression=exp.Null()))]
    for each in nodes[1:]:
        nobody = exp.Is(this=each.copy(), expression=exp.Null())
        conditions.append(
            exp.Paren(this=exp.Or(this=nobody, expression=exp.EQ(this=each.copy(), expression=person.copy())))
        )
    return person, conditions
