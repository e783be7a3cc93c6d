"""Asking for data, and deciding about it."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from audit import EventName
from catalog.datasets import dataset
from policies import requests as rules
from policies.requests import AccessRequest, RequestState
from portal.context import Platform
from portal.errors import DATASET_NOT_PUBLISHED, IMPACT_STALE
from portal.views import requests as views
from portal.views.impact import impact_digest
from store.errors import YurtError


def submit(
    platform: Platform,
    actor: str,
    *,
    project: str,
    dataset: str,
    purpose: str,
    columns: Mapping[str, Sequence[Any]],
    valid_from: date,
    valid_until: date,
    joins: Sequence[str] = (),
    rows: str | None = None,
    release: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Ask for columns of a published dataset. Raises DATASET_NOT_PUBLISHED and what `policies.requests.submit` does."""
    wanted = AccessRequest(
        project_id=project,
        dataset_id=dataset,
        applicant=actor,
        purpose=purpose,
        columns={name: list(capabilities) for name, capabilities in columns.items() if capabilities},
        joins=list(joins),
        rows=rows or None,
        release=dict(release or {}),
        valid_from=valid_from,
        valid_until=valid_until,
        state=RequestState.SUBMITTED,
        version=1,
    )
    with platform.database.session() as session:
        _check_published(session, dataset)
        rules.submit(session, wanted)
        platform.audit.append(
            EventName.REQUEST_SUBMITTED,
            actor=actor,
            subject=f"request/{wanted.id}",
            project=project,
            dataset=dataset,
            columns=sorted(wanted.columns),
            valid_from=valid_from.isoformat(),
            valid_until=valid_until.isoformat(),
        )
        request_id = wanted.id
    return views.request(platform, actor, request_id)


def decide(
    platform: Platform,
    actor: str,
    request_id: int,
    *,
    approved: bool,
    version: int,
    reason: str,
    impact_digest: str,
) -> dict[str, Any]:
    """Approve or refuse what `actor` has read: the request's `version`, and the impact with this digest.

    Answers {state, grant_id}. Raises IMPACT_STALE for an approval of an impact that is no longer true, and what
    `policies.requests.decide` raises. A refusal needs a reason but no impact.
    """
    with platform.database.session() as session:
        wanted = rules.access_request(session, request_id)
        rules.check_may_decide(session, wanted, actor)
        if approved and wanted.state == RequestState.SUBMITTED and wanted.version == version:
            _check_impact(session, wanted, impact_digest)
        decided, grant = rules.decide(
            session,
            request_id,
            actor,
            approved=approved,
            version=version,
            reason=reason,
            impact_digest=impact_digest,
        )
        session.flush()
        platform.audit.append(
            EventName.REQUEST_DECIDED,
            actor=actor,
            subject=f"request/{request_id}",
            project=decided.project_id,
            dataset=decided.dataset_id,
            version=version,
            approved=approved,
            state=str(decided.state),
            grant=grant.id if grant else None,
            impact=impact_digest,
        )
        return {"state": str(decided.state), "grant_id": grant.id if grant else None}


def _check_published(session: Any, dataset_id: str) -> None:
    if dataset(session, dataset_id).state != "published":
        raise YurtError(DATASET_NOT_PUBLISHED, dataset=dataset_id)


def _check_impact(session: Any, wanted: AccessRequest, given: str) -> None:
    if impact_digest(session, wanted) != given:
        raise YurtError(IMPACT_STALE)
