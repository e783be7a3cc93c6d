"""Stopping sandboxes: one's own when asked, and those nobody uses, so that others have their memory."""

from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from audit import EventName
from portal.context import Platform
from store.errors import YurtError

log = structlog.get_logger()


def stop(platform: Platform, actor: str, project: str) -> dict[str, Any]:
    """Stop the person's own sandbox of a project; its files stay. {project, stopped}: False when none ran.

    Raises HUB_UNREACHABLE.
    """
    platform.audit.append(EventName.SANDBOX_STOPPED, actor=actor, subject=project, user=actor, reason="asked", idle_s=0)
    stopped = platform.hub.stop(actor, project) if platform.hub is not None else False
    return {"project": project, "stopped": stopped}


def stop_idle(platform: Platform) -> list[tuple[str, str]]:
    """Stop every sandbox unused for `settings.sandbox_idle_s`; (person, project) of each. Twice changes nothing.

    Use is what the hub last saw, to within its `last_activity_interval`; before any, the start counts. Files stay.
    On record before it stops. Raises HUB_UNREACHABLE when the hub does not say what runs.
    """
    if platform.hub is None:
        return []
    allowed = timedelta(seconds=platform.settings.sandbox_idle_s)
    stopped = []
    for server in platform.hub.servers():
        idle = _idle(server)
        if server["state"] != "ready" or idle is None or idle <= allowed:
            continue
        username, project = server["user"], server["project"]
        platform.audit.append(
            EventName.SANDBOX_STOPPED,
            actor="platform",
            subject=project,
            user=username,
            reason="idle",
            idle_s=int(idle.total_seconds()),
        )
        try:
            if platform.hub.stop(username, project):
                stopped.append((username, project))
        except YurtError as error:  # the next turn tries again; the others must not wait for this one
            log.warning("idle sandbox not stopped", code=error.code, project=project, user=username)
    return stopped


def _idle(server: dict[str, Any]) -> timedelta | None:
    """How long it went unused; None where the hub cannot say. The hub's times are ISO 8601 in UTC."""
    seen = server["last_activity"] or server["started"]
    if not seen:
        return None
    found = datetime.fromisoformat(seen)
    return datetime.now(UTC) - (found if found.tzinfo else found.replace(tzinfo=UTC))
