"""Who may review, and what reviews add up to."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from sandbox.airlock.errors import REVIEWER_IS_AUTHOR, REVIEWER_SAME_AGENCY, REVIEWER_TWICE
from sandbox.airlock.review import Decision, Person, Review, outcome, visible, why_not

NOW = datetime(2026, 1, 1, tzinfo=UTC)
M = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64
ANA, BAO, CUI = Person("ana", "health"), Person("bao", "health"), Person("cui", "finance")


def by(person: Person, decision: Decision = Decision.APPROVE, manifest: str = M) -> Review:
    return Review(person, decision, manifest, NOW)


def test_nobody_reviews_what_they_made_or_ran() -> None:
    assert why_not(ANA, {"ana"}, 1, M, []) is REVIEWER_IS_AUTHOR
    assert why_not(Person("ana", "another agency"), {"ana"}, 1, M, []) is REVIEWER_IS_AUTHOR


def test_nobody_reviews_twice() -> None:
    assert why_not(ANA, set(), 1, M, [by(ANA)]) is REVIEWER_TWICE


def test_grade_three_needs_reviewers_of_two_agencies_and_grade_two_does_not() -> None:
    assert why_not(BAO, set(), 3, M, [by(ANA)]) is REVIEWER_SAME_AGENCY
    assert why_not(CUI, set(), 3, M, [by(ANA)]) is None
    assert why_not(BAO, set(), 2, M, [by(ANA)]) is None


def test_reviews_of_other_bytes_do_not_count() -> None:
    assert outcome(M, [by(ANA), by(CUI, manifest=OTHER)]) is None
    assert why_not(ANA, set(), 3, M, [by(ANA, manifest=OTHER)]) is None


def test_one_rejection_rejects_but_only_when_both_are_in() -> None:
    assert outcome(M, [by(ANA, Decision.REJECT)]) is None
    assert outcome(M, [by(ANA, Decision.REJECT), by(CUI)]) is Decision.REJECT
    assert outcome(M, [by(ANA), by(CUI)]) is Decision.APPROVE


def test_reviews_are_blind_until_both_are_in() -> None:
    assert visible(M, [by(ANA)], "cui") == []
    assert visible(M, [by(ANA)], "ana") == [by(ANA)]
    assert visible(M, [by(ANA), by(CUI)], "anyone") == [by(ANA), by(CUI)]


people = st.builds(Person, st.sampled_from("abcd"), st.sampled_from(["x", "y"]))


@given(
    st.lists(st.tuples(people, st.sampled_from(Decision)), max_size=6),
    st.integers(1, 4),
    st.sets(st.sampled_from("abcd")),
)
def test_an_approval_always_has_two_uninvolved_people_and_two_agencies_from_grade_three(
    attempts: list[tuple[Person, Decision]], grade: int, involved: set[str]
) -> None:
    taken: list[Review] = []
    for person, decision in attempts:
        if why_not(person, involved, grade, M, taken) is None:
            taken.append(by(person, decision))
    if outcome(M, taken) is Decision.APPROVE:
        assert len({r.reviewer.id for r in taken} - involved) >= 2
        assert grade < 3 or len({r.reviewer.agency for r in taken}) >= 2
