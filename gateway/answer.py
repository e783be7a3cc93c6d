"""The whole way of one query: decide, record, compute, release. One place, so that nothing can go round it.

Rows that a policy lets out as they are may leave batch by batch, while the engine still works. Statistics may not:
which of them is withheld depends on all of them (complementary suppression), so the whole answer is looked at first.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from gateway.differencing import examine
from gateway.dp_account import Accountant
from gateway.dp_answer import answer_privately
from gateway.dp_sticky import Sticky
from gateway.engine import Engine, Limits, Rows, Stop
from gateway.errors import AUDIT_UNAVAILABLE, TOO_MANY_ROWS
from gateway.probing import ProbeMemory, Prober
from gateway.release import nothing_left, release
from policies.decide import NOBODY, decide
from policies.decision import Allowed, Decision, Footprint, OutputColumn, Refused, ReleasePlan
from policies.dp_plan import PrivatePlan
from policies.errors import DIFFERENCING, DP_BUDGET_EXHAUSTED
from policies.history import History
from policies.model import Mode, Policy
from policies.schema import Schema
from store.errors import ErrorCode, YurtError

WHOLE_BYTES = 64 << 20
"""The most that is held at once to be looked at as a whole."""
STREAM_BYTES = 8 << 30
"""The most that leaves batch by batch."""
HELD_BYTES = 1 << 20
"""What a streamed answer is held back until, so that a short one is told from a failed one before anything leaves."""


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
    half_widths: Mapping[str, float] = field(default_factory=dict)  # of noisy columns, at 95 %
    notes: tuple[str, ...] = ()  # what else to know about the numbers


@dataclass(frozen=True, slots=True)
class Guard:
    """Another engine for the guard's own questions, and what stands for its data."""

    engine: Engine
    version: str


@dataclass(frozen=True, slots=True)
class Streaming:
    """Rows that leave while the engine works. Iterate `rows` once (raises YurtError) and close it."""

    rows: Rows
    footprint: tuple[Footprint, ...]
    lineage: tuple[OutputColumn, ...]
    elapsed: Elapsed


@dataclass(frozen=True, slots=True)
class Failed:
    """The query is wrong or hit a limit; fixed texts only."""

    code: str
    message: str
    hint: str
    http: int = 400
    elapsed: Elapsed = field(default_factory=Elapsed)

    @classmethod
    def because(cls, error: YurtError | ErrorCode, elapsed: Elapsed | None = None) -> "Failed":
        """A failure from an error or its code."""
        code = error.name if isinstance(error, ErrorCode) else error.code
        return cls(code, error.message, error.hint, error.http, elapsed or Elapsed())


Recorder = Callable[[str, Decision], None]
"""Called with the SQL and the decision before anything runs; if it raises, nothing runs."""

_LEFT_OUT = (
    "Groups inside the query may be withheld for standing for fewer than {minimum} people or beside such a group. They"
    " are missing in what is computed from the others: totals, shares, ranks, and zeros that stand for nothing found."
)
"""Said of every answer of that shape, whether anything is missing or not."""
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
    accountant: Accountant | None = None,
    memory: ProbeMemory | None = None,
) -> Answer | Refused | Failed:
    """Answer `sql` for a project. Never raises for anything in `sql`. Without an `accountant` nothing is answered that
    would cost a privacy budget. `memory`: what probes found, of this engine's data alone, which must not change."""
    started = time.perf_counter()
    decision = decide(sql, policy, schema, dialect=dialect, user=user, history=history)
    decided = time.perf_counter()
    if record is not None:
        try:
            record(sql, decision)
        except Exception:  # noqa: BLE001 -- whatever keeps the record from being written also keeps the query from running
            return Failed.because(AUDIT_UNAVAILABLE)
    if isinstance(decision, Refused):
        return decision
    return whole(decision, engine, history, decided - started, accountant=accountant, memory=memory)


def may_stream(plan: ReleasePlan) -> bool:
    """Does nothing in the answer depend on the rest of it."""
    looked_at = plan.guards or plan.pairs or plan.audits or plan.crowds or plan.withheld or plan.nested
    return plan.mode is Mode.ROWS and not looked_at


