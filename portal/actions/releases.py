"""What leaves: outputs of finished jobs become release requests, people review them, tickets are spent.

A file the automatic checks block never enters a release; it stays listed beside it for author and reviewers to see.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import EventName
from catalog.datasets import dataset
from catalog.people import person
from portal.context import Platform
from portal.errors import FILE_BLOCKED, FILE_UNKNOWN, NOT_RECIPIENT, NOT_RELEASED
from portal.records import JobRelease
from portal.views import releases as views
from sandbox.airlock import Inspection, Verdict, inspect
from sandbox.airlock import release as rules
from sandbox.airlock import tickets as ticket_rules
from sandbox.airlock.errors import RELEASE_BYTES_CHANGED
from sandbox.airlock.manifest import FileEntry, ReleaseManifest
from sandbox.airlock.models import ReleaseRow
from sandbox.airlock.review import Decision, Person, Review
from sandbox.airlock.sanitise import sanitise
from sandbox.airlock.vault import Vault
from sandbox.airlock.workflow import State as ReleaseState
from scheduler.manifest import JobManifest
from scheduler.queue import JobRow, approvals, in_state, manifest_of
from scheduler.states import State as JobState
from store.errors import YurtError

log = structlog.get_logger()

OFFICER = Person("platform", "platform")
Audit = Callable[[EventName, str, dict[str, Any]], None]


def collect(platform: Platform) -> list[str]:
    """Turn the outputs of finished jobs into release requests; ids of the new ones. Doing it twice changes nothing."""
    with platform.database.reading() as session:
        known = set(session.scalars(select(JobRelease.job_id)))
        waiting = [row.id for row in in_state(session, JobState.FINISHED) if row.id not in known]
    made = []
    for job_id in waiting:
        try:
            release_id = _collect(platform, job_id)
        except YurtError as error:  # one job's damage must not keep the others waiting
            log.error("outputs not collected", job=job_id, code=error.code)
            continue
        if release_id is not None:
            made.append(release_id)
    return made


def review(
    platform: Platform, actor: str, release_id: str, *, approved: bool, reason: str, digest: str
) -> dict[str, Any]:
    """Give one review of exactly the files with this digest; with the last approval they are released.

    Raises SELF_REVIEW, NOT_A_REVIEWER and what `sandbox.airlock.release.review` raises.
    """
    now = datetime.now(UTC)
    with platform.database.session() as session:
        row = views.release_row(session, release_id)
        views.check_may_review(session, row, actor)
        reviewer = Person(actor, person(session, actor).agency_id)
        decision = Decision.APPROVE if approved else Decision.REJECT
        audit = _audit(platform, actor)
        given = Review(reviewer, decision, _tagged(digest), now, reason)
        state = rules.review(session, audit, release_id, given)
        if state is ReleaseState.APPROVED:
            audit = _audit(platform, OFFICER.id)
            rules.mark_released(session, audit, Vault(platform.vault), release_id, OFFICER, now)
    return views.release(platform, actor, release_id)


def issue_ticket(platform: Platform, actor: str, release_id: str, *, file: str) -> dict[str, Any]:
    """A ticket for one download of one file: {ticket, file, sha256, expires_at}. For the author alone.

    Raises NOT_RECIPIENT, NOT_RELEASED, FILE_BLOCKED, FILE_UNKNOWN.
    """
    now = datetime.now(UTC)
    with platform.database.session() as session:
        row = views.release_row(session, release_id)
        if actor != row.manifest["recipient"]:
            raise YurtError(NOT_RECIPIENT)
        if row.state != ReleaseState.RELEASED:
            raise YurtError(NOT_RELEASED, state=row.state)
        entry = _entry(session, row, file)
        secret = ticket_rules.issue(session, _audit(platform, actor), release_id, now)
        # One ticket of the airlock opens a whole release; which file this one is for is part of what the author holds.
        return {
            "ticket": f"{secret}.{_position(row, file)}",
            "file": file,
            "sha256": entry["digest"].removeprefix("sha256:"),
            "expires_at": (now + ticket_rules.LIFETIME).isoformat(),
        }


def download(platform: Platform, actor: str, *, ticket: str) -> tuple[str, bytes]:
    """(file name, bytes) for a ticket, which is spent by it. Raises TICKET_UNKNOWN, TICKET_SPENT, TICKET_EXPIRED, …"""
    secret, _, position = ticket.rpartition(".")
    with platform.database.session() as session:
        release_id, entries = ticket_rules.redeem(session, _audit(platform, actor), secret, actor, datetime.now(UTC))
        if not position.isdecimal() or int(position) >= len(entries):
            raise YurtError(FILE_UNKNOWN)
        entry = entries[int(position)]
        with Vault(platform.vault).open(entry["digest"]) as path:
            content = path.read_bytes()
    if len(content) != entry["size"]:
        raise YurtError(RELEASE_BYTES_CHANGED)
    log.info("released", release=release_id, bytes=len(content))
    return str(entry["name"]), content


def _collect(platform: Platform, job_id: str) -> str | None:
    """Inspect and deposit what the job left, then record it, in one transaction."""
    vault, now = Vault(platform.vault), datetime.now(UTC)
    with platform.database.reading() as session:
        row = session.get(JobRow, job_id)
        if row is None:
            return None
        manifest = manifest_of(row)
        approvers = [given.approver for given in approvals(session, job_id)]
        grade = max((dataset(session, found.name).grade for found in manifest.datasets), default=4)
    folder = platform.jobs / job_id / "handover"
    model = platform.settings.name_model
    taken = [_take(vault, folder / name, name, model) for name in manifest.outputs if (folder / name).is_file()]
    kept = [(entry, found) for entry, _, found in taken if entry is not None]
    passed = [(entry, found) for entry, found in kept if found.verdict is not Verdict.BLOCK]
    # With nothing to release the blocked files make the request, so that its author sees it end as blocked.
    files = tuple(passed or kept)
    with platform.database.session() as session:
        if session.get(JobRelease, job_id) is not None:
            return None
        release_id = None
        if files:
            release_id = _open_release(platform, session, manifest, grade, files, now)
        else:
            platform.audit.append(
                EventName.RELEASE_BLOCKED,
                actor=OFFICER.id,
                subject=job_id,
                files=len(taken),
                approvers=approvers,
            )
        session.add(
            JobRelease(
                job_id=job_id,
                release_id=release_id,
                files=[listed for _, listed, _ in taken],
                collected_at=now,
            )
        )
    return release_id


def _open_release(
    platform: Platform,
    session: Session,
    manifest: JobManifest,
    grade: int,
    files: tuple[tuple[FileEntry, Inspection], ...],
    now: datetime,
) -> str:
    audit = _audit(platform, OFFICER.id)
    wanted = ReleaseManifest(
        project=manifest.project,
        author=manifest.author,
        involved=(manifest.author,),
        grade=grade,
        purpose=manifest.purpose,
        recipient=manifest.author,
        files=tuple(entry for entry, _ in files),
    )
    release_id = rules.create(session, audit, wanted, now)
    rules.record_inspection(session, audit, release_id, [found for _, found in files], now)
    row = views.release_row(session, release_id)
    if row.state == ReleaseState.INSPECTED:
        rules.submit(session, _audit(platform, manifest.author), release_id, manifest.author, now)
    return release_id


def _take(vault: Vault, path: Path, name: str, name_model: str) -> tuple[FileEntry | None, dict[str, Any], Inspection]:
    """(entry in the vault unless it could not be taken in, what people see of the file, the inspection).

    What goes into the vault is the file made anew, and that is what is inspected: reviewers approve the very bytes that
    leave. A file that is blocked as it came stays as it came.
    """
    found = inspect(path, name=name, name_model=name_model)
    entry, verdict = None, found.verdict
    findings = [{"code": one.code, "where": one.where, "why": one.why} for one in found.findings]
    try:
        if found.verdict is Verdict.BLOCK:
            entry = vault.deposit(path, name)
        else:
            with TemporaryDirectory(dir=path.parent.parent) as folder:
                sanitise(path, Path(folder) / name, name=name)
                entry = vault.deposit(Path(folder) / name, name)
            found = rules.inspect_files(vault, [entry], name_model)[0]
            verdict = found.verdict
            findings = [{"code": one.code, "where": one.where, "why": one.why} for one in found.findings]
    except YurtError as error:  # a link, a device, a picture that does not decode: what cannot be kept cannot leave
        verdict = Verdict.BLOCK
        findings = findings or [{"code": error.code, "where": "file", "why": error.message}]
    listed = {
        "name": name,
        "size": found.size,
        "sha256": found.digest.removeprefix("sha256:"),
        "verdict": verdict.value,
        "findings": findings,
    }
    return entry, listed, found


def _entry(session: Session, row: ReleaseRow, file: str) -> dict[str, Any]:
    for entry in row.manifest["files"]:
        if entry["name"] == file:
            return dict(entry)
    listed = session.scalar(select(JobRelease).where(JobRelease.release_id == row.id))
    blocked = listed is not None and any(one["name"] == file for one in listed.files)
    raise YurtError(FILE_BLOCKED if blocked else FILE_UNKNOWN)


def _position(row: ReleaseRow, file: str) -> int:
    return [entry["name"] for entry in row.manifest["files"]].index(file)


def _tagged(digest: str) -> str:
    return digest if digest.startswith("sha256:") else f"sha256:{digest}"


def _audit(platform: Platform, actor: str) -> Audit:
    def append(event: EventName, subject: str, facts: dict[str, Any]) -> None:
        platform.audit.append(event, actor=actor, subject=subject, **facts)

    return append
