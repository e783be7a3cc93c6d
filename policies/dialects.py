"""What a checked query is called in the engine's own dialect: the same meaning, or a refusal.

The check works on one tree whatever the dialect. Engines differ in what they raise errors for (an error tells something
about a row), in rounding, in collation and in names; `said` writes each construct so that it means on PostgreSQL and on
Spark what it means on DuckDB and cannot fail on a row. What is in no list here has no such form and is refused.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any, cast

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, UnsupportedError

from masking.operators import BY_VALUE
from policies.errors import NOT_IN_ENGINE
from policies.functions import DATE_PARTS
from policies.refusal import Refusal

logging.getLogger("sqlglot").setLevel(logging.ERROR)  # its warnings quote the query

POSTGRES, SPARK = "postgres", "spark"
DIALECTS = ("duckdb", POSTGRES, SPARK)
EXACT = exp.DataType.build("DECIMAL")
"""PostgreSQL's `numeric` without limits: unlike its doubles it neither overflows nor underflows into an error."""
DOUBLE = exp.DataType.build("DOUBLE")
WHOLE = exp.DataType.build("DECIMAL(20, 0)")
"""A type of Spark's that holds every whole number of eight bytes and has room for products of two."""
LARGEST = "list_sum"
"""DuckDB's sum of a list; the rules on dominance call it on the n largest of a group, and nobody else does."""
ROW_NUMBER = "monotonically_increasing_id"
"""Spark's number of a row; unlike ROW_NUMBER() it asks for no order, and so for no single machine."""

_Rule = Callable[[Any], exp.Expr]

SHAPES: frozenset[type[exp.Expr]] = frozenset({
    exp.Select, exp.From, exp.Join, exp.Where, exp.Group, exp.Having, exp.Order, exp.Ordered, exp.Limit, exp.Offset,
    exp.Distinct, exp.With, exp.CTE, exp.TableAlias, exp.Subquery, exp.Table, exp.Identifier, exp.Column, exp.Alias,
    exp.Union, exp.Intersect, exp.Except, exp.Paren, exp.Tuple, exp.Values, exp.Lateral, exp.Rollup, exp.Cube,
    exp.GroupingSets, exp.Window, exp.WindowSpec, exp.Filter, exp.WithinGroup, exp.Star, exp.Literal, exp.Null,
    exp.Boolean, exp.DataType, exp.DataTypeParam, exp.Var, exp.Interval,
})  # fmt: skip
OPERATORS: frozenset[type[exp.Expr]] = frozenset({
    exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ,
    exp.Between, exp.In, exp.Exists, exp.Is, exp.Like, exp.ILike, exp.Case, exp.If, exp.Coalesce, exp.Nullif, exp.DPipe,
    exp.Concat, exp.ConcatWs, exp.Neg, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.Cast, exp.TryCast,
})  # fmt: skip
FUNCTIONS: frozenset[type[exp.Expr]] = frozenset({
    exp.Upper, exp.Lower, exp.Trim, exp.Length, exp.Left, exp.Right, exp.Substring, exp.Replace, exp.StartsWith,
    exp.EndsWith, exp.Contains, exp.StrPosition, exp.SplitPart, exp.RegexpLike,
    exp.Abs, exp.Sign, exp.Floor, exp.Ceil, exp.Round, exp.Greatest, exp.Least, exp.Ln, exp.Sqrt, exp.Pow,
    exp.Extract, exp.LastDay, exp.TimestampTrunc, exp.DateTrunc, exp.TimeToStr, exp.DateDiff, exp.CurrentDate,
    exp.CurrentTimestamp, exp.Year, exp.Quarter, exp.Month, exp.Week, exp.WeekOfYear, exp.Day, exp.DayOfMonth,
    exp.DayOfYear,
    exp.Count, exp.Sum, exp.Avg, exp.Stddev, exp.StddevPop, exp.StddevSamp, exp.Variance, exp.VariancePop, exp.Corr,
    exp.CovarPop, exp.CovarSamp, exp.Median, exp.Quantile, exp.PercentileCont, exp.Min, exp.Max, exp.GroupConcat,
    exp.LogicalOr, exp.LogicalAnd, exp.Grouping,
    exp.RowNumber, exp.Rank, exp.DenseRank, exp.PercentRank, exp.CumeDist, exp.Ntile, exp.Lag, exp.Lead,
    exp.FirstValue, exp.LastValue, exp.NthValue,
})  # fmt: skip
OWN: Mapping[str, frozenset[type[exp.Expr]]] = {
    POSTGRES: frozenset({
        exp.Collate, exp.RegexpSubstr, exp.PercentileDisc, exp.Trunc, exp.DayOfWeek, exp.DayOfWeekIso,
        exp.GenerateSeries, exp.ExplodingGenerateSeries, exp.MD5, exp.ArrayAgg,
    }),
    SPARK: frozenset({exp.RegexpExtract, exp.DayOfWeek, exp.ArrayAgg}),
}  # fmt: skip
KEYED = "yurt_"
"""How the names of our own functions begin. They run inside DuckDB's process alone, and so do their keys."""
MASKED_TEXT = "yurt_masked"
"""Stands for an operator that a dialect cannot say: of a text, the operator's name, its arguments (JSON)."""
LOOKED_UP = BY_VALUE | {MASKED_TEXT}
"""Those that may stand in a query for other engines: `gateway.lookups` puts what they give in their place."""
CALLS: Mapping[str, frozenset[str]] = {POSTGRES: LOOKED_UP, SPARK: LOOKED_UP | {ROW_NUMBER, "xxhash64"}}
"""Functions that sqlglot has no class for, by lower-case name."""
NAMES: Mapping[type[exp.Expr], str] = {
    exp.ApproxDistinct: "An approximate count", exp.ApproxQuantile: "An approximate quantile",
    exp.Monthname: "A month's name", exp.Dayname: "A day's name", exp.Reverse: "REVERSE",
    exp.Qualify: "QUALIFY",
    exp.RegexpExtract: "Part of a text by a pattern", exp.ArrayAgg: "A list",
    exp.PercentileDisc: "PERCENTILE_DISC", exp.GenerateSeries: "A series",
}  # fmt: skip


