"""Projects: a purpose, and the people who pursue it."""

import re
from typing import Any

from audit import EventName
from catalog.people import Role, check_role, person
from policies import requests as rules
from policies.requests import Member
from portal.context import Platform
from portal.errors import NOT_OWNER, PROJECT_NAME_INVALID
from portal.views import projects as views
from store.errors import YurtError

# Also the name of its sandboxes' servers: what JupyterHub 6 takes for one (jupyterhub.slugs.is_valid_safe_slug).
NAME = re.compile(r"(?=.{1,30}$)[a-z](?:-?[a-z0-9])*")


def create(platform: Platform, actor: str, *, id: str, title: str, purpose: str) -> dict[str, Any]:
    """A new project owned by `actor`, a researcher. Raises PROJECT_NAME_INVALID, ROLE_REQUIRED, PROJECT_EXISTS."""
    if not NAME.fullmatch(id):
        raise YurtError(PROJECT_NAME_INVALID, name=id)
    with platform.database.session() as session:
        check_role(session, actor, Role.RESEARCHER, person(session, actor).agency_id)
        rules.create_project(session, id, title, purpose, actor)
        platform.audit.append(EventName.PROJECT_CREATED, actor=actor, subject=id)
    return views.project(platform, actor, id)


def add_member(platform: Platform, actor: str, project_id: str, *, username: str) -> dict[str, Any]:
    """Let somebody work in the project. Raises PROJECT_UNKNOWN, NOT_OWNER, PERSON_UNKNOWN; adding twice is harmless."""
    with platform.database.session() as session:
        found = rules.project(session, project_id)
        if found.owner != actor:
            raise YurtError(NOT_OWNER, project=project_id)
        person(session, username)
        if session.get(Member, (project_id, username)) is None:
            session.add(Member(project_id=project_id, username=username))
            session.flush()
            platform.audit.append(EventName.PROJECT_MEMBER_ADDED, actor=actor, subject=project_id, member=username)
    return views.project(platform, actor, project_id)
