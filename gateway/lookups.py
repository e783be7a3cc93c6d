"""Masks that need a key or a detector, on engines that must have neither: masked here, looked up there.

A query for PostgreSQL or Spark may hold calls of our own functions (`policies.dialects.LOOKED_UP`), but only in the
subquery that stands for a base table. `parted` takes them out: before the query runs, the gateway asks the engine for
the distinct values of the masked column (of the rows that the row filter keeps), has them masked by DuckDB's process,
where the keys are, and gives value and mask back as data to join with. So the engine meets masked values above that
subquery and never a key. A value that is not among those asked for before is hidden: NULL where a number was expected,
else `MASKED`.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa
from sqlglot import exp

from gateway.duckdb import DuckDBEngine, Processes
from gateway.engine import Limits, Stop, Tables
from gateway.errors import ENGINE_FAILED, MASK_VALUES_TOO_MANY
from masking.operators import BY_VALUE, MASKED, OPERATORS
from policies.dialects import KEYED, MASKED_TEXT, POSTGRES, collated, parsed, said
from store.errors import YurtError

MOST_VALUES = 1 << 18
"""Distinct values of one masked column that are looked up; a query that needs more is refused."""
MOST_BYTES = 32 << 20
"""Of the text of these values."""
MASKING_BYTES = 16 * MOST_BYTES
"""Of Arrow buffers with values and their masks."""
VALUE, MASK = "k", "m"
_SHIFT = "yurt_shift_days"
"""The one function that gives a number."""
_GOVERNED = frozenset({"expressions", "from_", "where"})
"""Clauses of a subquery that stands for a base table."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """One masked column of one table. Equal columns of equal tables are looked up once."""

    values: str  # SQL of the engine: the distinct values, one text column
    call: str  # SQL of DuckDB over `VALUE`: the mask
    whole: bool  # is the mask a whole number rather than a text


@dataclass(frozen=True, slots=True)
class Parted:
    """A query without calls of ours, and what it is joined with, in the order of the sources' numbers."""

    sql: str
    lookups: tuple[Lookup, ...]


Source = Callable[[int, Lookup, str], exp.Expr]
"""The relation with columns `VALUE` and `MASK` that an engine puts a look-up into: its number and alias."""


def parted(sql: str, dialect: str, source: Source, kinds: frozenset[type[exp.Expr]] = frozenset()) -> Parted:
    """`sql` with every call of ours replaced by a join with what `source` gives, built of `kinds`. Raises ENGINE_FAILED
    for a call where none may stand."""
    if KEYED not in sql.lower():
        return Parted(sql, ())
    tree = exp.Subquery(this=parsed(sql, dialect))
    found: dict[Lookup, int] = {}
    for select in list(tree.find_all(exp.Select)):
        calls = list(_calls(select))
        if not calls:
            continue
        aliases: dict[Lookup, str] = {}
        used, plain = _used(select), select.copy()
        for output, call in calls:
            if used is not None and output not in used:
                call.replace(exp.cast(exp.Null(), exp.DType.INT if _name(call) == _SHIFT else exp.DType.TEXT))
                continue
            lookup = _lookup(call, plain, dialect)
            if lookup not in aliases:
                number = found.setdefault(lookup, len(found))
                aliases[lookup] = f"{KEYED}{number}"
                _join(select, source(number, lookup, aliases[lookup]), aliases[lookup], call, dialect)
            call.replace(_looked_up(call.expressions[0], aliases[lookup], lookup))
    return Parted(said(tree.this, dialect, kinds=kinds), tuple(found))


def _name(call: exp.Anonymous) -> str:
    return str(call.this).lower()


def _calls(select: exp.Select) -> Iterator[tuple[str, exp.Anonymous]]:
    """The calls of ours among a SELECT's own outputs, each with the name of its output. Raises ENGINE_FAILED for one
    elsewhere in the SELECT, and for any in a SELECT that is more than a filtered table."""
    outputs: list[tuple[str, exp.Anonymous]] = []
    for clause, given in select.args.items():
        if clause == "with_":
            continue
        for part in given if isinstance(given, list) else [given]:
            if not isinstance(part, exp.Expr):
                continue
            within = list(_own(part))
            if within and clause != "expressions":
                raise YurtError(ENGINE_FAILED)
            outputs += [(part.alias_or_name, call) for call in within]
    if not outputs:
        return
    if {name for name, given in select.args.items() if given} - _GOVERNED:
        raise YurtError(ENGINE_FAILED)
    table = select.args["from_"].this if select.args.get("from_") else None
    if not isinstance(table, (exp.Table, exp.Values)) or not table.alias or table.args.get("joins"):
        raise YurtError(ENGINE_FAILED)
    for output, call in outputs:
        value, *constants = call.expressions or [exp.Null()]
        columns = list(value.find_all(exp.Column))
        if (
            _name(call) not in BY_VALUE | {MASKED_TEXT}
            or not columns
            or any(column.table != table.alias for column in columns)
            or value.find(exp.Select, exp.Anonymous, exp.AggFunc, exp.Window)
            or not all(isinstance(each, exp.Literal) for each in constants)
        ):
            raise YurtError(ENGINE_FAILED)
        yield output, call


