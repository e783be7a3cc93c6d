"""The audit log: auditors read all of it, everybody else their own records; anybody may have it verified."""

from collections import deque
from typing import Any

from audit import LogBroken, verify_log
from audit.log import read_records
from catalog.people import Role
from portal.context import Platform
from portal.views.people import holds_anywhere


def records(platform: Platform, actor: str, last: int = 100) -> list[dict[str, Any]]:
    """The newest `last` records, newest first."""
    with platform.database.reading() as session:
        everything = holds_anywhere(session, actor, Role.AUDITOR)
    kept: deque[dict[str, Any]] = deque(maxlen=last)
    kept.extend(record for record in read_records(platform.audit.path) if everything or record.get("actor") == actor)
    return list(reversed(kept))


def verify(platform: Platform, actor: str) -> dict[str, Any]:
    """Whether the log is whole: checked record by record against its newest signed checkpoint."""
    log = platform.audit
    if not log.path.exists():
        return {"whole": True, "records": 0, "root": "", "checkpoint_size": 0}
    try:
        summary = verify_log(log.path, log.checkpoint_path, log.key_path, platform.settings.audit_hash)
    except LogBroken as broken:
        return {"whole": False, "position": broken.position, "reason": broken.reason}
    return {
        "whole": True,
        "records": summary.records,
        "root": summary.root,
        "checkpoint_size": summary.checkpoint_size,
    }
