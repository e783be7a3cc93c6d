"""Step 8: every page shows what happened, in Chinese and English, to somebody signed in through the hub."""

from portal.story.people import APPROVERS, AUDITOR, OPERATOR, RESEARCHER, Actor
from portal.story.world import PROJECT, World

PAGES: tuple[tuple[str, Actor, str], ...] = (
    ("/", RESEARCHER, PROJECT),
    ("/catalogue", RESEARCHER, "census"),
    ("/catalogue/census", RESEARCHER, "hours_per_week"),
    (f"/projects/{PROJECT}", RESEARCHER, "census"),
    ("/approvals", APPROVERS["stats"], ""),
    ("/jobs", RESEARCHER, "Income model"),
    ("/releases", RESEARCHER, ""),
    ("/joint", OPERATOR, "patients_hours"),
    ("/compute", OPERATOR, PROJECT),
    ("/audit", AUDITOR, "query.released"),
)


def play(world: World) -> None:
    """Open each page in both languages."""
    for path, actor, expected in PAGES:
        for language, mark in (("zh", 'lang="zh'), ("en", 'lang="en')):
            page = world.as_(actor).page(path, language)
            world.check(f"{actor.username} sees {path} ({language})", expected in page and mark in page, page[:500])