def _own(node: exp.Expr) -> Iterator[exp.Anonymous]:
    """Calls of ours in an expression, its subqueries left out."""
    if isinstance(node, (exp.Select, exp.SetOperation)):
        return
    if isinstance(node, exp.Anonymous) and _name(node).startswith(KEYED):
        yield node
        return
    for child in node.iter_expressions():
        yield from _own(child)


def _used(select: exp.Select) -> frozenset[str] | None:
    """The names that the SELECT around a subquery speaks of; None where it may use every output."""
    around = select.parent
    if not isinstance(around, exp.Subquery) or not isinstance(around.parent, (exp.From, exp.Join)):
        return None
    outer = around.parent.parent
    if not isinstance(outer, exp.Select):
        return None
    stars = [star for star in outer.find_all(exp.Star) if not isinstance(star.parent, exp.Count)]
    if any(star.find_ancestor(exp.Select) is outer for star in stars):
        return None
    inner = {id(node) for node in select.walk()}
    return frozenset(column.name for column in outer.find_all(exp.Column) if id(column) not in inner)


def _key(value: exp.Expr, dialect: str) -> exp.Expr:
    """The value as text that is equal to another where all its characters are."""
    text = value.copy() if isinstance(value, exp.Cast) else exp.cast(value.copy(), exp.DType.TEXT)
    return collated(text) if dialect == POSTGRES else text


def _lookup(call: exp.Anonymous, plain: exp.Select, dialect: str) -> Lookup:
    """The look-up of a call in a SELECT, `plain` before anything was joined to it."""
    value, *constants = call.expressions
    values = exp.Select(expressions=[exp.alias_(_key(value, dialect), VALUE, quoted=True)], distinct=exp.Distinct())
    for clause in ("from_", "where"):
        given = plain.args.get(clause)
        values.set(clause, given.copy() if given is not None else None)
    values = values.where(exp.Not(this=exp.Is(this=value.copy(), expression=exp.Null())), copy=False)
    values = values.limit(MOST_VALUES + 1, copy=False)
    if _name(call) == MASKED_TEXT:
        name, arguments = (each.name for each in constants)
        mask = OPERATORS[name].sql(exp.column(VALUE), json.loads(arguments))
    else:
        mask = exp.Anonymous(this=_name(call), expressions=[exp.column(VALUE), *(each.copy() for each in constants)])
    return Lookup(said(values, dialect), mask.sql("duckdb"), _name(call) == _SHIFT)


def _join(select: exp.Select, source: exp.Expr, alias: str, call: exp.Anonymous, dialect: str) -> None:
    same = exp.EQ(this=exp.column(VALUE, alias, quoted=True), expression=_key(call.expressions[0], dialect))
    select.append("joins", exp.Join(this=source, side="LEFT", on=same))


def _looked_up(value: exp.Expr, alias: str, lookup: Lookup) -> exp.Expr:
    """NULL for NULL; what is not found is hidden."""
    mask: exp.Expr = exp.column(MASK, alias, quoted=True)
    if lookup.whole:
        return mask
    hidden = exp.Coalesce(this=mask, expressions=[exp.Literal.string(MASKED)])
    missing = exp.Is(this=value.copy(), expression=exp.Null())
    return exp.Case(ifs=[exp.If(this=missing, true=exp.cast(exp.Null(), exp.DType.TEXT))], default=hidden)


class Masks:
    """Masks values in a process of DuckDB's that holds keys and no data."""

    def __init__(self, processes: Processes) -> None:
        self._engine = DuckDBEngine(Tables(), processes=processes)

    def of(self, lookup: Lookup, values: pa.Array, timeout_s: float, stop: Stop | None = None) -> pa.Table:
        """Columns `VALUE` and `MASK`. Raises MASK_VALUES_TOO_MANY and ENGINE_… errors."""
        checked(len(values), values.nbytes)
        limits = Limits(timeout_s, MOST_VALUES, MASKING_BYTES)
        sql = f'SELECT "{VALUE}", {lookup.call} AS "{MASK}" FROM given'  # noqa: S608  put together from trees
        with self._engine.stream(sql, limits, stop, pa.table({VALUE: values})) as rows:
            return pa.Table.from_batches(list(rows), rows.schema)


def checked(values: int, size: int) -> None:
    """Raises MASK_VALUES_TOO_MANY for more values, or bytes of them, than are looked up."""
    if values > MOST_VALUES or size > MOST_BYTES:
        raise YurtError(MASK_VALUES_TOO_MANY, most=MOST_VALUES)
