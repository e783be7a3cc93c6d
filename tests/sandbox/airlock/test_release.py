"""A release request on real records: inspection, blind independent reviews, release of exactly the approved bytes."""

import threading
from datetime import timedelta
from pathlib import Path

import pytest

from sandbox.airlock import release, tickets
from sandbox.airlock.manifest import FileEntry, ReleaseManifest
from sandbox.airlock.models import ReleaseRow, TicketRow
from sandbox.airlock.review import Decision, Person, Review
from sandbox.airlock.vault import Vault
from sandbox.airlock.workflow import State
from store.database import Database
from store.errors import YurtError
from tests.sandbox.airlock.conftest import NOW, Record

ANA, BAO, CUI = Person("ana", "health"), Person("bao", "health"), Person("cui", "finance")
OFFICER = Person("omar", "platform")


def manifest_of(*files: FileEntry, grade: int = 3) -> ReleaseManifest:
    return ReleaseManifest("p1", "author", ("operator",), grade, "a report", "recipient", files)


def deposit(vault: Vault, folder: Path, text: str, name: str = "metrics.csv") -> FileEntry:
    path = folder / name
    path.write_text(text)
    return vault.deposit(path)


@pytest.fixture
def good(vault: Vault, tmp_path: Path) -> FileEntry:
    return deposit(vault, tmp_path, "metric,value\nauc,0.91\n")


def in_review(database: Database, audit: Record, vault: Vault, manifest: ReleaseManifest) -> str:
    with database.session() as session:
        number = release.create(session, audit, manifest, NOW)
        release.record_inspection(session, audit, number, release.inspect_files(vault, manifest.files), NOW)
        release.submit(session, audit, number, "author", NOW)
    return number


def give(
    database: Database, audit: Record, number: str, person: Person, manifest: ReleaseManifest, decision: Decision
) -> State:
    with database.session() as session:
        return release.review(session, audit, number, Review(person, decision, manifest.digest(), NOW))


def approved(database: Database, audit: Record, vault: Vault, manifest: ReleaseManifest) -> str:
    number = in_review(database, audit, vault, manifest)
    assert give(database, audit, number, ANA, manifest, Decision.APPROVE) is State.IN_REVIEW
    assert give(database, audit, number, CUI, manifest, Decision.APPROVE) is State.APPROVED
    return number


def refusal(error: pytest.ExceptionInfo[YurtError]) -> str:
    return error.value.code


def test_two_reviewers_of_two_agencies_release_a_clean_file(
    database: Database, audit: Record, vault: Vault, good: FileEntry
) -> None:
    manifest = manifest_of(good)
    number = approved(database, audit, vault, manifest)
    with database.session() as session:
        assert release.mark_released(session, audit, vault, number, OFFICER, NOW) == (good,)
    assert [event for event, _, _ in audit.events] == [
        "release.created", "release.inspected", "release.submitted", "release.reviewed", "release.reviewed",
        "release.approved", "release.released",
    ]  # fmt: skip


def test_an_inspection_of_other_bytes_is_refused(
    database: Database, audit: Record, vault: Vault, good: FileEntry, tmp_path: Path
) -> None:
    other = deposit(vault, tmp_path, "metric,value\nauc,0.5\n")
    with database.session() as session:
        number = release.create(session, audit, manifest_of(good), NOW)
        with pytest.raises(YurtError) as error:
            release.record_inspection(session, audit, number, release.inspect_files(vault, [other]), NOW)
    assert refusal(error) == "RELEASE_BYTES_CHANGED"


def test_a_blocked_file_cannot_be_submitted(database: Database, audit: Record, vault: Vault, tmp_path: Path) -> None:
    small = deposit(vault, tmp_path, "county,count\na,120\nb,3\n")
    with database.session() as session:
        number = release.create(session, audit, manifest_of(small), NOW)
        release.record_inspection(session, audit, number, release.inspect_files(vault, [small]), NOW)
        row = session.get(ReleaseRow, number)
        assert row is not None
        assert row.state == State.BLOCKED
        assert row.findings == [{"file": "1", "code": "SMALL_CELL", "where": "row 2, column 2"}]
        with pytest.raises(YurtError) as error:
            release.submit(session, audit, number, "author", NOW)
    assert refusal(error) == "RELEASE_NOT_ALLOWED"


