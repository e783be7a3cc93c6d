"""Nearest queries that might pass. Only guesses: `decide` offers one after checking it."""

from collections.abc import Iterator
from itertools import chain

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from policies.check import MAX_CHARACTERS
from policies.decision import Refused
from policies.grain import Bucket, DateUnit
from policies.model import DatasetPolicy, Mode, Policy, Use
from policies.schema import Schema

_SILENT = {
    "SQL_INVALID",
    "SQL_TOO_LARGE",
    "SQL_TOO_DEEP",
    "STATEMENT_NOT_ALLOWED",
    "TABLE_UNKNOWN",
    "COLUMN_UNKNOWN",
    "HISTORY_FULL",
}
"""Refusals that say nothing about what exists."""


def candidates(sql: str, refused: Refused, policy: Policy, schema: Schema, dialect: str) -> Iterator[str]:
    """Queries near `sql`, nearest first."""
    if refused.code in _SILENT or len(sql) > MAX_CHARACTERS:
        return
    try:
        tree = sqlglot.parse_one(sql, dialect=dialect)
    except (SqlglotError, RecursionError):
        return
    if not isinstance(tree, exp.Select):
        return
    dataset = _only_table(tree, policy)
    near = (_by_person(tree, policy), _coarser(tree, dataset), _columns_dropped(tree, dataset, refused))
    for candidate in chain(*near, _grouped(tree, dataset)):
        text = candidate.sql(dialect=dialect)
        if text != sql:
            yield text


def _by_person(tree: exp.Select, policy: Policy) -> Iterator[exp.Expr]:
    """A list of people, with a statistic of each, as the statistics of all of them: how many people have which count,
    or the mean of another statistic."""
    group = tree.args.get("group")
    datasets = [policy.datasets.get(table.name.lower()) for table in tree.find_all(exp.Table)]
    units = {each.unit.lower() for each in datasets if each is not None and each.unit}
    listed = group.expressions if group is not None else tree.expressions if tree.args.get("distinct") else []
    unit = next((each for each in listed if isinstance(each, exp.Column) and each.name.lower() in units), None)
    if unit is None or tree.args.get("with_") or tree.args.get("qualify"):
        return
    calls = [each for each in tree.expressions if each.find(exp.AggFunc) and not each.find(exp.Window, exp.Query)]
    people = tree.copy()
    for name in ("order", "limit", "offset", "distinct"):
        people.set(name, None)
    people.set("group", exp.Group(expressions=[unit.copy()]))
    named = [(each.alias or f"statistic{place}", each) for place, each in enumerate(calls)]
    inner = [exp.alias_(each.unalias().copy(), name) for name, each in named]
    people.set("expressions", [unit.copy(), *inner])
    total = exp.alias_(exp.Count(this=exp.Star()), "people")
    for name, each in named:
        key = exp.column(name)
        if each.unalias().unnest().key in ("count", "countif"):
            yield exp.select(key, total).from_(people.subquery("person")).group_by(key).order_by(key)
        else:
            yield exp.select(exp.alias_(exp.Avg(this=key), name), total).from_(people.subquery("person"))
    yield exp.select(total).from_(people.subquery("person"))


def _only_table(tree: exp.Select, policy: Policy) -> DatasetPolicy | None:
    names = {table.name.lower() for table in tree.find_all(exp.Table)}
    if len(names) != 1:
        return None
    return policy.datasets.get(names.pop())


def _coarser(tree: exp.Select, dataset: DatasetPolicy | None) -> Iterator[exp.Expr]:
    """Group keys and outputs at the permitted granularity."""
    if dataset is None:
        return
    keys = {column.name.lower() for group in tree.find_all(exp.Group) for column in group.find_all(exp.Column)}
    changed = False
    made = tree.copy()
    for each in [*made.expressions, *(made.args["group"].expressions if made.args.get("group") else [])]:
        inner = each.this if isinstance(each, exp.Alias) else each
        columns = list(inner.find_all(exp.Column))
        if len(columns) != 1 or inner.find(exp.AggFunc) or columns[0].name.lower() not in dataset.columns:
            continue
        held = [
            item
            for item in dataset.columns[columns[0].name.lower()].capabilities
            if item.use is Use.GROUP and item.grain
        ]
        if held and (columns[0].name.lower() in keys or tree.args.get("group") is not None):
            coarse = _at(columns[0], held[0].grain)
            if coarse is not None and inner != coarse:
                if each is inner and each.parent is made and not isinstance(each, exp.Alias):
                    inner.replace(exp.alias_(coarse, columns[0].name))
                else:
                    inner.replace(coarse)
                changed = True
    if changed:
        yield made


def _at(column: exp.Column, grain: object) -> exp.Expr | None:
    if isinstance(grain, DateUnit):
        return exp.TimestampTrunc(this=column.copy(), unit=exp.var(grain.value.upper()))
    if isinstance(grain, Bucket):
        width = exp.Literal.number(f"{grain.width:f}")
        return exp.Mul(this=exp.Floor(this=exp.Div(this=column.copy(), expression=width)), expression=width.copy())
    return None


def _columns_dropped(tree: exp.Select, dataset: DatasetPolicy | None, refused: Refused) -> Iterator[exp.Expr]:
    """Without the outputs that touch what may not be shown."""
    if dataset is None:
        return
    readable = (
        {name for name, column in dataset.columns.items() if column.readable}
        if dataset.release.mode is Mode.ROWS
        else set()
    )
    if any(each.find(exp.Star) and not each.find(exp.AggFunc) for each in tree.expressions) and readable:
        made = tree.copy()
        made.set(
            "expressions", [exp.column(dataset.columns[name].name) for name in dataset.columns if name in readable]
        )
        yield made
    usable = {name for name, column in dataset.columns.items() if column.usable}
    for allowed in (usable, readable):
        kept = [
            each
            for each in tree.expressions
            if all(column.name.lower() in allowed for column in each.find_all(exp.Column))
        ]
        if kept and len(kept) < len(tree.expressions):
            made = tree.copy()
            made.set("expressions", [each.copy() for each in kept])
            yield made
    if len(tree.expressions) > 1:
        for place in range(len(tree.expressions)):
            made = tree.copy()
            made.set("expressions", [each.copy() for spot, each in enumerate(tree.expressions) if spot != place])
            yield made


def _grouped(tree: exp.Select, dataset: DatasetPolicy | None) -> Iterator[exp.Expr]:
    """Counts by what may be grouped, instead of rows."""
    if dataset is None or any(tree.args.get(name) for name in ("group", "joins", "having", "qualify", "with_")):
        return
    asked = {column.name.lower() for column in tree.find_all(exp.Column) if not isinstance(column.this, exp.Star)}
    keys = [
        column.name
        for name, column in dataset.columns.items()
        if column.allows(Use.GROUP) and (name in asked or any(each.find(exp.Star) for each in tree.expressions))
    ]
    where = tree.args.get("where")
    for chosen in (keys[:2], keys[:1], []):
        for condition in (where, None):
            made = exp.Select(
                expressions=[*(exp.column(key) for key in chosen), exp.alias_(exp.Count(this=exp.Star()), "n")]
            )
            made = made.from_(exp.to_table(dataset.name), copy=False)
            if condition is not None:
                made.set("where", condition.copy())
            if chosen:
                made = made.group_by(*(exp.column(key) for key in chosen), copy=False)
            yield made