def heard(tree: exp.Expr, dialect: str) -> exp.Expr:
    """A parsed tree without what the parser adds in this dialect alone; changed in place."""
    if dialect == POSTGRES:
        for typed in list(tree.find_all(exp.Cast)):
            if isinstance(typed.this, exp.IntDiv):  # the type of DIV()
                typed.replace(typed.this)
    if dialect == SPARK:
        for tried in list(tree.find_all(exp.TryCast)):  # CAST gives NULL there: `spark.sql.ansi.enabled` is off
            made = exp.Cast(this=tried.this, to=tried.args["to"])
            made.meta.update(tried.meta)
            tried.replace(made)
        for added in list(tree.find_all(exp.TsOrDsToDate, exp.TsOrDsToTimestamp, exp.TimeStrToTime)):
            if isinstance(added.parent, (*DATE_PARTS, exp.TimeToStr, exp.DateDiff)):
                added.replace(added.this)
        for listed in tree.find_all(exp.ArrayAgg):
            listed.set("nulls_excluded", None)  # as every list of Spark's
        for written in tree.find_all(exp.TimeToStr):
            pattern = written.args["format"]
            if isinstance(pattern, exp.Literal):  # the parser marks fields of fixed width
                pattern.set("this", pattern.name.replace("strict", ""))
    return tree


def parsed(text: str, dialect: str) -> exp.Expr:
    """The tree of an expression or query that `said` gave."""
    tree: exp.Expr = sqlglot.parse_one(text, dialect=dialect)
    for node in tree.walk():  # where each word stood is of no use any more, and dear to copy
        node.meta.clear()
    if dialect == "duckdb":
        return tree
    whole = heard(exp.Paren(this=tree), dialect)  # a root can be replaced too
    return cast(exp.Expr, whole.this.pop())


