"""The check: from SQL text to a governed query, or a refusal. Pure; nothing is executed and nothing is read."""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from policies import check_expression, check_subquery, decision, rewrite
from policies.check_group import aggregated
from policies.check_predicate import tied
from policies.check_select import select
from policies.check_subquery import free
from policies.demand import rows_refused
from policies.dialects import heard
from policies.environment import Block, Environment
from policies.errors import (
    CONSTRUCT_NOT_ALLOWED,
    SQL_INVALID,
    SQL_TOO_DEEP,
    SQL_TOO_LARGE,
    STATEMENT_NOT_ALLOWED,
    TYPE_MISMATCH,
)
from policies.idioms import plain
from policies.labels import Value, combined
from policies.lists import Row
from policies.model import Mode, Policy
from policies.pivots import as_select, unwritten
from policies.refusal import Refusal
from policies.resolve import Relation, Scope, Source
from policies.schema import Schema
from policies.spelling import respelled

logging.getLogger("sqlglot").setLevel(logging.ERROR)  # its warnings quote the query

MAX_CHARACTERS = 20_000
MAX_NODES = 4_000
MAX_TABLES = 100
MAX_DEPTH = 60
MAX_BRACKETS = 50  # the parser's time grows with their square
MAX_BARE_JOINS = 6  # and doubles with each JOIN that lacks its ON
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
"""Halves of characters, and what ends a text for some readers and not for others: no engine takes it."""
_BRACKET = re.compile(r"[()\[\]{}]")


@dataclass(frozen=True, slots=True)
class Checked:
    """A query that passed, before the history is asked."""

    tree: exp.Expr
    relation: Relation
    environment: Environment


def parse(sql: str, dialect: str) -> exp.Expr:
    """The one SELECT in `sql`. Refuses anything else; limits come before the parser."""
    if len(sql) > MAX_CHARACTERS:
        raise Refusal.of(SQL_TOO_LARGE, limit=MAX_CHARACTERS, what="characters")
    if _NO_TEXT.search(sql):
        raise Refusal.of(SQL_INVALID, dialect=dialect)
    depth = 0
    for bracket in _BRACKET.finditer(sql):
        depth += 1 if bracket[0] in "([{" else -1
        if depth > MAX_DEPTH:
            raise Refusal.of(SQL_TOO_DEEP, limit=MAX_DEPTH)
    try:
        read = Dialect.get_or_raise(dialect)
        tokens = as_select(read.tokenize(sql))
        _limited(tokens)
        statements = [each for each in read.parser().parse(tokens, sql) if each is not None]
    except (SqlglotError, ValueError, TypeError, AttributeError, LookupError):  # the parser stumbles over some texts
        raise Refusal.of(SQL_INVALID, dialect=dialect) from None
    except (RecursionError, MemoryError):
        raise Refusal.of(SQL_TOO_DEEP, limit=MAX_DEPTH) from None
    if len(statements) != 1:
        raise Refusal.of(STATEMENT_NOT_ALLOWED)
    nodes = list(islice(statements[0].walk(), MAX_NODES + 1))
    if len(nodes) > MAX_NODES:
        raise Refusal.of(SQL_TOO_LARGE, limit=MAX_NODES, what="parts")
    if any(_incomplete(node) for node in nodes):
        raise Refusal.of(SQL_INVALID, dialect=dialect)
    tree = respelled(plain(heard(statements[0], dialect), dialect))
    if not isinstance(tree, (exp.Select, exp.SetOperation, exp.Subquery)):
        raise Refusal.of(STATEMENT_NOT_ALLOWED)
    return tree


def _incomplete(node: exp.Expr) -> bool:
    """Is it a call without what it is called with, or a row of nothing, which the parser lets pass."""
    if isinstance(node, exp.Values):
        return any(isinstance(row, exp.Tuple) and not row.expressions for row in node.expressions)
    if isinstance(node, exp.PercentileCont | exp.PercentileDisc) and not isinstance(node.parent, exp.WithinGroup):
        return node.args.get("expression") is None
    return isinstance(node, exp.AggFunc) and node.arg_types.get("this", False) and node.args.get("this") is None


