"""Subqueries inside expressions: EXISTS, IN and scalar ones."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sqlglot import exp

from policies import dp_rows, rewrite
from policies.check_predicate import join_refused, link, may_join
from policies.demand import all_readable, rows_refused
from policies.environment import Block, Environment
from policies.errors import CONSTRUCT_NOT_ALLOWED, SUBQUERY_NOT_ALLOWED, TYPE_MISMATCH
from policies.labels import Level, Value, combined
from policies.model import Mode
from policies.refusal import Refusal
from policies.resolve import Relation


def demand_free(env: Environment, block: Block, node: exp.Expr) -> None:
    """Refuse unless the rows of every table of the block, and what chose them, may be shown."""
    for unit in block.units:
        if env.policy.datasets[unit.dataset].release.mode is not Mode.ROWS:
            raise rows_refused(env.policy, unit.dataset, node)
    for dep in sorted(block.influence, key=str):
        if env.policy.datasets[dep.dataset].release.mode is not Mode.ROWS:
            raise rows_refused(env.policy, dep.dataset, node)


def free(env: Environment, relation: Relation) -> bool:
    """May everything about the relation's rows be shown."""
    return all(env.policy.datasets[unit.dataset].release.mode is Mode.ROWS for unit in relation.units) and all_readable(
        env.policy, relation.influence
    )


def _select(node: exp.Expr) -> exp.Expr:
    while isinstance(node, (exp.Subquery, exp.Paren)):
        if any(given for name, given in node.args.items() if name != "this"):
            raise Refusal.of(CONSTRUCT_NOT_ALLOWED, node, what="This subquery", hint="Write (SELECT …).")
        node = node.this
    return node


def _connected(env: Environment, block: Block, relation: Relation, node: exp.Expr) -> None:
    """Refuse a membership test over protected rows that is not tied to the outer row by an allowed key."""
    inner = {unit.instance for unit in relation.units}
    if free(env, relation):
        return
    if not any((one in inner) != (other in inner) for one, other, _ in relation.links):
        raise Refusal.of(
            SUBQUERY_NOT_ALLOWED,
            node,
            why="it tells about people without being tied to the outer row",
            hint="Equate a column pair from the policy's joins inside it.",
        )


def _exists(env: Environment, block: Block, node: exp.Exists) -> Value:
    _rows_only(env, block, node)
    relation = env.query(env, _select(node.this), block.scope, inside=True)
    _connected(env, block, relation, node)
    dp_rows.membership(env, block, relation, node, None)
    env.meta["inner"] |= {unit.instance for unit in relation.units}
    block.influence |= relation.influence
    sources = frozenset().union(relation.chosen_by, *(column.sources for column in relation.columns.values()))
    rows = _rows(relation)
    return _over(
        block, Value(exp.Exists(this=relation.query), Level.ROW, "bool", joined=True, sources=sources, rows=rows)
    )


def _rows(relation: Relation) -> frozenset[str]:
    """Table occurrences and lists that a subquery looks at, the outer ones among them."""
    linked = (end for one, other, _ in relation.links for end in (one, other))
    return frozenset((*linked, *relation.outside, *(dep.instance for dep in relation.influence)))


def _rows_only(env: Environment, block: Block, node: exp.Expr) -> None:
    if block.phase in ("groups", "people") and not env.harmless:
        raise Refusal.of(
            SUBQUERY_NOT_ALLOWED, node, why="the query is grouped already", hint="Put the condition into WHERE."
        )


