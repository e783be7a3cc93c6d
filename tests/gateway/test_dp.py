"""Differential privacy end to end: bounded contributions on real rows, noise, budgets that survive a crash."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

import portal.models  # noqa: F401  declares every table
from catalog.agencies import Agency
from catalog.datasets import Dataset
from catalog.people import Person
from gateway.answer import Answer, Failed, answer
from gateway.dp_account import ChargeState, MemoryAccountant, PrivacyCharge, RecordedAccountant
from gateway.dp_release import noisy
from gateway.engine import Engine, Limits, Rows, Stop
from gateway.errors import ENGINE_FAILED, ENGINE_TIMEOUT, ENGINE_UNAVAILABLE
from policies.decide import decide
from policies.decision import Allowed, Refused
from policies.dp_plan import Budget, PrivatePlan
from policies.history import History
from policies.load import load_policy
from policies.model import Policy
from policies.requests import create_project
from policies.schema import Schema
from store.database import Database
from store.errors import ErrorCode, YurtError

TERMS = "epsilon: 4.0, delta: 1e-6, epsilon_per_query: 0.5, max_groups_contributed: 2, bounds: {pay: [0, 100]}"
POLICY = """
project: study
release: {{mode: dp, {terms}}}
datasets:
  people:
    unit: who
    joins: [people.who]
    columns: {{who: [count, join], town: [group, filter], pay: [aggregate], ill: [filter, group]}}
"""
SCHEMA = Schema.from_mapping({"people": {"who": "VARCHAR", "town": "VARCHAR", "pay": "DOUBLE", "ill": "BOOLEAN"}})
QUERIES = (
    "SELECT town, count(*) AS n, sum(pay) AS s, avg(pay) AS a, stddev(pay) AS d FROM people GROUP BY town",
    "SELECT count(*) FILTER (WHERE ill) AS n, sum(CASE WHEN ill THEN pay ELSE -1 END) AS s FROM people",
    "SELECT a.town, count(DISTINCT a.who) AS n, sum(b.pay) AS s FROM people a LEFT JOIN people b ON a.who = b.who "
    "GROUP BY a.town",
    "SELECT town, count(*) AS n FROM people p WHERE NOT EXISTS (SELECT 1 FROM people q WHERE q.who = p.who AND ill) "
    "GROUP BY town",
)
Row = tuple[str | None, str | None, float | None, bool | None]
people = st.lists(
    st.tuples(
        st.sampled_from(["u", "v", "w", None]),
        st.sampled_from(["a", "b", "c", "d", None]),
        st.sampled_from([None, -1e300, -5.0, 0.0, 1.5, 40.0, 99.999, 1e6, 1e300, float("inf"), float("nan")]),
        st.sampled_from([True, False, None]),
    ),
    max_size=25,
)


def policy(terms: str = TERMS) -> Policy:
    return load_policy(POLICY.format(terms=terms))


def plan_of(sql: str, under: Policy | None = None) -> PrivatePlan:
    decision = decide(sql, under or policy(), SCHEMA)
    assert isinstance(decision, Allowed), decision
    assert decision.release.private is not None
    return decision.release.private


class Connection(Engine):
    """DuckDB in this process over rows of the tests' own; `broken` is raised instead of the first answer."""

    def __init__(self, rows: list[Row], broken: ErrorCode | None = None) -> None:
        self.connection, self.broken = duckdb.connect(), broken
        self.connection.execute("CREATE TABLE people(who VARCHAR, town VARCHAR, pay DOUBLE, ill BOOLEAN)")
        if rows:
            self.connection.executemany("INSERT INTO people VALUES (?, ?, ?, ?)", rows)

    def stream(self, sql: str, limits: Limits, stop: Stop | None = None) -> Rows:
        if self.broken is not None:
            broken, self.broken = self.broken, None
            raise YurtError(broken)
        try:
            table = self.connection.sql(sql).to_arrow_table()
        except duckdb.Error:
            raise YurtError(ENGINE_FAILED) from None
        return Rows(table.schema, table.to_batches())

    def close(self) -> None:
        self.connection.close()