def _limited(tokens: list[Token]) -> None:
    """Refuse what would cost the parser too much, and comments that engines read differently."""
    brackets = joins = 0
    before: TokenType | None = None
    for token in tokens:
        if token.comments and any("/*" in comment or "*/" in comment for comment in token.comments):
            raise Refusal.of(
                CONSTRUCT_NOT_ALLOWED, None, what="A comment inside a comment", hint="Leave the inner one out."
            )
        kind = token.token_type
        brackets += token.text == "["
        nested = kind == TokenType.JOIN and before != TokenType.CROSS  # after which no ON can come
        before = kind
        joins = joins + 1 if nested else 0 if kind in (TokenType.ON, TokenType.USING) else joins
        if brackets > MAX_BRACKETS:
            raise Refusal.of(SQL_TOO_LARGE, limit=MAX_BRACKETS, what="brackets")
        if joins > MAX_BARE_JOINS:
            raise Refusal.of(SQL_TOO_LARGE, limit=MAX_BARE_JOINS, what="joins without ON")


def check(sql: str, policy: Policy, schema: Schema, dialect: str, user: Mapping[str, object], now: datetime) -> Checked:
    """Check one query. Raises `Refusal`."""
    tree = parse(sql, dialect)
    nodes = list(tree.walk())
    mentioned = frozenset(each.name.lower() for each in nodes if isinstance(each, exp.Identifier))
    starred = any(_unnamed(node) for node in nodes)
    environment = Environment(
        policy=policy,
        schema=schema,
        dialect=dialect,
        user=user,
        mentioned=mentioned,
        starred=starred,
        harmless=harmless(policy, tree, None if starred else mentioned),
        query=query,
        value=check_expression.value,
        now=now,
        meta={
            "in_query": check_subquery.in_query,
            "owned": set(),
            "inner": set(),
            "shown": {},
            "compared": set(),
            "told": set(),
            "nested": False,
            "uncounted": False,
            "collapsed": set(),
            "grain": {},
            "full": {},
            "unscaled": set(),
            "matched": {},
        },
    )
    relation = query(environment, tree, Scope(), inside=False)
    tied(environment)
    return Checked(relation.query, relation, environment)


def _unnamed(node: exp.Expr) -> bool:
    """Does the node use columns that the query does not name."""
    if isinstance(node, exp.Star):
        return not isinstance(node.parent, exp.Count)
    return bool(node.args.get("method") == "NATURAL") or (isinstance(node, exp.TableAlias) and bool(node.columns))


def harmless(policy: Policy, tree: exp.Expr, mentioned: frozenset[str] | None) -> bool:
    """Does the query name only tables whose every row may leave, and of them only columns that may be read.

    Then it computes what its author could compute at home from rows he may have, and no failure, conversion or order of
    evaluation tells more: there is no row filter behind which a failing row could hide, and no protected row that
    could decide whether something fails. `mentioned`: the identifiers in it; None for all columns.
    """
    for name in {table.name.lower() for table in tree.find_all(exp.Table)} & policy.datasets.keys():
        dataset = policy.datasets[name]
        if dataset.release.mode is not Mode.ROWS or dataset.rows is not None:
            return False
        used = (column for key, column in dataset.columns.items() if mentioned is None or key in mentioned)
        if any(column.usable and not column.readable for column in used):
            return False
    return True


