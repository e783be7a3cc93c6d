"""What the hub asks the platform, in the hub's own process: is this the password, may this sandbox be opened.

Named by text in the hub's settings (`portal.platform.hooks:verify`), so that `sandbox/` knows nothing of the portal.
"""

from functools import cache

from audit import EventName
from catalog.people import password_fits
from policies.grants import check_live_grant
from policies.requests import check_member
from portal.context import Platform
from store.errors import YurtError
from store.settings import Settings


@cache
def _platform() -> Platform:
    return Platform.open(Settings())


def verify(username: str, password: str) -> bool:
    """Whether this is the person's password."""
    with _platform().database.reading() as session:
        return password_fits(session, username, password)


def may_open(username: str, project: str) -> str | None:
    """None where the person may open the project's sandbox now, and it is on record; else one sentence why not."""
    platform = _platform()
    try:
        with platform.database.reading() as session:
            check_member(session, project, username)
            check_live_grant(session, project)
    except YurtError as error:
        platform.audit.append(EventName.SANDBOX_REFUSED, actor=username, subject=project, code=error.code)
        return error.message
    platform.audit.append(EventName.SANDBOX_OPENED, actor=username, subject=project)
    return None
