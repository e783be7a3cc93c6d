"""The desk of a running platform: each method is the view or action of the same meaning."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from portal.actions import datasets as dataset_actions
from portal.actions import grants as grant_actions
from portal.actions import jobs as job_actions
from portal.actions import joint as joint_actions
from portal.actions import projects as project_actions
from portal.actions import releases as release_actions
from portal.actions import requests as request_actions
from portal.actions import sandboxes as sandbox_actions
from portal.context import Platform
from portal.pages.desk import Shape
from portal.views import (
    datasets,
    impact,
    jobs,
    joint,
    ledger,
    people,
    projects,
    records,
    releases,
    replay,
    requests,
    sandboxes,
)


class PlatformDesk:
    """`portal.pages.desk.Desk` over views and actions."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self.incoming: Path = platform.incoming

    def me(self, actor: str) -> Shape:
        return people.me(self._platform, actor)

    def agencies(self, actor: str) -> list[Shape]:
        return people.agencies(self._platform, actor)

    def datasets(self, actor: str) -> list[Shape]:
        return datasets.datasets(self._platform, actor)

    def dataset(self, actor: str, dataset_id: str) -> Shape:
        return datasets.dataset(self._platform, actor, dataset_id)

    def register(self, actor: str, file: Path, fields: Mapping[str, str]) -> Shape:
        return dataset_actions.register(self._platform, actor, file=file, **fields)

    def publish(self, actor: str, dataset_id: str, grades: Mapping[str, int], reason: str) -> Shape:
        return dataset_actions.publish(self._platform, actor, dataset_id, grades=grades, reason=reason)

    def projects(self, actor: str) -> list[Shape]:
        return projects.projects(self._platform, actor)

    def project(self, actor: str, project_id: str) -> Shape:
        return projects.project(self._platform, actor, project_id)

    def create_project(self, actor: str, project_id: str, title: str, purpose: str) -> Shape:
        return project_actions.create(self._platform, actor, id=project_id, title=title, purpose=purpose)

    def add_member(self, actor: str, project_id: str, username: str) -> Shape:
        return project_actions.add_member(self._platform, actor, project_id, username=username)

    def policy(self, actor: str, project_id: str) -> str:
        return replay.policy(self._platform, actor, project_id)

    def replay(self, actor: str, project_id: str, policy: str) -> Shape:
        return replay.replay(self._platform, actor, project_id, policy)

    def requests(self, actor: str, scope: str) -> list[Shape]:
        return requests.requests(self._platform, actor, scope)

    def request(self, actor: str, request_id: int) -> Shape:
        return requests.request(self._platform, actor, request_id)

    def impact(self, actor: str, request_id: int) -> Shape:
        return impact.impact(self._platform, actor, request_id)

    def submit_request(
        self,
        actor: str,
        *,
        project: str,
        dataset: str,
        purpose: str,
        columns: Mapping[str, Sequence[Any]],
        joins: Sequence[str],
        rows: str | None,
        release: Mapping[str, Any],
        valid_from: date,
        valid_until: date,
    ) -> Shape:
        return request_actions.submit(
            self._platform,
            actor,
            project=project,
            dataset=dataset,
            purpose=purpose,
            columns=columns,
            joins=joins,
            rows=rows,
            release=release,
            valid_from=valid_from,
            valid_until=valid_until,
        )

    def decide(
        self, actor: str, request_id: int, *, approved: bool, version: int, reason: str, impact_digest: str
    ) -> Shape:
        return request_actions.decide(
            self._platform,
            actor,
            request_id,
            approved=approved,
            version=version,
            reason=reason,
            impact_digest=impact_digest,
        )

    def revoke(self, actor: str, grant_id: int) -> Shape:
        return grant_actions.revoke(self._platform, actor, grant_id)

    def jobs(self, actor: str) -> list[Shape]:
        return jobs.jobs(self._platform, actor)

    def job(self, actor: str, job_id: str) -> Shape:
        return jobs.job(self._platform, actor, job_id)

    def submit_job(
        self,
        actor: str,
        *,
        project: str,
        title: str,
        script: str,
        datasets: Sequence[str],
        parameters: Mapping[str, Any],
        resources: Mapping[str, Any],
    ) -> Shape:
        return job_actions.submit(
            self._platform,
            actor,
            project=project,
            title=title,
            script=script,
            datasets=datasets,
            parameters=parameters,
            resources=resources,
        )

    def approve_job(self, actor: str, job_id: str, digest: str) -> Shape:
        return job_actions.approve(self._platform, actor, job_id, digest=digest)

    def cancel_job(self, actor: str, job_id: str) -> Shape:
        return job_actions.cancel(self._platform, actor, job_id)

    def releases(self, actor: str, scope: str) -> list[Shape]:
        return releases.releases(self._platform, actor, scope)

    def release(self, actor: str, release_id: str) -> Shape:
        return releases.release(self._platform, actor, release_id)

    def review(self, actor: str, release_id: str, *, approved: bool, reason: str, digest: str) -> Shape:
        return release_actions.review(
            self._platform, actor, release_id, approved=approved, reason=reason, digest=digest
        )

    def issue_ticket(self, actor: str, release_id: str, file: str) -> Shape:
        return release_actions.issue_ticket(self._platform, actor, release_id, file=file)

    def download(self, actor: str, ticket: str) -> tuple[str, bytes]:
        return release_actions.download(self._platform, actor, ticket=ticket)

    def joints(self, actor: str) -> list[Shape]:
        return joint.joints(self._platform, actor)

    def joint(self, actor: str, joint_id: str) -> Shape:
        return joint.joint(self._platform, actor, joint_id)

    def submit_joint(self, actor: str, body: Mapping[str, Any]) -> Shape:
        return joint_actions.submit(self._platform, actor, **body)

    def approve_joint(self, actor: str, joint_id: str, digest: str) -> Shape:
        return joint_actions.approve(self._platform, actor, joint_id, digest=digest)

    def records(self, actor: str, last: int) -> list[Shape]:
        return records.records(self._platform, actor, last)

    def verify(self, actor: str) -> Shape:
        return records.verify(self._platform, actor)

    def ledger(self, actor: str, by: str) -> Shape:
        return ledger.ledger(self._platform, actor, by)

    def stop_sandbox(self, actor: str, project: str) -> Shape:
        return sandbox_actions.stop(self._platform, actor, project)

    def sandboxes(self, actor: str) -> list[Shape]:
        return sandboxes.sandboxes(self._platform, actor)
