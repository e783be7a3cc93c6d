"""A desk over the scenes: what the pages ask is answered from them, what is done is kept."""

import copy
from pathlib import Path
from typing import Any

from catalog.errors import DATASET_UNKNOWN, GRADE_TOO_LOW
from policies.access_errors import REASON_MISSING, REQUEST_UNKNOWN
from portal.errors import IMPACT_STALE, NOT_VISIBLE
from store.errors import YurtError
from tests.portal.pages.scenes import (
    AGENCIES,
    CENSUS_COLUMNS,
    DATASETS,
    DIGEST,
    IMPACT,
    JOBS,
    JOINT,
    JOINTS,
    LEDGER,
    PEOPLE,
    PROJECT,
    RECORDS,
    RELEASES,
    REPLAYED,
    REQUEST,
    SANDBOXES,
    VERIFIED,
    agency,
    grant,
)


class SceneDesk:
    """A desk (portal.pages.desk) over these dicts; what is done through it is kept in `done`."""

    def __init__(self, incoming: Path, full: bool = True) -> None:
        self.incoming = incoming
        self.full = full
        self.done: list[tuple[Any, ...]] = []

    def _all(self, things: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return copy.deepcopy(things) if self.full else []

    def _one(self, things: list[dict[str, Any]], wanted: object, kind: str) -> dict[str, Any]:
        found = next((thing for thing in things if thing["id"] == wanted), None)
        if found is None or not self.full:
            raise YurtError(NOT_VISIBLE, person="somebody", what=f"{kind} {wanted}")
        return copy.deepcopy(found)

    def me(self, actor: str) -> dict[str, Any]:
        name, home, roles = PEOPLE[actor]
        return {
            "username": actor,
            "name": name,
            "agency": agency(home),
            "roles": [{"role": role, "agency": top} for role, top in roles],
        }

    def agencies(self, actor: str) -> list[dict[str, Any]]:
        return [{**agency(each[0]), "division": "15", "path": ["内蒙古自治区"], "parent": each[3]} for each in AGENCIES]

    def datasets(self, actor: str) -> list[dict[str, Any]]:
        return [found for found in self._all(DATASETS) if found["state"] == "published" or actor == "wangli"]

    def dataset(self, actor: str, dataset_id: str) -> dict[str, Any]:
        found = next((each for each in DATASETS if each["id"] == dataset_id), None)
        if found is None:
            raise YurtError(DATASET_UNKNOWN, dataset=dataset_id)
        version = {"number": 1, "sha256": DIGEST, "rows": found["rows"], "created_at": "2026-11-20T02:00:00+00:00"}
        found = {**found, "agency": agency("stats")} if found["state"] == "draft" else found
        return copy.deepcopy({**found, "columns": CENSUS_COLUMNS, "versions": [version]})

    def register(self, actor: str, file: Path, fields: Any) -> dict[str, Any]:
        self.done.append(("register", actor, file.read_bytes(), dict(fields)))
        return self.dataset(actor, "register")

    def publish(self, actor: str, dataset_id: str, grades: Any, reason: str) -> dict[str, Any]:
        if grades.get("id_no") == 1 and not reason:
            raise YurtError(GRADE_TOO_LOW, column="id_no", proposed=4, given=1)
        self.done.append(("publish", actor, dataset_id, grades, reason))
        return self.dataset(actor, dataset_id)

    def projects(self, actor: str) -> list[dict[str, Any]]:
        return self._all([PROJECT])

    def project(self, actor: str, project_id: str) -> dict[str, Any]:
        found = self._one([PROJECT], project_id, "project") if self.full else {**PROJECT, "grants": [], "requests": []}
        return copy.deepcopy(found)

    def policy(self, actor: str, project_id: str) -> str:
        if actor not in ("gaowa", "chenjing"):
            raise YurtError(NOT_VISIBLE, person=actor, what=f"the questions of project {project_id}")
        return str(IMPACT["policy"])

    def replay(self, actor: str, project_id: str, policy: str) -> dict[str, Any]:
        self.done.append(("replay", actor, project_id, policy))
        nothing = {
            "summary": dict.fromkeys(REPLAYED["summary"], 0),
            "questions": [],
            "not_shown": 0,
            "earlier_answers": "all",
        }
        return copy.deepcopy(REPLAYED if self.full else nothing)

    def create_project(self, actor: str, project_id: str, title: str, purpose: str) -> dict[str, Any]:
        self.done.append(("create_project", actor, project_id, title, purpose))
        return {**PROJECT, "id": project_id}

    def add_member(self, actor: str, project_id: str, username: str) -> dict[str, Any]:
        self.done.append(("add_member", actor, project_id, username))
        return PROJECT

    def requests(self, actor: str, scope: str) -> list[dict[str, Any]]:
        return self._all([REQUEST])

    def request(self, actor: str, request_id: int) -> dict[str, Any]:
        if request_id != REQUEST["id"]:
            raise YurtError(REQUEST_UNKNOWN, request=request_id)
        decides = actor in ("gaowa", "chenjing")
        return copy.deepcopy({**REQUEST, "may_decide": decides})

    def impact(self, actor: str, request_id: int) -> dict[str, Any]:
        if actor not in ("gaowa", "chenjing"):
            raise YurtError(NOT_VISIBLE, person=actor, what=f"the impact of request {request_id}")
        return copy.deepcopy(IMPACT if self.full else {**IMPACT, "groups": [], "possible": []})

    def submit_request(self, actor: str, **asked: Any) -> dict[str, Any]:
        self.done.append(("submit_request", actor, asked))
        return copy.deepcopy(REQUEST)

    def decide(self, actor: str, request_id: int, **decision: Any) -> dict[str, Any]:
        if decision["approved"] and decision["impact_digest"] != DIGEST:
            raise YurtError(IMPACT_STALE)
        if not decision["approved"] and not decision["reason"]:
            raise YurtError(REASON_MISSING)
        self.done.append(("decide", actor, request_id, decision))
        return {"state": "approved", "grant_id": 4}

    def revoke(self, actor: str, grant_id: int) -> dict[str, Any]:
        self.done.append(("revoke", actor, grant_id))
        return {**grant(grant_id), "sandboxes_stopped": ["sarnai"], "sandboxes_not_stopped": []}

    def jobs(self, actor: str) -> list[dict[str, Any]]:
        return self._all(JOBS)

    def job(self, actor: str, job_id: str) -> dict[str, Any]:
        return self._one(JOBS, job_id, "job")

    def submit_job(self, actor: str, **job: Any) -> dict[str, Any]:
        self.done.append(("submit_job", actor, job))
        return JOBS[0]

    def approve_job(self, actor: str, job_id: str, digest: str) -> dict[str, Any]:
        self.done.append(("approve_job", actor, job_id, digest))
        return JOBS[0]

    def stop_sandbox(self, actor: str, project: str) -> dict[str, Any]:
        self.done.append(("stop_sandbox", actor, project))
        return {"project": project, "stopped": True}

    def cancel_job(self, actor: str, job_id: str) -> dict[str, Any]:
        self.done.append(("cancel_job", actor, job_id))
        return JOBS[0]

    def releases(self, actor: str, scope: str) -> list[dict[str, Any]]:
        return self._all([found for found in RELEASES if scope != "waiting" or found["may_review"]])

    def release(self, actor: str, release_id: str) -> dict[str, Any]:
        return self._one(RELEASES, release_id, "release")

    def review(self, actor: str, release_id: str, **review: Any) -> dict[str, Any]:
        self.done.append(("review", actor, release_id, review))
        return RELEASES[0]

    def issue_ticket(self, actor: str, release_id: str, file: str) -> dict[str, Any]:
        self.done.append(("issue_ticket", actor, release_id, file))
        return {"ticket": "T" * 43 + ".0", "file": file, "sha256": DIGEST, "expires_at": "2026-11-22T04:00:00+00:00"}

    def download(self, actor: str, ticket: str) -> tuple[str, bytes]:
        self.done.append(("download", actor, ticket))
        return "各旗县.csv", b"county,n\n150102,31\n"

    def joints(self, actor: str) -> list[dict[str, Any]]:
        return self._all(JOINTS)

    def joint(self, actor: str, joint_id: str) -> dict[str, Any]:
        return self._one(JOINTS, joint_id, "joint job")

    def submit_joint(self, actor: str, body: Any) -> dict[str, Any]:
        self.done.append(("submit_joint", actor, body))
        return JOINT

    def approve_joint(self, actor: str, joint_id: str, digest: str) -> dict[str, Any]:
        self.done.append(("approve_joint", actor, joint_id, digest))
        return JOINT

    def records(self, actor: str, last: int) -> list[dict[str, Any]]:
        return self._all(RECORDS)

    def verify(self, actor: str) -> dict[str, Any]:
        return VERIFIED if self.full else {"whole": False, "position": 12, "reason": "leaf 12 was altered"}

    def ledger(self, actor: str, by: str) -> dict[str, Any]:
        return LEDGER if self.full else {"rows": [], "total": None, "balanced": True}

    def sandboxes(self, actor: str) -> list[dict[str, Any]]:
        return self._all(SANDBOXES)
