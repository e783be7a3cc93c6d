"""A decision as plain data, for people and for other programs."""

from dataclasses import asdict
from typing import Any

from policies.decision import Allowed, Decision


def decision_line(decision: Decision) -> dict[str, Any]:
    """The fields of `yurt policy check`; lineage is output -> [[dataset.column, how], …]."""
    if isinstance(decision, Allowed):
        lineage = {
            output.name: [[f"{source.dataset}.{source.column}", source.how] for source in output.sources]
            for output in decision.lineage
        }
        return {
            "outcome": "allow", "code": None, "message": None, "hint": None, "span": None,
            "sql": decision.sql, "lineage": lineage,
        }  # fmt: skip
    hint = decision.hint if decision.suggestion is None else f"{decision.hint} This would pass: {decision.suggestion}"
    return {
        "outcome": "refuse", "code": decision.code, "message": decision.message, "hint": hint,
        "span": list(decision.span) if decision.span else None, "sql": None, "lineage": None,
    }  # fmt: skip


def explained(decision: Decision) -> dict[str, Any]:
    """Everything about a decision: EXPLAIN POLICY."""
    return {"outcome": "allow" if isinstance(decision, Allowed) else "refuse", **asdict(decision)}