def query(env: Environment, node: exp.Expr, parent: Scope, inside: bool) -> Relation:
    """Check a SELECT or a set operation in a new scope under `parent`."""
    if env.count > MAX_TABLES * 20 or len(env.governed) > MAX_TABLES:
        raise Refusal.of(SQL_TOO_LARGE, limit=MAX_TABLES, what="tables")
    scope = Scope(parent=parent)
    if isinstance(node, exp.Subquery):
        extra = [name for name, given in node.args.items() if given and name != "this"]
        if extra:
            raise Refusal.of(
                CONSTRUCT_NOT_ALLOWED, node, what=f"A query in parentheses with {extra[0]}", hint="Leave that out."
            )
        return query(env, node.this, parent, inside)
    common = _with(env, node, scope)
    if isinstance(node, exp.Select):
        found = select(env, node, scope, top=not inside)
    elif isinstance(node, exp.SetOperation):
        found = _set_operation(env, node, scope, inside)
    else:
        what, hint = unwritten(node) if isinstance(node, exp.Pivot) else (node.key.upper(), "Write a SELECT.")
        raise Refusal.of(CONSTRUCT_NOT_ALLOWED, node, what=what, hint=hint)
    if common:
        found.query.set("with_", exp.With(expressions=common))
    return found


def _with(env: Environment, node: exp.Expr, scope: Scope) -> list[exp.Expr]:
    """Check the common table expressions; those that give statistics keep their place, rows are put in at each use."""
    with_ = node.args.get("with_")
    if with_ is None:
        return []
    if with_.args.get("recursive"):
        raise Refusal.of(
            CONSTRUCT_NOT_ALLOWED, with_, what="WITH RECURSIVE", hint="Write plain common table expressions."
        )
    made: list[exp.Expr] = []
    for each in with_.expressions:
        name = each.alias.lower()
        if name in scope.ctes:
            raise Refusal.of(CONSTRUCT_NOT_ALLOWED, each, what="Two common tables of one name", hint="Rename one.")
        inner = Scope(parent=scope.parent, ctes=dict(scope.ctes))
        relation = query(env, each.this, inner, inside=True)
        relation.renames = tuple(column.name for column in each.args["alias"].columns)
        relation.name = f"c{env.number()}"
        relation.definition = (each.this, inner)
        scope.ctes[name] = relation
        if not relation.units:
            env.statistics[relation.name] = relation.query
            made.append(exp.CTE(this=relation.query, alias=exp.TableAlias(this=rewrite.quoted(relation.name))))
    return made


def _set_operation(env: Environment, node: exp.SetOperation, scope: Scope, inside: bool) -> Relation:
    """UNION, INTERSECT, EXCEPT. Only UNION ALL leaves each branch's groups apart, so only it keeps hidden columns."""
    for name, given in node.args.items():
        if given and name not in ("this", "expression", "distinct", "by_name", "with_", "order", "limit", "offset"):
            raise Refusal.of(
                CONSTRUCT_NOT_ALLOWED, node, what=f"{node.key.upper()} with {name}", hint="Leave that out."
            )
    plain = isinstance(node, exp.Union) and not node.args.get("distinct")
    cut = node.args.get("limit") is not None or node.args.get("offset") is not None
    # whoever cuts rows off must not count those that will be withheld, nor may their order tell what is
    apart = plain and not inside and not cut and _straight(node) and not _ordered_by_statistics(node)
    branches = [query(env, each, scope, inside=not apart) for each in (node.this, node.expression)]
    for branch, each in zip(branches, (node.this, node.expression), strict=True):
        if branch.units or not free(env, branch):
            if branch.units and not free(env, branch):
                raise rows_refused(env.policy, branch.units[0].dataset, each)
            branch.query.set("expressions", branch.query.expressions[: len(branch.columns)])
    names, columns = _aligned(node, branches)
    hidden = [name for branch in branches for name in branch.hidden]
    sides = [_projected(env, branch, places, names, hidden) for branch, places in zip(branches, columns, strict=True)]
    made = type(node)(this=sides[0], expression=sides[1], distinct=node.args.get("distinct"))
    shown = {
        name if name not in names[:place] else f"{name}:{place}": _merged(env, node, branches, columns, place)
        for place, name in enumerate(names)
    }
    whole = _tail(env, node, made, shown)
    influence = frozenset().union(*(branch.influence for branch in branches))
    chosen_by = frozenset().union(*(branch.chosen_by for branch in branches))
    if isinstance(node, (exp.Intersect, exp.Except)):  # the other branch's rows choose among the first one's
        other = (source for value in branches[1].columns.values() for source in value.sources)
        chosen_by |= {decision.Source(each.dataset, each.column, "filter") for each in other}
    return Relation(
        whole,
        shown,
        rows=_listed(node, branches, columns, names),
        unique=frozenset(names) if node.args.get("distinct") else None,
        influence=influence,
        exact=False,
        hidden=tuple(hidden),
        chosen_by=chosen_by,
    )


