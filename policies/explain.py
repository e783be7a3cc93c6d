"""A decision as plain data, for people and for other programs: one line of `yurt policy check`, and EXPLAIN POLICY.

Neither touches data. What is shown is the asker's own: his grants, his attributes, names of tables and columns.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from policies.decision import Allowed, Decision, OutputColumn, Refused
from policies.model import DatasetPolicy, Policy

_PREFIX = re.compile(r"\s*EXPLAIN\s+POLICY\s+(?=\S)", re.IGNORECASE)


def asked_about(sql: str) -> str | None:
    """The query in `EXPLAIN POLICY query`; None for any other text."""
    found = _PREFIX.match(sql)
    return sql[found.end() :] if found else None


def decision_line(decision: Decision) -> dict[str, Any]:
    """The fields of `yurt policy check`; lineage is output -> [[dataset.column, how], …]."""
    if isinstance(decision, Allowed):
        return {
            "outcome": "allow", "code": None, "message": None, "hint": None, "span": None,
            "sql": decision.sql, "lineage": {output.name: _lineage(output) for output in decision.lineage},
        }  # fmt: skip
    hint = decision.hint if decision.suggestion is None else f"{decision.hint} This would pass: {decision.suggestion}"
    return {
        "outcome": "refuse", "code": decision.code, "message": decision.message, "hint": hint,
        "span": list(decision.span) if decision.span else None, "sql": None, "lineage": None,
    }  # fmt: skip


def _lineage(output: OutputColumn) -> list[list[str]]:
    sources = dict.fromkeys((*output.sources, *output.influences))
    return [[f"{source.dataset}.{source.column}", source.how] for source in sources]


def explained(
    decision: Decision, policy: Policy | None = None, grants: Mapping[str, int] | None = None, sql: str = ""
) -> dict[str, Any]:
    """Everything about a decision: EXPLAIN POLICY. `grants`: dataset -> number of the grant behind its terms; `sql`:
    the query, from which the words that are marked are quoted."""
    numbers = grants or {}
    if isinstance(decision, Refused):
        return _refused(decision, numbers, sql)
    plan = decision.release
    return {
        "outcome": "allow",
        "sql": decision.sql,
        "columns": list(decision.columns),
        "lineage": {output.name: _lineage(output) for output in decision.lineage},
        "release": {
            "mode": plan.mode,
            "min_group": plan.min_group,
            "max_rows": plan.max_rows,
            "timeout_s": plan.timeout_s,
            "withholds": _withholds(decision),
            "compared_with_earlier_answers": bool(plan.pairs or plan.audits or plan.crowds or plan.withheld),
        },
        "tables": [_table(policy.datasets[name], decision, numbers) for name in decision.tables] if policy else [],
        "privacy": _privacy(decision),
    }


def _refused(decision: Refused, grants: Mapping[str, int], sql: str) -> dict[str, Any]:
    dataset = (decision.rule or "").partition(".")[0].lower()
    marked = sql[slice(*decision.span)] if decision.span and sql else None
    return {
        "outcome": "refuse",
        "code": decision.code,
        "message": decision.message,
        "hint": decision.hint,
        "span": list(decision.span) if decision.span else None,
        "words": marked,
        "rule": decision.rule,
        "grant": grants.get(dataset),
        "suggestion": decision.suggestion,
    }


_RULES = {
    "least": "withheld where fewer than {bound} people stand behind it",
    "apart": "withheld where it differs from another value of the answer by 1 to {most} people",
    "dominance": "withheld where one or two contributors hold too much of it",
}


def _withholds(decision: Allowed) -> list[dict[str, Any]]:
    """What the release guard looks at, by column of the answer; None: the whole row."""
    found: dict[tuple[str, tuple[int, ...] | None], dict[str, Any]] = {}
    for guard in decision.release.guards:
        outputs = None if guard.outputs is None else [decision.columns[place] for place in guard.outputs]
        rule = _RULES[guard.kind].format(bound=guard.bound, most=guard.bound - 1)
        found.setdefault((rule, guard.outputs), {"columns": outputs, "rule": rule})
    if decision.release.nested:
        rule = "groups inside the query are withheld before it computes on"
        found[("nested", None)] = {"columns": None, "rule": rule}
    return list(found.values())


def _table(dataset: DatasetPolicy, decision: Allowed, grants: Mapping[str, int]) -> dict[str, Any]:
    """A table the query reads: its grant and unit, and the terms of each column it depends on."""
    used = {
        source.column.lower()
        for output in decision.lineage
        for source in (*output.sources, *output.influences)
        if source.dataset == dataset.name
    }
    columns = [column for key, column in dataset.columns.items() if key in used]
    return {
        "name": dataset.name,
        "grant": grants.get(dataset.name.lower()),
        "unit": dataset.unit,
        "row_filter": dataset.rows is not None,
        "columns": {column.name: column.described() for column in columns},
        "masks": {column.name: column.mask.operator for column in columns if column.mask is not None},
    }


def _privacy(decision: Allowed) -> dict[str, Any] | None:
    """What a noisy answer would cost, and what its reader must know."""
    plan = decision.release.private
    if plan is None:
        return None
    return {"datasets": list(plan.datasets), "cost": asdict(plan.cost), "notes": list(plan.notes)}


def as_rows(explanation: Mapping[str, Any]) -> list[tuple[str, str]]:
    """An explanation as (part, text) lines, for a table."""
    lines: list[tuple[str, str]] = []

    def put(part: str, value: Any) -> None:
        if value is None or value == [] or value == {}:
            return
        if isinstance(value, Mapping):
            for name, inner in value.items():
                put(f"{part}.{name}", inner)
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            for place, inner in enumerate(value, 1):
                put(f"{part}.{inner.get('name', place)}", {k: v for k, v in inner.items() if k != "name"})
        elif isinstance(value, list) and value and isinstance(value[0], list):
            lines.append((part, ", ".join(f"{name} ({how})" for name, how in value)))
        else:
            lines.append((part, ", ".join(map(str, value)) if isinstance(value, list) else str(value)))

    for part, value in explanation.items():
        put(part, value)
    return lines
