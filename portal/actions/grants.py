"""Ending a grant: at once in the records, then in the sandboxes that lived on it."""

from typing import Any

import structlog

from audit import EventName
from catalog.datasets import dataset
from catalog.people import Role, check_role
from policies import grants as rules
from policies.access_errors import GRANT_UNKNOWN
from policies.grants import Grant
from policies.requests import project as project_of
from portal.context import Platform
from portal.views.projects import grant_described, members
from store.errors import YurtError

log = structlog.get_logger()


def revoke(platform: Platform, actor: str, grant_id: int) -> dict[str, Any]:
    """End a grant now. The owning agency's approver may, and the project's owner.

    The gateway asks for grants at each query, so data stops flowing with the commit; the sandboxes of the project are
    then stopped through the hub. Answers the grant and which sandboxes were stopped or could not be.
    Raises GRANT_UNKNOWN, ROLE_REQUIRED.
    """
    with platform.database.session() as session:
        grant = session.get(Grant, grant_id)
        if grant is None:
            raise YurtError(GRANT_UNKNOWN, grant=grant_id)
        if project_of(session, grant.project_id).owner != actor:
            check_role(session, actor, Role.APPROVER, dataset(session, grant.dataset_id).agency_id)
        rules.revoke(session, grant_id, actor)
        session.flush()
        platform.audit.append(
            EventName.GRANT_REVOKED,
            actor=actor,
            subject=f"grant/{grant_id}",
            project=grant.project_id,
            dataset=grant.dataset_id,
        )
        answer, people = grant_described(grant), members(session, grant.project_id)
    stopped, failed = _stop_sandboxes(platform, grant.project_id, people)
    return {**answer, "sandboxes_stopped": stopped, "sandboxes_not_stopped": failed}


def _stop_sandboxes(platform: Platform, project_id: str, people: list[str]) -> tuple[list[str], list[str]]:
    stopped: list[str] = []
    failed: list[str] = []
    if platform.hub is None:
        return stopped, failed
    for username in people:
        try:
            if platform.hub.stop(username, project_id):
                stopped.append(username)
        except YurtError as error:  # the grant is gone all the same; an operator stops the rest by hand
            failed.append(username)
            log.warning("sandbox not stopped", code=error.code, project=project_id, user=username)
    return stopped, failed
