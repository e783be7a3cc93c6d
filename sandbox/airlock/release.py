"""Release requests on the records: each step is one state change and one audit record, the record first.

Every function takes an open `Session` (one transaction) and an `audit` hook called before the change; when the hook
raises, nothing changes. A state changes by compare-and-set, so of two people who act at once only one succeeds.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from audit.events import EventName
from sandbox.airlock import review as reviews
from sandbox.airlock.errors import (
    RELEASE_BYTES_CHANGED,
    RELEASE_CHANGED,
    RELEASE_EMPTY,
    RELEASE_NOT_ALLOWED,
    RELEASE_UNKNOWN,
)
from sandbox.airlock.inspect import inspect
from sandbox.airlock.manifest import FileEntry, ReleaseManifest
from sandbox.airlock.models import ReleaseRow, ReviewRow
from sandbox.airlock.review import Decision, Person, Review
from sandbox.airlock.vault import Vault
from sandbox.airlock.verdict import Inspection, Verdict
from sandbox.airlock.workflow import EVENT, Command, Role, State, next_state
from store.errors import YurtError

# (event, release id, facts without data values)
Audit = Callable[[EventName, str, dict[str, Any]], None]


def create(session: Session, audit: Audit, manifest: ReleaseManifest, now: datetime) -> str:
    """Open a request for files that lie in the vault; returns its id."""
    if not manifest.files:
        raise YurtError(RELEASE_EMPTY)
    release = secrets.token_hex(16)
    audit(EventName.RELEASE_CREATED, release, {"manifest": manifest.digest(), "project": manifest.project})
    session.add(
        ReleaseRow(
            id=release,
            digest=manifest.digest(),
            manifest=asdict(manifest),
            findings=[],
            author=manifest.author,
            project=manifest.project,
            state=State.CREATED,
            created_at=now,
            changed_at=now,
        )
    )
    session.flush()
    return release


def inspect_files(vault: Vault, files: Sequence[FileEntry], name_model: str = "") -> list[Inspection]:
    """Inspect files of the vault, in order. Takes about a second each: call it outside any transaction."""
    results = []
    for entry in files:
        with vault.open(entry.digest) as path:
            results.append(inspect(path, name=entry.name, name_model=name_model))
    return results


def record_inspection(
    session: Session, audit: Audit, release: str, results: Sequence[Inspection], now: datetime
) -> None:
    """Take the inspections of exactly this request's files. One blocked file blocks the request.

    Raises RELEASE_BYTES_CHANGED where a result is about other bytes.
    """
    row = _get(session, release)
    if [result.digest for result in results] != [entry.digest for entry in _manifest(row).files]:
        raise YurtError(RELEASE_BYTES_CHANGED)
    blocked = any(result.verdict is Verdict.BLOCK for result in results)
    row.findings = [
        {"file": str(number), "code": finding.code, "where": finding.where}
        for number, result in enumerate(results, start=1)
        for finding in result.findings
    ]
    facts = {"verdicts": [result.verdict.value for result in results]}
    _move(session, audit, row, Role.INSPECTOR, Command.BLOCK if blocked else Command.ACCEPT, now, facts)


def submit(session: Session, audit: Audit, release: str, author: str, now: datetime) -> None:
    """The author hands an inspected request to the reviewers."""
    _move(session, audit, _own(session, release, author, Command.SUBMIT), Role.AUTHOR, Command.SUBMIT, now)


def withdraw(session: Session, audit: Audit, release: str, author: str, now: datetime) -> None:
    """The author takes the request back, at any time before the release."""
    _move(session, audit, _own(session, release, author, Command.WITHDRAW), Role.AUTHOR, Command.WITHDRAW, now)


def review(session: Session, audit: Audit, release: str, given: Review) -> State:
    """Take one review; the last one needed decides. Returns the state after it."""
    row = _get(session, release)
    _demand(row, Role.REVIEWER, Command.REVIEW)
    if given.manifest != row.digest:
        raise YurtError(RELEASE_BYTES_CHANGED)
    manifest = _manifest(row)
    earlier = stored_reviews(session, release)
    involved = {manifest.author, manifest.recipient, *manifest.involved}
    if refusal := reviews.why_not(given.reviewer, involved, manifest.grade, row.digest, earlier):
        raise YurtError(refusal)
    # The review itself stays blind in the record until all are in: who and that, not what.
    facts = {"reviewer": given.reviewer.id, "manifest": given.manifest}
    _move(session, audit, row, Role.REVIEWER, Command.REVIEW, given.at, facts)
    session.add(
        ReviewRow(
            release_id=release,
            manifest=given.manifest,
            reviewer=given.reviewer.id,
            agency=given.reviewer.agency,
            decision=given.decision,
            note=given.note[:500],
            at=given.at,
        )
    )
    session.flush()
    result = reviews.outcome(row.digest, [*earlier, given])
    if result is None:
        return State.IN_REVIEW
    command = Command.APPROVE if result is Decision.APPROVE else Command.REJECT
    decided = {"reviews": [[r.reviewer.id, r.decision.value] for r in [*earlier, given]], "manifest": row.digest}
    return _move(session, audit, row, Role.PANEL, command, given.at, decided)


def mark_released(
    session: Session, audit: Audit, vault: Vault, release: str, officer: Person, now: datetime
) -> tuple[FileEntry, ...]:
    """Hand out an approved request; the bytes are verified against the approved digest once more."""
    row = _get(session, release)
    manifest = _manifest(row)
    approved = reviews.outcome(row.digest, stored_reviews(session, release)) is Decision.APPROVE
    if manifest.digest() != row.digest or (row.state == State.APPROVED and not approved):
        raise YurtError(RELEASE_BYTES_CHANGED)
    for entry in manifest.files:
        with vault.open(entry.digest):
            pass  # opening verifies
    _move(session, audit, row, Role.OFFICER, Command.RELEASE, now, {"officer": officer.id, "manifest": row.digest})
    return manifest.files


def stop(session: Session, audit: Audit, release: str, officer: Person, now: datetime) -> None:
    """The officer refuses to hand out an approved request."""
    _move(session, audit, _get(session, release), Role.OFFICER, Command.REJECT, now, {"officer": officer.id})


def stored_reviews(session: Session, release: str) -> list[Review]:
    """All reviews of a request, oldest first. Show them to people only through `review.visible`."""
    rows = session.scalars(select(ReviewRow).where(ReviewRow.release_id == release).order_by(ReviewRow.id))
    return [Review(Person(r.reviewer, r.agency), Decision(r.decision), r.manifest, r.at, r.note) for r in rows]


def visible_reviews(session: Session, release: str, viewer: str) -> Sequence[Review]:
    """What this person may see of the reviews."""
    return reviews.visible(_get(session, release).digest, stored_reviews(session, release), viewer)


def _get(session: Session, release: str) -> ReleaseRow:
    row = session.get(ReleaseRow, release, populate_existing=True)
    if row is None:
        raise YurtError(RELEASE_UNKNOWN)
    return row


def _own(session: Session, release: str, author: str, command: Command) -> ReleaseRow:
    row = _get(session, release)
    if row.author != author:
        raise YurtError(RELEASE_NOT_ALLOWED, role="stranger", command=command, state=row.state)
    return row


def _manifest(row: ReleaseRow) -> ReleaseManifest:
    fields = dict(row.manifest)
    fields["files"] = tuple(FileEntry(**entry) for entry in fields["files"])
    fields["involved"] = tuple(fields["involved"])
    return ReleaseManifest(**fields)


def _demand(row: ReleaseRow, role: Role, command: Command) -> State:
    after = next_state(State(row.state), role, command)
    if after is None:
        raise YurtError(RELEASE_NOT_ALLOWED, role=role, command=command, state=row.state)
    return after


def _move(
    session: Session, audit: Audit, row: ReleaseRow, role: Role, command: Command, now: datetime,
    facts: dict[str, Any] | None = None,
) -> State:  # fmt: skip
    """Record, then compare-and-set on the state that was read. Raises RELEASE_NOT_ALLOWED, RELEASE_CHANGED."""
    before, after = State(row.state), _demand(row, role, command)
    audit(EVENT[command], row.id, {"from": before.value, "to": after.value, **(facts or {})})
    session.flush()
    changed = session.execute(
        update(ReleaseRow)
        .where(ReleaseRow.id == row.id, ReleaseRow.state == before, ReleaseRow.changed_at == row.changed_at)
        .values(state=after, changed_at=now)
        .execution_options(synchronize_session=False)
    )
    if changed.rowcount != 1:  # type: ignore[attr-defined]
        raise YurtError(RELEASE_CHANGED)
    session.refresh(row)
    return after
