"""Releases: what waits at the airlock, and who may look at it."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.people import Role, holds_role, person
from policies.requests import Member
from portal.context import Platform
from portal.errors import NOT_A_REVIEWER, NOT_VISIBLE, SCOPE_UNKNOWN, SELF_REVIEW
from portal.records import JobRelease
from portal.views.jobs import agencies_of
from portal.views.people import holds_anywhere
from sandbox.airlock import release as rules
from sandbox.airlock import review as review_rules
from sandbox.airlock.codes import CODES
from sandbox.airlock.errors import RELEASE_UNKNOWN
from sandbox.airlock.models import ReleaseRow
from sandbox.airlock.review import Person
from sandbox.airlock.workflow import State
from scheduler.queue import job, manifest_of
from store.errors import YurtError


def releases(platform: Platform, actor: str, scope: str = "mine") -> list[dict[str, Any]]:
    """Releases of the person (`mine`), those they may review now (`waiting`) or may see (`all`); newest first."""
    tests = {"mine": lambda _s, row, who: row.author == who, "waiting": may_review, "all": may_see}
    if scope not in tests:
        raise YurtError(SCOPE_UNKNOWN, scope=scope)
    with platform.database.reading() as session:
        rows = session.scalars(select(ReleaseRow).order_by(ReleaseRow.created_at.desc(), ReleaseRow.id)).all()
        return [described(session, row, actor) for row in rows if tests[scope](session, row, actor)]


def release(platform: Platform, actor: str, release_id: str) -> dict[str, Any]:
    """One release. Raises RELEASE_UNKNOWN, NOT_VISIBLE."""
    with platform.database.reading() as session:
        row = release_row(session, release_id)
        if not may_see(session, row, actor):
            raise YurtError(NOT_VISIBLE, person=actor, what=f"release {release_id}")
        return described(session, row, actor)


def described(session: Session, row: ReleaseRow, actor: str) -> dict[str, Any]:
    """A release as dict. Reviews stay blind until all are in; blocked files are listed but not part of the digest."""
    collected = _collected(session, row)
    return {
        "id": row.id,
        "project": row.project,
        "job_id": collected.job_id if collected else None,
        "author": row.author,
        "purpose": row.manifest["purpose"],
        "state": str(row.state),
        "grade": row.manifest["grade"],
        "digest": row.digest,
        "created_at": row.created_at.isoformat(),
        "files": list(collected.files) if collected else _files(row),
        "reviews": [
            {
                "reviewer": given.reviewer.id,
                "agency": given.reviewer.agency,
                "approved": given.decision is review_rules.Decision.APPROVE,
                "reason": given.note,
                "at": given.at.isoformat(),
            }
            for given in rules.visible_reviews(session, row.id, actor)
        ],
        "may_review": may_review(session, row, actor),
    }


def release_row(session: Session, release_id: str) -> ReleaseRow:
    """The release, or RELEASE_UNKNOWN."""
    row = session.get(ReleaseRow, release_id)
    if row is None:
        raise YurtError(RELEASE_UNKNOWN)
    return row


def check_may_review(session: Session, row: ReleaseRow, actor: str) -> None:
    """Who may look: not who made it; first an approver of an agency whose data is behind it, then any other approver.

    Raises SELF_REVIEW, NOT_A_REVIEWER; the airlock itself adds the rule of two agencies for sensitive data.
    """
    if actor in {row.author, row.manifest["recipient"], *row.manifest["involved"]}:
        raise YurtError(SELF_REVIEW)
    owners = _owners(session, row)
    given = rules.stored_reviews(session, row.id)
    own_agency = person(session, actor).agency_id
    owner_approver = any(holds_role(session, actor, Role.APPROVER, agency) for agency in owners)
    owner_reviewed = any(
        holds_role(session, one.reviewer.id, Role.APPROVER, agency) for one in given for agency in owners
    )
    if not owner_approver and not (owner_reviewed and holds_role(session, actor, Role.APPROVER, own_agency)):
        raise YurtError(NOT_A_REVIEWER, person=actor)


def may_review(session: Session, row: ReleaseRow, actor: str) -> bool:
    """Whether the release waits for this person's review."""
    if row.state != State.IN_REVIEW:
        return False
    try:
        check_may_review(session, row, actor)
    except YurtError:
        return False
    reviewer = Person(actor, person(session, actor).agency_id)
    involved = {row.author, row.manifest["recipient"], *row.manifest["involved"]}
    earlier = rules.stored_reviews(session, row.id)
    return review_rules.why_not(reviewer, involved, row.manifest["grade"], row.digest, earlier) is None


def may_see(session: Session, row: ReleaseRow, actor: str) -> bool:
    """The project's people, approvers of the data's agencies, whoever may or did review, auditors."""
    return (
        session.get(Member, (row.project, actor)) is not None
        or any(holds_role(session, actor, Role.APPROVER, agency) for agency in _owners(session, row))
        or may_review(session, row, actor)
        or any(given.reviewer.id == actor for given in rules.stored_reviews(session, row.id))
        or holds_anywhere(session, actor, Role.AUDITOR)
    )


def _owners(session: Session, row: ReleaseRow) -> list[str]:
    collected = _collected(session, row)
    return agencies_of(session, manifest_of(job(session, collected.job_id))) if collected else []


def _collected(session: Session, row: ReleaseRow) -> JobRelease | None:
    return session.scalar(select(JobRelease).where(JobRelease.release_id == row.id))


def _files(row: ReleaseRow) -> list[dict[str, Any]]:
    """Files of a release that came from no job, with the findings the airlock stored by position."""
    listed = []
    for number, entry in enumerate(row.manifest["files"], start=1):
        found = [one for one in row.findings if one["file"] == str(number)]
        listed.append(
            {
                "name": entry["name"],
                "size": entry["size"],
                "sha256": str(entry["digest"]).removeprefix("sha256:"),
                "verdict": "review" if found else "pass",
                "findings": [
                    {"code": one["code"], "where": one["where"], "why": CODES[one["code"]].why} for one in found
                ],
            }
        )
    return listed
