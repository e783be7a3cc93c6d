"""Joint computations: asked for, agreed to by every party, then run with each party as a process of its own."""

import hashlib
import json
import secrets
import shutil
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet
import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from audit import EventName
from catalog.datasets import dataset
from mpc import registry
from mpc import requests as rules
from mpc.job import JobFile, PartyInput
from mpc.request_errors import JOINT_INVALID
from mpc.requests import JointEvent, JointJob, JointState
from mpc.run import JointResult, run_job
from mpc.setup import party_folder, set_up
from portal.context import Platform
from portal.errors import DATA_CHANGED
from portal.views import joint as views
from store.errors import YurtError

log = structlog.get_logger()

BELOW_MINIMUM = "BELOW_MINIMUM"
INTERRUPTED = "INTERRUPTED"
MODEL_FILE = "model.json"
_one_at_a_time = threading.Lock()


class _Terms(BaseModel):
    model_config = ConfigDict(extra="forbid")


class JoinTerms(_Terms):
    """Parameters of psi_join_aggregate. `mean` is AGENCY.COLUMN; `duplicates` says what a repeated key does."""

    mean: str | None = None
    duplicates: str = Field("refuse", pattern="^(refuse|first|distinct)$")
    group_by: dict[str, Any] | None = None
    decimals: int = 6
    key_format: str = "text"
    timeout_s: int = 300


class ScoreTerms(_Terms):
    """Parameters of encrypted_score: `scorer` has the model, the other the rows; weights in its columns' order."""

    scorer: str
    weights: list[float]
    intercept: float = 0.0
    kind: str = Field("linear", pattern="^(linear|logistic)$")
    feature_bound: float = 1000.0
    timeout_s: int = 300


