"""Who may review, and what the reviews add up to. Pure; people are natural persons, not accounts."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sandbox.airlock.errors import REVIEWER_IS_AUTHOR, REVIEWER_SAME_AGENCY, REVIEWER_TWICE
from store.errors import ErrorCode

REVIEWS_NEEDED = 2
SEPARATE_AGENCIES_FROM_GRADE = 3


class Decision(StrEnum):
    APPROVE = "approve"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Person:
    """A natural person (`id` stays the same over accounts and delegations) acting for an agency."""

    id: str
    agency: str


@dataclass(frozen=True, slots=True)
class Review:
    """One review of one manifest: it counts for exactly the digest it names."""

    reviewer: Person
    decision: Decision
    manifest: str
    at: datetime
    note: str = ""


def why_not(
    reviewer: Person, involved: Collection[str], grade: int, manifest: str, earlier: Sequence[Review]
) -> ErrorCode | None:
    """Why this person may not review, or None. `involved`: ids of everyone who made, ran or asked for the files."""
    counted = [review for review in earlier if review.manifest == manifest]
    if reviewer.id in involved:
        return REVIEWER_IS_AUTHOR
    if any(review.reviewer.id == reviewer.id for review in counted):
        return REVIEWER_TWICE
    separate = grade >= SEPARATE_AGENCIES_FROM_GRADE
    if separate and any(review.reviewer.agency == reviewer.agency for review in counted):
        return REVIEWER_SAME_AGENCY
    return None


def outcome(manifest: str, reviews: Sequence[Review]) -> Decision | None:
    """None until every review is in; then approval only if all approve. Reviews of other bytes do not count."""
    counted = [review for review in reviews if review.manifest == manifest]
    if len({review.reviewer.id for review in counted}) < REVIEWS_NEEDED:
        return None
    return Decision.APPROVE if all(r.decision is Decision.APPROVE for r in counted) else Decision.REJECT


def visible(manifest: str, reviews: Sequence[Review], viewer: str) -> list[Review]:
    """Reviews are blind until all are in: before that, everyone sees at most their own."""
    return list(reviews) if outcome(manifest, reviews) else [r for r in reviews if r.reviewer.id == viewer]
