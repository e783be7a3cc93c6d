"""Step 5: a manifest, somebody else's approval of its digest, Ray, the jail; and a byte changed after approval."""

import time
from importlib.resources import files
from typing import Any

from portal.story.errors import StoryFailed
from portal.story.people import APPROVERS, RESEARCHER
from portal.story.world import PROJECT, World

JOB_S = 240
ENDED = {"finished", "failed", "refused", "cancelled"}
SCRIPT = files("portal.story").joinpath("scripts/income_model.py").read_text()


def play(world: World) -> None:
    """Run the model on the full census; then show that a changed script does not start."""
    submitted = _submit(world, "收入模型 Income model", SCRIPT, plant=True)
    researcher, approver = world.as_(RESEARCHER), world.as_(APPROVERS["stats"])
    body = {"json": {"digest": submitted["digest"]}}
    path = f"/jobs/{submitted['id']}/approve"
    world.check_refused("the author cannot approve it", "SELF_APPROVAL", researcher, "POST", path, **body)
    wrong = {"json": {"digest": "0" * 64}}
    world.check_refused("another digest cannot be approved", "JOB_DIGEST_MISMATCH", approver, "POST", path, **wrong)
    approver.api("POST", path, **body)
    finished = wait_for_job(world, submitted["id"])
    world.check(f"job {submitted['digest'][:12]}… finished in the jail", finished["state"] == "finished", finished)
    usage = finished["usage"]
    world.see(f"measured: {usage['cpu_seconds']:.1f} CPU-seconds, {usage['max_memory_bytes'] / 2**20:.0f} MiB at most")
    world.left["job"] = finished

    tampered = _submit(world, "收入模型(被改动) Income model, tampered", SCRIPT + "\n# second version\n", plant=False)
    approver.api("POST", f"/jobs/{tampered['id']}/approve", json={"digest": tampered["digest"]})
    _change_one_byte(world, tampered["manifest"]["code_digest"])
    refused = wait_for_job(world, tampered["id"])
    world.check(
        f"a byte changed after approval: {refused['error']}",
        refused["state"] == "refused" and "JOB_DIGEST_MISMATCH" in str(refused["error"]),
        refused,
    )


def _submit(world: World, title: str, script: str, *, plant: bool) -> dict[str, Any]:
    submitted: dict[str, Any] = world.as_(RESEARCHER).api(
        "POST",
        "/jobs",
        json={
            "project": PROJECT,
            "title": title,
            "script": script,
            "datasets": ["census"],
            "parameters": {"seed": 7, "plant": plant},
            "resources": {"cpus": 1, "memory_bytes": 2**30, "wall_s": 180},
        },
    )
    return submitted


def wait_for_job(world: World, job_id: str) -> dict[str, Any]:
    """The job once it ended."""
    began = time.monotonic()
    while time.monotonic() - began < JOB_S:
        job: dict[str, Any] = world.as_(RESEARCHER).api("GET", f"/jobs/{job_id}")
        if job["state"] in ENDED:
            return job
        time.sleep(0.5)
    raise StoryFailed(f"job {job_id} is still {job['state']} after {JOB_S} s")


def _change_one_byte(world: World, digest: str) -> None:
    """What somebody with a root shell could do: one byte of the stored script."""
    for path in (world.home / "blobs").rglob(f"*{digest}*"):
        content = bytearray(path.read_bytes())
        content[-3] ^= 1
        path.chmod(0o600)
        path.write_bytes(content)
        return
    raise StoryFailed("the stored script was not found")
