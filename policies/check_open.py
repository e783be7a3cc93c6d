"""Expressions of queries over rows that may be shown: rebuilt from their checked parts, whatever they compute.

Names are resolved and labels kept as everywhere; what falls away is asking whether a function is total, linear or
coarse enough, since nothing hidden can decide what comes out (`check.harmless`).
"""

import re
from collections.abc import Callable
from typing import Any

from sqlglot import exp

from policies import open_functions
from policies.environment import Block, Environment
from policies.errors import FUNCTION_NOT_ALLOWED
from policies.functions import COUNTS, QUANTILES, REVEALING, SAFE
from policies.labels import Value, combined
from policies.refusal import Refusal, called
from policies.schema import kind_of

AGGREGATES = frozenset({*COUNTS, *SAFE, *QUANTILES, *REVEALING, *open_functions.AGGREGATES})
_WORDS = (exp.Var, exp.DataType, exp.Identifier, exp.IntervalSpan)
"""Arguments that are words of the language and not values."""


def covers(node: exp.Expr) -> bool:
    """Is there a rule for the node here."""
    if isinstance(node, exp.Anonymous):
        return str(node.this).lower() in open_functions.NAMES
    if isinstance(node, exp.In):
        return node.args.get("query") is None
    return type(node) in open_functions.NODES


def rebuilt(env: Environment, block: Block, node: exp.Expr) -> Value:
    """The node over its rewritten children."""
    parts: list[Value] = []

    def value(inner: exp.Expr) -> exp.Expr:
        found = env.value(env, block, inner)
        parts.append(found)
        return found.node

    return combined(_made(node, value), kind_of_call(node) or _kind(node), parts)


def call(
    env: Environment, block: Block, node: exp.Expr, more: tuple[type[exp.Expr], ...] = ()
) -> tuple[exp.Expr, str, list[Value]]:
    """An aggregate call, or one of `more`, with DISTINCT and ORDER BY inside: rewritten, its kind, its arguments."""
    named = isinstance(node, exp.Anonymous) and str(node.this).lower() in open_functions.AGGREGATE_NAMES
    if not named and type(node) not in AGGREGATES and type(node) not in more:
        raise Refusal.of(FUNCTION_NOT_ALLOWED, node, name=called(node))
    parts: list[Value] = []

    def value(inner: exp.Expr) -> exp.Expr:
        if isinstance(inner, exp.Star):
            return inner.copy()
        if isinstance(inner, (exp.Distinct, exp.Order, exp.Ordered)):
            return _made(inner, value)
        found = env.value(env, block, inner)
        parts.append(found)
        return found.node

    return _made(node, value), _kind(node), parts


def _made(node: exp.Expr, value: Callable[[exp.Expr], exp.Expr]) -> exp.Expr:
    def part(given: Any) -> Any:
        if isinstance(given, list):
            return [part(each) for each in given]
        if isinstance(given, exp.If) and isinstance(node, exp.Case):
            return _made(given, value)
        if not isinstance(given, exp.Expr):
            return given
        return given.copy() if isinstance(given, _WORDS) else value(given)

    return type(node)(**{name: part(given) for name, given in node.args.items()})


def kind_of_call(node: exp.Expr) -> str | None:
    """The kind of value a function gives whose kind is known whatever it is given; None for all others."""
    if isinstance(node, exp.Anonymous):
        return open_functions.NAME_KINDS.get(str(node.this).lower())
    if isinstance(node, exp.TryCast):
        return kind_of(node.args["to"])
    return open_functions.KINDS.get(type(node))


MOST_PADDED = 1_000
"""Characters of a text that is filled up, or drawn: longer ones would tell by what they cost."""
_PRINTF = re.compile(r"(?:[^%]|%%|%[-+ 0#]*[0-9]{0,2}(?:\.[0-9]{1,2})?[dsfge])*")
_FORMAT = re.compile(r"(?:[^{}]|\{\{|\}\}|\{(?::[<>^+ ,0]*[0-9]{0,2}(?:\.[0-9]{1,2})?[dsfge,]?)?\})*")


def shapes_text(node: exp.Expr) -> bool | None:
    """Of a call that fills up, formats or draws a text: do constants keep it from failing for some values and from
    growing long. None for any other call."""
    name = str(node.this).lower() if isinstance(node, exp.Anonymous) else ""
    if isinstance(node, exp.Format) or name == "printf":
        pattern, form = (node.this, _FORMAT) if isinstance(node, exp.Format) else (node.expressions[0], _PRINTF)
        return isinstance(pattern, exp.Literal) and form.fullmatch(pattern.name) is not None
    if isinstance(node, exp.Pad) or name in ("lpad", "rpad"):
        given = [node.expression, node.args.get("fill_pattern")] if isinstance(node, exp.Pad) else node.expressions[1:]
        return len(given) == 2 and _short(given[0]) and isinstance(given[1], exp.Literal) and bool(given[1].name)
    if name == "bar":  # of a value, between two, so many characters wide
        return all(map(_short, node.expressions[3:]))
    return None


def _short(width: exp.Expr | None) -> bool:
    return isinstance(width, exp.Literal) and width.is_int and 0 < int(width.name) <= MOST_PADDED


def total(node: exp.Expr) -> bool:
    """Does the call fail for no value of the types it takes."""
    if isinstance(node, exp.Anonymous):
        return str(node.this).lower() in open_functions.TOTAL_NAMES
    return isinstance(node, exp.TryCast) or type(node) in open_functions.TOTAL


_TRUTHS = (exp.Predicate, exp.Connector, exp.Not, exp.Between, exp.In)
_DATES = (exp.CurrentDate, exp.Date, exp.TsOrDsToDate, exp.DateFromParts, exp.LastDay)


def _kind(node: exp.Expr) -> str:
    """Of use to the few rules that look at kinds; `any` fits all."""
    if isinstance(node, exp.Literal):
        return "text" if node.is_string else "int" if node.is_int else "num"
    return "bool" if isinstance(node, _TRUTHS) else "date" if isinstance(node, _DATES) else "any"
