"""Labels of scalar expressions. Every node type has a rule here or is refused."""

import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlglot import exp

from policies import (
    check_aggregate,
    check_arithmetic,
    check_choice,
    check_function,
    check_open,
    check_person,
    check_predicate,
    check_subquery,
    check_window,
    failing,
    functions,
)
from policies.check_arguments import only
from policies.demand import all_readable
from policies.environment import Block, Environment
from policies.errors import (
    COLUMN_NOT_USABLE,
    COLUMN_UNKNOWN,
    CONSTRUCT_NOT_ALLOWED,
    FUNCTION_NOT_ALLOWED,
    FUNCTION_PARTIAL,
    NOT_GROUPED,
    SQL_TOO_LARGE,
)
from policies.labels import Level, Value
from policies.refusal import Refusal, called

MAX_STEPS = 20_000
MAX_TEXT = 100_000
"""Characters a computed text may have, for each that a column's has."""
MAX_REPEATED = 1_000
"""How often a statistic can repeat a text: longer ones would tell by what they cost."""
Rule = Callable[[Environment, Block, Any], Value]
APART = frozenset({*check_arithmetic.RULES, exp.TimestampTrunc, exp.DateTrunc, exp.Interval})
"""What engines compute in different types unless its rule says in which."""


def value(env: Environment, block: Block, node: exp.Expr | None) -> Value:
    """The rewritten expression and its label. Refuses whatever has no rule."""
    if node is None:
        raise Refusal.of(CONSTRUCT_NOT_ALLOWED, None, what="An empty expression", hint="Complete the expression.")
    env.nodes += 1
    if env.nodes > MAX_STEPS:  # aliases of aliases can grow without bound
        raise Refusal.of(SQL_TOO_LARGE, limit=MAX_STEPS, what="parts, aliases written out")
    if block.phase == "groups":
        for written, place in block.written:  # a subquery is about single rows, and looked at before they are grouped
            if written == node:
                return block.keys[place]
    apart = env.dialect != "duckdb" and type(node) in APART
    if env.harmless and check_open.covers(node) and not apart:
        return grouped_key(block, check_open.rebuilt(env, block, node))
    rule = RULES.get(type(node))
    if check_open.kind_of_call(node) is not None and env.dialect == "duckdb":
        return _open(env, block, node)
    if rule is None:
        if isinstance(node, exp.Columns):
            raise Refusal.of(CONSTRUCT_NOT_ALLOWED, node, what="COLUMNS(…)", hint="Name the columns.")
        if isinstance(node, functions.RANKING):
            raise Refusal.of(FUNCTION_NOT_ALLOWED, node, name=called(node))
        if isinstance(node, functions.AGGREGATES):
            return grouped_key(block, check_aggregate.aggregate(env, block, node))
        if isinstance(node, exp.Func):
            raise Refusal.of(FUNCTION_NOT_ALLOWED, node, name=called(node))
        raise Refusal.of(
            CONSTRUCT_NOT_ALLOWED, node, what=node.key.upper(), hint="Use plain columns, constants and functions."
        )
    found = rule(env, block, node)
    if found.size > MAX_TEXT and not env.harmless:  # a text that only some rows make long would tell by what it costs
        raise Refusal.of(SQL_TOO_LARGE, limit=MAX_TEXT, what="characters in a text it makes")
    return failing.only_for_released(env, block, grouped_key(block, found))


def _open(env: Environment, block: Block, node: exp.Expr) -> Value:
    """A function that is not known to be total: over statistics, group keys, and rows that may be shown."""
    found = grouped_key(block, check_open.rebuilt(env, block, node))
    hidden = found.level is Level.ROW and not all_readable(env.policy, found.all_deps)
    if hidden and isinstance(node, exp.TryCast):
        return value(env, block, exp.Cast(this=node.this, to=node.args["to"]))  # one that succeeds on every row
    if hidden and isinstance(node, (exp.Pad, exp.SplitPart)):
        return check_function.written_text(env, block, node)
    if found.level is not Level.ROW:
        return _of_statistics(env, block, node, found)
    long = isinstance(node, (exp.Repeat, exp.Pad)) or str(node.this).lower() in ("bar", "lpad", "rpad")
    if long or (block.phase != "groups" and not all_readable(env.policy, found.all_deps)):
        raise Refusal.of(FUNCTION_NOT_ALLOWED, node, name=called(node))
    return failing.tried(found)


def _of_statistics(env: Environment, block: Block, node: exp.Expr, found: Value) -> Value:
    """What could fail for some statistics, or grow long, is refused: engines compute it also for cells that are
    withheld only after, since they complement others."""
    if env.harmless:
        return found
    if isinstance(node, exp.Repeat):
        return failing.only_for_released(env, block, _seldom(found))
    shaped = check_open.shapes_text(node)
    safe = check_open.total(node) if shaped is None else shaped
    if not safe and (shaped is False or found.node.find(exp.Placeholder)):
        raise Refusal.of(FUNCTION_PARTIAL, node, name=f"{called(node)} of a statistic")
    # of constants and keys alone it is tried: a statistic may still choose whether it is computed
    return failing.only_for_released(env, block, found if safe else failing.tried(found))


def _seldom(found: Value) -> Value:
    """A text repeated at most so often."""
    often = exp.Least(this=found.node.args["times"], expressions=[exp.Literal.number(MAX_REPEATED)])  # NULL stays NULL
    return replace(found, node=exp.Repeat(this=found.node.this, times=exp.cast(often, exp.DType.BIGINT)))


