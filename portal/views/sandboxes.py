"""Running sandboxes, by the hub's word."""

from typing import Any

from catalog.people import Role
from policies.requests import projects_of
from portal.context import Platform
from portal.views.people import holds_anywhere


def sandboxes(platform: Platform, actor: str) -> list[dict[str, Any]]:
    """Running named servers: all of them for operators and auditors, else those of the person's projects."""
    if platform.hub is None:
        return []
    running = platform.hub.servers()
    with platform.database.reading() as session:
        if holds_anywhere(session, actor, Role.OPERATOR) or holds_anywhere(session, actor, Role.AUDITOR):
            return running
        own = {project.id for project in projects_of(session, actor)}
    return [server for server in running if server["project"] in own]