def _selects(node: exp.Expr) -> list[exp.Select] | None:
    """The branches of a UNION, none of which is a query in parentheses or a star."""
    if isinstance(node, exp.SetOperation):
        sides = [_selects(each) for each in (node.this, node.expression)]
        return None if sides[0] is None or sides[1] is None else [*sides[0], *sides[1]]
    return [node] if isinstance(node, exp.Select) and not node.is_star else None


def _straight(node: exp.SetOperation) -> bool:
    """Do all branches have their columns in the order of the answer."""
    if not node.args.get("by_name"):
        return True
    branches = _selects(node)
    named = {tuple(name.lower() for name in each.named_selects) for each in branches or []}
    return len(named) == 1 and all(all(each) and len(set(each)) == len(each) for each in named)


def _ordered_by_statistics(node: exp.SetOperation) -> bool:
    """May the order of the rows tell about a statistic; group keys and constants may order them."""
    order = node.args.get("order")
    if order is None:
        return False
    branches = _selects(node)
    for each in order.expressions if branches is not None else []:
        key, names = each.this.unnest(), [name.lower() for name in branches[0].named_selects] if branches else []
        place = names.index(key.name.lower()) if isinstance(key, exp.Column) and key.name.lower() in names else None
        if isinstance(key, exp.Literal) and key.is_int and 1 <= int(key.name) <= len(names):
            place = int(key.name) - 1
        if place is None or not all(_key(branch, place) for branch in branches or []):
            return True
    return branches is None


def _key(branch: exp.Select, place: int) -> bool:
    """Is a column of a branch plainly no statistic: no aggregate, no query, nothing that stands for another column."""
    if place >= len(branch.selects):
        return False
    shown = branch.selects[place].unalias()
    aliases = {each.alias.lower() for each in branch.selects if isinstance(each, exp.Alias)}
    names = {column.name.lower() for column in shown.find_all(exp.Column)}
    return not (aggregated(shown) or shown.find(exp.Query, exp.Window) or names & aliases - {shown.name.lower()})


def _listed(
    node: exp.SetOperation, branches: list[Relation], columns: list[list[int | None]], names: list[str]
) -> tuple[Row, ...] | None:
    """The rows of a UNION of constants."""
    found: list[Row] = []
    for branch, places in zip(branches, columns, strict=True):
        if branch.rows is None or not isinstance(node, exp.Union):
            return None
        own = list(branch.columns)
        for row in branch.rows:
            cells = [exp.null() if place is None else row[own[place]] for place in places]
            found.append(dict(zip(names, cells, strict=True)))
    return tuple(found)


def _aligned(node: exp.SetOperation, branches: list[Relation]) -> tuple[list[str], list[list[int | None]]]:
    """Output names, and for each branch the position of its column for each of them."""
    lists = [[name.rpartition(":")[0] if ":" in name else name for name in branch.columns] for branch in branches]
    if not node.args.get("by_name"):
        if len(lists[0]) != len(lists[1]):
            raise Refusal.of(
                CONSTRUCT_NOT_ALLOWED,
                node,
                what="A UNION of different widths",
                hint="Select as many columns on both sides.",
            )
        return lists[0], [list(range(len(lists[0]))) for _ in branches]
    names = list(dict.fromkeys([*lists[0], *lists[1]]))
    return names, [[each.index(name) if name in each else None for name in names] for each in lists]