def grouped_key(block: Block, found: Value) -> Value:
    """After grouping, an expression that is a group key is a released value; by person, the key of one."""
    if block.phase == "people" and found.level is Level.ROW:
        return check_person.key_of(block, found)
    if block.phase == "groups" and found.level is Level.RELEASED and not isinstance(found.node, exp.Column):
        for key in block.keys:
            if key.node.find(exp.Try) and failing.same(key.node, found.node):
                return key
    if block.phase == "groups" and found.level is Level.ROW:
        for key in block.keys:
            if key.node == found.node or key.node.unnest() == found.node.unnest():
                return key
    return found


def _literal(env: Environment, block: Block, node: exp.Literal) -> Value:
    made = exp.Literal(this=node.this, is_string=node.is_string)  # without its place in the text, which is dear to copy
    if node.is_string:
        return Value(made, kind="text", size=max(1, len(node.name)))
    if not env.harmless and sum(map(str.isdigit, node.name)) > check_arithmetic.MAX_DIGITS:  # a double never overflows
        return Value(exp.cast(made, exp.DType.DOUBLE), kind="num", reach=_reach(node.name))
    return Value(made, kind="int" if node.is_int else "num", reach=_reach(node.name))


def _reach(text: str) -> Decimal:
    """The factor a number changes another by at most, multiplied or divided."""
    try:
        size = abs(Decimal(text))
    except InvalidOperation:
        raise Refusal.of(CONSTRUCT_NOT_ALLOWED, None, what="This number", hint="Write it in digits.") from None
    return max(size, 1 / size) if size else Decimal(1)


def _null(env: Environment, block: Block, node: exp.Null) -> Value:
    return Value(exp.Null())


def _boolean(env: Environment, block: Block, node: exp.Boolean) -> Value:
    return Value(node.copy(), kind="bool")


def _interval(env: Environment, block: Block, node: exp.Interval) -> Value:
    only(node, "this", "unit")
    if not isinstance(node.this, exp.Literal) or not isinstance(node.args.get("unit"), exp.Var):
        raise Refusal.of(CONSTRUCT_NOT_ALLOWED, node, what="A computed INTERVAL", hint="Write a constant interval.")
    days = functions.DAYS.get(node.args["unit"].name.lower().removesuffix("s"))
    whole = re.fullmatch(r"-?\d{1,9}", node.this.name)
    if days is None or whole is None or abs(int(node.this.name)) * days > functions.MOST_DAYS:
        # Beyond the calendar an engine fails on the rows it meets, which would tell something about them.
        raise Refusal.of(CONSTRUCT_NOT_ALLOWED, node, what="This INTERVAL", hint="Write a number of days or months.")
    return Value(node.copy(), kind="interval")


def _current(env: Environment, block: Block, node: exp.Expr) -> Value:
    only(node)
    return check_function.moment(env, date=isinstance(node, exp.CurrentDate))


def _column(env: Environment, block: Block, node: exp.Column) -> Value:
    if isinstance(node.this, exp.Star):
        raise Refusal.of(CONSTRUCT_NOT_ALLOWED, node, what="A star inside an expression", hint="Name the columns.")
    found = block.scope.column(node)
    if found is not None:
        return found
    unusable = block.scope.unusable(node)
    if unusable:
        raise Refusal.of(COLUMN_NOT_USABLE, node, rule=f"{unusable}: []", column=unusable)
    name = node.name.lower()
    if not node.table and name in block.scope.aliases and name not in block.scope.expanding:
        block.scope.expanding.add(name)
        try:
            return value(env, block, block.scope.aliases[name])
        finally:
            block.scope.expanding.discard(name)
    raise Refusal.of(COLUMN_UNKNOWN, node)


def _paren(env: Environment, block: Block, node: exp.Paren) -> Value:
    inner = value(env, block, node.this)
    bare = isinstance(inner.node, (exp.Column, exp.Literal, exp.Paren, exp.Placeholder))
    called = isinstance(inner.node, exp.Func) and not isinstance(inner.node, (exp.Binary, exp.DateAdd, exp.DateSub))
    if bare or called:  # AND and OR are functions to the parser, and some functions are written as operators
        return inner
    return _same(inner, exp.Paren(this=inner.node))


def _same(found: Value, node: exp.Expr) -> Value:
    return replace(found, node=node)


def _grouping(env: Environment, block: Block, node: exp.Expr) -> Value:
    """grouping(keys): which of the keys a line is a total over."""
    only(node, "expressions")
    if block.phase != "groups":
        raise Refusal.of(CONSTRUCT_NOT_ALLOWED, node, what="GROUPING here", hint="Use it in a grouped SELECT.")
    keys = [value(env, block, each) for each in node.expressions]
    for key in keys:
        if not any(key.node == each.node for each in block.keys):
            raise Refusal.of(NOT_GROUPED, node)
    sources = frozenset().union(*(key.sources for key in keys))
    return Value(type(node)(expressions=[key.node for key in keys]), Level.RELEASED, "int", sources=sources)


RULES: dict[type[exp.Expr], Rule] = {
    exp.Literal: _literal,
    exp.Null: _null,
    exp.Boolean: _boolean,
    exp.Interval: _interval,
    exp.CurrentDate: _current,
    exp.CurrentTimestamp: _current,
    exp.Column: _column,
    exp.Paren: _paren,
    **dict.fromkeys(functions.TOTALS, _grouping),
    exp.Window: check_window.window,
    **check_arithmetic.RULES,
    **check_function.RULES,
    **check_choice.RULES,
    **check_predicate.RULES,
    **check_subquery.RULES,
    exp.Filter: check_aggregate.aggregate,
    exp.WithinGroup: check_aggregate.aggregate,
    exp.IgnoreNulls: check_aggregate.aggregate,
}