def said(
    tree: exp.Expr,
    dialect: str,
    calls: frozenset[str] = frozenset(),
    last: bool = False,
    kinds: frozenset[type[exp.Expr]] = frozenset(),
) -> str:
    """`tree` in SQL. Raises NOT_IN_ENGINE where it has no form in `dialect` that means the same and cannot fail.

    `calls`, `kinds`: functions and constructs of the engine's own that the caller has put there himself. `last`: the
    tree is used no more.
    """
    if dialect == "duckdb":
        return tree.sql(dialect=dialect, copy=not last)
    made, rules = exp.Paren(this=tree.copy()), RULES[dialect]
    for node in reversed(list(made.this.walk())):
        rule = rules.get(type(node))
        if rule is not None:
            node.replace(rule(node))
    _listed(made.this, dialect, calls, kinds)
    try:
        return str(made.this.sql(dialect=dialect, unsupported_level=ErrorLevel.RAISE, comments=False))
    except UnsupportedError:  # its text quotes the query
        raise _lacking("Something in this query", dialect) from None


def sayable(tree: exp.Expr, dialect: str) -> bool:
    """Does a mask have a form in `dialect`."""
    try:
        return dialect == "duckdb" or bool(said(tree, dialect))
    except Refusal:
        return False


def _keyed(node: exp.Expr) -> bool:
    return isinstance(node, exp.Anonymous) and node.name.lower().startswith(KEYED)


def _listed(tree: exp.Expr, dialect: str, calls: frozenset[str], kinds: frozenset[type[exp.Expr]]) -> None:
    for node in tree.walk():
        if type(node) not in kinds and not _known(node, dialect, calls):
            raise _lacking(
                "A mask by randomised encryption" if _keyed(node) else NAMES.get(type(node), node.key.upper()), dialect
            )


def _known(node: exp.Expr, dialect: str, calls: frozenset[str]) -> bool:
    if isinstance(node, exp.Anonymous):
        return str(node.this).lower() in CALLS[dialect] | calls
    if isinstance(node, (exp.Bracket, exp.ArraySort)):  # of the n largest alone
        return _list_of(node) is not None
    kind = type(node)
    return kind in SHAPES or kind in OPERATORS or kind in FUNCTIONS or kind in OWN[dialect]


def _list_of(node: exp.Expr) -> exp.ArrayAgg | None:
    """The list that a place in a sorted list is of."""
    while isinstance(node, (exp.Bracket, exp.Paren, exp.Filter, exp.ArraySort)):
        node = node.this
    return node if isinstance(node, exp.ArrayAgg) else None


def _lacking(what: str, dialect: str) -> Refusal:
    return Refusal.of(NOT_IN_ENGINE, what=what, dialect=dialect)


# forms of both


def _pattern(dialect: str) -> _Rule:
    """LIKE: a backslash is an escape here and none there, and a dangling one fails on the rows it is met on."""

    def rule(node: exp.Like | exp.ILike) -> exp.Expr:
        pattern = node.expression
        if not isinstance(pattern, exp.Literal) or "\\" in pattern.name:
            raise _lacking("LIKE with a backslash, or with a pattern that is no constant,", dialect)
        if dialect == POSTGRES and isinstance(node, exp.ILike):
            node.set("this", _unicode(node.this))
        return node

    return rule


def _places(dialect: str, *least: int) -> _Rule:
    """Cutting a text at constants, counted from its start: engines read zero and negative places apart, or fail."""

    def rule(node: exp.Substring | exp.Left | exp.Right) -> exp.Expr:
        names = ("start", "length") if isinstance(node, exp.Substring) else ("expression",)
        for name, minimum in zip(names, least, strict=True):
            given = node.args.get(name)
            if given is not None and not (
                isinstance(given, exp.Literal) and given.is_int and int(given.this) >= minimum
            ):
                raise _lacking("Cutting a text at a computed or negative place", dialect)
        return node

    return rule


