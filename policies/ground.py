"""Statistics described over the tables themselves, so that those taken under different terms meet.

A footprint speaks of governed subqueries: what a project may see of a table, filtered and masked for one person. Under
other terms (a changed policy, another row filter, another project) the same rows have other words. Here the words are
put back: a column stands for what it was computed from, a row filter is one more condition.
"""

from dataclasses import replace
from functools import lru_cache

from sqlglot import exp

from policies import rewrite
from policies.decision import Footprint
from policies.dialects import ROW_NUMBER, parsed, said
from policies.environment import ROW


@lru_cache(maxsize=4096)
def grounded(footprint: Footprint) -> Footprint:
    """The same statistic over whole tables; its keys keep their order, so that its cells keep their names. Unchanged
    where a source is more than a table, a list of its columns and a filter."""
    columns: dict[tuple[str, str], exp.Expr] = {}
    sources: list[str] = []
    filters: list[str] = []
    for place, source in enumerate(footprint.sources):
        alias = f"b{place}"
        tree = parsed(source, footprint.dialect)
        table = _table(tree)
        if table is None:
            return footprint
        for output in tree.expressions:
            columns[(alias, output.alias)] = _at(output.this, alias)
        if tree.args.get("where"):
            filters.append(said(_at(tree.args["where"].this, alias), footprint.dialect, last=True))
        whole = exp.Select(expressions=[exp.Star()]).from_(exp.Table(this=rewrite.quoted(table)), copy=False)
        sources.append(said(whole, footprint.dialect, last=True))

    def told(text: str) -> str:
        def put(part: exp.Expr) -> exp.Expr:
            known = columns.get((part.table, part.name)) if isinstance(part, exp.Column) else None
            if known is None:
                return part
            return known.copy() if isinstance(known, (exp.Column, exp.Func)) else exp.Paren(this=known.copy())

        return said(parsed(text, footprint.dialect).transform(put, copy=False), footprint.dialect, last=True)

    return replace(
        footprint,
        sources=tuple(sources),
        conditions=tuple(sorted({*map(told, footprint.conditions), *filters})),
        keys=tuple(map(told, footprint.keys)),
        fixed=tuple(map(told, footprint.fixed)),
        units=tuple(map(told, footprint.units)),
        factor=told(footprint.factor) if footprint.factor else "",
        total=told(footprint.total) if footprint.total else "",
        valued=told(footprint.valued) if footprint.valued else "",
        dominated=told(footprint.dominated) if footprint.dominated else "",
    )


def _table(tree: exp.Expr) -> str | None:
    """The table behind a governed subquery, if its rows are the table's, each as it is."""
    if not isinstance(tree, exp.Select) or any(
        given for name, given in tree.args.items() if name not in ("expressions", "from_", "where")
    ):
        return None
    table = tree.args["from_"].this if tree.args.get("from_") else None
    if not isinstance(table, exp.Table) or table.alias != ROW or table.args.get("db"):
        return None
    if any(not isinstance(each, exp.Alias) or _numbered(each) for each in tree.expressions):
        return None
    return str(table.name)


def _numbered(output: exp.Expr) -> bool:
    """Is it a number of the row, which means nothing elsewhere."""
    return any(isinstance(each, exp.Window) or each.name == ROW_NUMBER for each in output.walk())


def _at(node: exp.Expr, alias: str) -> exp.Expr:
    """`node` with the columns of the governed row as those of `alias`."""

    def put(part: exp.Expr) -> exp.Expr:
        return rewrite.column(part.name, alias) if isinstance(part, exp.Column) and part.table == ROW else part

    return node.copy().transform(put, copy=False)


@lru_cache(maxsize=4096)
def named(footprint: Footprint) -> frozenset[str]:
    """Every table that its SQL reads, also below its conditions."""
    found: set[str] = set()
    for text in (*footprint.sources, *footprint.conditions, *footprint.keys, *footprint.units):
        tree = parsed(text, footprint.dialect)
        common = {each.alias for each in tree.find_all(exp.CTE)}
        found |= {each.name for each in tree.find_all(exp.Table) if each.name and each.name not in common}
    return frozenset(found)
