"""Expressions that can fail on a row or a group: made so that they fail for nobody who is hidden or withheld.

An engine error is a channel: whether a query fails may depend on one row. Over protected rows such expressions are
refused. What remains are group keys and statistics, which the engine also computes for groups that are withheld later,
and rows that may be shown, beside which a row filter hides others.
"""

from dataclasses import replace

from sqlglot import exp

from policies import check_open
from policies.environment import Block, Environment
from policies.functions import STATISTIC_SCALARS
from policies.labels import Level, Value

ENOUGH = "enough"
"""Name of the placeholder for: the group has enough people to be released."""
_ARITHMETIC: tuple[type[exp.Expr], ...] = (exp.Cast, exp.Add, exp.Sub, exp.Mul, exp.IntDiv, exp.Mod, *STATISTIC_SCALARS)
_NOT_TRIED = (exp.AggFunc, exp.Window, exp.Query, exp.Placeholder)
"""What an engine does not take inside TRY."""


def can_fail(node: exp.Expr) -> bool:
    """May the node itself fail for some values of its columns."""
    node = node.this if isinstance(node, exp.Try) else node
    return (isinstance(node, _ARITHMETIC) or check_open.kind_of_call(node) is not None) and not isinstance(
        node, exp.TryCast
    )


def only_for_released(env: Environment, block: Block, found: Value) -> Value:
    """Computed from a group key: only where the group has enough people."""
    if env.harmless or found.level is not Level.RELEASED or env.dialect != "duckdb":
        return found
    if not can_fail(found.node) or not found.node.find(exp.Column):
        return found
    if block.phase != "groups":  # of a list beside rows, computed for those it meets
        return tried(found)
    test = exp.Placeholder(this=ENOUGH)
    return replace(found, node=exp.Case(ifs=[exp.If(this=test, true=_bare(found.node))]))


def _bare(node: exp.Expr) -> exp.Expr:
    """Without the same condition further inside."""

    def opened(part: exp.Expr) -> exp.Expr:
        branch = part.args["ifs"][0] if isinstance(part, exp.Case) and len(part.args["ifs"]) == 1 else None
        if branch is not None and isinstance(branch.this, exp.Placeholder) and branch.this.this == ENOUGH:
            return exp.Paren(this=branch.args["true"])
        return part

    return node.copy().transform(opened, copy=False)


def same(one: exp.Expr, other: exp.Expr) -> bool:
    """Are the two the same but for what keeps them from failing."""

    def plain(node: exp.Expr) -> exp.Expr:
        whole = exp.Paren(this=_bare(node))
        for part in list(whole.this.find_all(exp.Try, exp.Paren)):
            part.replace(part.this)
        return whole

    return plain(one) == plain(other)


def tried(found: Value) -> Value:
    """NULL where it fails."""
    if isinstance(found.node, exp.Try) or found.node.find(*_NOT_TRIED):
        return found
    return replace(found, node=exp.Try(this=found.node), plain=None)


def tried_within(env: Environment, found: Value) -> Value:
    """A condition over statistics of a subquery, which engines may look at before those are withheld: its parts that
    can fail give NULL instead."""
    if env.harmless or found.level is not Level.RELEASED or env.dialect != "duckdb":
        return found

    def wrapped(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Query):
            return node
        if can_fail(node) and node.find(exp.Column) and not node.find(*_NOT_TRIED):
            return exp.Try(this=node)
        for name, given in list(node.args.items()):
            if isinstance(given, exp.Expr):
                node.set(name, wrapped(given))
            elif isinstance(given, list):
                node.set(name, [wrapped(each) if isinstance(each, exp.Expr) else each for each in given])
        return node

    return replace(found, node=wrapped(found.node.copy()))
