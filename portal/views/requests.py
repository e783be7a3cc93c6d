"""Access requests, as applicants and approvers see them."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.datasets import dataset
from catalog.people import Role, holds_role
from policies import requests as rules
from policies.requests import AccessRequest, Member
from portal.context import Platform
from portal.errors import NOT_VISIBLE, SCOPE_UNKNOWN
from portal.views.people import holds_anywhere
from store.errors import YurtError


def requests(platform: Platform, actor: str, scope: str = "mine") -> list[dict[str, Any]]:
    """Requests the person made (`mine`), may decide now (`waiting`) or may see (`all`); newest first."""
    with platform.database.reading() as session:
        if scope == "waiting":
            rows = sorted(rules.waiting_for(session, actor), key=lambda wanted: -wanted.id)
        elif scope in ("mine", "all"):
            every = session.scalars(select(AccessRequest).order_by(AccessRequest.id.desc())).all()
            test = may_see if scope == "all" else _own
            rows = [wanted for wanted in every if test(session, wanted, actor)]
        else:
            raise YurtError(SCOPE_UNKNOWN, scope=scope)
        return [described(session, wanted, actor) for wanted in rows]


def request(platform: Platform, actor: str, request_id: int) -> dict[str, Any]:
    """One request. Raises REQUEST_UNKNOWN, NOT_VISIBLE."""
    with platform.database.reading() as session:
        wanted = rules.access_request(session, request_id)
        if not may_see(session, wanted, actor):
            raise YurtError(NOT_VISIBLE, person=actor, what=f"request {request_id}")
        return described(session, wanted, actor)


def described(session: Session, wanted: AccessRequest, actor: str) -> dict[str, Any]:
    """A request as dict; `may_decide` says whether it waits for this person."""
    return {
        "id": wanted.id,
        "project": wanted.project_id,
        "dataset": wanted.dataset_id,
        "applicant": wanted.applicant,
        "purpose": wanted.purpose,
        "columns": wanted.columns,
        "joins": wanted.joins,
        "rows": wanted.rows,
        "release": wanted.release,
        "valid_from": wanted.valid_from.isoformat(),
        "valid_until": wanted.valid_until.isoformat(),
        "state": str(wanted.state),
        "version": wanted.version,
        "created_at": wanted.created_at.isoformat(),
        "approvals_needed": rules.approvals_needed(dataset(session, wanted.dataset_id), wanted),
        "decisions": [
            {
                "decider": decision.decider,
                "agency": decision.agency_id,
                "approved": decision.approved,
                "reason": decision.reason,
                "decided_at": decision.decided_at.isoformat(),
            }
            for decision in wanted.decisions
        ],
        "may_decide": rules.may_decide(session, wanted, actor),
    }


def may_see(session: Session, wanted: AccessRequest, actor: str) -> bool:
    """The project's people, approvers of the owning agency, those who may or did decide, auditors."""
    owner = dataset(session, wanted.dataset_id).agency_id
    return (
        session.get(Member, (wanted.project_id, actor)) is not None
        or holds_role(session, actor, Role.APPROVER, owner)
        or rules.may_decide(session, wanted, actor)
        or any(decision.decider == actor for decision in wanted.decisions)
        or holds_anywhere(session, actor, Role.AUDITOR)
    )


def _own(session: Session, wanted: AccessRequest, actor: str) -> bool:
    return wanted.applicant == actor
