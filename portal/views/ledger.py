"""算力一本账: measured use, summed by project, agency or person."""

from collections import defaultdict
from typing import Any

from catalog.people import Role
from policies.requests import projects_of
from portal.context import Platform
from portal.views.people import holds_anywhere
from scheduler import ledger as book
from scheduler.ledger import Entry, Measure
from store.errors import YurtError

LEVELS = {"agency": 0, "project": 1, "person": 2}


def ledger(platform: Platform, actor: str, by: str = "project") -> dict[str, Any]:
    """{rows: [{key, jobs, cpu_seconds, …}], total, balanced}: all of it for operators and auditors, else own projects.

    `balanced` is about the whole book, whoever asks.
    """
    level = LEVELS[by]
    with platform.database.reading() as session:
        entries = book.read(session)
        try:
            book.balance(session)
            balanced = True
        except YurtError:
            balanced = False
        if not (holds_anywhere(session, actor, Role.OPERATOR) or holds_anywhere(session, actor, Role.AUDITOR)):
            own = {project.id for project in projects_of(session, actor)}
            entries = [entry for entry in entries if entry.path[1] in own]
    grouped: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        grouped[entry.path[level]].append(entry)
    return {
        "rows": [{"key": key, **_sum(grouped[key])} for key in sorted(grouped)],
        "total": _sum(entries),
        "balanced": balanced,
    }


def _sum(entries: list[Entry]) -> dict[str, Any]:
    used = Measure()
    for entry in entries:
        used = used.plus(entry.measure)
    return {
        "jobs": len(entries),
        "cpu_seconds": used.cpu_ms / 1000,
        "memory_gib_hours": round(used.memory_mib_ms / 1024 / 3_600_000, 6),
        "gpu_seconds": used.gpu_ms / 1000,
        "wall_seconds": used.wall_ms / 1000,
    }
