"""Asking, deciding and granting: who may, what the state allows, and what then is live."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from catalog.agencies import Agency
from catalog.datasets import Column, Dataset
from catalog.people import Person, Role, RoleHeld
from policies.grants import live_grants, policy_of, revoke
from policies.model import Use
from policies.requests import AccessRequest, RequestState, create_project, decide, project, submit, waiting_for
from store.database import Base, Database
from store.days import today
from store.errors import YurtError

TODAY = today()


@pytest.fixture
def session() -> Iterator[Session]:
    database = Database("sqlite://")
    Base.metadata.create_all(database.engine)
    with database.session() as session:
        for agency in ("stats", "health"):
            session.add(Agency(id=agency, name=agency, name_en=agency, division="15", parent_id=None))
        session.flush()
        for username, agency, role in (
            ("researcher", "health", Role.RESEARCHER),
            ("stats-approver", "stats", Role.APPROVER),
            ("stats-approver-2", "stats", Role.APPROVER),
            ("health-approver", "health", Role.APPROVER),
        ):
            session.add(Person(username=username, name=username, agency_id=agency, password_hash=""))
            session.flush()
            session.add(RoleHeld(username=username, role=role, agency_id=agency))
        session.add(
            Dataset(
                id="census", agency_id="stats", title="", title_en="", description="", unit="id_no", source="",
                state="published", created_by="stats-approver",
                columns=[
                    Column(name=name, position=position, data_type=kind, title="", entity="", role="other", grade=grade,
                           operator="", evidence="", proposed_grade=grade)
                    for position, (name, kind, grade) in enumerate(
                        [("id_no", "VARCHAR", 4), ("county", "VARCHAR", 2), ("age", "BIGINT", 3)])
                ],
            )
        )  # fmt: skip
        session.flush()
        create_project(session, "study", "Study", "ageing", "researcher")
        yield session


def wanted(**changes: Any) -> AccessRequest:
    terms: dict[str, Any] = {
        "project_id": "study", "dataset_id": "census", "applicant": "researcher", "purpose": "ageing",
        "columns": {"county": ["group", "filter"], "age": ["aggregate"]}, "joins": [],
        "release": {"mode": "threshold", "min_group": 10},
        "valid_from": TODAY, "valid_until": TODAY + timedelta(days=30),
        "state": RequestState.SUBMITTED, "version": 1,
    }  # fmt: skip
    return AccessRequest(**{**terms, **changes})


def say(session: Session, request: AccessRequest, decider: str, **changes: Any) -> Any:
    terms = {"approved": True, "version": request.version, "reason": "", "impact_digest": "d"}
    return decide(session, request.id, decider, **{**terms, **changes})


def test_an_approved_request_becomes_a_live_grant_with_exactly_its_columns(session: Session) -> None:
    request = submit(session, wanted())
    _, grant = say(session, request, "stats-approver")
    assert [live.id for live in live_grants(session, "study")] == [grant.id]
    policy, datasets = policy_of(session, project(session, "study"))
    columns = policy.datasets["census"].columns
    assert [dataset.id for dataset in datasets] == ["census"]
    assert columns["county"].allows(Use.GROUP)
    assert columns["age"].allows(Use.AGGREGATE)
    assert not columns["age"].allows(Use.GROUP)
    assert not columns["id_no"].usable


@pytest.mark.parametrize(
    ("decider", "code"),
    [("researcher", "SELF_APPROVAL"), ("health-approver", "NOT_AN_APPROVER")],
)
def test_only_somebody_else_of_the_owning_agency_decides_first(session: Session, decider: str, code: str) -> None:
    request = submit(session, wanted())
    with pytest.raises(YurtError, match=code):
        say(session, request, decider)
    assert request.state == RequestState.SUBMITTED


def test_sensitive_columns_need_a_second_approver_of_another_agency(session: Session) -> None:
    request = submit(session, wanted(columns={"id_no": ["count"]}))
    assert say(session, request, "stats-approver")[1] is None
    with pytest.raises(YurtError, match="SAME_AGENCY_TWICE"):
        say(session, request, "stats-approver-2")
    assert waiting_for(session, "health-approver") == [request]
    assert say(session, request, "health-approver")[1] is not None


def test_a_refusal_needs_a_reason_and_ends_the_request(session: Session) -> None:
    request = submit(session, wanted())
    with pytest.raises(YurtError, match="REASON_MISSING"):
        say(session, request, "stats-approver", approved=False)
    say(session, request, "stats-approver", approved=False, reason="too broad")
    assert request.state == RequestState.DENIED
    with pytest.raises(YurtError, match="REQUEST_CLOSED"):
        say(session, request, "stats-approver-2")


def test_a_decision_on_an_older_version_is_refused(session: Session) -> None:
    request = submit(session, wanted())
    with pytest.raises(YurtError, match="REQUEST_CHANGED"):
        say(session, request, "stats-approver", version=0)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"valid_until": TODAY}, "PERIOD_INVALID"),
        ({"valid_until": TODAY + timedelta(days=400)}, "PERIOD_INVALID"),
        ({"columns": {"salary": ["read"]}}, "CAPABILITY_INVALID"),
        ({"columns": {"county": ["copy"]}}, "CAPABILITY_INVALID"),
        ({"release": {"mode": "everything"}}, "CAPABILITY_INVALID"),
        ({"applicant": "stats-approver"}, "NOT_A_MEMBER"),
        ({"project_id": "other"}, "PROJECT_UNKNOWN"),
        ({"dataset_id": "other"}, "DATASET_UNKNOWN"),
    ],
)
def test_a_bad_request_is_refused_by_its_code(session: Session, changes: dict[str, Any], code: str) -> None:
    with pytest.raises(YurtError, match=code):
        submit(session, wanted(**changes))


def test_one_open_request_per_project_and_dataset(session: Session) -> None:
    submit(session, wanted())
    with pytest.raises(YurtError, match="REQUEST_OPEN_ALREADY"):
        submit(session, wanted())


def test_a_grant_ends_with_its_period_or_when_revoked(session: Session) -> None:
    request = submit(session, wanted())
    _, grant = say(session, request, "stats-approver")
    assert live_grants(session, "study", date(2000, 1, 1)) == []
    assert live_grants(session, "study", TODAY + timedelta(days=31)) == []
    revoke(session, grant.id, "stats-approver")
    assert live_grants(session, "study") == []
    with pytest.raises(YurtError, match="NO_LIVE_GRANT"):
        policy_of(session, project(session, "study"))
    with pytest.raises(YurtError, match="GRANT_UNKNOWN"):
        revoke(session, grant.id, "stats-approver")
