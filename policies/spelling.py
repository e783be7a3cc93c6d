"""Other spellings of what the check knows, respelled before it looks: the tree says the same in fewer constructs.

Nothing is decided here. What has no respelling stays as it is, and the check refuses it.
"""

from collections.abc import Iterator

from sqlglot import exp

from policies.pivots import crosstabs


def respelled(tree: exp.Expr) -> exp.Expr:
    """The tree with named windows, SEMI and ANTI joins, FETCH, FROM-first joins, PIVOT, UNNEST of constants and
    first days of months put in other words."""
    tree = crosstabs(tree)
    for select in list(tree.find_all(exp.Select)):
        _joins_of_from(select)
        _from_the_left(select)
        _windows(select)
        _memberships(select)
        _fetch(select)
        _calendar(select)
    for unnest in list(tree.find_all(exp.Unnest)):
        _unnested(unnest)
    for join in list(tree.find_all(exp.Join)):
        _outer_constants(join)
    for day in list(tree.find_all(exp.DateFromParts)):
        _first_of_month(day)
    return tree


def _joins_of_from(select: exp.Select) -> None:
    """`FROM a JOIN b SELECT …`: the parser leaves the joins with the table."""
    first = select.args.get("from_")
    if first is not None and first.this.args.get("joins") and not isinstance(first.this, exp.Subquery):
        select.set("joins", [*first.this.args["joins"], *(select.args.get("joins") or [])])
        first.this.set("joins", None)


def _from_the_left(select: exp.Select) -> None:
    """`a RIGHT JOIN b ON c` is `b LEFT JOIN a ON c`, where no star shows their columns in order."""
    first, joins = select.args.get("from_"), select.args.get("joins") or []
    side = (joins[0].args.get("side") or "").upper() if joins else ""
    if first is None or side != "RIGHT" or joins[0].args.get("method") or any(_stars(each) for each in select.selects):
        return
    one, other = first.this, joins[0].this
    if other.args.get("joins") or isinstance(other, exp.Lateral):
        return
    first.set("this", other.copy())
    joins[0].set("this", one.copy())
    joins[0].set("side", "LEFT")


def _outer_constants(join: exp.Join) -> None:
    """`LEFT JOIN (VALUES …) k(a)` is `LEFT JOIN (SELECT * FROM (VALUES …) k(a)) k`, a list like any other."""
    item = join.this
    listed = isinstance(item, exp.Values) or (isinstance(item, exp.Table) and isinstance(item.this, exp.GenerateSeries))
    if (join.args.get("side") or "").upper() != "LEFT" or not listed or not item.alias:
        return
    alias = exp.TableAlias(this=exp.to_identifier(item.alias))
    inner = exp.Select(expressions=[exp.Star()]).from_(item.copy(), copy=False)
    join.set("this", exp.Subquery(this=inner, alias=alias))


def _stars(node: exp.Expr) -> bool:
    return isinstance(node, exp.Star) or (isinstance(node, exp.Column) and isinstance(node.this, exp.Star))


def _own(select: exp.Select, kind: type[exp.Expr]) -> Iterator[exp.Expr]:
    """Nodes of a kind in a SELECT, its subqueries left out."""
    stack = list(select.iter_expressions())
    while stack:
        node = stack.pop()
        if isinstance(node, kind):
            yield node
        if not isinstance(node, (exp.Select, exp.SetOperation)):
            stack += list(node.iter_expressions())


def _windows(select: exp.Select) -> None:
    """WINDOW w AS (…): the definition at each place that names it."""
    named: dict[str, exp.Expr] = {}
    for definition in select.args.get("windows") or []:
        _inlined(definition, named)
        named[definition.name.lower()] = definition
    if not named:
        return
    definitions = {id(each) for each in select.args["windows"]}
    places = [each for each in _own(select, exp.Window) if id(each) not in definitions]
    for window in places:
        _inlined(window, named)
    if all(window.args.get("alias") is None for window in places):
        select.set("windows", None)


def _inlined(window: exp.Expr, named: dict[str, exp.Expr]) -> None:
    alias = window.args.get("alias")
    known = named.get(alias.name.lower()) if isinstance(alias, exp.Identifier) else None
    if known is None:
        return
    window.set("alias", None)
    for part in ("partition_by", "order", "spec"):
        given = known.args.get(part)
        if given and not window.args.get(part):
            window.set(part, [each.copy() for each in given] if isinstance(given, list) else given.copy())