def _days(dialect: str) -> _Rule:
    """DATEDIFF: only of days does it mean the same everywhere; in years DuckDB counts boundaries, Spark whole years."""

    def rule(node: exp.DateDiff) -> exp.Expr:
        unit = node.args.get("unit")
        if unit is not None and unit.name.upper() not in ("DAY", "DAYS"):
            raise _lacking("A difference of dates in anything but days", dialect)
        if dialect == SPARK:
            return exp.DateDiff(this=node.this, expression=node.expression)
        day = exp.DataType.build("date")
        return exp.Paren(this=exp.Sub(this=exp.cast(node.this, day), expression=exp.cast(node.expression, day)))

    return rule


MOST_LARGEST = 10
"""Of the values of a group that a dominance rule may add up on engines without a function for the n largest."""


def _largest(dialect: str) -> _Rule:
    """LIST_SUM(MAX(x, n)), the sum of the n largest of a group: NULL where there are none, else of those there are."""

    def rule(node: exp.Anonymous) -> exp.Expr:
        if str(node.this).lower() != LARGEST:
            return node
        (call,) = node.expressions
        most = call.this if isinstance(call, exp.Filter) else call
        size, count = most.this, int((most.args.get("count") or most.expressions[0]).name)
        if count > MOST_LARGEST:
            raise _lacking(f"The sum of more than the {MOST_LARGEST} largest of a group", dialect)
        if dialect == POSTGRES:
            order = exp.Order(this=size, expressions=[exp.Ordered(this=size.copy(), desc=True, nulls_first=False)])
            listed: exp.Expr = exp.ArrayAgg(this=order)
        else:
            listed = exp.ArrayAgg(this=size)
        if isinstance(call, exp.Filter):
            listed = exp.Filter(this=listed, expression=call.expression)
        if dialect == SPARK:
            listed = exp.ArraySort(this=listed, asc=exp.false(), nulls_first=exp.false())
        else:
            listed = exp.Paren(this=listed)
        made: exp.Expr = _at(listed, 0)
        for place in range(1, count):
            rest = exp.Coalesce(this=_at(listed.copy(), place), expressions=[exp.Literal.number(0)])
            made = exp.Add(this=made, expression=rest)
        return exp.Paren(this=made)

    return rule


def _at(listed: exp.Expr, place: int) -> exp.Expr:
    return exp.Bracket(this=listed, expressions=[exp.Literal.number(place)])


def _counted(node: exp.CountIf) -> exp.Expr:
    return exp.Count(this=exp.Case(ifs=[exp.If(this=node.this, true=exp.Literal.number(1))]))


def _never_zero(node: exp.Div) -> exp.Expr:
    divisor = node.expression
    said_before = isinstance(divisor, exp.Nullif) and divisor.expression == exp.Literal.number(0)
    node.set("safe", not said_before)
    return node


def _as(node: exp.Expr, to: exp.DataType) -> exp.Expr:
    return node if isinstance(node, exp.Cast) and node.to == to else exp.cast(node, to)


# PostgreSQL


def collated(node: exp.Expr) -> exp.Expr:
    """Text in the order of its code points, as in the other engines, whatever the database sorts by."""
    inner = node if isinstance(node, exp.Column) else exp.Paren(this=node)
    return exp.Collate(this=inner, expression=exp.to_identifier("C", quoted=True))


def _unicode(node: exp.Expr) -> exp.Expr:
    """Text whose letters have upper and lower case beyond ASCII."""
    return exp.Collate(this=exp.Paren(this=node), expression=exp.to_identifier("und-x-icu", quoted=True))


def _cased(node: exp.Upper | exp.Lower) -> exp.Expr:
    if isinstance(node.this, exp.Collate) and node.this.expression.name != "C":
        return node  # said before
    return collated(type(node)(this=_unicode(node.this)))


def _part(name: str) -> _Rule:
    return lambda node: exp.Extract(this=exp.var(name), expression=node.this)


