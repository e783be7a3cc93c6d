"""Step 7: three agencies, each its own party process, compute on a join none may make; one scores in the dark."""

import time
from collections import defaultdict
from statistics import fmean
from typing import Any

from portal.story.datasets import story_datasets
from portal.story.errors import StoryFailed
from portal.story.people import APPROVERS, OPERATOR
from portal.story.world import World

JOINT_S = 180
MINIMUM = 10
ENDED = {"done", "refused", "aborted"}


def play(world: World) -> None:
    """Counts and means over a three-way join with the gate inside, and an encrypted score."""
    domain = sorted(set(_census()["education"]))
    joined = {
        "name": "patients_hours",
        "operator": "psi_join_aggregate",
        "purpose": "住院患者的每周工作时长 Working hours of patients",
        "parties": [
            {"agency": "police", "dataset": "register", "key": "id_no", "columns": []},
            {"agency": "health", "dataset": "encounters", "key": "id_no", "columns": []},
            {"agency": "stats", "dataset": "census", "key": "id_no", "columns": ["hours_per_week"]},
        ],
        "receiver": "health",
        "min_group": MINIMUM,
        "parameters": {
            "group_by": {"party": "stats", "column": "education", "domain": domain},
            "duplicates": "distinct",
        },
    }
    done = _run(world, joined)
    opened = {group["group"]: group for group in done["result"]["groups"] if group["status"] == "OK"}
    means = {name: (group["count"], group["columns"][0]["mean"]) for name, group in opened.items()}
    expected = _expected()
    large = {name: figures for name, figures in expected.items() if name in opened}
    world.check(
        f"counts and means of {sum(count for count, _ in means.values())} common people in {len(means)} groups "
        "equal the join in the clear",
        all(count == large[name][0] and abs(mean - large[name][1]) < 1e-3 for name, (count, mean) in means.items()),
        (means, large),
    )
    small = {name for name, (count, _) in expected.items() if count < MINIMUM}
    shut = {group["group"] for group in done["result"]["groups"] if group["status"] == "BELOW_MINIMUM"}
    world.check(
        f"inside the protocol the gate stays shut for {', '.join(sorted(shut))}: BELOW_MINIMUM",
        small < shut and len(shut) == len(small) + 1 and not shut & opened.keys(),
        (small, shut),
    )
    _report(world, done)
    score = {
        "name": "encrypted_risk",
        "operator": "encrypted_score",
        "purpose": "再入院风险评分 Readmission risk score",
        "parties": [
            {
                "agency": "health",
                "dataset": "encounters",
                "key": "id_no",
                "columns": ["time_in_hospital", "num_medications", "number_inpatient", "number_diagnoses"],
            },
            {"agency": "stats", "dataset": "census", "key": "id_no", "columns": []},
        ],
        "receiver": "health",
        "min_group": 10,
        "parameters": {"scorer": "stats", "weights": [0.05, 0.01, 0.4, 0.03], "intercept": -1.2},
    }
    scored = _run(world, score)
    world.check(
        f"encrypted scores of {scored['result']['rows']} encounters, error at most "
        f"{scored['result']['max_error']:.1e}; the scorer never held the key",
        scored["result"]["max_error"] < 1e-4,
        scored,
    )
    _report(world, scored)


def _run(world: World, job: dict[str, Any]) -> dict[str, Any]:
    operator = world.as_(OPERATOR)
    joint = operator.api("POST", "/joint", json=job)
    for party in job["parties"]:
        world.as_(APPROVERS[party["agency"]]).api(
            "POST", f"/joint/{joint['id']}/approve", json={"digest": joint["digest"]}
        )
    began = time.monotonic()
    while joint["state"] not in ENDED:
        if time.monotonic() - began > JOINT_S:
            raise StoryFailed(f"{job['name']} is still {joint['state']} after {JOINT_S} s")
        time.sleep(0.5)
        joint = world.as_(APPROVERS[job["receiver"]]).api("GET", f"/joint/{joint['id']}")
    if joint["state"] != "done":
        raise StoryFailed(f"{job['name']} ended {joint['state']}: {joint['error']}")
    return dict(joint)


def _report(world: World, joint: dict[str, Any]) -> None:
    report = joint["report"]
    world.see(f"{report['protocol']}: {report['bytes'] / 2**20:.1f} MiB, {report['seconds']:.1f} s")


def _census() -> dict[str, list[Any]]:
    """The census of the story, column by column."""
    table = next(dataset.table for dataset in story_datasets() if dataset.id == "census")
    columns: dict[str, list[Any]] = table.select(["id_no", "education", "hours_per_week"]).to_pydict()
    return columns


def _expected() -> dict[str, tuple[int, float]]:
    """The same join in the clear, from the story's own tables: education → people, mean hours."""
    tables = {dataset.id: dataset.table for dataset in story_datasets()}
    patients = set(tables["encounters"]["id_no"].to_pylist()) & set(tables["register"]["id_no"].to_pylist())
    hours: defaultdict[str, list[int]] = defaultdict(list)
    census = _census()
    for person, education, worked in zip(census["id_no"], census["education"], census["hours_per_week"], strict=True):
        if person in patients:
            hours[education].append(worked)
    return {education: (len(worked), fmean(worked)) for education, worked in hours.items()}