def submit(
    platform: Platform,
    actor: str,
    *,
    name: str,
    operator: str,
    purpose: str,
    parties: Sequence[Mapping[str, Any]],
    receiver: str,
    min_group: int,
    parameters: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Put a joint job before its parties' approvers.

    Raises JOINT_INVALID, PROTOCOL_REFUSED, PARTY_COUNT, DATASET_UNKNOWN, ROLE_REQUIRED.
    """
    job = JointJob(
        id=f"m-{secrets.token_hex(6)}",
        name=name,
        operator=operator,
        purpose=purpose,
        receiver=receiver,
        min_group=min_group,
        parameters=dict(parameters or {}),
        submitter=actor,
    )
    with platform.database.session() as session:
        rules.submit(session, job, parties)
        job_file(job)  # says now what would be wrong later
        platform.audit.append(
            EventName.JOINT_SUBMITTED,
            actor=actor,
            subject=job.id,
            digest=job.digest,
            operator=operator,
            parties=job.agencies,
            receiver=receiver,
            datasets={party["dataset"]: party["sha256"] for party in job.parties},
        )
    return views.joint(platform, actor, job.id)


def approve(platform: Platform, actor: str, joint_id: str, *, digest: str) -> dict[str, Any]:
    """One party's yes to this digest; the last one starts the computation. Raises as `mpc.requests.approve`."""
    with platform.database.session() as session:
        job, agency = rules.approve(session, joint_id, actor, digest)
        complete = job.state == JointState.APPROVED
        platform.audit.append(
            EventName.JOINT_APPROVED, actor=actor, subject=joint_id, agency=agency, digest=digest, complete=complete
        )
    if complete:
        start(platform, joint_id)
    return views.joint(platform, actor, joint_id)


def start(platform: Platform, joint_id: str) -> threading.Thread:
    """Run an approved job in a thread of its own; jobs of one platform take turns."""
    thread = threading.Thread(target=_run_in_turn, args=(platform, joint_id), name=f"joint {joint_id}", daemon=True)
    thread.start()
    return thread


def recover(platform: Platform) -> None:
    """After a restart: what was running is lost, what was approved starts."""
    with platform.database.session() as session:
        for job in rules.in_state(session, JointState.RUNNING):
            platform.audit.append(
                EventName.JOINT_FINISHED, actor="platform", subject=job.id, state="aborted", code=INTERRUPTED
            )
            rules.move(session, job, JointEvent.ABORT, error=INTERRUPTED, stage="", ended_at=datetime.now(UTC))
        waiting = [job.id for job in rules.in_state(session, JointState.APPROVED)]
    for joint_id in waiting:
        start(platform, joint_id)


def job_file(job: JointJob) -> JobFile:
    """The job in the protocol's own terms; parties are called by their agencies. Raises JOINT_INVALID, codes of mpc."""
    if job.operator not in registry.OPERATORS:
        raise YurtError(JOINT_INVALID, problem=f"there is no operator {job.operator}")
    try:
        made = _join(job) if job.operator == "psi_join_aggregate" else _score(job)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the job"
        raise YurtError(JOINT_INVALID, problem=f"{where}: {first['msg']}") from None
    registry.check(made)
    return made


def _join(job: JointJob) -> JobFile:
    terms = JoinTerms.model_validate(job.parameters)
    if terms.mean is not None:
        agency, _, column = terms.mean.partition(".")
        if not any(party["agency"] == agency and column in party["columns"] for party in job.parties):
            raise YurtError(JOINT_INVALID, problem=f"no party brings the column {terms.mean}")
    repeated = "refuse" if terms.duplicates == "refuse" else "first"
    parties = [
        {
            "name": party["agency"],
            "data": f"{party['dataset']}.parquet",
            "key": party["key"],
            "values": party["columns"],
            "duplicates": repeated,
        }
        for party in job.parties
    ]
    inner = terms.model_dump(include={"group_by", "decimals", "key_format", "timeout_s"})
    return _whole(job, parties, inner)


def _score(job: JointJob) -> JobFile:
    terms = ScoreTerms.model_validate(job.parameters)
    holder = next((party for party in job.parties if party["agency"] != terms.scorer), None)
    if terms.scorer not in job.agencies or holder is None:
        raise YurtError(JOINT_INVALID, problem="the scorer is not one of the parties")
    if len(terms.weights) != len(holder["columns"]):
        raise YurtError(JOINT_INVALID, problem="there must be one weight for each column of the holder")
    parties = [
        {"name": party["agency"], "data": MODEL_FILE, "role": "scorer"}
        if party["agency"] == terms.scorer
        else {
            "name": party["agency"],
            "data": f"{party['dataset']}.parquet",
            "values": party["columns"],
            "role": "holder",
        }
        for party in job.parties
    ]
    return _whole(job, parties, terms.model_dump(include={"feature_bound", "timeout_s"}))


def _whole(job: JointJob, parties: list[dict[str, Any]], parameters: dict[str, Any]) -> JobFile:
    return JobFile.model_validate(
        {
            "job": job.name,
            "purpose": job.purpose,
            "operator": job.operator,
            "protocol": registry.OPERATORS[job.operator].protocol,
            "parties": [PartyInput.model_validate(party) for party in parties],
            "receiver": job.receiver,
            "minimum": job.min_group,
            "parameters": parameters,
        }
    )


def _run_in_turn(platform: Platform, joint_id: str) -> None:
    with _one_at_a_time:
        try:
            _run(platform, joint_id)
        except YurtError as error:
            log.warning("joint job ended early", joint=joint_id, code=error.code)
        except Exception:  # a thread's last stop: nobody above would hear of it
            log.exception("joint job broke", joint=joint_id)


def _run(platform: Platform, joint_id: str) -> None:
    with platform.database.session() as session:
        job = rules.joint_job(session, joint_id)
        rules.check_approved(job)
        protocol = job_file(job)
        platform.audit.append(
            EventName.JOINT_STARTED, actor="platform", subject=joint_id, digest=job.digest, protocol=protocol.protocol
        )
        rules.move(session, job, JointEvent.START, stage="setup")
    folder = platform.joint / joint_id
    event, changes = JointEvent.ABORT, {"error": "BROKEN"}
    try:
        export(platform, joint_id, folder / "export")
        set_up(protocol, folder, folder / "export")
        event, changes = _ended(protocol, run_job(protocol, folder, _progress(platform, joint_id)), job)
    except YurtError as error:
        changes = {"error": f"{error.code}: {error.message}"}
    finally:
        shutil.rmtree(folder / "export", ignore_errors=True)
        for name in protocol.names:  # inputs are copies; results and each party's own record stay
            shutil.rmtree(party_folder(folder, name) / "data", ignore_errors=True)
        _end(platform, joint_id, event, changes)


def _end(platform: Platform, joint_id: str, event: JointEvent, changes: dict[str, Any]) -> None:
    state = rules.TRANSITIONS[(JointState.RUNNING, event)]
    with platform.database.session() as session:
        job = rules.joint_job(session, joint_id)
        platform.audit.append(
            EventName.JOINT_FINISHED,
            actor="platform",
            subject=joint_id,
            digest=job.digest,
            state=state.value,
            code=(changes.get("error") or "").partition(":")[0],
            receiver=job.receiver,
        )
        rules.move(session, job, event, stage="", ended_at=datetime.now(UTC), **changes)


def _ended(protocol: JobFile, ended: JointResult, job: JointJob) -> tuple[JointEvent, dict[str, Any]]:
    """How a run that came to its end ended: below the minimum its gate opened nothing."""
    value, report = ended.value, ended.report
    if value.get("status") == BELOW_MINIMUM:
        return JointEvent.REFUSE, {"error": BELOW_MINIMUM, "report": report}
    result = dict(value)
    if protocol.operator == "encrypted_score":
        scores = result.pop("scores")  # they stay in the receiver's own folder; the record needs to know which
        result["scores_sha256"] = hashlib.sha256(json.dumps(scores).encode()).hexdigest()
        result["max_error"] = report.get("error_bound")
    elif job.parameters.get("mean"):
        agency, _, column = str(job.parameters["mean"]).partition(".")
        figure: dict[str, Any] = next(
            (f for f in value.get("columns", ()) if (f["party"], f["column"]) == (agency, column)), {}
        )
        result["mean"] = figure.get("mean")
    return JointEvent.FINISH, {"result": result, "report": report, "error": None}


def export(platform: Platform, joint_id: str, folder: Path) -> None:
    """Each party's own dataset file, cut to the named columns; the model of a scorer. Raises DATA_CHANGED."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with platform.database.reading() as session:
        job = rules.joint_job(session, joint_id)
        scorer = job.parameters.get("scorer")
        for party in job.parties:
            if party["agency"] == scorer:
                columns = next(other["columns"] for other in job.parties if other["agency"] != scorer)
                terms = ScoreTerms.model_validate(job.parameters)
                weights = dict(zip(columns, terms.weights, strict=True))
                model = {"kind": terms.kind, "weights": weights, "intercept": terms.intercept}
                (folder / MODEL_FILE).write_text(json.dumps(model))
                continue
            versions = dataset(session, party["dataset"]).versions
            file = next(found.file for found in versions if found.number == party["version"])
            with (platform.data / file).open("rb") as content:
                if hashlib.file_digest(content, "sha256").hexdigest() != party["sha256"]:
                    raise YurtError(DATA_CHANGED, dataset=party["dataset"])
                content.seek(0)
                wanted = list(dict.fromkeys([party["key"], *party["columns"], *_grouping(job, party["agency"])]))
                table = parquet.read_table(content, columns=wanted)
            parquet.write_table(table, folder / f"{party['dataset']}.parquet")


def _grouping(job: JointJob, agency: str) -> list[str]:
    group = job.parameters.get("group_by")
    return [str(group["column"])] if group and group.get("party") == agency else []


def _progress(platform: Platform, joint_id: str) -> Any:
    seen = ""

    def tell(event: dict[str, Any]) -> None:
        nonlocal seen
        stage = str(event.get("step") or event.get("event") or "")
        if stage and stage != seen:
            seen = stage
            with platform.database.session() as session:
                rules.joint_job(session, joint_id).stage = stage[:40]

    return tell