@pytest.mark.parametrize("person", ["author", "operator", "recipient"])
def test_nobody_involved_reviews(database: Database, audit: Record, vault: Vault, good: FileEntry, person: str) -> None:
    manifest = manifest_of(good)
    number = in_review(database, audit, vault, manifest)
    with pytest.raises(YurtError) as error:
        give(database, audit, number, Person(person, "finance"), manifest, Decision.APPROVE)
    assert refusal(error) == "REVIEWER_IS_AUTHOR"


def test_the_second_reviewer_is_of_another_agency(
    database: Database, audit: Record, vault: Vault, good: FileEntry
) -> None:
    manifest = manifest_of(good)
    number = in_review(database, audit, vault, manifest)
    give(database, audit, number, ANA, manifest, Decision.APPROVE)
    with pytest.raises(YurtError) as error:
        give(database, audit, number, BAO, manifest, Decision.APPROVE)
    assert refusal(error) == "REVIEWER_SAME_AGENCY"


def test_reviews_are_blind_until_both_are_in(database: Database, audit: Record, vault: Vault, good: FileEntry) -> None:
    manifest = manifest_of(good)
    number = in_review(database, audit, vault, manifest)
    give(database, audit, number, ANA, manifest, Decision.REJECT)
    with database.session() as session:
        assert release.visible_reviews(session, number, "cui") == []
    assert all("reject" not in str(facts) for _, _, facts in audit.events)
    assert give(database, audit, number, CUI, manifest, Decision.APPROVE) is State.REJECTED
    with database.session() as session:
        assert [r.decision for r in release.visible_reviews(session, number, "author")] == ["reject", "approve"]


def test_a_review_counts_for_one_digest_only(database: Database, audit: Record, vault: Vault, good: FileEntry) -> None:
    number = in_review(database, audit, vault, manifest_of(good))
    with pytest.raises(YurtError) as error:
        give(database, audit, number, ANA, manifest_of(good, grade=1), Decision.APPROVE)
    assert refusal(error) == "RELEASE_BYTES_CHANGED"


def test_a_manifest_edited_after_approval_is_not_released(
    database: Database, audit: Record, vault: Vault, good: FileEntry, tmp_path: Path
) -> None:
    number = approved(database, audit, vault, manifest_of(good))
    other = deposit(vault, tmp_path, "metric,value\nauc,0.5\n")
    with database.session() as session:
        row = session.get(ReleaseRow, number)
        assert row is not None
        row.manifest = row.manifest | {"files": [{"name": other.name, "digest": other.digest, "size": other.size}]}
    with database.session() as session, pytest.raises(YurtError) as error:
        release.mark_released(session, audit, vault, number, OFFICER, NOW)
    assert refusal(error) == "RELEASE_BYTES_CHANGED"


def test_a_vault_file_swapped_after_approval_is_not_released(
    database: Database, audit: Record, vault: Vault, good: FileEntry
) -> None:
    number = approved(database, audit, vault, manifest_of(good))
    with vault.open(good.digest) as place:
        pass
    place.chmod(0o600)
    place.write_text("metric,value\nauc,0.99\n")
    with database.session() as session, pytest.raises(YurtError) as error:
        release.mark_released(session, audit, vault, number, OFFICER, NOW)
    assert refusal(error) == "VAULT_DAMAGED"


def test_a_state_forced_to_approved_without_reviews_is_not_released(
    database: Database, audit: Record, vault: Vault, good: FileEntry
) -> None:
    number = in_review(database, audit, vault, manifest_of(good))
    with database.session() as session:
        row = session.get(ReleaseRow, number)
        assert row is not None
        row.state = State.APPROVED
    with database.session() as session, pytest.raises(YurtError) as error:
        release.mark_released(session, audit, vault, number, OFFICER, NOW)
    assert refusal(error) == "RELEASE_BYTES_CHANGED"


def test_no_record_no_change(database: Database, audit: Record, vault: Vault, good: FileEntry) -> None:
    number = approved(database, audit, vault, manifest_of(good))
    audit.broken = True
    with pytest.raises(OSError), database.session() as session:
        release.mark_released(session, audit, vault, number, OFFICER, NOW)
    with database.session() as session:
        row = session.get(ReleaseRow, number)
        assert row is not None
        assert row.state == State.APPROVED


