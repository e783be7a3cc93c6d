"""Lists joined with rows by their key, as what they say of each row.

    FROM citizen c JOIN (SELECT county, count(*) AS n FROM citizen GROUP BY county) s ON s.county = c.county WHERE n > 9

Of `s` there is one row for a citizen, or none. So a column of it is a value of that citizen, `(SELECT n FROM (…) WHERE
county = c.county)`, and whoever meets no row of it is left out by one more condition. Put so, whom a statistic is about
stands over base tables alone, and is audited together with every other statistic over their rows (`policies.history`);
what cannot be put so is compared in pairs. A subquery that an outer list chooses rows of by an equality is a group of
those rows, as if it were grouped by what is equated.
"""

from dataclasses import dataclass

from sqlglot import exp

from policies import lists, rewrite
from policies.check_predicate import conjuncts
from policies.environment import Block, Environment
from policies.errors import SQL_TOO_LARGE, SUBQUERY_NOT_ALLOWED
from policies.lists import Joined
from policies.model import Mode
from policies.refusal import Refusal

MAX_PARTS = 1_000
"""Parts of a list that is written out at each of its columns; about sixty lines of SQL."""


def describe(env: Environment, block: Block) -> None:
    """Say over base tables what the lists joined in `block` say, once its joins and conditions are known."""
    waiting, block.joined = block.joined, []
    if env.dialect == "duckdb" and not env.harmless:  # others compute it anew for each row, or cannot
        while described := [each for each in waiting if _described(env, block, each)]:  # one may be tied to another
            waiting = [each for each in waiting if each not in described]
    for each in waiting:
        block.described = block.described and each.exact
        block.padded = block.padded or each.on is not None
    unsaid, block.unsaid = block.unsaid, []
    for node in unsaid:
        base = env.to_base(node)
        if base is not None:
            block.conditions.append(base)
        else:
            block.unsaid.append(node)


@dataclass(frozen=True, slots=True)
class Described:
    """Whom a statistic is about, over base tables."""

    conditions: list[exp.Expr]  # on its own rows alone
    groups: list[exp.Expr]  # by which a row of an outer query chooses one group of them: `own` in `own = outer`
    exact: bool  # that is all there is about them


def described(env: Environment, block: Block, node: exp.Expr) -> Described:
    """The rows of a statistic. Refuses what an outer row chooses by more than an equality."""
    mine = {unit.instance for unit in block.units} | block.lists | env.meta["matched"].keys()
    outer = lists.around(block.scope) - mine
    conditions: list[exp.Expr] = []
    groups: list[exp.Expr] = []
    exact = block.described and not block.padded
    for place, each in enumerate((*block.conditions, *block.unsaid)):
        if not _tables(env, each) & outer:
            if place < len(block.conditions):
                conditions.append(each)
            else:
                exact = False
            continue
        sides = ((each.this, each.expression), (each.expression, each.this)) if isinstance(each, exp.EQ) else ()
        own = [one for one, other in sides if not _tables(env, one) & outer and _tables(env, other) <= outer]
        base = env.to_base(own[0]) if own else None
        if base is None:
            raise per_outer_row(node)
        groups.append(base)
    if groups and not exact:
        raise per_outer_row(node)
    return Described(conditions, groups, exact)


def per_outer_row(node: exp.Expr) -> Refusal:
    """A statistic for each row of an outer query that cannot be audited as groups."""
    return Refusal.of(
        SUBQUERY_NOT_ALLOWED, node, why="it computes a statistic per outer row", hint="Join and GROUP BY instead."
    )


def _tables(env: Environment, node: exp.Expr) -> set[str]:
    """The occurrences of tables and lists that a condition speaks of, but for those of its own subqueries."""
    inner = {each.name for each in node.find_all(exp.TableAlias)}
    columns = ((column.table, column.name) for column in node.find_all(exp.Column) if column.table not in inner)
    return {env.listed.get(each, each)[0] for each in columns}


def _described(env: Environment, block: Block, joined: Joined) -> bool:
    """Give each column of the list its form over base tables; False where it may have several rows for one, or where
    that is not known yet."""
    item = rewrite.pruned(env.apart(joined.tree))
    if sum(1 for _ in item.walk()) > MAX_PARTS and _protects(env, block):
        raise Refusal.of(SQL_TOO_LARGE, limit=MAX_PARTS, what="parts in a list that is joined with people")
    conditions = block.unsaid if joined.on is None else list(conjuncts(joined.on))
    tied: dict[str, exp.Expr] = {}
    for each in conditions:
        for column, other in _sides(each, joined.name):
            base = env.to_base(other)
            if base is not None:
                tied.setdefault(column, base)
    if not env.lists[joined.name].alone(frozenset(tied)):
        return False
    matching: list[exp.Expr] = [
        exp.EQ(this=rewrite.column(column, item.alias), expression=base) for column, base in tied.items()
    ]
    if joined.on is not None:
        said = [env.to_base(each.copy().transform(_put, joined.name, item.alias)) for each in conditions]
        if None in said:
            return False
        matching = [each for each in said if each is not None]

    def found(output: exp.Expr) -> exp.Select:
        made = exp.Select(expressions=[output]).from_(item.copy(), copy=False)
        return made.where(*(each.copy() for each in matching), copy=False) if matching else made

    for instance, name in [key for key in env.base if key[0] == joined.name]:
        env.base[(instance, name)] = exp.Subquery(this=found(rewrite.column(name, item.alias)))
    if joined.on is None:
        block.conditions.append(exp.Exists(this=found(exp.Literal.number(1))))
        block.unsaid = [each for each in block.unsaid if not _said(env, each, joined.name, tied)]
    return True


def _protects(env: Environment, block: Block) -> bool:
    return any(env.policy.datasets[unit.dataset].release.mode is not Mode.ROWS for unit in block.units)


def _put(part: exp.Expr, name: str, alias: str) -> exp.Expr:
    return rewrite.column(part.name, alias) if isinstance(part, exp.Column) and part.table == name else part


def _sides(node: exp.Expr, name: str) -> list[tuple[str, exp.Expr]]:
    """The column of the list in `list.column = other`, and the other."""
    if not isinstance(node, exp.EQ):
        return []
    both = ((node.this, node.expression), (node.expression, node.this))
    return [(one.name, other) for one, other in both if isinstance(one, exp.Column) and one.table == name]


def _said(env: Environment, node: exp.Expr, name: str, tied: dict[str, exp.Expr]) -> bool:
    """Is it one of the equalities by which the list was tied."""
    return any(tied.get(column) == env.to_base(other) for column, other in _sides(node, name))
