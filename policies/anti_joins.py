"""`a LEFT JOIN b ON a.k = b.k … WHERE b.k IS NULL` as `NOT EXISTS (SELECT 1 FROM b WHERE a.k = b.k …)`.

Both keep the rows of `a` that match nothing (an anti-join). In the second form who is kept is a condition on rows of
`a`, which is audited with all others; an outer join adds rows that no condition describes.
"""

from sqlglot import exp

from policies.check_predicate import conjuncts


def without_anti_joins(node: exp.Select) -> exp.Select:
    """The SELECT with such joins written as conditions; itself where it has none."""
    where = node.args.get("where")
    joins = node.args.get("joins") or []
    sides = [(join.args.get("side") or "").upper() for join in joins]
    if where is not None and sides == ["RIGHT"]:
        turned = _turned(node)
        made = _without(turned, 0)
        return node if made is turned else made
    if where is None or "LEFT" not in sides:
        return node
    made = node
    for place in reversed(range(len(joins))):
        made = _without(made, place)
    return made


def _turned(node: exp.Select) -> exp.Select:
    """`b RIGHT JOIN a` as `a LEFT JOIN b`."""
    made = node.copy()
    (join,) = made.args["joins"]
    first, second = made.args["from_"].this.copy(), join.this.copy()
    made.set("from_", exp.From(this=second))
    join.set("this", first)
    join.set("side", "LEFT")
    return made


def _without(node: exp.Select, place: int) -> exp.Select:
    join: exp.Expr = node.args["joins"][place]
    on, name = join.args.get("on"), join.this.alias_or_name.lower()
    plain = (
        (join.args.get("side") or "").upper() == "LEFT" and not join.args.get("using") and not join.args.get("method")
    )
    if not plain or on is None or not name or not isinstance(join.this, (exp.Table, exp.Subquery)):
        return node
    equated = {
        side.name.lower()
        for each in conjuncts(on)
        if isinstance(each, exp.EQ)
        for side in (each.this.unnest(), each.expression.unnest())
        if isinstance(side, exp.Column) and side.table.lower() == name
    }
    parts = list(conjuncts(node.args["where"].this))
    missing = [part for part in parts if _is_null(part, name, equated)]
    if not missing or any(not column.table for column in on.find_all(exp.Column)):
        return node
    elsewhere = [column for column in node.find_all(exp.Column) if not _within(column, [on, *missing])]
    stars = [star for star in node.find_all(exp.Star) if not isinstance(star.parent, exp.Count)]
    if stars or any(column.table.lower() == name for column in elsewhere) or _within(join.this, parts):
        return node
    inside = exp.Select(expressions=[exp.Literal.number(1)]).from_(join.this.copy(), copy=False)
    inside.set("where", exp.Where(this=on.copy()))
    kept = [part.copy() for part in parts if not any(part is each for each in missing)]
    kept = [exp.Paren(this=part) if isinstance(part, exp.Or) else part for part in kept]
    kept.append(exp.Not(this=exp.Exists(this=inside)))
    made = node.copy()
    made.set("joins", [each for spot, each in enumerate(made.args["joins"]) if spot != place])
    made.set("where", exp.Where(this=exp.and_(*kept, copy=False) if len(kept) > 1 else kept[0]))
    return made


def _is_null(part: exp.Expr, name: str, equated: set[str]) -> bool:
    """Is it `name.k IS NULL` of a column that no matching row lacks."""
    column = part.this.unnest() if isinstance(part, exp.Is) and isinstance(part.expression, exp.Null) else None
    return isinstance(column, exp.Column) and column.table.lower() == name and column.name.lower() in equated


def _within(node: exp.Expr, trees: list[exp.Expr]) -> bool:
    above: exp.Expr | None = node
    while above is not None:
        if any(above is tree for tree in trees):
            return True
        above = above.parent
    return False