def stream(
    decision: Allowed, engine: Engine, deciding_s: float, stop: Stop, longest_s: float
) -> Answer | Streaming | Failed:
    """Compute rows that may leave as they are: an Answer where they are few. See `may_stream`."""
    started = time.perf_counter()
    plan = decision.release
    limits = Limits(min(plan.timeout_s, longest_s), plan.max_rows + 1, STREAM_BYTES)

    def elapsed() -> Elapsed:
        return Elapsed(deciding_s * 1000, (time.perf_counter() - started) * 1000)

    rows: Rows | None = None
    try:
        rows = engine.stream_allowed(decision, limits, stop)
        checked = _within(rows, plan.max_rows)
        held, size = [], 0
        for batch in checked:
            held.append(batch)
            size += batch.nbytes
            if size > HELD_BYTES:
                passed = Rows(rows.schema, _then(held, checked), rows.close)
                return Streaming(passed, decision.footprint, decision.lineage, elapsed())
        table = pa.Table.from_batches(held, rows.schema)
    except YurtError as error:
        if rows is not None:
            rows.close()
        return Failed.because(error, elapsed())
    except BaseException:
        if rows is not None:
            rows.close()
        raise
    rows.close()
    return Answer(table, 0, History(), decision.footprint, decision.lineage, elapsed())


def _within(rows: Rows, most: int) -> Iterator[Any]:
    """Raises TOO_MANY_ROWS before the batch that holds a row too many."""
    count = 0
    for batch in rows:
        count += batch.num_rows
        if count > most:
            raise YurtError(TOO_MANY_ROWS)
        yield batch


def _then(first: list[Any], rest: Iterator[Any]) -> Iterator[Any]:
    while first:
        yield first.pop(0)
    yield from rest


def whole(
    decision: Allowed,
    engine: Engine,
    history: History,
    deciding_s: float = 0.0,
    stop: Stop | None = None,
    longest_s: float = float("inf"),
    accountant: Accountant | None = None,
    memory: ProbeMemory | None = None,
    version: str = "",
    sticky: Sticky | None = None,
    guard: Guard | None = None,
) -> Answer | Refused | Failed:
    """Compute an answer and look at all of it before anything leaves.

    `memory`: what probes found over the data that `version` stands for; `sticky`: what was released with noise;
    `guard`: what is asked about earlier answers, where it is not the same engine.
    """
    started = time.perf_counter()
    plan = decision.release
    if plan.private is not None:
        return _private(decision, plan.private, engine, history, accountant, deciding_s, longest_s, sticky)
    limits = Limits(min(plan.timeout_s, longest_s), plan.max_rows + 1, WHOLE_BYTES)
    asked = guard or Guard(engine, version)
    prober = Prober(asked.engine, limits, stop, memory, asked.version)
    try:
        examined = examine(decision, prober.ask)
        if isinstance(examined, Refused):
            return examined
        table = engine.execute_allowed(decision, limits, stop)
        executed = time.perf_counter()
        released = release(table, plan, examined.withheld)
        if examined.withheld and not plan.uncounted and nothing_left(table, released.table):
            return Refused.because(DIFFERENCING)
    except YurtError as error:
        return Failed.because(error, Elapsed(deciding_s * 1000, (time.perf_counter() - started) * 1000))
    elapsed = Elapsed(deciding_s * 1000, (executed - started) * 1000, (time.perf_counter() - executed) * 1000)
    remembered = history.with_answer(examined.footprints)
    told = (_LEFT_OUT.format(minimum=plan.min_group),) if plan.nested else ()
    return Answer(
        released.table, released.suppressed, remembered, examined.footprints, decision.lineage, elapsed, notes=told
    )


def _private(
    decision: Allowed,
    plan: PrivatePlan,
    engine: Engine,
    history: History,
    accountant: Accountant | None,
    deciding_s: float,
    longest_s: float,
    sticky: Sticky | None,
) -> Answer | Refused | Failed:
    """With noise. The differencing guard has no part in it: the budget bounds what all answers tell together."""
    started = time.perf_counter()
    limits = decision.release

    def elapsed() -> Elapsed:
        return Elapsed(deciding_s * 1000, (time.perf_counter() - started) * 1000)

    try:
        found = answer_privately(plan, engine, accountant, min(limits.timeout_s, longest_s), limits.max_rows, sticky)
    except YurtError as error:
        if error.code == DP_BUDGET_EXHAUSTED.name:
            return Refused(error.code, error.message, error.hint)
        return Failed.because(error, elapsed())
    return Answer(found.table, None, history, (), decision.lineage, elapsed(), found.half_widths, found.notes)