def exact(plan: PrivatePlan, rows: list[Row]) -> list[dict[Any, list[int]]]:
    """Per release: group -> exact bounded measures."""
    engine = Connection(rows)
    found = []
    for release in plan.releases:
        table = engine.execute(release.sql, Limits())
        count = len(release.keys)
        found.append(
            {row[:count]: list(row[count:]) for row in zip(*(c.to_pylist() for c in table.columns), strict=True)}
        )
    engine.close()
    return found


PLANS = [plan_of(sql) for sql in QUERIES] + [plan_of(QUERIES[0], policy(TERMS + ", max_rows_contributed: 3"))]


@settings(max_examples=120, deadline=None)
@given(people, st.sampled_from(["u", "v", "w"]), st.sampled_from(range(len(PLANS))))
def test_one_unit_changes_no_measure_by_more_than_its_noise_is_for(rows: list[Row], gone: str, which: int) -> None:
    plan = PLANS[which]
    with_unit, without = exact(plan, rows), exact(plan, [row for row in rows if row[0] != gone])
    for release, one, other in zip(plan.releases, with_unit, without, strict=True):
        changed = {key for key in one.keys() | other.keys() if one.get(key) != other.get(key)}
        assert len(changed) <= release.groups
        for place, measure in enumerate(release.measures):
            for key in changed:
                zero = [0] * len(release.measures)
                assert abs(one.get(key, zero)[place] - other.get(key, zero)[place]) <= measure.most


def test_a_unit_in_every_group_and_one_with_a_million_stay_within_bounds() -> None:
    plan = plan_of(QUERIES[0])
    everywhere: list[Row] = [("u", f"t{number}", 1e6, None) for number in range(500)]
    (groups,) = exact(plan, everywhere * 3)
    assert len(groups) == 2
    most = [measure.most for measure in plan.releases[0].measures]
    assert all(abs(value) <= bound for values in groups.values() for value, bound in zip(values, most, strict=True))


def crowd(size: int) -> list[Row]:
    return [(f"p{number}", "ab"[number % 2], float(number % 100), number % 3 == 0) for number in range(size)]


def asked(sql: str, engine: Engine, accountant: MemoryAccountant | RecordedAccountant | None, under: Policy) -> Any:
    return answer(sql, under, SCHEMA, engine, History(), accountant=accountant)


def test_noise_is_there_and_of_the_size_its_error_bar_says() -> None:
    plan, engine = plan_of("SELECT count(*) AS n FROM people"), Connection(crowd(1000))
    table = engine.execute(plan.releases[0].sql, Limits())
    drawn = [noisy(plan.releases[0], table) for _ in range(2000)]
    values = [each.rows[0][0] for each in drawn]
    width = drawn[0].widths[0]
    assert width is not None
    assert len(set(values)) > 10  # noise of scale 2 takes more than ten values in two thousand draws
    assert abs(sum(values) / len(values) - 1000) < 1
    assert 0.85 < sum(abs(value - 1000) <= width for value in values) / len(values) <= 1


