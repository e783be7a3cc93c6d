"""Really asking the engine under a policy that is not granted yet: how many groups of each column it would answer."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlglot import exp

from audit import EventName
from catalog.datasets import Dataset
from gateway.answer import Answer, answer
from gateway.duckdb import DuckDBEngine
from gateway.engine import Limits, Tables
from gateway.offline import schema_of
from policies.decision import Allowed, Decision
from policies.history import History
from policies.model import Policy
from portal.context import Platform

DIALECT = "duckdb"


@dataclass(frozen=True, slots=True)
class Preview:
    """Per column {column, groups, withheld}, and how many people the dataset is about."""

    groups: list[dict[str, Any]]
    people: int


def preview(
    platform: Platform,
    actor: str,
    policy: Policy,
    described: Sequence[Dataset],
    asked: Dataset,
    columns: Mapping[str, Sequence[Any]],
    *,
    subject: str,
) -> Preview:
    """Count the groups of every column that may be grouped by, as the project would see them.

    Each question takes the whole way of a query, its record included; what is answered stays here but for the counts.
    A column whose question would be refused (by the release mode, say) shows no groups.
    """
    files = {found.id: platform.data / found.current.file for found in described}

    def record(sql: str, decision: Decision) -> None:
        platform.audit.append(
            EventName.QUERY_DECIDED,
            actor=actor,
            subject=subject,
            sql=hashlib.sha256(sql.encode()).hexdigest(),
            outcome="allow" if isinstance(decision, Allowed) else decision.code,
            preview=True,
        )

    with DuckDBEngine(Tables(files=files)) as engine:
        schema = schema_of(engine, policy)
        groups = []
        for name, capabilities in columns.items():
            if not any(_use(capability) == "group" for capability in capabilities):
                continue
            asked_sql = _groups_of(asked.id, name, capabilities)
            result = answer(asked_sql, policy, schema, engine, History(), record=record)
            if isinstance(result, Answer):
                shown, withheld = result.table.num_rows, result.suppressed
                groups.append({"column": name, "groups": shown + withheld, "withheld": withheld})
        counted = engine.execute(_people_of(asked.id, asked.unit), Limits())
    return Preview(groups, int(counted.column(0)[0].as_py()))


def _groups_of(table: str, column: str, capabilities: Sequence[Any]) -> str:
    """How many rows each value of the column has, at the granularity that is asked for."""
    key = _at_grain(exp.column(column, quoted=True), capabilities)
    counted = exp.Count(this=exp.Star()).as_("n")
    return exp.select(key.as_("k"), counted).from_(_named(table)).group_by(key.copy()).sql(DIALECT)


def _people_of(table: str, unit: str) -> str:
    """The number of distinct people, which the catalogue does not keep; asked outside any policy, for the steward."""
    distinct = exp.Distinct(expressions=[exp.column(unit, quoted=True)])
    return exp.select(exp.Count(this=distinct).as_("people")).from_(_named(table)).sql(DIALECT)


def _named(table: str) -> exp.Table:
    return exp.Table(this=exp.to_identifier(table, quoted=True))


def _at_grain(column: Any, capabilities: Sequence[Any]) -> Any:
    grain = next((one["group"] for one in capabilities if isinstance(one, Mapping) and "group" in one), None)
    if grain is None or "group" in capabilities:
        return column
    try:
        width = exp.Literal.number(str(Decimal(str(grain))))
    except InvalidOperation:
        return exp.func("DATE_TRUNC", exp.Literal.string(str(grain)), column, dialect=DIALECT)
    return exp.Mul(this=exp.Floor(this=exp.Div(this=column, expression=width)), expression=width.copy())


def _use(capability: Any) -> str:
    return str(next(iter(capability))) if isinstance(capability, Mapping) else str(capability)
