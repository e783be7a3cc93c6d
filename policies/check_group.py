"""GROUP BY: keys by name, position and alias, ALL, ROLLUP and CUBE, and DISTINCT as a grouping."""

from collections.abc import Iterator
from dataclasses import replace

from sqlglot import exp

from policies import check_person, functions
from policies.decision import Source
from policies.demand import demand
from policies.environment import Block, Environment
from policies.errors import CONSTRUCT_NOT_ALLOWED, TYPE_MISMATCH
from policies.labels import Level, Value
from policies.model import Mode, Use
from policies.refusal import Refusal

_SETS = (exp.Rollup, exp.Cube, exp.GroupingSets)
MAX_SETS = 32
"""Groupings that ROLLUP, CUBE and GROUPING SETS of one SELECT may stand for."""


def _pieces(node: exp.Expr) -> Iterator[exp.Expr]:
    """The nodes of an expression outside its subqueries."""
    stack = [node]
    while stack:
        each = stack.pop()
        yield each
        if isinstance(each, (exp.Select, exp.SetOperation, exp.Subquery)):
            continue
        if isinstance(each, exp.Window):
            call = inner = each.this
            while isinstance(inner, (exp.Filter, exp.IgnoreNulls, exp.RespectNulls)):
                stack += [child for child in inner.iter_expressions() if child is not inner.this]
                inner = inner.this
            stack += list(inner.iter_expressions())
            stack += [child for child in each.iter_expressions() if child is not call]
        else:
            stack += list(each.iter_expressions())


def aggregated(node: exp.Expr) -> bool:
    """Does the expression call an aggregate of this SELECT."""
    return any(functions.aggregates(each) for each in _pieces(node))


def group_by(
    env: Environment, block: Block, node: exp.Select, named: list[tuple[str, exp.Expr | Value]], top: bool
) -> exp.Group | None:
    """GROUP BY with ordinals, aliases and ALL resolved; DISTINCT over protected rows is a grouping too."""
    group = node.args.get("group")
    expressions = [each for _, each in named]
    calls = [each for each in expressions if isinstance(each, exp.Expr)]
    calls += [node.args[clause] for clause in ("having", "qualify", "order") if node.args.get(clause)]
    block.grouped = group is not None or any(aggregated(each) for each in calls)
    distinct = node.args.get("distinct")
    chosen = distinct is not None and distinct.args.get("on")
    if chosen and not env.harmless and (block.grouped or _protected(env, block)):
        raise Refusal.of(CONSTRUCT_NOT_ALLOWED, node, what="DISTINCT ON", hint="Use GROUP BY.")
    if group is None:
        if distinct is None or block.grouped or not _protected(env, block):
            return None
        block.grouped = True
        return exp.Group(expressions=[_key(env, block, each) for each in expressions])
    for name, given in group.args.items():
        if given and name not in ("expressions", "all"):
            raise Refusal.of(CONSTRUCT_NOT_ALLOWED, group, what=f"GROUP BY with {name}", hint="List plain keys.")
    if group.args.get("all"):
        keys = [each for each in expressions if isinstance(each, Value) or not aggregated(each)]
        return exp.Group(expressions=[_key(env, block, each) for each in keys]) if keys else None
    made: list[exp.Expr] = []
    choices: list[list[frozenset[int]]] = []
    for each in group.expressions:
        tree, sets = _grouped_by(env, block, each, expressions)
        made.append(tree)
        choices.append(sets)
    if any(isinstance(each, _SETS) for each in made):
        block.sets = _product(choices, group)
    return exp.Group(expressions=made)


def _grouped_by(
    env: Environment, block: Block, node: exp.Expr, expressions: list[exp.Expr | Value]
) -> tuple[exp.Expr, list[frozenset[int]]]:
    """A part of GROUP BY, rewritten, and the sets of keys (positions in `block.keys`) it groups by (SQL:1999)."""
    first = len(block.keys)
    if not isinstance(node, _SETS):
        inside = isinstance(node.parent, _SETS)
        if inside and isinstance(node, exp.Tuple):
            keys = [_key(env, block, ordinal(part, expressions)) for part in node.expressions]
            tree: exp.Expr = exp.Tuple(expressions=keys)
        else:
            tree = _key(env, block, ordinal(node.unnest() if inside else node, expressions))
        return tree, [frozenset(range(first, len(block.keys)))]
    found = [_grouped_by(env, block, part, expressions) for part in node.expressions]
    made = type(node)(expressions=[tree for tree, _ in found])
    if isinstance(node, exp.GroupingSets):
        return made, [each for _, sets in found for each in sets]
    if any(len(sets) != 1 for _, sets in found):
        raise Refusal.of(CONSTRUCT_NOT_ALLOWED, node, what="Grouping sets in grouping sets", hint="List plain keys.")
    single = [sets[0] for _, sets in found]
    if isinstance(node, exp.Rollup):
        return made, [frozenset().union(*single[:count]) for count in range(len(single), -1, -1)]
    return made, _product([[each, frozenset()] for each in single], node)


def _product(choices: list[list[frozenset[int]]], node: exp.Expr) -> list[frozenset[int]]:
    """One set of each choice, joined, in every way."""
    found: list[frozenset[int]] = [frozenset()]
    for sets in choices:
        found = [one | other for one in found for other in sets]
        if len(found) > MAX_SETS:
            raise Refusal.of(
                CONSTRUCT_NOT_ALLOWED,
                node,
                what=f"GROUP BY with more than {MAX_SETS} groupings",
                hint="Ask for the groupings you need with GROUPING SETS.",
            )
    return list(dict.fromkeys(found))


def ordinal(node: exp.Expr, expressions: list[exp.Expr | Value]) -> exp.Expr | Value:
    """What a number in GROUP BY, ORDER BY or DISTINCT ON stands for: that column of the answer; or the node itself."""
    if isinstance(node, exp.Literal) and not node.is_string:
        place = int(node.this) if node.is_int else 0
        if not 1 <= place <= len(expressions):
            raise Refusal.of(CONSTRUCT_NOT_ALLOWED, node, what="This position", hint="Count the columns from 1.")
        return expressions[place - 1]
    return node


def _key(env: Environment, block: Block, node: exp.Expr | Value) -> exp.Expr:
    found = node if isinstance(node, Value) else env.value(env, block, node)
    if found.level is Level.ROW and check_person.keyed(env, block, found):
        block.by_person = True
    elif found.level is Level.ROW:
        demand(env.policy, found.all_deps, Use.GROUP, node if isinstance(node, exp.Expr) else found.node)
    if found.kind in ("interval", "other") and not env.harmless:  # a month equals thirty days, and looks otherwise
        raise Refusal.of(TYPE_MISMATCH, found.node, left=found.kind, right="number, text or date")
    block.raw_keys.append(found)
    key = replace(
        found,
        level=min(found.level, Level.RELEASED),
        plain=None,
        degree=0,
        sources=frozenset(Source(each.dataset, each.column, "key") for each in found.sources),
    )
    written = node if isinstance(node, exp.Expr) else found.node
    if isinstance(written, exp.Column) and not written.table:
        written = block.scope.aliases.get(written.name.lower(), written)
    if written.find(exp.Query):
        block.written.append((written.unnest(), len(block.keys)))
    block.keys.append(key)
    return found.node.copy()


def _protected(env: Environment, block: Block) -> bool:
    return any(env.policy.datasets[unit.dataset].release.mode is not Mode.ROWS for unit in block.units)