def test_only_the_author_withdraws(database: Database, audit: Record, vault: Vault, good: FileEntry) -> None:
    number = in_review(database, audit, vault, manifest_of(good))
    with database.session() as session:
        with pytest.raises(YurtError) as error:
            release.withdraw(session, audit, number, "stranger", NOW)
        release.withdraw(session, audit, number, "author", NOW)
    assert refusal(error) == "RELEASE_NOT_ALLOWED"


def test_of_many_officers_at_once_one_releases(
    database: Database, audit: Record, vault: Vault, good: FileEntry
) -> None:
    number = approved(database, audit, vault, manifest_of(good))
    assert race(8, lambda: _release(database, audit, vault, number)) == {"done": 1, "RELEASE_NOT_ALLOWED": 7}


def _release(database: Database, audit: Record, vault: Vault, number: str) -> None:
    with database.session() as session:
        release.mark_released(session, audit, vault, number, OFFICER, NOW)


def race(people: int, action) -> dict[str, int]:  # type: ignore[no-untyped-def]
    """Run one action from many threads at once; how often it ended how."""
    results: list[str] = []
    start = threading.Barrier(people)

    def act() -> None:
        start.wait()
        try:
            action()
            results.append("done")
        except YurtError as error:
            results.append(error.code)

    threads = [threading.Thread(target=act) for _ in range(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {result: results.count(result) for result in set(results)}


class TestTickets:
    @pytest.fixture
    def number(self, database: Database, audit: Record, vault: Vault, good: FileEntry) -> str:
        number = approved(database, audit, vault, manifest_of(good))
        _release(database, audit, vault, number)
        return number

    def test_a_ticket_is_redeemed_once_for_the_approved_files(
        self, database: Database, audit: Record, number: str, good: FileEntry
    ) -> None:
        with database.session() as session:
            secret = tickets.issue(session, audit, number, NOW)
        with database.session() as session:
            release_id, files = tickets.redeem(session, audit, secret, "recipient", NOW)
        assert release_id == number
        assert files == [{"name": good.name, "digest": good.digest, "size": good.size}]
        with database.session() as session, pytest.raises(YurtError) as error:
            tickets.redeem(session, audit, secret, "recipient", NOW)
        assert refusal(error) == "TICKET_SPENT"

    def test_of_many_redeemers_at_once_one_succeeds(self, database: Database, audit: Record, number: str) -> None:
        with database.session() as session:
            secret = tickets.issue(session, audit, number, NOW)

        def redeem() -> None:
            with database.session() as session:
                tickets.redeem(session, audit, secret, "recipient", NOW)

        assert race(12, redeem) == {"done": 1, "TICKET_SPENT": 11}

    def test_a_ticket_is_for_its_recipient_and_its_time(self, database: Database, audit: Record, number: str) -> None:
        with database.session() as session:
            secret = tickets.issue(session, audit, number, NOW, timedelta(minutes=5))
        refused = {}
        for who, when in (("another", NOW), ("recipient", NOW + timedelta(minutes=5))):
            with database.session() as session, pytest.raises(YurtError) as error:
                tickets.redeem(session, audit, secret, who, when)
            refused[who] = refusal(error)
        with database.session() as session, pytest.raises(YurtError) as error:
            tickets.redeem(session, audit, secret[:-1], "recipient", NOW)
        assert refused | {"guess": refusal(error)} == {
            "another": "TICKET_RECIPIENT", "recipient": "TICKET_EXPIRED", "guess": "TICKET_UNKNOWN",
        }  # fmt: skip
        with database.session() as session:  # refused attempts spent nothing
            tickets.redeem(session, audit, secret, "recipient", NOW)

    def test_only_a_hash_of_the_ticket_is_stored(self, database: Database, audit: Record, number: str) -> None:
        with database.session() as session:
            secret = tickets.issue(session, audit, number, NOW)
        with database.session() as session:
            row = session.query(TicketRow).one()
            assert secret not in str({c.name: getattr(row, c.name) for c in TicketRow.__table__.columns})
        assert all(secret not in str(facts) for _, _, facts in audit.events)

    def test_no_ticket_before_release(self, database: Database, audit: Record, vault: Vault, good: FileEntry) -> None:
        number = approved(database, audit, vault, manifest_of(good, grade=2))
        with database.session() as session, pytest.raises(YurtError) as error:
            tickets.issue(session, audit, number, NOW)
        assert refusal(error) == "RELEASE_NOT_ALLOWED"
