"""Sealed jobs: submitted on live grants, approved by digest by somebody else, their outputs reviewed and released."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from audit.log import read_records
from policies.grants import Grant
from policies.requests import AccessRequest
from portal.actions.jobs import outputs_named
from portal.actions.releases import collect
from portal.context import Platform
from scheduler import ledger, queue
from scheduler.states import Event
from store.days import today
from store.errors import YurtError

SCRIPT = 'open("/out/result.csv", "w").write("town,n\\n")\nopen("/out/people.csv", "w")\n'
IDENTITIES = "id_no\n" + "".join(f"11010519491231002X{''}\n" for _ in range(30))


def grant_census(platform: Platform) -> None:
    """What the approved request of `test_deciding` leaves."""
    begin = today()
    terms: dict[str, Any] = {
        "project_id": "p1",
        "dataset_id": "census",
        "columns": {"town": ["group"]},
        "joins": [],
        "release": {},
        "valid_from": begin,
        "valid_until": begin + timedelta(days=9),
    }
    with platform.database.session() as session:
        now = datetime.now(UTC)
        asked = AccessRequest(applicant="sarnai", purpose="p", state="approved", version=2, created_at=now, **terms)
        session.add(asked)
        session.flush()
        session.add(Grant(request_id=asked.id, **terms))


@pytest.fixture
def environment(platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Python environment as far as its digest looks at it."""
    record = tmp_path / "env/lib/python3.11/site-packages/pandas-2.dist-info/RECORD"
    record.parent.mkdir(parents=True)
    record.write_text("pandas/__init__.py,sha256=abc,1\n")
    monkeypatch.setenv("YURT_SANDBOX_ENV", str(tmp_path / "env"))
    return tmp_path / "env"


@pytest.fixture
def granted(published: str, project: str, platform: Platform, environment: Path) -> None:
    grant_census(platform)


def wanted(**changed: Any) -> dict[str, Any]:
    return {
        "project": "p1",
        "title": "hours by town",
        "script": SCRIPT,
        "datasets": ["census"],
        "parameters": {"seed": 7, "plant": True},
        "resources": {"cpus": 1, "memory_bytes": 2**30, "wall_s": 60},
        **changed,
    }


@pytest.fixture
def job(as_: Any, granted: None) -> dict[str, Any]:
    answer = as_("sarnai").post("/jobs", json=wanted())
    assert answer.status_code == 201, answer.text
    submitted: dict[str, Any] = answer.json()
    return submitted