def _projected(
    env: Environment, branch: Relation, places: list[int | None], names: list[str], hidden: list[str]
) -> exp.Expr:
    """A branch with its columns in the common order and NULL for the other branch's hidden ones."""
    straight = places == list(range(len(branch.columns))) and list(branch.hidden) == hidden
    if straight:
        return (
            branch.query
            if isinstance(branch.query, exp.Select) and not _tailed(branch.query)
            else _wrapped(branch.query)
        )
    alias = f"s{env.number()}"
    inner = [each.alias_or_name for each in branch.query.selects] if isinstance(branch.query, exp.Query) else []
    outputs: list[exp.Expr] = []
    for place, name in zip(places, names, strict=True):
        value = exp.null() if place is None else rewrite.column(inner[place], alias)
        outputs.append(exp.Alias(this=value, alias=rewrite.quoted(name)))
    for name in hidden:
        own = rewrite.column(name, alias) if name in branch.hidden else exp.null()
        outputs.append(exp.Alias(this=own, alias=rewrite.quoted(name)))
    item = exp.Subquery(this=branch.query, alias=exp.TableAlias(this=rewrite.quoted(alias)))
    return exp.Select(expressions=outputs).from_(item, copy=False)


def _tailed(tree: exp.Expr) -> bool:
    return any(tree.args.get(name) for name in ("order", "limit", "offset", "with_"))


def _wrapped(tree: exp.Expr) -> exp.Expr:
    return exp.Subquery(this=tree)


def _merged(
    env: Environment, node: exp.SetOperation, branches: list[Relation], columns: list[list[int | None]], place: int
) -> Value:
    parts: list[Value] = []
    for branch, places in zip(branches, columns, strict=True):
        position = places[place]
        if position is not None:
            parts.append(list(branch.columns.values())[position])
    kind = env.common(part.kind for part in parts)
    if kind == "other" and any(part.kind != "other" for part in parts):
        raise Refusal.of(TYPE_MISMATCH, node, left=parts[0].kind, right=parts[-1].kind)
    return replace(combined(parts[0].node, kind, parts), aggregates=frozenset())


def _tail(env: Environment, node: exp.SetOperation, made: exp.Expr, shown: dict[str, Value]) -> exp.Expr:
    """ORDER BY output names or positions (where nothing is hidden, expressions of them), constant LIMIT and OFFSET."""
    names = list(shown)
    order = node.args.get("order")
    lowered = [name.lower() for name in names]
    items: list[exp.Expr] = []
    alias = ""
    for each in order.expressions if order else []:
        inner = each.this.unnest()
        keys: list[exp.Expr]
        if isinstance(inner, exp.Var) and inner.name.upper() == "ALL":
            keys = [exp.Literal.number(place + 1) for place in range(len(names))]
        elif isinstance(inner, exp.Column) and not inner.table and inner.name.lower() in lowered:
            keys = [exp.Literal.number(lowered.index(inner.name.lower()) + 1)]
        elif isinstance(inner, exp.Literal) and inner.is_int and 1 <= int(inner.this) <= len(names):
            keys = [exp.Literal.number(int(inner.this))]
        elif env.harmless and not inner.find(exp.Query):
            alias = alias or f"s{env.number()}"
            columns = {name.lower(): replace(shown[name], node=rewrite.column(name, alias)) for name in names}
            whole = Source(alias, columns, {name.lower(): name for name in names})
            keys = [env.value(env, Block(Scope(sources=[whole])), inner).node]
        else:
            raise Refusal.of(CONSTRUCT_NOT_ALLOWED, each, what="This ORDER BY", hint="Order by an output column.")
        direction = {name: each.args.get(name) for name in ("desc", "nulls_first")}
        items += [exp.Ordered(this=key, **direction) for key in keys]
    if alias:
        item = exp.Subquery(this=made, alias=exp.TableAlias(this=rewrite.quoted(alias)))
        made = exp.Select(expressions=[exp.Star()]).from_(item, copy=False)
    if items:
        made.set("order", exp.Order(expressions=items))
    for name in ("limit", "offset"):
        given = node.args.get(name)
        if given is not None:
            if not isinstance(given.expression, exp.Literal) or not given.expression.is_int:
                raise Refusal.of(CONSTRUCT_NOT_ALLOWED, given, what="A computed LIMIT", hint="Write a number.")
            made.set(name, given.copy())
    return made
