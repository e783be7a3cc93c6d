"""Manifests to test with."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from catalog.agencies import Agency
from catalog.datasets import Dataset
from catalog.people import Person
from policies.grants import Grant
from policies.requests import AccessRequest, create_project
from scheduler.manifest import JobManifest
from store.database import Database
from store.days import today

FIELDS: dict[str, Any] = {
    "manifest_version": 1,
    "job_id": "job-1",
    "project": "心血管风险",
    "agency": "150100",
    "author": "researcher",
    "code_digest": "a" * 64,
    "parameters": {"folds": 5, "names": ["age", "bmi"], "rate": 0.5, "label": "一"},
    "environment_digest": "b" * 64,
    "datasets": [{"name": "encounters", "version": "2026-01", "digest": "c" * 64}],
    "request": {"cpus": 0.5, "memory_bytes": 2**28, "gpus": 0, "wall_s": 60},
    "outputs": ["model.json"],
    "grant": "1",
    "purpose": "Readmission within 30 days.",
}


def manifest(**changes: Any) -> JobManifest:
    return JobManifest.parse(json.dumps({**FIELDS, **changes}))


def give_grant(database: Database) -> int:
    """A live grant for the manifests' project; its number."""
    begin = today()
    project, dataset = FIELDS["project"], FIELDS["datasets"][0]["name"]
    terms = {"project_id": project, "dataset_id": dataset, "columns": {}, "joins": [], "release": {},
             "valid_from": begin, "valid_until": begin + timedelta(days=9)}  # fmt: skip
    with database.session() as session:
        session.add(Agency(id="150100", name="", name_en="", division="1501", parent_id=None))
        session.flush()
        session.add(Person(username="researcher", name="", agency_id="150100", password_hash=""))
        session.flush()
        create_project(session, project, "", "", "researcher")
        described = {"title": "", "title_en": "", "description": "", "source": "", "unit": "id_no"}
        session.add(Dataset(id=dataset, agency_id="150100", created_by="researcher", **described))
        session.flush()
        request = AccessRequest(applicant="researcher", purpose="", created_at=datetime.now(UTC), **terms)
        session.add(request)
        session.flush()
        grant = Grant(request_id=request.id, **terms)
        session.add(grant)
        session.flush()
        return grant.id