def refused(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_a_manifest_names_everything_that_will_run(job: dict[str, Any], platform: Platform) -> None:
    manifest = job["manifest"]
    code = hashlib.sha256(SCRIPT.encode()).hexdigest()
    assert (manifest["code_digest"], manifest["outputs"]) == (code, ["result.csv", "people.csv"])
    assert (manifest["grant"], manifest["agency"], manifest["author"]) == ("1", "uni", "sarnai")
    data = hashlib.sha256((platform.data / "census/v1.parquet").read_bytes()).hexdigest()
    assert manifest["datasets"] == [{"name": "census", "version": "1", "digest": data}]
    assert all((platform.blobs / digest[:2] / digest).is_file() for digest in (code, data))
    assert (job["state"], job["approvals_needed"], job["approved_by"], job["usage"]) == ("submitted", 1, [], None)


def test_approval_is_somebody_elses_and_for_the_digest(as_: Any, job: dict[str, Any], platform: Platform) -> None:
    path, body = f"/jobs/{job['id']}/approve", {"digest": job["digest"]}
    assert refused(as_("sarnai").post(path, json=body)) == (403, "SELF_APPROVAL")
    assert refused(as_("chenjing").post(path, json=body)) == (403, "NOT_AN_APPROVER")
    assert refused(as_("gaowa").post(path, json={"digest": "0" * 64})) == (409, "JOB_DIGEST_MISMATCH")
    approved = as_("gaowa").post(path, json=body).json()
    assert (approved["state"], approved["approved_by"], approved["may_approve"]) == ("approved", ["gaowa"], False)
    assert refused(as_("anu").post(path, json=body)) == (409, "JOB_STATE_CONFLICT")
    last = list(read_records(platform.audit.path))[-1]
    assert (last["event"], last["subject"], last["details"]["digest"]) == ("job.approved", job["id"], job["digest"])


def test_a_job_needs_a_live_grant_and_membership(as_: Any, published: str, project: str, environment: Path) -> None:
    assert refused(as_("sarnai").post("/jobs", json=wanted())) == (403, "NO_LIVE_GRANT")
    assert refused(as_("tuya").post("/jobs", json=wanted())) == (403, "NOT_A_MEMBER")


def test_a_job_is_seen_by_its_people_and_approvers(as_: Any, job: dict[str, Any]) -> None:
    assert refused(as_("tuya").get(f"/jobs/{job['id']}")) == (403, "NOT_VISIBLE")
    assert as_("chenjing").get("/jobs").json() == []
    assert [found["may_approve"] for found in as_("gaowa").get("/jobs").json()] == [True]


def test_an_approver_reads_the_script_whose_digest_they_approve(
    as_: Any, job: dict[str, Any], platform: Platform
) -> None:
    assert as_("gaowa").get(f"/jobs/{job['id']}").json()["script"] == SCRIPT
    code = job["manifest"]["code_digest"]
    stored = platform.blobs / code[:2] / code
    stored.chmod(0o600)
    stored.write_bytes(SCRIPT.encode() + b"#")
    assert as_("gaowa").get(f"/jobs/{job['id']}").json()["script"] is None


def test_the_author_cancels(as_: Any, job: dict[str, Any]) -> None:
    assert refused(as_("tuya").post(f"/jobs/{job['id']}/cancel")) == (403, "ROLE_REQUIRED")
    assert as_("sarnai").post(f"/jobs/{job['id']}/cancel").json()["state"] == "cancelled"


@pytest.mark.parametrize(
    ("script", "code"),
    [("print(1)", "OUTPUTS_UNNAMED"), ("def", "BODY_INVALID"), ("x = '/out/a b.csv'", "OUTPUTS_UNNAMED")],
)
def test_a_script_without_named_outputs_is_refused(script: str, code: str) -> None:
    with pytest.raises(YurtError) as caught:
        outputs_named(script)
    assert caught.value.code == code


def finish(platform: Platform, job: dict[str, Any], files: dict[str, str]) -> None:
    """What the compute daemon does when a run ends well."""
    folder = platform.jobs / job["id"] / "handover"
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_text(content)
    now = datetime.now(UTC)
    with platform.database.session() as session:
        for event in (Event.ENQUEUE, Event.START):
            queue.move(session, job["id"], event)
        queue.move(session, job["id"], Event.FINISH, started_at=now, ended_at=now, outcome="finished")
        used = ledger.measure(wall_s=2.0, cpu_s=1.5, peak_memory_bytes=64 * 2**20, gpus=0)
        ledger.append(session, ledger.Entry(job["id"], ("uni", "p1", "sarnai"), now, now, used))


@pytest.fixture
def released(as_: Any, job: dict[str, Any], platform: Platform) -> dict[str, Any]:
    """A finished job whose outputs were collected: one file may leave, one is full of identity numbers."""
    as_("gaowa").post(f"/jobs/{job['id']}/approve", json={"digest": job["digest"]})
    finish(platform, job, {"result.csv": "town,people\nnorth,150\nsouth,147\n", "people.csv": IDENTITIES})
    (release_id,) = collect(platform)
    assert collect(platform) == []
    found: dict[str, Any] = as_("sarnai").get(f"/releases/{release_id}").json()
    return found


def test_outputs_are_inspected_and_reviewed_and_leave_once(
    as_: Any, job: dict[str, Any], released: dict[str, Any]
) -> None:
    assert (released["job_id"], released["state"], released["grade"]) == (job["id"], "in_review", 3)
    verdicts = {file["name"]: file["verdict"] for file in released["files"]}
    assert verdicts["people.csv"] == "block"
    assert verdicts["result.csv"] != "block"
    path, digest = f"/releases/{released['id']}", released["digest"]
    review = {"approved": True, "reason": "aggregates", "digest": digest}
    wanted_file = {"file": "result.csv"}
    assert refused(as_("sarnai").post(f"{path}/reviews", json=review)) == (403, "SELF_REVIEW")
    assert refused(as_("chenjing").post(f"{path}/reviews", json=review)) == (403, "NOT_A_REVIEWER")
    assert refused(as_("sarnai").post(f"{path}/ticket", json=wanted_file)) == (409, "NOT_RELEASED")

    first = as_("gaowa").post(f"{path}/reviews", json=review).json()
    assert (first["state"], len(first["reviews"])) == ("in_review", 1)
    assert as_("sarnai").get(path).json()["reviews"] == []  # blind until all are in
    assert refused(as_("anu").post(f"{path}/reviews", json=review)) == (403, "REVIEWER_SAME_AGENCY")
    assert [found["id"] for found in as_("chenjing").get("/releases?scope=waiting").json()] == [released["id"]]
    wrong = {**review, "digest": "0" * 64}
    assert refused(as_("chenjing").post(f"{path}/reviews", json=wrong)) == (409, "RELEASE_BYTES_CHANGED")
    second = as_("chenjing").post(f"{path}/reviews", json=review).json()
    assert (second["state"], len(second["reviews"])) == ("released", 2)

    assert refused(as_("gaowa").post(f"{path}/ticket", json=wanted_file)) == (403, "NOT_RECIPIENT")
    assert refused(as_("sarnai").post(f"{path}/ticket", json={"file": "people.csv"})) == (403, "FILE_BLOCKED")
    ticket = as_("sarnai").post(f"{path}/ticket", json=wanted_file).json()
    assert refused(as_("gaowa").post("/downloads", json={"ticket": ticket["ticket"]})) == (403, "TICKET_RECIPIENT")
    answer = as_("sarnai").post("/downloads", json={"ticket": ticket["ticket"]})
    assert hashlib.sha256(answer.content).hexdigest() == ticket["sha256"]
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''result.csv"
    assert refused(as_("sarnai").post("/downloads", json={"ticket": ticket["ticket"]})) == (410, "TICKET_SPENT")


def test_the_ledger_shows_measured_use_and_balances(as_: Any, released: dict[str, Any]) -> None:
    book = as_("wuyun").get("/ledger?by=project").json()
    row = {"jobs": 1, "cpu_seconds": 1.5, "memory_gib_hours": 0.000035, "gpu_seconds": 0.0, "wall_seconds": 2.0}
    assert book == {"rows": [{"key": "p1", **row}], "total": row, "balanced": True}
    assert as_("tuya").get("/ledger").json()["rows"] == []
    usage = as_("sarnai").get(f"/jobs/{released['job_id']}").json()["usage"]
    assert usage == {"cpu_seconds": 1.5, "max_memory_bytes": 64 * 2**20, "wall_s": 2.0}


def test_a_job_that_leaves_only_blocked_files_ends_as_blocked(
    as_: Any, job: dict[str, Any], platform: Platform
) -> None:
    as_("gaowa").post(f"/jobs/{job['id']}/approve", json={"digest": job["digest"]})
    finish(platform, job, {"people.csv": IDENTITIES})
    (release_id,) = collect(platform)
    assert as_("sarnai").get(f"/releases/{release_id}").json()["state"] == "blocked"
    events = [record["event"] for record in read_records(platform.audit.path)]
    assert events[-2:] == ["release.created", "release.blocked"]