def _exactly(node: exp.Round | exp.Trunc) -> exp.Expr:
    """PostgreSQL rounds doubles half to even, and to places not at all."""
    node.set("this", _as(node.this, EXACT))
    return node


def _cast(node: exp.Cast) -> exp.Expr:
    """A boolean becomes a number by way of INT alone; INT128 is DuckDB's."""
    if node.to.this == exp.DType.INT128:
        node.set("to", EXACT.copy())
    return node


_TRIED: Mapping[exp.DType, tuple[str, int | None]] = {
    exp.DType.INT: (r"^ *[+-]?[0-9]{1,9} *$", None),
    exp.DType.DOUBLE: (r"^ *[+-]?([0-9]{1,40}([.][0-9]{0,40})?|[.][0-9]{1,40})([eE][+-]?[0-9]{1,2})? *$", None),
    exp.DType.DATE: (
        "^(?!0000)([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
        "|02-(0[1-9]|1[0-9]|2[0-8]))"
        "|([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)($|[ T])",
        10,
    ),
}
"""Type -> texts that certainly have a value of it, and how many characters of them to read."""
_EDGE = 9 * 10**18


def _tried(node: exp.TryCast) -> exp.Expr:
    """TRY_CAST, which PostgreSQL lacks: a conversion behind a test that lets through only what cannot fail."""
    to, inner = node.to, node.this
    if to.this in (exp.DType.BIGINT, exp.DType.INT128):
        low, high = exp.Neg(this=exp.Literal.number(_EDGE)), exp.Literal.number(_EDGE)
        inside: exp.Expr = exp.Between(this=inner.copy(), low=low, high=high)
        return exp.Case(ifs=[exp.If(this=inside, true=exp.cast(inner, exp.DType.BIGINT))])
    if to.this not in _TRIED:
        raise _lacking("A conversion that gives NULL instead of an error", POSTGRES)
    pattern, characters = _TRIED[to.this]
    text = exp.cast(inner, exp.DType.TEXT)
    fits = exp.RegexpLike(this=text.copy(), expression=exp.Literal.string(pattern))
    read = text if characters is None else exp.Left(this=text, expression=exp.Literal.number(characters))
    return exp.Case(ifs=[exp.If(this=fits, true=exp.cast(read, to))])


def _found(node: exp.RegexpExtract) -> exp.Expr:
    """PostgreSQL reads lazy repetitions of a whole pattern at once, so patterns with them mean something else."""
    pattern = node.expression
    if not isinstance(pattern, exp.Literal) or any(lazy in pattern.name for lazy in ("*?", "+?", "??", "}?")):
        return node  # which is then refused
    found = exp.RegexpSubstr(this=node.this, expression=pattern)
    return exp.Coalesce(this=found, expressions=[exp.Literal.string("")])


def _ends(node: exp.EndsWith) -> exp.Expr:
    end = node.expression
    if not isinstance(end, exp.Literal):
        raise _lacking("An ending that is no constant", POSTGRES)
    return exp.EQ(this=exp.Right(this=node.this, expression=exp.Literal.number(len(end.name))), expression=end)


def _holds(node: exp.Contains) -> exp.Expr:
    place = exp.StrPosition(this=node.this, substr=node.expression)
    return exp.GT(this=place, expression=exp.Literal.number(0))


# Spark


def _mean(node: exp.Avg) -> exp.Expr:
    """Spark rounds the mean of decimals to four digits more than they have."""
    node.set("this", _as(node.this, DOUBLE))
    return node


def _quotient(node: exp.Div) -> exp.Expr:
    """Spark rounds the quotient of decimals."""
    node.set("this", _as(node.this, DOUBLE))
    return node


def _percentile(node: exp.PercentileCont) -> exp.Expr:
    return exp.Quantile(this=node.this, quantile=node.expression)


def _unordered(node: exp.ArrayAgg | exp.GroupConcat) -> exp.Expr:
    """Spark's lists come as they come; the generator would leave the order out."""
    if node.find(exp.Order) is not None:
        raise _lacking("A list in an order", SPARK)
    return node


