"""Jobs in the records: approvals bind a digest, authors approve nothing, one of two who race wins."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from sqlalchemy import update

from scheduler import queue
from scheduler.states import TRANSITIONS, Event, State
from store.database import Database
from store.errors import YurtError
from tests.scheduler.jobs import manifest

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


def submitted(database: Database, needed: int = 1) -> str:
    with database.session() as session:
        return queue.submit(session, manifest(), now=NOW, approvals_needed=needed).digest


def approve(database: Database, digest: str, approver: str = "boss", agency: str = "150200") -> State:
    with database.session() as session:
        return queue.approve(session, "job-1", approver=approver, agency=agency, digest=digest, now=NOW)


def force(database: Database, **values: object) -> None:
    with database.session() as session:
        session.execute(update(queue.JobRow).values(**values))


def code_of(act: object, *arguments: object) -> str:
    with pytest.raises(YurtError) as raised:
        act(*arguments)  # type: ignore[operator]
    return raised.value.code


def test_a_job_comes_back_as_it_was_submitted(database: Database) -> None:
    digest = submitted(database)
    with database.reading() as session:
        row = queue.job(session, "job-1")
        assert (row.state, row.digest, row.submitted_at) == (State.SUBMITTED, digest, NOW)
        assert queue.manifest_of(row) == manifest()


def test_a_job_id_is_used_once(database: Database) -> None:
    submitted(database)
    assert code_of(submitted, database) == "JOB_EXISTS"


def test_an_approval_of_the_digest_approves(database: Database) -> None:
    assert approve(database, submitted(database)) is State.APPROVED


def test_an_approval_of_anything_else_does_not(database: Database) -> None:
    submitted(database)
    other = manifest(purpose="Something else.").digest()
    assert code_of(approve, database, other) == "JOB_DIGEST_MISMATCH"


def test_nobody_approves_their_own_job(database: Database) -> None:
    assert code_of(approve, database, submitted(database), "researcher") == "JOB_SELF_APPROVAL"


def test_two_approvals_come_from_two_people_of_two_agencies(database: Database) -> None:
    digest = submitted(database, needed=2)
    assert approve(database, digest, "one", "150200") is State.SUBMITTED
    assert code_of(approve, database, digest, "one", "150300") == "JOB_APPROVED_TWICE"
    assert code_of(approve, database, digest, "two", "150200") == "JOB_APPROVED_TWICE"
    assert approve(database, digest, "two", "150300") is State.APPROVED


def test_a_manifest_changed_in_the_records_is_noticed(database: Database) -> None:
    digest = submitted(database)
    force(database, manifest=manifest(purpose="Something else.").canonical().decode())
    assert code_of(approve, database, digest) == "JOB_DIGEST_MISMATCH"


def test_a_state_set_by_hand_is_no_approval(database: Database) -> None:
    submitted(database)
    force(database, state=State.QUEUED)
    with database.reading() as session:
        assert code_of(queue.check_approved, session, queue.job(session, "job-1")) == "JOB_DIGEST_MISMATCH"


def test_an_approval_does_not_outlive_a_change_of_manifest_and_digest(database: Database) -> None:
    approve(database, submitted(database))
    other = manifest(parameters={})
    force(database, manifest=other.canonical().decode(), digest=other.digest())
    with database.reading() as session:
        assert code_of(queue.check_approved, session, queue.job(session, "job-1")) == "JOB_DIGEST_MISMATCH"


@pytest.mark.parametrize(("state", "event"), list(product(State, Event)))
def test_a_job_moves_along_the_table_and_nowhere_else(database: Database, state: State, event: Event) -> None:
    submitted(database)
    force(database, state=state)
    with database.session() as session:
        if (state, event) in TRANSITIONS:
            assert queue.move(session, "job-1", event) is TRANSITIONS[state, event]
            assert queue.job(session, "job-1").state is TRANSITIONS[state, event]
        else:
            assert code_of(queue.move, session, "job-1", event) == "JOB_STATE_CONFLICT"


def test_of_many_who_start_a_job_at_once_one_wins(database: Database) -> None:
    submitted(database)
    force(database, state=State.QUEUED)

    def act(_: int) -> str:
        try:
            with database.session() as session:
                return queue.move(session, "job-1", Event.START)
        except YurtError as error:
            return error.code

    with ThreadPoolExecutor(16) as threads:
        results = list(threads.map(act, range(32)))
    assert sorted(results) == ["JOB_STATE_CONFLICT"] * 31 + ["running"]


def test_cancelling_ends_a_waiting_job_and_asks_a_running_one_to_stop(database: Database) -> None:
    submitted(database)
    later = NOW + timedelta(minutes=1)
    force(database, state=State.RUNNING)
    with database.session() as session:
        assert queue.cancel(session, "job-1", now=later) is State.CANCELLING
    force(database, state=State.QUEUED)
    with database.session() as session:
        assert queue.cancel(session, "job-1", now=later) is State.CANCELLED
        assert queue.job(session, "job-1").ended_at == later


def test_an_unknown_job_is_said_to_be_unknown(database: Database) -> None:
    with database.reading() as session:
        assert code_of(queue.job, session, "none") == "JOB_UNKNOWN"
