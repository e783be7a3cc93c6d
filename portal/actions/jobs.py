"""Sealed jobs: from a script on the screen to a manifest somebody else approves by its digest."""

import ast
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import rfc8785
from sqlalchemy.orm import Session

from audit import EventName
from catalog.datasets import Dataset as CatalogDataset
from catalog.datasets import dataset as dataset_of
from catalog.people import Role, check_role, holds_role, person
from policies import requests as rules
from policies.access_errors import NO_LIVE_GRANT, NOT_AN_APPROVER, SELF_APPROVAL
from policies.grants import live_grants
from portal.context import Platform
from portal.errors import BODY_INVALID, OUTPUTS_UNNAMED, SCRIPT_TOO_LARGE
from portal.views import jobs as views
from sandbox.environment import environment_path
from scheduler import queue
from scheduler.blobs import Blobs
from scheduler.environment import environment_digest
from scheduler.manifest import MANIFEST_VERSION, JobManifest
from store.errors import YurtError

SCRIPT_BYTES = 1 << 20
DEFAULTS = {"cpus": 1.0, "memory_bytes": 2**30, "gpus": 0, "wall_s": 600}
_OUTPUT = re.compile(r"/out/([A-Za-z0-9][A-Za-z0-9_-]{0,62}\.[a-z0-9]{1,8})")


def blobs_of(platform: Platform) -> Blobs:
    """Where scripts and dataset copies lie for the runner."""
    return Blobs(platform.blobs)


def submit(
    platform: Platform,
    actor: str,
    *,
    project: str,
    title: str,
    script: str,
    datasets: Sequence[str],
    parameters: Mapping[str, Any] | None = None,
    resources: Mapping[str, Any] | None = None,
    outputs: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Put a job before the approvers of the data's agencies.

    `outputs` are the files the airlock will be given; left out, they are those the script names as '/out/…'.
    Raises NOT_A_MEMBER, NO_LIVE_GRANT, SCRIPT_TOO_LARGE, OUTPUTS_UNNAMED, BODY_INVALID, JOB_MANIFEST_INVALID.
    """
    content = script.encode()
    if not 0 < len(content) <= SCRIPT_BYTES:
        raise YurtError(SCRIPT_TOO_LARGE)
    environment = environment_digest(platform.settings.sandbox_env or environment_path())
    blobs = blobs_of(platform)
    with platform.database.session() as session:
        rules.project(session, project)
        rules.check_member(session, project, actor)
        described = [dataset_of(session, name) for name in dict.fromkeys(datasets)]
        if not described:
            raise YurtError(BODY_INVALID, field="datasets", why="name at least one")
        grants = _grants(session, project, described)
        for found in described:
            if not blobs.path(found.current.sha256).exists():
                blobs.add(platform.data / found.current.file)
        manifest = _manifest(
            job_id=f"j-{secrets.token_hex(6)}",
            project=project,
            agency=person(session, actor).agency_id,
            author=actor,
            code_digest=blobs.add_bytes(content),
            parameters=dict(parameters or {}),
            environment_digest=environment,
            datasets=[
                {"name": found.id, "version": str(found.current.number), "digest": found.current.sha256}
                for found in described
            ],
            request={**DEFAULTS, **dict(resources or {})},
            outputs=list(outputs) if outputs else outputs_named(script),
            grant=",".join(str(grant) for grant in grants),
            purpose=title,
        )
        needed = len({found.agency_id for found in described})
        row = queue.submit(session, manifest, now=datetime.now(UTC), approvals_needed=needed)
        platform.audit.append(
            EventName.JOB_SUBMITTED,
            actor=actor,
            subject=row.id,
            project=project,
            digest=row.digest,
            code=manifest.code_digest,
            environment=environment,
            datasets={found.id: found.current.sha256 for found in described},
        )
        job_id = row.id
    return views.job(platform, actor, job_id)


def approve(platform: Platform, actor: str, job_id: str, *, digest: str) -> dict[str, Any]:
    """Approve the manifest with this digest, for an agency whose data the job reads.

    Raises SELF_APPROVAL, NOT_AN_APPROVER, JOB_DIGEST_MISMATCH, JOB_APPROVED_TWICE, JOB_STATE_CONFLICT.
    """
    with platform.database.session() as session:
        row = queue.job(session, job_id)
        if actor == row.author:
            raise YurtError(SELF_APPROVAL)
        agency = _approving_agency(session, row, actor)
        state = queue.approve(session, job_id, approver=actor, agency=agency, digest=digest, now=datetime.now(UTC))
        platform.audit.append(
            EventName.JOB_APPROVED,
            actor=actor,
            subject=job_id,
            agency=agency,
            digest=digest,
            state=state.value,
        )
    return views.job(platform, actor, job_id)


def cancel(platform: Platform, actor: str, job_id: str) -> dict[str, Any]:
    """Stop a job: its author may, an approver of its data, and an operator of its agency. Raises ROLE_REQUIRED."""
    with platform.database.session() as session:
        row = queue.job(session, job_id)
        manifest = queue.manifest_of(row)
        if actor != row.author and not any(
            holds_role(session, actor, Role.APPROVER, agency) for agency in views.agencies_of(session, manifest)
        ):
            check_role(session, actor, Role.OPERATOR, row.agency)
        state = queue.cancel(session, job_id, now=datetime.now(UTC))
        platform.audit.append(EventName.JOB_CANCELLED, actor=actor, subject=job_id, state=state.value)
    return views.job(platform, actor, job_id)


def outputs_named(script: str) -> list[str]:
    """The files a script names under /out, in order. Raises BODY_INVALID (not Python), OUTPUTS_UNNAMED."""
    try:
        tree = ast.parse(script)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise YurtError(BODY_INVALID, field="script", why="it is not valid Python") from None
    texts = [
        (node.lineno, node.col_offset, node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    names = dict.fromkeys(name for *_, value in sorted(texts) for name in _OUTPUT.findall(value))
    if not names:
        raise YurtError(OUTPUTS_UNNAMED)
    return list(names)


def _grants(session: Session, project: str, described: Sequence[CatalogDataset]) -> list[int]:
    """The live grants that cover the datasets. Raises NO_LIVE_GRANT."""
    live = {grant.dataset_id: grant.id for grant in live_grants(session, project)}
    if any(found.id not in live for found in described):
        raise YurtError(NO_LIVE_GRANT, project=project)
    return sorted(live[found.id] for found in described)


def _approving_agency(session: Session, row: queue.JobRow, actor: str) -> str:
    agency = views.approver_for(session, row, actor)
    if agency is not None:
        return agency
    wanted = views.agencies_of(session, queue.manifest_of(row))
    covered = next((one for one in wanted if holds_role(session, actor, Role.APPROVER, one)), None)
    if covered is None:
        raise YurtError(NOT_AN_APPROVER, person=actor, agency=", ".join(wanted))
    return covered  # it has approved already: the queue says so, or that the state allows no approval


def _manifest(**fields: Any) -> JobManifest:
    """Through the manifest's own parser, so that every rule of the format holds. Raises JOB_MANIFEST_INVALID."""
    return JobManifest.parse(rfc8785.dumps({"manifest_version": MANIFEST_VERSION, **fields}))
