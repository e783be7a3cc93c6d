"""Labels of conditions: comparisons, key equalities, and what a comparison with a constant lets one tell."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlglot import exp

from policies.demand import all_readable, demand, permits
from policies.environment import Block, Environment
from policies.errors import CONSTRUCT_NOT_ALLOWED, JOIN_NOT_ALLOWED, TYPE_MISMATCH
from policies.failing import tried_within
from policies.grain import Bucket, DateUnit, cut, day_after
from policies.labels import Dep, Level, Value, combined
from policies.lists import Mixed, Tie, around
from policies.model import Use
from policies.refusal import Refusal
from policies.schema import kind_of

_ORDERINGS = (exp.GT, exp.GTE, exp.LT, exp.LTE)
_COMPARISONS = (exp.EQ, exp.NEQ, *_ORDERINGS, exp.NullSafeEQ, exp.NullSafeNEQ)


_DAY = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})", re.ASCII)
"""A day as engines read it: 2000-3-01 is the first of March."""


def condition(env: Environment, block: Block, node: exp.Expr) -> Value:
    """A boolean. Refuses what the engine would have to convert."""
    found: Value = env.value(env, block, node)
    if found.kind not in ("bool", "any"):
        raise Refusal.of(TYPE_MISMATCH, node, left=found.kind, right="boolean")
    return found


def filtered(env: Environment, block: Block, node: exp.Expr) -> Value:
    """A boolean that chooses rows: its columns need `filter`."""
    found = condition(env, block, node)
    if not found.joined and found.level is Level.ROW:
        demand(env.policy, found.all_deps, Use.FILTER, node)
    return found


def conjuncts(node: exp.Expr) -> Iterator[exp.Expr]:
    """The parts of a condition that must all hold."""
    node = node.unnest()
    if isinstance(node, exp.And):
        yield from conjuncts(node.this)
        yield from conjuncts(node.expression)
    else:
        yield node


def chosen_by(env: Environment, block: Block, node: exp.Expr) -> exp.Expr:
    """Check WHERE or ON: each conjunct chooses rows, and key equalities connect tables. The rewritten condition."""
    parts: list[exp.Expr] = []
    for each in conjuncts(node):
        found = _key_equality(env, block, each) or tried_within(env, filtered(env, block, each))
        block.influence |= found.all_deps
        _tied_to_lists(env, block, each, found)
        block.note(found.sources, "join" if len(found.instances) > 1 and isinstance(found.node, exp.EQ) else "filter")
        parts.append(found.node)
        base = env.to_base(found.node)
        if base is None:
            block.unsaid.append(found.node)
        else:
            block.conditions.append(base)
    return exp.and_(*parts, copy=False) if len(parts) > 1 else parts[0]


def _tied_to_lists(env: Environment, block: Block, node: exp.Expr, found: Value) -> None:
    """Take down what a conjunct says of tables and joined lists at once, and which columns of lists it equates."""
    outer = around(block.scope)
    equal = False
    if isinstance(node, exp.EQ) and (found.rows & block.lists or found.touches & outer):
        sides = [env.value(env, block, side) for side in (node.this, node.expression)]
        equal = any(one.touches <= outer and not other.touches & outer for one, other in (sides, sides[::-1]))
        for one, other in (sides, sides[::-1]):
            if one.listed is not None and one.listed[0] not in other.touches:
                block.ties.append(Tie(*one.listed, other.touches, other.node))
    block.mixed.append(Mixed(found.touches, node, equal))


def _key_equality(env: Environment, block: Block, node: exp.Expr) -> Value | None:
    """An equality of columns of two table occurrences, if `node` is one; recorded as a link."""
    if (
        not isinstance(node, exp.EQ)
        or not isinstance(node.this.unnest(), exp.Column)
        or not isinstance(node.expression.unnest(), exp.Column)
    ):
        return None
    left, right = env.value(env, block, node.this), env.value(env, block, node.expression)
    if left.level is not Level.ROW or right.level is not Level.ROW or left.instances == right.instances:
        return None
    made = exp.EQ(this=left.node, expression=right.node)
    found = combined(made, "bool", (left, right))
    if left.plain and right.plain and may_join(env, left.plain, right.plain):
        link(env, block, left.plain, right.plain)
        return replace(found, joined=True)
    if all_readable(env.policy, found.all_deps):
        demand(env.policy, found.all_deps, Use.FILTER, node)
        for one in left.instances:
            for other in right.instances:
                block.links.append((one, other, False))
        return found
    raise join_refused(env, node, found.all_deps)


def may_join(env: Environment, left: Dep, right: Dep) -> bool:
    """Does the policy list this pair, either way round, and may both columns be joined on."""
    if not permits(env.policy, left, Use.JOIN) or not permits(env.policy, right, Use.JOIN):
        return False
    datasets = env.policy.datasets
    return (right.dataset, right.column) in datasets[left.dataset].joins or (left.dataset, left.column) in datasets[
        right.dataset
    ].joins


def link(env: Environment, block: Block, left: Dep, right: Dep) -> None:
    """Record an allowed key equality."""
    units = all((env.policy.datasets[dep.dataset].unit or "").lower() == dep.column for dep in (left, right))
    block.links.append((left.instance, right.instance, units))
    env.links.append((left.instance, right.instance))


def join_refused(env: Environment, node: exp.Expr, deps: frozenset[Dep]) -> Refusal:
    """The refusal of a comparison between tables."""
    pairs = sorted(
        f"{described.name}.{described.unit or '?'} = {dataset}.{column}"
        for described in env.policy.datasets.values()
        for dataset, column in described.joins
        if described.name.lower() in {dep.dataset for dep in deps}
    )
    allowed = f"Allowed: {'; '.join(pairs)}." if pairs else "No joins are allowed between these tables."
    if pairs and len({dep.dataset for dep in deps}) == 1:  # rows of a person beside others of hers
        described = env.policy.datasets[min(dep.dataset for dep in deps)]
        allowed += (
            f" To tell what several rows of one person have in common, count those of each kind per {described.unit}"
            f" in a subquery, with count(*) FILTER (WHERE …) and GROUP BY {described.unit}, and count the people"
            " outside it."
        )
    elif all(permits(env.policy, dep, Use.GROUP) for dep in deps):
        allowed += " Or group each table by these columns first, and join the groups."
    return Refusal.of(JOIN_NOT_ALLOWED, node, rule="joins", allowed=allowed)


def _same_rows(env: Environment, node: exp.Expr, parts: tuple[Value, ...]) -> None:
    """Refuse comparing columns of different table occurrences, unless their rows may be shown anyway. Several of them
    on one side of a comparison have to be tied by an allowed equality, else they could stand for another one."""
    held = [part.instances for part in parts if part.level is Level.ROW and part.instances]
    deps: frozenset[Dep] = frozenset().union(*(part.all_deps for part in parts))
    together = frozenset().union(*held)
    if len(together) < 2 or all_readable(env.policy, deps):
        return
    if len(set(held)) > 1:
        raise join_refused(env, node, deps)
    env.crossings.append((together, deps, node))


def tied(env: Environment) -> None:
    """Refuse where a comparison mixes table occurrences that no allowed equality ties together."""
    for together, deps, node in env.crossings:
        reached = {min(together)}
        while more := {end for link in env.links if set(link) & reached for end in link} - reached:
            reached |= more
        if together - reached:
            raise join_refused(env, node, deps)


def constant(found: Value) -> Decimal | None:
    """The number a constant stands for."""
    node, sign = found.node, Decimal(1)
    while isinstance(node, (exp.Neg, exp.Paren)):
        sign = -sign if isinstance(node, exp.Neg) else sign
        node = node.this
    if found.level is not Level.CONSTANT or not isinstance(node, exp.Literal) or node.is_string:
        return None
    try:
        return sign * Decimal(node.this)
    except InvalidOperation:
        return None


def parsed_date(node: exp.Expr) -> date | None:
    """The day a constant stands for: DATE '…', CAST('…' AS DATE) or '…'."""
    if isinstance(node, exp.Cast) and kind_of(node.args["to"]) in ("date", "time"):
        node = node.this
    if not isinstance(node, exp.Literal) or not node.is_string:
        return None
    written = _DAY.fullmatch(node.name.strip())
    try:
        return date(*(int(part) for part in written.groups())) if written else None
    except ValueError:
        return None


def _comparable(env: Environment, left: Value, right: Value, node: exp.Expr) -> tuple[Value, Value]:
    """Both sides in one kind; a text constant beside a date becomes a date once, not per row."""
    for one, other, swap in ((left, right, False), (right, left, True)):
        if one.kind in ("date", "time") and other.kind == "text" and parsed_date(other.node) is not None:
            typed = Value(exp.cast(other.node, "date"), kind="date")
            return (typed, one) if swap else (one, typed)
    if not env.fits(left.kind, right.kind):
        raise Refusal.of(TYPE_MISMATCH, node, left=left.kind, right=right.kind)
    return left, right


def _listed(env: Environment, value: Value) -> list[exp.Expr]:
    """The constants that a column of VALUES stands for; empty where it is no such column."""
    base = env.to_base(value.node) if isinstance(value.node, exp.Column) else None
    rows = env.constants.get(base.table) if isinstance(base, exp.Column) else None
    return [row[base.name] for row in rows or () if not isinstance(row[base.name], exp.Null)] if base else []


def _cut(env: Environment, column: Value, other: Value, inclusive_below: bool) -> Value:
    """What comparing the order of a plain column with a constant lets one tell: on which side of a cut it lies."""
    if column.plain is None or column.plain.grain is not None:
        return column
    listed = _listed(env, other)
    if listed:
        cuts = (_cut(env, column, Value(each), inclusive_below) for each in listed)
        return replace(column, deps=frozenset().union(*(each.deps for each in cuts)))
    number = constant(other)
    if number is not None and column.kind in ("int", "num"):
        return column.coarsened(Bucket(abs(number)))
    day = parsed_date(other.node) if other.level is Level.CONSTANT else None
    if day is not None and column.kind in ("date", "time"):
        edge = day_after(day) if inclusive_below and column.kind == "date" else day
        return column.coarsened(cut(edge))
    return column


def _compare(env: Environment, block: Block, node: exp.Binary) -> Value:
    parts = _comparable(env, env.value(env, block, node.this), env.value(env, block, node.expression), node)
    _same_rows(env, node, parts)
    left, right = parts
    made = type(node)(this=left.node, expression=right.node)
    if isinstance(node, _ORDERINGS):
        left, right = (
            _cut(env, left, right, isinstance(node, (exp.GT, exp.LTE))),
            _cut(env, right, left, isinstance(node, (exp.LT, exp.GTE))),
        )
    return combined(made, "bool", (left, right))


def _between(env: Environment, block: Block, node: exp.Between) -> Value:
    if node.args.get("symmetric"):
        raise Refusal.of(CONSTRUCT_NOT_ALLOWED, node, what="BETWEEN SYMMETRIC", hint="Write the bounds in order.")
    subject = env.value(env, block, node.this)
    _, low = _comparable(env, subject, env.value(env, block, node.args["low"]), node)
    _, high = _comparable(env, subject, env.value(env, block, node.args["high"]), node)
    _same_rows(env, node, (subject, low, high))
    made = exp.Between(this=subject.node, low=low.node, high=high.node)
    return combined(made, "bool", (_cut(env, subject, low, False), _cut(env, subject, high, True), low, high))


def _in(env: Environment, block: Block, node: exp.In) -> Value:
    for name, given in node.args.items():
        if given and name not in ("this", "expressions", "query"):
            raise Refusal.of(CONSTRUCT_NOT_ALLOWED, node, what=f"IN with {name}", hint="List constants.")
    subject = env.value(env, block, node.this)
    if node.args.get("query") is not None:
        found: Value = env.meta["in_query"](env, block, node, subject)
        return found
    parts = [_comparable(env, subject, env.value(env, block, each), node)[1] for each in node.expressions]
    _same_rows(env, node, (subject, *parts))
    return combined(exp.In(this=subject.node, expressions=[part.node for part in parts]), "bool", (subject, *parts))


def _is(env: Environment, block: Block, node: exp.Is) -> Value:
    subject = env.value(env, block, node.this)
    if not isinstance(node.expression, (exp.Null, exp.Boolean)):
        raise Refusal.of(CONSTRUCT_NOT_ALLOWED, node, what="This IS", hint="Write IS NULL, or IS NOT DISTINCT FROM.")
    if isinstance(node.expression, exp.Boolean) and subject.kind not in ("bool", "any"):
        raise Refusal.of(TYPE_MISMATCH, node, left=subject.kind, right="boolean")
    made = exp.Is(this=subject.node, expression=node.expression.copy())
    if isinstance(node.expression, exp.Null):  # whether a value is missing is coarser than any step
        subject = subject.coarsened(DateUnit.YEAR if subject.kind in ("date", "time") else Bucket(Decimal(0)))
    return combined(made, "bool", (subject,))


def _like(env: Environment, block: Block, node: exp.Binary) -> Value:
    left, right = env.value(env, block, node.this), env.value(env, block, node.expression)
    for each in (left, right):
        if each.kind not in ("text", "any"):
            raise Refusal.of(TYPE_MISMATCH, node, left=each.kind, right="text")
    _same_rows(env, node, (left, right))
    made = type(node)(this=left.node, expression=right.node, negate=node.args.get("negate"))
    return combined(made, "bool", (left, right))


def _logic(env: Environment, block: Block, node: exp.Expr) -> Value:
    if isinstance(node, exp.Not):
        inner = condition(env, block, node.this)
        made: exp.Expr = exp.Not(
            this=exp.Paren(this=inner.node) if isinstance(inner.node, exp.Connector) else inner.node
        )
        return replace(combined(made, "bool", (inner,)), joined=inner.joined)
    left, right = condition(env, block, node.this), condition(env, block, node.expression)
    sides = [
        exp.Paren(this=side.node)
        if isinstance(side.node, exp.Connector) and type(side.node) is not type(node)
        else side.node
        for side in (left, right)
    ]
    found = combined(type(node)(this=sides[0], expression=sides[1]), "bool", (left, right))
    for side in (left, right):  # an allowed key membership demands nothing more, its neighbour still does
        if side.joined:
            found = replace(found, deps=found.deps - side.deps, preds=found.preds - side.preds)
    return found


RULES: dict[type[exp.Expr], Callable[[Environment, Block, Any], Value]] = {
    **dict.fromkeys(_COMPARISONS, _compare),
    exp.Between: _between,
    exp.In: _in,
    exp.Is: _is,
    exp.Like: _like,
    exp.ILike: _like,
    exp.And: _logic,
    exp.Or: _logic,
    exp.Not: _logic,
}
