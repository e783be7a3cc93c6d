"""Masks that may come last: of columns a query only passes on.

Every base table of a query is replaced by a subquery that masks its columns, so whatever the query does, it does with
masked values (`policies.rewrite`). Where it does nothing with a column but show it, masking it in the subquery or in
the finished answer is the same: a mask maps equal values to equal values and NULL to NULL, row by row. Then the engine
can mask whole batches. Anything that is not surely of that shape is left as it was.
"""

from sqlglot import exp

from policies.decision import LastMask, MaskedLast
from policies.dialects import said
from policies.environment import Environment, Masked

_CLAUSES = frozenset({"expressions", "from_", "joins", "where", "order", "limit", "offset"})
_JOIN = frozenset({"this", "side", "kind", "on"})
_DERIVED = frozenset({"this", "alias"})


def masked_last(env: Environment, tree: exp.Expr) -> MaskedLast | None:
    """`tree` with the masks of passed-on columns taken out, and what they are; None where there are none such."""
    if not env.masked or not isinstance(tree, exp.Select) or _given(tree) - _CLAUSES:
        return None
    if any(not isinstance(star.parent, exp.Count) for star in tree.find_all(exp.Star)):
        return None
    inside = {name: node for node in _tables(tree) if (name := _instance(node, env)) is not None}
    shown: dict[tuple[str, str], list[int]] = {}
    for position, output in enumerate(tree.expressions):
        column = output.unalias()
        at = (column.table, column.name) if isinstance(column, exp.Column) else ("", "")
        if at in env.masked and at[0] in inside:
            shown.setdefault(at, []).append(position)
    read: dict[tuple[str, str], int] = {}
    for column in tree.find_all(exp.Column):
        if not column.table:  # by an alias, or of nobody knows whom
            return None
        at = (column.table, column.name)
        read[at] = read.get(at, 0) + 1
    ordered = _ordered(tree)
    if ordered is None:
        return None
    passed = {
        at: places for at, places in shown.items() if read[at] == len(places) and not ordered.intersection(places)
    }
    if not passed:
        return None
    masks = [
        LastMask(place, env.masked[at].operator, env.masked[at].arguments)
        for at, places in passed.items()
        for place in places
    ]
    return MaskedLast(
        said(_fed(tree, env, frozenset(passed)), env.dialect, last=True),
        tuple(sorted(masks, key=lambda mask: mask.position)),
    )


def _given(node: exp.Expr) -> frozenset[str]:
    return frozenset(name for name, value in node.args.items() if value)


def _tables(tree: exp.Expr) -> list[exp.Expr]:
    """What the rows of the outermost block come from; nothing where a join is more than a condition."""
    joins = tree.args.get("joins") or []
    if any(_given(join) - _JOIN for join in joins) or tree.args.get("from_") is None:
        return []
    return [tree.args["from_"].this, *(join.this for join in joins)]


def _instance(node: exp.Expr, env: Environment) -> str | None:
    """The instance whose governed subquery stands here as it was made."""
    if isinstance(node, exp.Subquery) and not _given(node) - _DERIVED and node.this == env.governed.get(node.alias):
        return node.alias
    return None


def _ordered(tree: exp.Expr) -> frozenset[int] | None:
    """Positions of the outputs that the rows are ordered by; None where it is not plain what orders them."""
    order = tree.args.get("order")
    places: set[int] = set()
    for each in order.expressions if order is not None else ():
        key = each.this
        if isinstance(key, exp.Literal) and not key.is_string and key.name.isdigit():
            places.add(int(key.name) - 1)
        elif not isinstance(key, exp.Column):
            return None
    return frozenset(places)


def _fed(tree: exp.Select, env: Environment, passed: frozenset[tuple[str, str]]) -> exp.Select:
    """A copy whose subqueries give the passed columns as the masks read them."""
    fed = tree.copy()
    for node in _tables(fed):
        for output in node.this.expressions if isinstance(node, exp.Subquery) else ():
            masked: Masked | None = env.masked.get((node.alias, output.alias))
            if masked is not None and (node.alias, output.alias) in passed:
                output.set("this", masked.feed.copy())
    return fed
