"""One ledger: exact, append-only, always in balance."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, update

from scheduler.ledger import (
    AccountRow,
    Entry,
    LedgerRow,
    Measure,
    accounts,
    append,
    balance,
    check_balance,
    measure,
    read,
)
from store.database import Database
from store.errors import YurtError

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
amounts = st.integers(0, 10**15)
entries = st.lists(
    st.builds(
        Entry,
        st.uuids().map(str),
        st.tuples(st.sampled_from("AB"), st.sampled_from("xy"), st.sampled_from("12")),
        st.just(NOW),
        st.just(NOW),
        st.builds(Measure, amounts, amounts, amounts, amounts),
    ),
    max_size=12,
)


@given(entries)
def test_the_sum_of_entries_is_the_sum_by_tenant_is_the_total(given_entries: list[Entry]) -> None:
    sums = accounts(given_entries)
    check_balance(sums)
    total = Measure()
    for entry in given_entries:
        total = total.plus(entry.measure)
    for depth in range(4):
        level = Measure()
        for node, amount in sums.items():
            level = level.plus(amount) if len(node) == depth else level
        assert level == total


def entry(job_id: str, user: str, wall_ms: int) -> Entry:
    return Entry(job_id, ("150100", "心血管", user), NOW, NOW, Measure(wall_ms, 2, 3, 4))


def test_what_is_appended_is_read_and_balances(database: Database) -> None:
    made = [entry("j1", "a", 10), entry("j2", "a", 20), entry("j3", "b", 30)]
    with database.session() as session:
        for one in made:
            append(session, one)
    with database.reading() as session:
        assert read(session) == made
        sums = balance(session)
    assert sums[()] == Measure(60, 6, 9, 12)
    assert sums["150100", "心血管", "a"] == Measure(30, 4, 6, 8)


@pytest.mark.parametrize(
    "tampering",
    [
        update(LedgerRow).where(LedgerRow.job_id == "j1").values(cpu_ms=1),
        delete(LedgerRow).where(LedgerRow.job_id == "j2"),
        update(AccountRow).where(AccountRow.path == "").values(wall_ms=0),
        delete(AccountRow).where(AccountRow.path == "150100"),
    ],
)
def test_an_entry_or_account_changed_behind_its_back_is_noticed(database: Database, tampering: object) -> None:
    with database.session() as session:
        append(session, entry("j1", "a", 10))
        append(session, entry("j2", "b", 10))
    with database.session() as session:
        session.execute(tampering)  # type: ignore[call-overload]
    with database.reading() as session, pytest.raises(YurtError, match="LEDGER_UNBALANCED"):
        balance(session)


def test_an_entry_is_never_changed_or_removed(database: Database) -> None:
    with database.session() as session:
        append(session, entry("j1", "a", 10))
    with pytest.raises(YurtError, match="may not change"), database.session() as session:
        session.get_one(LedgerRow, "j1").wall_ms = 1
    with pytest.raises(YurtError, match="may not change"), database.session() as session:
        session.delete(session.get_one(LedgerRow, "j1"))
    with database.reading() as session:
        assert balance(session)[()].wall_ms == 10


def test_measurements_become_whole_thousandths() -> None:
    assert measure(wall_s=1.5, cpu_s=0.1234, peak_memory_bytes=2**20 + 1, gpus=2) == Measure(1500, 123, 3000, 3000)
