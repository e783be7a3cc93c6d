"""Requests: asked, previewed on the real engine, decided by somebody else, revoked."""

from datetime import timedelta
from typing import Any

import pytest
import yaml

from audit.log import read_records
from portal.context import Platform
from store.days import today

TODAY = today()


def asking(**changed: Any) -> dict[str, Any]:
    return {
        "project": "p1",
        "dataset": "census",
        "purpose": "working hours",
        "columns": {"town": ["group", "filter"], "hours": ["aggregate"]},
        "joins": [],
        "release": {"mode": "threshold", "min_group": 10},
        "valid_from": TODAY.isoformat(),
        "valid_until": (TODAY + timedelta(days=30)).isoformat(),
        **changed,
    }


@pytest.fixture
def request_id(as_: Any, published: str, project: str) -> int:
    answer = as_("sarnai").post("/requests", json=asking())
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def decide(caller: Any, request_id: int, **changed: Any) -> Any:
    wanted = caller.get(f"/requests/{request_id}").json()
    if "impact_digest" not in changed:
        changed["impact_digest"] = caller.get(f"/requests/{request_id}/impact").json().get("digest", "")
    body = {"approved": True, "version": wanted.get("version", 1), "reason": "clear purpose", **changed}
    return caller.post(f"/requests/{request_id}/decisions", json=body)


