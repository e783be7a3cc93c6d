"""What each engine calls otherwise, in the words the check knows. As `spelling`: nothing is decided here."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from sqlglot import exp

from policies.dialects import POSTGRES, SPARK

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_UNITS = {
    "MM": "MONTH", "MON": "MONTH", "MONTH": "MONTH", "YYYY": "YEAR", "YY": "YEAR", "YEAR": "YEAR", "Q": "QUARTER",
    "QUARTER": "QUARTER", "WEEK": "WEEK",
}  # fmt: skip
_Put = Callable[[Any], exp.Expr | None]


def plain(tree: exp.Expr, dialect: str) -> exp.Expr:
    """The tree, changed in place; spans stay those of the words written."""
    words = _WORDS.get(dialect, {})
    whole = exp.Paren(this=tree)
    for node in reversed(list(tree.walk())) if words else ():
        put = words.get(type(node))
        made = put(node) if put is not None else None
        if made is not None and made is not node:
            made.meta.update(node.meta)
            node.replace(made)
    found: exp.Expr = whole.this.pop()
    return found


def _any(node: exp.EQ) -> exp.Expr | None:
    """`x = ANY (ARRAY[1, 2])` is `x IN (1, 2)`, and `x = ANY (SELECT …)` is `x IN (SELECT …)` (SQL:2023, 8.4)."""
    given = node.expression
    query = given.this if isinstance(given, exp.Any) else None
    if isinstance(query, (exp.Select, exp.Subquery)):
        return exp.In(this=node.this, query=query if isinstance(query, exp.Subquery) else exp.Subquery(this=query))
    array = given.this.unnest() if isinstance(given, exp.Any) else None
    if not isinstance(array, exp.Array) or not array.expressions:
        return None
    return exp.In(this=node.this, expressions=array.expressions)


def _rows_among(node: exp.In) -> exp.Expr | None:
    """`(a, b) IN ((1, 2), (3, 4))`: DuckDB compares rows as it does structs, in which NULL equals NULL."""
    subject, rows = node.this.unnest(), [each.unnest() for each in node.expressions]
    if not isinstance(subject, exp.Tuple) or not rows or node.args.get("query") is not None:
        return None
    if not all(isinstance(row, exp.Tuple) and len(row.expressions) == len(subject.expressions) for row in rows):
        return None
    found = [
        exp.and_(
            *(
                exp.NullSafeEQ(this=one.copy(), expression=other.copy())
                for one, other in zip(subject.expressions, row.expressions, strict=True)
            )
        )
        for row in rows
    ]
    return exp.Paren(this=exp.or_(*found))


_ALIASES: Mapping[str, type[exp.Expr]] = {
    "mean": exp.Avg, "favg": exp.Avg, "fsum": exp.Sum, "kahan_sum": exp.Sum, "sumkahan": exp.Sum,
}  # fmt: skip


def _alias(node: exp.Anonymous) -> exp.Expr | None:
    """Other names of the mean and the sum; those that add up more exactly give the same but for the last digits."""
    known = _ALIASES.get(str(node.this).lower())
    return known(this=node.expressions[0]) if known is not None and len(node.expressions) == 1 else None


def _written(node: exp.TimeToStr) -> None:
    """strftime takes date and format in either order."""
    date, pattern = node.this, node.args.get("format")
    if isinstance(date, exp.Literal) and date.is_string and not isinstance(pattern, exp.Literal):
        node.set("this", pattern)
        node.set("format", date)


def _raw(node: exp.RawString) -> exp.Expr:
    """$$text$$."""
    return exp.Literal.string(str(node.this))


def _from_above(node: exp.WithinGroup) -> None:
    """The continuous quantile from above is the one from below of the rest."""
    call, order = node.this, node.expression
    share = call.this if isinstance(call, exp.PercentileCont) else None
    if not isinstance(share, exp.Literal) or share.is_string or len(order.expressions) != 1:
        return
    if order.expressions[0].args.get("desc"):
        share.replace(exp.Literal.number(str(1 - Decimal(share.name))))
        order.expressions[0].set("desc", False)


def _trimmed(node: exp.Trim) -> None:
    """TRIM (BOTH ' ' FROM x) is TRIM(x)."""
    if node.args.get("position") == "BOTH":
        node.set("position", None)
        if node.expression == exp.Literal.string(" "):
            node.set("expression", None)


def _unit(node: exp.DateTrunc) -> None:
    """Spark's TRUNC takes short names of units."""
    unit = node.args.get("unit")
    if unit is not None and unit.name.upper() in _UNITS:
        node.set("unit", exp.Literal.string(_UNITS[unit.name.upper()]))


