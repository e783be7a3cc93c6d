"""Joint computations: every party's approver agrees to one digest; the result is for receiver and submitter only."""

import json
import threading
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet as parquet
import pytest

from audit.log import read_records
from mpc import requests as rules
from mpc.requests import JointState
from portal.actions import joint as actions
from portal.context import Platform
from store.errors import YurtError


@pytest.fixture
def joint(as_: Any, published: str, tmp_path: Path) -> dict[str, Any]:
    path = tmp_path / "stays.parquet"
    parquet.write_table(pyarrow.table({"person_no": ["P000001"], "days": [4.0], "visits": [2.0]}), path)
    form = {"id": "stays", "title": "t", "unit": "person_no"}
    with path.open("rb") as content:
        assert as_("batu").post("/datasets", data=form, files={"file": ("x", content)}).status_code == 201
    assert as_("batu").post("/datasets/stays/publish", json={}).status_code == 200
    answer = as_("wuyun").post("/joint", json=asking())
    assert answer.status_code == 201, answer.text
    submitted: dict[str, Any] = answer.json()
    return submitted


def asking(**changed: Any) -> dict[str, Any]:
    return {
        "name": "risk",
        "operator": "encrypted_score",
        "purpose": "score stays",
        "parties": [
            {"agency": "health", "dataset": "stays", "key": "person_no", "columns": ["days", "visits"]},
            {"agency": "stats", "dataset": "census", "key": "person_no", "columns": []},
        ],
        "receiver": "health",
        "min_group": 10,
        "parameters": {"scorer": "stats", "weights": [0.5, 0.25], "intercept": 1.0},
        **changed,
    }


def refused(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize(
    "changed",
    [
        {"operator": "open_everything"},
        {"receiver": "stats2"},
        {"parameters": {"scorer": "stats", "weights": [1.0]}},
        {"parameters": {"scorer": "stats", "weights": [1.0, 2.0], "beaver": "TFP"}},
        {"parties": [{"agency": "stats", "dataset": "stays", "key": "person_no"}] * 2},
    ],
)
def test_a_job_no_party_could_run_is_refused(as_: Any, joint: dict[str, Any], changed: dict[str, Any]) -> None:
    assert refused(as_("wuyun").post("/joint", json=asking(**changed))) == (422, "JOINT_INVALID")


def test_submitting_needs_a_role_over_every_party(as_: Any, joint: dict[str, Any]) -> None:
    assert refused(as_("sarnai").post("/joint", json=asking())) == (403, "ROLE_REQUIRED")


def test_the_last_party_starts_it_and_only_the_receiver_reads(
    as_: Any, joint: dict[str, Any], platform: Platform
) -> None:
    path, body = f"/joint/{joint['id']}/approve", {"digest": joint["digest"]}
    assert refused(as_("sarnai").post(path, json=body)) == (403, "JOINT_NOT_A_PARTY")
    assert refused(as_("gaowa").post(path, json={"digest": "0" * 64})) == (409, "JOINT_CHANGED")
    assert as_("gaowa").post(path, json=body).json()["state"] == "submitted"
    assert refused(as_("anu").post(path, json=body)) == (403, "JOINT_NOT_A_PARTY")  # the party has spoken
    assert as_("chenjing").post(path, json=body).status_code == 200
    for thread in threading.enumerate():
        if thread.name == f"joint {joint['id']}":
            thread.join(120)

    done = as_("chenjing").get(f"/joint/{joint['id']}").json()
    assert (done["state"], done["error"]) == ("done", None)
    assert done["result"]["rows"] == 1
    assert done["result"]["max_error"] < 1e-3
    assert "scores" not in done["result"]
    assert as_("wuyun").get(f"/joint/{joint['id']}").json()["result"] == done["result"]
    assert as_("gaowa").get(f"/joint/{joint['id']}").json()["result"] is None
    (opened,) = (platform.joint / joint["id"]).glob("*/results/*.json")
    (score,) = json.loads(opened.read_text())["value"]["scores"]
    assert abs(score - (0.5 * 4 + 0.25 * 2 + 1)) < 1e-3
    assert not list((platform.joint / joint["id"]).rglob("*.parquet"))  # copies of data do not stay
    events = [record["event"] for record in read_records(platform.audit.path)]
    assert events[-5:] == ["joint.submitted", "joint.approved", "joint.approved", "joint.started", "joint.finished"]


def test_a_party_is_given_only_the_columns_that_were_named(
    joint: dict[str, Any], platform: Platform, tmp_path: Path
) -> None:
    actions.export(platform, joint["id"], tmp_path / "export")
    assert {file.name for file in (tmp_path / "export").iterdir()} == {"stays.parquet", "model.json"}
    assert parquet.read_schema(tmp_path / "export/stays.parquet").names == ["person_no", "days", "visits"]
    model = json.loads((tmp_path / "export/model.json").read_text())
    assert model == {"kind": "linear", "weights": {"days": 0.5, "visits": 0.25}, "intercept": 1.0}


def test_a_changed_file_stops_it(joint: dict[str, Any], platform: Platform, tmp_path: Path) -> None:
    file = platform.data / "stays/v1.parquet"
    file.chmod(0o600)
    file.write_bytes(file.read_bytes()[:-1] + b"0")
    with pytest.raises(YurtError) as caught:
        actions.export(platform, joint["id"], tmp_path / "export")
    assert caught.value.code == "DATA_CHANGED"


def test_what_was_running_at_a_restart_is_aborted(as_: Any, joint: dict[str, Any], platform: Platform) -> None:
    with platform.database.session() as session:
        rules.joint_job(session, joint["id"]).state = JointState.RUNNING
    actions.recover(platform)
    found = as_("wuyun").get(f"/joint/{joint['id']}").json()
    assert (found["state"], found["error"]) == ("aborted", "INTERRUPTED")