def _memberships(select: exp.Select) -> None:
    """`a SEMI JOIN b ON c` is `WHERE EXISTS (SELECT 1 FROM b WHERE c)`, ANTI its opposite (Codd 1970: a semijoin keeps
    the left rows that match). Not where a later RIGHT or FULL join would bring rows back."""
    joins: list[exp.Expr | None] = list(select.args.get("joins") or [])
    for place, join in enumerate(joins):
        if join is None:
            continue
        kind = (join.args.get("kind") or "").upper()
        rest = [each for each in joins[place + 1 :] if each is not None]
        later = any((each.args.get("side") or "").upper() in ("RIGHT", "FULL") for each in rest)
        known = all(name in ("this", "kind", "on", "using") for name, given in join.args.items() if given)
        if kind not in ("SEMI", "ANTI") or later or not known:
            continue
        condition = join.args.get("on") or _using(select, place, join)
        if condition is None:
            continue
        inner = exp.Select(expressions=[exp.Literal.number(1)]).from_(join.this.copy(), copy=False)
        inner.set("where", exp.Where(this=condition.copy()))
        test: exp.Expr = exp.Exists(this=inner)
        select.where(exp.Not(this=test) if kind == "ANTI" else test, copy=False)
        joins[place] = None
    if any(each is None for each in joins):
        select.set("joins", [each for each in joins if each is not None])


def _using(select: exp.Select, before: int, join: exp.Expr) -> exp.Expr | None:
    """USING as equalities, where only one table can be meant."""
    left, right = select.args["from_"].this.alias_or_name, join.this.alias_or_name
    if before or not left or not right or not join.args.get("using"):
        return None
    parts = [
        exp.EQ(
            this=exp.Column(this=name.copy(), table=exp.to_identifier(left)),
            expression=exp.Column(this=name.copy(), table=exp.to_identifier(right)),
        )
        for name in join.args["using"]
    ]
    return exp.and_(*parts, copy=False) if len(parts) > 1 else parts[0]


def _fetch(select: exp.Select) -> None:
    """FETCH FIRST n ROWS ONLY is LIMIT n."""
    fetch = select.args.get("limit")
    if not isinstance(fetch, exp.Fetch) or fetch.args.get("count") is None:
        return
    options = fetch.args.get("limit_options")
    if options is None or not (options.args.get("percent") or options.args.get("with_ties")):
        select.set("limit", exp.Limit(expression=fetch.args["count"].copy()))


def _calendar(select: exp.Select) -> None:
    """`SELECT unnest(range(12)) AS m` without FROM is `SELECT m FROM range(12) AS u(m)`: one list, one row each."""
    if any(select.args.get(name) for name in ("from_", "joins", "laterals", "where", "group")):
        return
    lists = list(_own(select, exp.Explode))
    if len(lists) != 1:
        return
    (unnest,) = lists
    if unnest.expressions or not isinstance(unnest.this, (exp.GenerateSeries, exp.Array)):
        return
    name = "unnest"
    column: exp.Expr = exp.column(name)
    if unnest.parent is select:
        column = exp.alias_(column, name)
    named = exp.TableAlias(this=exp.to_identifier(name), columns=[exp.to_identifier(name)])
    made: exp.Expr = exp.Unnest(expressions=[unnest.this.copy()], alias=named)
    unnest.replace(column)
    select.set("from_", exp.From(this=made))


def _first_of_month(day: exp.DateFromParts) -> None:
    """`make_date(year(d), month(d), 1)` is the day `d` is cut to."""
    year, month, first = (day.args.get(name) for name in ("year", "month", "day"))
    if not isinstance(year, exp.Year) or not isinstance(month, exp.Month) or first != exp.Literal.number(1):
        return
    if year.this == month.this:
        day.replace(exp.cast(exp.TimestampTrunc(this=year.this.copy(), unit=exp.var("MONTH")), exp.DType.DATE))


def _unnested(unnest: exp.Unnest) -> None:
    """`unnest([1, 2]) AS u(x)` in FROM is a table of constants, and of a series that series."""
    (array, *more) = unnest.expressions or [None]
    alias = unnest.args.get("alias")
    if isinstance(array, exp.GenerateSeries) and not more and not unnest.args.get("offset"):
        if isinstance(unnest.parent, (exp.From, exp.Join)):
            unnest.replace(exp.Table(this=array.copy(), alias=alias.copy() if alias is not None else None))
        return
    if more or not isinstance(array, exp.Array) or not array.expressions or unnest.args.get("offset"):
        return
    if not isinstance(unnest.parent, (exp.From, exp.Join)):
        return
    if not all(isinstance(each, (exp.Literal, exp.Neg, exp.Cast, exp.Null)) for each in array.expressions):
        return
    name = alias.name if alias is not None and alias.name else "unnest"
    columns = [each.copy() for each in alias.columns] if alias is not None else []
    rows = [exp.Tuple(expressions=[each.copy()]) for each in array.expressions]
    table = exp.TableAlias(this=exp.to_identifier(name), columns=columns or [exp.to_identifier(name)])
    unnest.replace(exp.Values(expressions=rows, alias=table))