def _days(node: exp.TsOrDsAdd) -> exp.Expr | None:
    """DATE_ADD and DATE_SUB of a constant number of days."""
    count, unit = node.expression, node.args.get("unit")
    if unit is None or unit.name.upper() != "DAY":
        return None
    if isinstance(count, exp.Literal) and count.is_int:
        return exp.Paren(this=exp.Add(this=node.this, expression=count))
    back = isinstance(count, exp.Mul) and count.expression == exp.Neg(this=exp.Literal.number(1))
    if back and isinstance(count.this, exp.Literal) and count.this.is_int:
        return exp.Paren(this=exp.Sub(this=node.this, expression=count.this))
    return None


def _months(node: exp.AddMonths) -> exp.Expr | None:
    count, less = node.expression, isinstance(node.expression, exp.Neg)
    number = count.this if less else count
    if not isinstance(number, exp.Literal) or not number.is_int:
        return None
    step = exp.Interval(this=exp.Literal.string(number.name), unit=exp.var("MONTH"))
    return exp.Paren(this=(exp.Sub if less else exp.Add)(this=node.this, expression=step))


def _day(node: exp.TsOrDsToDate) -> exp.Expr | None:
    """TO_DATE of a day written out."""
    text = node.this
    written = isinstance(text, exp.Literal) and text.is_string and _DAY.fullmatch(text.name)
    return exp.cast(text, exp.DType.DATE) if written and not node.args.get("format") else None


def _chosen(node: exp.DecodeCase) -> exp.Expr | None:
    """DECODE over constants; NULL equals NULL there, so none may be among them."""
    subject, *rest = node.expressions
    default = rest.pop() if len(rest) % 2 else None
    wanted = rest[::2]
    if not all(isinstance(each, exp.Literal) for each in wanted):
        return None
    pairs = zip(wanted, rest[1::2], strict=True)
    ifs = [exp.If(this=exp.EQ(this=subject.copy(), expression=one), true=result) for one, result in pairs]
    return exp.Case(ifs=ifs, default=default)


def _grouped(node: exp.Group) -> None:
    """GROUP BY a, b WITH ROLLUP; GROUP BY a, b GROUPING SETS (…) groups by the sets alone."""
    for name in ("rollup", "cube"):
        given = node.args.get(name)
        if given and len(given) == 1 and not given[0].expressions:
            given[0].set("expressions", node.expressions)
            node.set("expressions", [given[0]])
            node.set(name, None)
    keys, sets = node.expressions, node.args.get("grouping_sets")
    if keys and sets and all(column in keys for each in sets for column in each.find_all(exp.Column)):
        node.set("expressions", sets)
        node.set("grouping_sets", None)


def _joined(node: exp.Join) -> None:
    """A SEMI or ANTI join is always of the left."""
    if (node.kind or "").upper() in ("SEMI", "ANTI"):
        node.set("side", None)


_WORDS: Mapping[str, Mapping[type[exp.Expr], _Put]] = {
    "duckdb": {
        exp.EQ: _any, exp.In: _rows_among, exp.Anonymous: _alias, exp.TimeToStr: _written, exp.RawString: _raw,
        exp.WithinGroup: _from_above,
    },
    POSTGRES: {exp.EQ: _any, exp.Trim: _trimmed},
    SPARK: {
        exp.Trim: _trimmed, exp.DateTrunc: _unit, exp.TsOrDsAdd: _days, exp.AddMonths: _months,
        exp.TsOrDsToDate: _day, exp.DecodeCase: _chosen, exp.Group: _grouped, exp.Join: _joined,
    },
}  # fmt: skip