def _week(node: exp.Week) -> exp.Expr:
    return exp.WeekOfYear(this=node.this)


def _whole_text(node: exp.RegexpLike) -> exp.Expr:
    """Java's `$` matches before a line break at the end too."""
    pattern = node.expression
    if not isinstance(pattern, exp.Literal):
        raise _lacking("A pattern that is no constant", SPARK)
    if pattern.name.endswith("$"):
        node.set("expression", exp.Literal.string(pattern.name[:-1] + "\\z"))
    return node


def _group(node: exp.RegexpExtract) -> exp.Expr:
    """Spark gives the first group unless told to give the whole."""
    if node.args.get("group") is None:
        node.set("group", exp.Literal.number(0))
    return node


def _attempted(node: exp.TryCast) -> exp.Expr:
    """Spark reads 4.5 as the whole number 4, where others round or refuse."""
    if node.to.this != exp.DType.INT:
        return node
    text = exp.cast(node.this, exp.DType.TEXT)
    whole = exp.Literal.string(_TRIED[exp.DType.INT][0][:-1] + "\\z")
    fits = exp.RegexpLike(this=text.copy(), expression=whole)
    return exp.Case(ifs=[exp.If(this=fits, true=exp.cast(exp.Trim(this=text), node.to))])


def _cut(node: exp.DateTrunc) -> exp.Expr:
    """Spark cuts no date to a day: it is one."""
    return exp.cast(node.this, exp.DType.DATE) if node.unit.name.upper() == "DAY" else node


_EXTRACTS = {"ISODOW": "DOW_ISO", "ISOYEAR": "YEAROFWEEK"}


def _extract(node: exp.Extract) -> exp.Expr:
    name = node.this.name.upper()
    if name in ("DECADE", "CENTURY"):
        raise _lacking(f"EXTRACT({name})", SPARK)
    node.set("this", exp.var(_EXTRACTS.get(name, name)))
    return node


RULES: Mapping[str, Mapping[type[exp.Expr], _Rule]] = {
    POSTGRES: {
        exp.Like: _pattern(POSTGRES), exp.ILike: _pattern(POSTGRES), exp.Substring: _places(POSTGRES, 1, 0),
        exp.Left: _places(POSTGRES, 0), exp.Right: _places(POSTGRES, 0), exp.DateDiff: _days(POSTGRES),
        exp.Div: _never_zero, exp.Upper: _cased, exp.Lower: _cased, exp.Round: _exactly, exp.Trunc: _exactly,
        exp.Cast: _cast, exp.TryCast: _tried, exp.RegexpExtract: _found, exp.EndsWith: _ends, exp.Contains: _holds,
        exp.Quarter: _part("QUARTER"), exp.Week: _part("WEEK"), exp.WeekOfYear: _part("WEEK"),
        exp.DayOfWeek: _part("DOW"), exp.DayOfWeekIso: _part("ISODOW"), exp.DayOfYear: _part("DOY"),
        exp.DayOfMonth: _part("DAY"), exp.CountIf: _counted, exp.Anonymous: _largest(POSTGRES),
    },
    SPARK: {
        exp.Like: _pattern(SPARK), exp.ILike: _pattern(SPARK), exp.Substring: _places(SPARK, 1, 0),
        exp.CountIf: _counted, exp.Left: _places(SPARK, 0), exp.Right: _places(SPARK, 0), exp.DateDiff: _days(SPARK),
        exp.Avg: _mean, exp.Div: _quotient, exp.PercentileCont: _percentile, exp.RegexpLike: _whole_text,
        exp.Extract: _extract, exp.Week: _week, exp.RegexpExtract: _group, exp.TryCast: _attempted,
        exp.DateTrunc: _cut, exp.Anonymous: _largest(SPARK),
        exp.ArrayAgg: _unordered, exp.GroupConcat: _unordered,
    },
}  # fmt: skip
