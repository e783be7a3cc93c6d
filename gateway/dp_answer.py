"""One differentially private answer: reserve, compute exactly, make noisy, finish over the noisy numbers alone."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
from sqlalchemy.exc import SQLAlchemyError
from sqlglot import exp
from sqlglot.errors import SqlglotError

from gateway.dp_account import REFUNDABLE, Accountant, ChargeState, Reservation
from gateway.dp_release import Noisy, noisy
from gateway.dp_sticky import Remembered, Sticky
from gateway.engine import Engine, Limits
from gateway.errors import BUDGET_UNAVAILABLE, ENGINE_FAILED, NOISE_FAILED, TOO_MANY_ROWS
from policies.dialects import parsed, said
from policies.dp_plan import Charge, PrivatePlan, Release
from store.errors import YurtError

MOST_GROUPS = 200_000
"""Rows of an exact table; a query with more fails, and its reservation stays spent, since that tells about the data."""
WIDTH_FIELD = b"yurt:half_width_95"


@dataclass(frozen=True, slots=True)
class PrivateAnswer:
    """What leaves, with the 95 % half-width of each noisy column whose error is known; it is in the metadata too."""

    table: Any  # pyarrow.Table
    half_widths: dict[str, float]
    notes: tuple[str, ...]


def answer_privately(
    plan: PrivatePlan,
    engine: Engine,
    accountant: Accountant | None,
    timeout_s: float,
    max_rows: int,
    sticky: Sticky | None = None,
) -> PrivateAnswer:
    """Answer `plan`. Raises DP_BUDGET_EXHAUSTED and BUDGET_UNAVAILABLE before anything ran, else ENGINE_… errors,
    NOISE_FAILED and TOO_MANY_ROWS. What `sticky` remembers is not computed, drawn or paid for again."""
    if accountant is None:
        raise YurtError(BUDGET_UNAVAILABLE)
    known = [sticky.get(release) if sticky is not None else None for release in plan.releases]
    new = [release for release, found in zip(plan.releases, known, strict=True) if found is None]
    made = iter(_released(new, plan, engine, accountant, timeout_s, sticky) if new else ())
    released = [found if found is not None else next(made) for found in known]
    finished = engine.execute(_finish(plan, released), Limits(timeout_s, max_rows + 1))
    if finished.num_rows > max_rows:
        raise YurtError(TOO_MANY_ROWS)
    widths = _widths(plan, released, finished.schema.names)
    return PrivateAnswer(_described(finished, widths), widths, plan.notes)


def _released(
    new: Sequence[Release],
    plan: PrivatePlan,
    engine: Engine,
    accountant: Accountant,
    timeout_s: float,
    sticky: Sticky | None,
) -> list[Remembered]:
    """Releases nobody was given yet: reserved, computed, paid for, made noisy."""
    wanted = replace(plan, cost=sum((release.cost for release in new), Charge()))
    try:
        reservation = accountant.reserve(wanted)
    except SQLAlchemyError:
        raise YurtError(BUDGET_UNAVAILABLE) from None
    tables = [_computed(each, plan, engine, accountant, reservation, timeout_s) for each in new]
    _settled(accountant, reservation, ChargeState.SPENT)
    made = [Remembered(_noisy(release, table), table.schema) for release, table in zip(new, tables, strict=True)]
    for release, each in zip(new, made, strict=True):
        if sticky is not None:
            sticky.put(release, each)
    return made


def _computed(
    release: Release,
    plan: PrivatePlan,
    engine: Engine,
    accountant: Accountant,
    reservation: Reservation,
    timeout_s: float,
) -> Any:
    """The exact table. A failure that tells nothing about the data gives the reservation back."""
    try:
        table = engine.execute(release.sql, Limits(timeout_s, MOST_GROUPS + 1))
    except YurtError as error:
        unrunnable = error.code == ENGINE_FAILED.name and not _binds(release.sql, plan.dialect, engine, timeout_s)
        _settled(
            accountant,
            reservation,
            ChargeState.REFUNDED if unrunnable or error.code in REFUNDABLE else ChargeState.SPENT,
        )
        raise
    if table.num_rows > MOST_GROUPS:
        _settled(accountant, reservation, ChargeState.SPENT)
        raise YurtError(TOO_MANY_ROWS)
    return table


def _binds(sql: str, dialect: str, engine: Engine, timeout_s: float) -> bool:
    """Does the engine understand the query at all: asked for no row, it looks at names and types only."""
    try:
        inner = parsed(sql, dialect)
        probe = exp.Select(expressions=[exp.Star()]).from_(exp.Subquery(this=inner, alias=exp.TableAlias(this="q")))
        engine.execute(said(probe.limit(0), dialect), Limits(timeout_s, 1))
    except (YurtError, SqlglotError):
        return False
    return True


def _settled(accountant: Accountant, reservation: Reservation, state: ChargeState) -> None:
    try:
        accountant.settle(reservation, state)
    except SQLAlchemyError:
        raise YurtError(BUDGET_UNAVAILABLE) from None


def _noisy(release: Release, table: Any) -> Noisy:
    from opendp.mod import OpenDPException

    try:
        return noisy(release, table)
    except OpenDPException:
        raise YurtError(NOISE_FAILED) from None


def _finish(plan: PrivatePlan, released: Sequence[Remembered]) -> str:
    """The finish with every noisy table written into it."""
    tree = parsed(plan.finish, plan.dialect)
    made = [
        exp.CTE(
            this=_written(release, each.found, each.schema),
            alias=exp.TableAlias(this=exp.to_identifier(release.table, quoted=True)),
        )
        for release, each in zip(plan.releases, released, strict=True)
    ]
    before = tree.args.get("with_")
    tree.set("with_", exp.With(expressions=[*made, *(before.expressions if before else [])]))
    return said(tree, plan.dialect)


def _written(release: Release, found: Noisy, schema: Any) -> exp.Expr:
    """A noisy table as SQL: a constant of a declared type in each cell."""
    names = [*release.keys, *(estimate.column for estimate in release.estimates)]
    types = [_type(schema.field(place).type) for place in range(len(release.keys))]
    types += [exp.DataType.build("BIGINT" if estimate.whole else "DOUBLE") for estimate in release.estimates]
    rows: list[tuple[Any, ...]] = found.rows
    if not names:  # a query of constants over groups
        names, types, rows = ["k0"], [exp.DataType.build("BIGINT")], [(None,) for _ in rows]
    cells = rows or [tuple(None for _ in names)]
    values = exp.Values(
        expressions=[
            exp.Tuple(expressions=[_cell(value, type_) for value, type_ in zip(row, types, strict=True)])
            for row in cells
        ],
        alias=exp.TableAlias(
            this=exp.to_identifier("v", quoted=True), columns=[exp.to_identifier(name, quoted=True) for name in names]
        ),
    )
    made = exp.Select(expressions=[exp.column(name, table="v", quoted=True) for name in names]).from_(values)
    return made if rows else made.where(exp.Boolean(this=False))


def _cell(value: Any, type_: exp.DataType) -> exp.Expr:
    """By its text, which every engine reads back as the same value, infinities included."""
    if value is None:
        return exp.Cast(this=exp.Null(), to=type_.copy())
    text = value.isoformat(" ") if hasattr(value, "hour") else str(value)
    return exp.Cast(this=exp.Literal.string(text), to=type_.copy())


def _type(arrow: Any) -> exp.DataType:
    """The SQL type of a key."""
    if pa.types.is_boolean(arrow):
        return exp.DataType.build("BOOLEAN")
    if pa.types.is_integer(arrow):
        return exp.DataType.build("BIGINT")
    if pa.types.is_decimal(arrow):
        return exp.DataType.build(f"DECIMAL({arrow.precision}, {arrow.scale})")
    if pa.types.is_floating(arrow):
        return exp.DataType.build("DOUBLE")
    if pa.types.is_date(arrow):
        return exp.DataType.build("DATE")
    if pa.types.is_timestamp(arrow):
        return exp.DataType.build("TIMESTAMP")
    return exp.DataType.build("TEXT")


def _widths(plan: PrivatePlan, released: Sequence[Remembered], names: Sequence[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for output in plan.outputs:
        width = released[output.release].found.widths[output.estimate]
        if width is not None:
            found[names[output.place]] = width
    return found


def _described(table: Any, widths: dict[str, float]) -> Any:
    """The table with each half-width in the metadata of its column."""
    fields = [
        field.with_metadata({WIDTH_FIELD: repr(widths[field.name]).encode()}) if field.name in widths else field
        for field in table.schema
    ]
    return table.cast(pa.schema(fields))
