"""Step 6: the outputs are inspected, the planted file is blocked, two reviewers agree, one ticket is spent once."""

import hashlib
import time
from typing import Any

from portal.story.people import APPROVERS, RESEARCHER
from portal.story.world import World

RELEASE_S = 60


def play(world: World) -> None:
    """From the job's outputs to one download."""
    researcher = world.as_(RESEARCHER)
    release = _release_of(world, world.left["job"]["id"])
    verdicts = {file["name"]: file["verdict"] for file in release["files"]}
    planted = next(file for file in release["files"] if file["name"] == "people.csv")
    codes = ", ".join(sorted({finding["code"] for finding in planted["findings"]}))
    world.check(
        f"the planted file of identity numbers is blocked: {codes}",
        planted["verdict"] == "block" and "IDENTITY" in codes,
        verdicts,
    )
    world.check(
        f"metrics.csv: {verdicts['metrics.csv']}, roc.png: {verdicts['roc.png']}",
        "block" not in (verdicts["metrics.csv"], verdicts["roc.png"]),
        release,
    )
    review = {"json": {"approved": True, "reason": "聚合结果", "digest": release["digest"]}}
    path = f"/releases/{release['id']}/reviews"
    world.check_refused("the author cannot review", "SELF_REVIEW", researcher, "POST", path, **review)
    ticket_path = f"/releases/{release['id']}/ticket"
    wanted = {"json": {"file": "metrics.csv"}}
    world.check_refused("no ticket before the release", "NOT_RELEASED", researcher, "POST", ticket_path, **wanted)
    for agency in ("stats", "health"):
        release = world.as_(APPROVERS[agency]).api("POST", path, **review)
    world.check("two reviewers of different agencies approved", release["state"] == "released", release)
    ticket = researcher.api("POST", ticket_path, **wanted)
    content = researcher.api("POST", "/downloads", json={"ticket": ticket["ticket"]})
    world.check(
        f"downloaded once: {len(content)} bytes, digest as approved",
        hashlib.sha256(content).hexdigest() == ticket["sha256"],
        content[:80],
    )
    world.see(" ".join(content.decode().split()))
    again = {"json": {"ticket": ticket["ticket"]}}
    world.check_refused("the ticket is spent", "TICKET_SPENT", researcher, "POST", "/downloads", **again)
    blocked = {"json": {"file": "people.csv"}}
    world.check_refused("no ticket for the blocked file", "FILE_BLOCKED", researcher, "POST", ticket_path, **blocked)


def _release_of(world: World, job_id: str) -> dict[str, Any]:
    began = time.monotonic()
    while True:
        for release in world.as_(RESEARCHER).api("GET", "/releases?scope=mine"):
            if release["job_id"] == job_id:
                whole: dict[str, Any] = world.as_(RESEARCHER).api("GET", f"/releases/{release['id']}")
                return whole
        if time.monotonic() - began > RELEASE_S:
            world.check("the outputs reached the airlock", False)
        time.sleep(0.5)