@pytest.mark.parametrize("terms", [TERMS, TERMS + ", domains: {town: [a]}"])
def test_a_table_drawn_in_several_parts_keeps_each_row_with_its_key_and_draws_for_each(terms: str) -> None:
    (release,) = plan_of("SELECT town, count(*) AS n, sum(pay) AS s FROM people GROUP BY town", policy(terms)).releases
    size, step = 20_000, 1000  # far apart beside the noise
    names = [f"{number:06}" for number in range(size)]
    exactly = [pa.array([step * (number + 1) for number in range(size)]) for _ in release.measures]
    columns = [*release.keys, *(measure.column for measure in release.measures)]
    drawn = noisy(release, pa.table(dict(zip(columns, [pa.array(names), *exactly], strict=True))))
    assert [row[0] for row in drawn.rows] == names
    off = [row[1] - step * (number + 1) for number, row in enumerate(drawn.rows)]
    assert max(map(abs, off)) < step / 2
    for quarter in range(4):
        assert len(set(off[quarter * size // 4 : (quarter + 1) * size // 4])) > 10


def test_the_noisy_answer_follows_the_query_and_says_how_wrong_it_is() -> None:
    engine = Connection(crowd(4000))
    given_ = asked(
        "SELECT town, count(*) AS n, round(avg(pay)) AS a FROM people GROUP BY town HAVING count(*) > 10 "
        "ORDER BY n LIMIT 1", engine, MemoryAccountant(), policy(),
    )  # fmt: skip
    assert isinstance(given_, Answer)
    ((town, number, _),) = zip(*(column.to_pylist() for column in given_.table.columns), strict=True)
    assert town in ("a", "b")
    assert abs(number - 2000) < 1000
    assert given_.suppressed is None
    assert set(given_.half_widths) == {"n"}
    assert given_.table.schema.field("n").metadata == {b"yurt:half_width_95": repr(given_.half_widths["n"]).encode()}


def test_a_small_group_does_not_appear_and_a_public_one_does() -> None:
    rows = [*crowd(2000), ("lonely", "z", 1.0, True)]
    sql = "SELECT town, count(*) AS n FROM people GROUP BY town"
    private = asked(sql, Connection(rows), MemoryAccountant(), policy())
    assert private.table.column("town").to_pylist() == ["a", "b"]
    public = policy(TERMS + ", domains: {town: [a, q, z]}")
    shown = asked(sql, Connection(rows), MemoryAccountant(), public)
    assert shown.table.column("town").to_pylist() == ["a", "q", "z"]


def test_groups_may_be_computed_from_columns() -> None:
    engine = Connection(crowd(1000))
    sql = "SELECT CAST(ill AS INTEGER) + 1 AS k, k * 10 AS t, count(*) FROM people GROUP BY k HAVING k > 0 ORDER BY k"
    got = asked(sql, engine, MemoryAccountant(), policy())
    assert isinstance(got, Answer), got
    assert [row["k"] for row in got.table.to_pylist()] == [1, 2]
    assert [row["t"] for row in got.table.to_pylist()] == [10, 20]
    engine.close()


def test_exact_sums_do_not_leave() -> None:
    engine, sql = Connection(crowd(3000)), "SELECT sum(pay) AS s, avg(pay) AS a FROM people"
    answers = [asked(sql, engine, MemoryAccountant(), policy()) for _ in range(20)]
    assert len({each.table.column("s")[0].as_py() for each in answers}) > 15
    assert len({each.table.column("a")[0].as_py() for each in answers}) > 15


def test_the_budget_ends_and_nothing_is_answered_without_an_accountant() -> None:
    engine, accountant = Connection(crowd(100)), MemoryAccountant()
    sql = "SELECT count(*) FROM people"
    outcomes = [asked(sql, engine, accountant, policy()) for _ in range(9)]
    assert all(isinstance(each, Answer) for each in outcomes[:8])
    assert isinstance(outcomes[8], Refused)
    assert outcomes[8].code == "DP_BUDGET_EXHAUSTED"
    without = asked(sql, engine, None, policy())
    assert isinstance(without, Failed)
    assert without.code == "BUDGET_UNAVAILABLE"


@pytest.mark.parametrize(
    ("broken", "left"),
    [(ENGINE_UNAVAILABLE, 4.0), (ENGINE_TIMEOUT, 3.5), (ENGINE_FAILED, 3.5)],
    ids=lambda each: getattr(each, "name", str(each)),
)
def test_only_a_failure_that_tells_nothing_is_refunded(broken: ErrorCode, left: float) -> None:
    accountant, under = MemoryAccountant(), policy()
    outcome = asked("SELECT count(*) FROM people", Connection(crowd(10), broken), accountant, under)
    assert isinstance(outcome, Failed)
    assert accountant.left("people", Budget(4.0, 1e-6)) == left


def test_a_query_the_engine_does_not_understand_costs_nothing() -> None:
    accountant, under = MemoryAccountant(), policy()
    engine = Connection(crowd(10))
    engine.connection.execute("ALTER TABLE people RENAME COLUMN town TO city")
    outcome = asked("SELECT count(*) FROM people WHERE town = 'a'", engine, accountant, under)
    assert isinstance(outcome, Failed)
    assert accountant.left("people", Budget(4.0, 1e-6)) == 4.0


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/records.sqlite")
    database.migrate()
    with database.session() as session:
        session.add(Agency(id="stats", name="", name_en="", division="15", parent_id=None))
        session.flush()
        session.add(Person(username="researcher", name="", agency_id="stats", password_hash=""))
        session.flush()
        create_project(session, "study", "", "counting", "researcher")
        texts = dict.fromkeys(("title", "title_en", "description", "source"), "")
        session.add(
            Dataset(id="people", agency_id="stats", unit="who", state="published", created_by="researcher", **texts)
        )
    yield database
    database.close()


def test_a_reservation_that_a_crash_left_stays_spent(database: Database, tmp_path: Path) -> None:
    plan = plan_of("SELECT count(*) FROM people")
    RecordedAccountant(database, "study", "researcher").reserve(plan)
    database.close()  # the process ends here: nothing was settled
    again = Database(f"sqlite:///{tmp_path}/records.sqlite")
    try:
        assert RecordedAccountant(again, "study", "researcher").left("people", plan.budgets[0]) == 3.5
    finally:
        again.close()


def test_concurrent_reservations_never_exceed_the_budget(database: Database) -> None:
    plan = plan_of("SELECT count(*) FROM people")
    taken: list[str] = []

    def take() -> None:
        for _ in range(3):
            try:
                RecordedAccountant(database, "study", "researcher").reserve(plan)
                taken.append("taken")
            except YurtError as error:
                taken.append(error.code)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == ["DP_BUDGET_EXHAUSTED"] * 4 + ["taken"] * 8


def test_a_refund_is_given_once_and_never_after_an_answer(database: Database) -> None:
    plan = plan_of("SELECT count(*) FROM people")
    accountant = RecordedAccountant(database, "study", "researcher")
    back, kept = accountant.reserve(plan), accountant.reserve(plan)
    accountant.settle(back, ChargeState.REFUNDED)
    accountant.settle(kept, ChargeState.SPENT)
    accountant.settle(kept, ChargeState.REFUNDED)
    assert accountant.left("people", plan.budgets[0]) == 3.5
    with database.reading() as session:
        assert sorted(session.scalars(select(PrivacyCharge.state))) == [
            "refunded",
            "spent",
        ]


def test_a_tighter_budget_refuses_what_a_wider_one_allowed(database: Database) -> None:
    plan = plan_of("SELECT count(*) FROM people")
    accountant = RecordedAccountant(database, "study", "researcher")
    for _ in range(3):
        accountant.reserve(plan)
    tighter = replace(plan, budgets=tuple(replace(each, epsilon=1.5) for each in plan.budgets))
    with pytest.raises(YurtError) as refused:
        accountant.reserve(tighter)
    assert refused.value.code == "DP_BUDGET_EXHAUSTED"
    accountant.reserve(plan)


def test_an_empty_noisy_table_keeps_its_columns() -> None:
    found = asked("SELECT town, count(*) AS n FROM people GROUP BY town", Connection([]), MemoryAccountant(), policy())
    assert isinstance(found, Answer)
    assert found.table.num_rows == 0
    assert found.table.schema.types == [pa.string(), pa.int64()]