def refused(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_a_request_waits_for_the_owning_agencys_approver(as_: Any, request_id: int) -> None:
    assert [found["id"] for found in as_("sarnai").get("/requests?scope=mine").json()] == [request_id]
    assert [found["id"] for found in as_("gaowa").get("/requests?scope=waiting").json()] == [request_id]
    assert as_("chenjing").get("/requests?scope=waiting").json() == []
    assert as_("chenjing").get("/requests?scope=all").json() == []
    assert refused(as_("chenjing").get(f"/requests/{request_id}")) == (403, "NOT_VISIBLE")
    found = as_("gaowa").get(f"/requests/{request_id}").json()
    assert (found["approvals_needed"], found["may_decide"], found["state"]) == (1, True, "submitted")


def test_the_impact_is_what_the_engine_answers_under_the_policy(as_: Any, request_id: int) -> None:
    impact = as_("gaowa").get(f"/requests/{request_id}/impact").json()
    assert (impact["rows"], impact["people"]) == (300, 300)
    assert impact["groups"] == [{"column": "town", "groups": 3, "withheld": 1}]  # three people of the hamlet
    policy = yaml.safe_load(impact["policy"])
    assert policy["datasets"]["census"]["columns"] == {
        "person_no": [],
        "town": ["group", "filter"],
        "hours": ["aggregate"],
    }
    assert {"zh": "用作分组：town", "en": "group by: town"} in impact["possible"]


def test_the_impact_groups_as_coarsely_as_was_asked_for(as_: Any, published: str, project: str) -> None:
    columns = {"hours": ["aggregate", {"group": 20}], "person_no": ["count"]}
    request_id = as_("sarnai").post("/requests", json=asking(columns=columns)).json()["id"]
    impact = as_("gaowa").get(f"/requests/{request_id}/impact").json()
    assert impact["groups"] == [{"column": "hours", "groups": 3, "withheld": 0}]  # 0, 20 and 40
    assert {"zh": "用作分组（20）：hours", "en": "group by (20): hours"} in impact["possible"]


def test_only_deciders_see_the_impact(as_: Any, request_id: int) -> None:
    assert refused(as_("sarnai").get(f"/requests/{request_id}/impact")) == (403, "NOT_VISIBLE")


def test_an_approval_makes_a_grant(as_: Any, request_id: int, platform: Platform) -> None:
    answer = decide(as_("gaowa"), request_id)
    assert answer.status_code == 201
    assert answer.json()["state"] == "approved"
    grant = as_("sarnai").get("/projects/p1").json()["grants"][0]
    assert (grant["id"], grant["dataset"], grant["live"]) == (answer.json()["grant_id"], "census", True)
    record = list(read_records(platform.audit.path))[-1]
    assert (record["event"], record["actor"]) == ("request.decided", "gaowa")
    assert record["details"]["grant"] == grant["id"]


def test_nobody_approves_their_own_request(as_: Any, published: str) -> None:
    as_("anu").post("/projects", json={"id": "p1", "title": "t", "purpose": "p"})
    request_id = as_("anu").post("/requests", json=asking()).json()["id"]
    assert refused(decide(as_("anu"), request_id)) == (403, "SELF_APPROVAL")
    assert decide(as_("gaowa"), request_id).json()["state"] == "approved"


def test_an_approver_of_another_agency_cannot_decide(as_: Any, request_id: int) -> None:
    assert refused(decide(as_("chenjing"), request_id)) == (403, "NOT_AN_APPROVER")


def test_an_approval_of_a_stale_impact_is_refused(as_: Any, request_id: int, platform: Platform) -> None:
    seen = as_("gaowa").get(f"/requests/{request_id}/impact").json()["digest"]
    with platform.database.session() as session:
        from catalog.datasets import dataset

        dataset(session, "census").columns[1].grade = 3
    assert refused(decide(as_("gaowa"), request_id, impact_digest=seen)) == (409, "IMPACT_STALE")
    assert refused(decide(as_("gaowa"), request_id, impact_digest="")) == (409, "IMPACT_STALE")
    assert as_("gaowa").get(f"/requests/{request_id}").json()["decisions"] == []
    assert decide(as_("gaowa"), request_id).status_code == 201


def test_a_refusal_needs_a_reason_and_no_impact(as_: Any, request_id: int) -> None:
    no = {"approved": False, "impact_digest": ""}
    assert refused(decide(as_("gaowa"), request_id, reason=" ", **no)) == (422, "REASON_MISSING")
    assert decide(as_("gaowa"), request_id, reason="too broad", **no).json() == {"state": "denied", "grant_id": None}


def test_an_approval_of_another_version_is_refused(as_: Any, request_id: int) -> None:
    assert refused(decide(as_("gaowa"), request_id, version=7, impact_digest="")) == (409, "REQUEST_CHANGED")


def test_without_a_record_nothing_is_granted(
    as_: Any, request_id: int, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = as_("gaowa").get(f"/requests/{request_id}").json()
    impact = as_("gaowa").get(f"/requests/{request_id}/impact").json()

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(platform.audit, "append", full)
    body = {"approved": True, "version": wanted["version"], "reason": "", "impact_digest": impact["digest"]}
    assert as_("gaowa").post(f"/requests/{request_id}/decisions", json=body).status_code == 500
    after = as_("gaowa").get(f"/requests/{request_id}").json()
    assert (after["state"], after["decisions"]) == ("submitted", [])


def test_revoking_ends_the_grant_and_the_sandboxes(as_: Any, request_id: int, hub: Any) -> None:
    grant = decide(as_("gaowa"), request_id).json()["grant_id"]
    hub.servers += [("sarnai", "p1"), ("sarnai", "other"), ("tuya", "p1")]
    assert refused(as_("chenjing").post(f"/grants/{grant}/revoke")) == (403, "ROLE_REQUIRED")
    answer = as_("gaowa").post(f"/grants/{grant}/revoke").json()
    assert (answer["live"], answer["revoked_by"], answer["sandboxes_stopped"]) == (False, "gaowa", ["sarnai"])
    assert hub.stopped == [("sarnai", "p1")]
    assert refused(as_("gaowa").post(f"/grants/{grant}/revoke")) == (404, "GRANT_UNKNOWN")


def test_a_draft_cannot_be_requested(as_: Any, project: str, census_file: Any) -> None:
    form = {"id": "census", "title": "t", "unit": "person_no"}
    with census_file.open("rb") as content:
        as_("wangli").post("/datasets", data=form, files={"file": ("x", content)})
    assert refused(as_("sarnai").post("/requests", json=asking())) == (409, "DATASET_NOT_PUBLISHED")


def test_a_request_that_is_no_valid_policy_is_refused(as_: Any, published: str, project: str) -> None:
    wrong = asking(columns={"town": ["fly"]})
    assert refused(as_("sarnai").post("/requests", json=wrong)) == (422, "CAPABILITY_INVALID")
    assert refused(as_("sarnai").post("/requests", json=asking(valid_until="soon"))) == (422, "BODY_INVALID")


def test_members_are_added_by_the_owner_alone(as_: Any, project: str) -> None:
    assert refused(as_("tuya").post("/projects/p1/members", json={"username": "tuya"})) == (403, "NOT_OWNER")
    assert as_("tuya").get("/projects").json() == []
    added = as_("sarnai").post("/projects/p1/members", json={"username": "tuya"}).json()
    assert added["members"] == ["sarnai", "tuya"]
    seen = as_("tuya").get("/projects/p1").json()
    assert seen["sandbox_path"] == "/hub/spawn/tuya/p1"


def test_sandboxes_are_shown_to_their_projects_people(as_: Any, project: str, hub: Any) -> None:
    hub.servers += [("sarnai", "p1"), ("tuya", "other")]
    assert [found["project"] for found in as_("sarnai").get("/sandboxes").json()] == ["p1"]
    assert len(as_("wuyun").get("/sandboxes").json()) == 2
    assert as_("gaowa").get("/sandboxes").json() == []


def test_auditors_read_all_records_others_their_own(as_: Any, request_id: int) -> None:
    assert {record["actor"] for record in as_("liumin").get("/audit").json()} == {"wangli", "sarnai"}
    assert {record["actor"] for record in as_("wangli").get("/audit").json()} == {"wangli"}
    verified = as_("sarnai").get("/audit/verify").json()
    assert verified["whole"]
    assert verified["records"] == verified["checkpoint_size"] == 4


def test_a_changed_log_is_found(as_: Any, request_id: int, platform: Platform) -> None:
    content = bytearray(platform.audit.path.read_bytes())
    content[len(content) // 2] ^= 1
    platform.audit.path.write_bytes(content)
    verified = as_("liumin").get("/audit/verify").json()
    assert verified["whole"] is False
    assert verified["position"] in range(4)
