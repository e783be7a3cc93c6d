"""The whole way of one query: decide, record, compute, release. One place, so that nothing can go round it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.engine import Engine, Limits
from gateway.errors import AUDIT_UNAVAILABLE
from gateway.release import release
from policies.decide import NOBODY, decide
from policies.decision import Allowed, Decision, Footprint, OutputColumn, Refused
from policies.errors import DIFFERENCING
from policies.history import History
from policies.model import Policy
from policies.schema import Schema
from store.errors import YurtError


@dataclass(frozen=True, slots=True)
class Elapsed:
    """Milliseconds spent."""

    decide: float = 0.0
    execute: float = 0.0
    release: float = 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What leaves. `history` is what the project must remember from now on."""

    table: Any  # pyarrow.Table
    suppressed: int | None
    history: History
    footprint: tuple[Footprint, ...]
    lineage: tuple[OutputColumn, ...]
    elapsed: Elapsed


@dataclass(frozen=True, slots=True)
class Failed:
    """The query is wrong or hit a limit; fixed texts only."""

    code: str
    message: str
    hint: str
    elapsed: Elapsed = field(default_factory=Elapsed)


Recorder = Callable[[str, Decision], None]
"""Called with the SQL and the decision before anything runs; if it raises, nothing runs."""

WRONG_SQL = frozenset({"SQL_INVALID"})
"""Refusals that mean the text is no SQL, rather than that the policy says no."""


def answer(
    sql: str,
    policy: Policy,
    schema: Schema,
    engine: Engine,
    history: History,
    user: Mapping[str, object] = NOBODY,
    *,
    record: Recorder | None = None,
    dialect: str = "duckdb",
) -> Answer | Refused | Failed:
    """Answer `sql` for a project. Never raises for anything in `sql`."""
    started = time.perf_counter()
    decision = decide(sql, policy, schema, dialect=dialect, user=user, history=history)
    decided = time.perf_counter()
    if record is not None:
        try:
            record(sql, decision)
        except Exception:  # noqa: BLE001 -- whatever keeps the record from being written also keeps the query from running
            return Failed(AUDIT_UNAVAILABLE.name, AUDIT_UNAVAILABLE.message, AUDIT_UNAVAILABLE.hint)
    if isinstance(decision, Refused):
        return decision
    return _run(decision, engine, history, decided - started)


def _run(decision: Allowed, engine: Engine, history: History, deciding: float) -> Answer | Refused | Failed:
    started = time.perf_counter()
    plan = decision.release
    limits = Limits(plan.timeout_s, plan.max_rows + 1)
    try:
        violations: list[tuple[tuple[int, ...], tuple[object, ...]]] = []
        for probe in plan.probes:
            found = engine.execute(probe.sql, limits)
            if found.num_rows and not probe.keys:
                return Refused.because(DIFFERENCING)
            violations += [(probe.keys, tuple(row.values())) for row in found.to_pylist()]
        table = engine.execute(decision.sql, limits)
        executed = time.perf_counter()
        released = release(table, plan, violations)
    except YurtError as error:
        elapsed = Elapsed(deciding * 1000, (time.perf_counter() - started) * 1000)
        return Failed(error.code, error.message, error.hint, elapsed)
    elapsed = Elapsed(deciding * 1000, (executed - started) * 1000, (time.perf_counter() - executed) * 1000)
    remembered = history.with_answer(decision.footprint)
    return Answer(released.table, released.suppressed, remembered, decision.footprint, decision.lineage, elapsed)