def in_query(env: Environment, block: Block, node: exp.In, subject: Value) -> Value:
    """`subject IN (SELECT …)`."""
    relation = env.query(env, _select(node.args["query"]), block.scope, inside=True)
    if env.harmless:
        influence(block, relation)
        made = exp.In(this=subject.node, query=exp.Subquery(this=relation.query))
        found = combined(made, "bool", (subject, *relation.columns.values()))
        return _over(block, replace(found, sources=found.sources | relation.chosen_by))
    if len(relation.columns) != 1:
        raise Refusal.of(SUBQUERY_NOT_ALLOWED, node, why="it has more than one column", hint="Select one column.")
    (right,) = relation.columns.values()
    dp_rows.membership(env, block, relation, node, (subject.plain, right.plain))
    if relation.units:
        relation.query.set("expressions", relation.query.expressions[:1])
    if not env.fits(subject.kind, right.kind):
        raise Refusal.of(TYPE_MISMATCH, node, left=subject.kind, right=right.kind)
    made = exp.In(this=subject.node, query=exp.Subquery(this=relation.query))
    sources = subject.sources | right.sources | relation.chosen_by
    if right.level is not Level.ROW or (all_readable(env.policy, right.all_deps) and free(env, relation)):
        if right.level is Level.ROW:
            _rows_only(env, block, node)
        block.influence |= relation.influence
        return replace(subject.shown_as(made, "bool"), sources=sources, rows=subject.rows | _rows(relation))
    _rows_only(env, block, node)
    if not (subject.plain and right.plain and may_join(env, subject.plain, right.plain)):
        raise join_refused(env, node, subject.all_deps | right.all_deps)
    link(env, block, subject.plain, right.plain)
    env.meta["inner"] |= {unit.instance for unit in relation.units}
    block.influence |= relation.influence | subject.deps | right.deps
    rows = subject.touches | right.touches | _rows(relation)
    return Value(made, Level.ROW, "bool", joined=True, sources=sources, rows=rows)


def _scalar(env: Environment, block: Block, node: exp.Subquery) -> Value:
    relation = env.query(env, _select(node), block.scope, inside=True)
    relation = _one_of_them(relation)
    if len(relation.columns) != 1 or not (relation.single or env.harmless):
        raise Refusal.of(
            SUBQUERY_NOT_ALLOWED,
            node,
            why="it may give more than one value",
            hint="Select one aggregate without GROUP BY.",
        )
    (found,) = relation.columns.values()
    if not env.harmless and relation.influence:
        raise Refusal.of(
            SUBQUERY_NOT_ALLOWED, node, why="it chooses a value per outer row", hint="Write CASE WHEN … END."
        )
    made = combined(exp.Subquery(this=relation.query), found.kind, (found,))
    made = replace(made, sources=found.sources | relation.chosen_by, rows=found.rows | relation.outside)
    return _over(block, made) if env.harmless else made


def _one_of_them(relation: Relation) -> Relation:
    """`(SELECT n FROM groups WHERE key = 'a')`: of statistics the greatest, which is the only one where the condition
    leaves one. An engine's error for several would tell of those that are withheld."""
    if relation.single or relation.units or len(relation.columns) != 1:
        return relation
    ((name, value),) = relation.columns.items()
    if value.level is not Level.RELEASED or value.kind not in ("int", "num", "text", "date", "time"):
        return relation
    inner = exp.Subquery(this=relation.query, alias=exp.TableAlias(this=rewrite.quoted("s")))
    called = relation.query.named_selects[0] if isinstance(relation.query, exp.Query) else name
    greatest = exp.alias_(exp.Max(this=rewrite.column(called, "s")), name, quoted=True)
    made = exp.Select(expressions=[greatest]).from_(inner, copy=False)
    shown = replace(value, node=rewrite.column(name, "s"), listed=None)
    return replace(relation, query=made, columns={name: shown}, single=True)


def _over(block: Block, found: Value) -> Value:
    """After grouping, a subquery over rows that may be shown is one value per group; its columns are none of the
    block's."""
    return replace(found, level=min(found.level, Level.RELEASED)) if block.phase == "groups" else found


def influence(block: Block, relation: Relation) -> None:
    """What chose the rows of a subquery chooses those of the block."""
    block.influence |= relation.influence


def _quantified(env: Environment, block: Block, node: exp.Expr) -> Value:
    """The right side of `x > ALL (SELECT …)` and `x = ANY (…)`, over rows that may be shown."""
    if not env.harmless:
        hint = "Compare with an aggregate, or use IN."
        raise Refusal.of(CONSTRUCT_NOT_ALLOWED, node, what=node.key.upper(), hint=hint)
    inner = node.this.unnest() if isinstance(node.this, exp.Paren) else node.this
    if not isinstance(inner, (exp.Subquery, exp.Select)):
        value: Value = env.value(env, block, inner)
        return combined(type(node)(this=exp.Paren(this=value.node)), "any", (value,))
    relation = env.query(env, _select(inner), block.scope, inside=True)
    influence(block, relation)
    found = combined(type(node)(this=exp.Subquery(this=relation.query)), "any", relation.columns.values())
    return _over(block, found)


RULES: dict[type[exp.Expr], Callable[[Environment, Block, Any], Value]] = {
    exp.Exists: _exists,
    exp.All: _quantified,
    exp.Any: _quantified,
    exp.Subquery: _scalar,
    exp.Select: _scalar,
}
