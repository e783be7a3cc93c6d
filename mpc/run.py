"""Run a joint job with every party on this machine, each as its own process in its own folder."""

import asyncio
import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mpc import registry
from mpc.coordinator import Progress, coordinate
from mpc.environment import interpreter
from mpc.errors import ABORTED, CODES, JOB_INVALID, JointFailure
from mpc.identity import own_card
from mpc.job import JobFile
from mpc.manifest import SignedJob, issue
from mpc.setup import party_folder
from store.errors import YurtError

ATTEMPTS = 2


@dataclass(frozen=True, slots=True)
class JointResult:
    """What the receiver got, and how."""

    value: dict[str, Any]
    report: dict[str, Any]


def run_job(
    job: JobFile, folder: Path, progress: Progress | None = None, signed: SignedJob | None = None
) -> JointResult:
    """Run `job` among the party folders under `folder` (see mpc.setup.set_up) and return the receiver's result.

    Without `signed`, the job is issued and signed here with each folder's approver key, and the report says so; a run
    whose alignment stands still is then made once more, under a new signature.
    Raises YurtError (a refusal by the registry), JointFailure (a party refused or the job was aborted; its `records`
    are what the parties signed).
    """
    registry.check(job)
    if job.operator == "psi_join_aggregate":
        interpreter()
    folders = {name: party_folder(folder, name) for name in job.names}
    given = signed is not None
    if signed is not None and signed.manifest.job != job:
        raise YurtError(JOB_INVALID, place="the signed job", problem="it is not the job that was asked for")
    started = time.monotonic()
    ran, records = _ended(job, folders, signed, progress or (lambda event: None))
    elapsed = time.monotonic() - started
    value = _open_result(ran, folders[job.receiver], records[job.receiver])
    return JointResult(value, _report(ran, records, elapsed, given))


def _ended(
    job: JobFile, folders: Mapping[str, Path], signed: SignedJob | None, progress: Progress
) -> tuple[SignedJob, Mapping[str, Mapping[str, Any]]]:
    """Run the job to a good end: what was signed, and every party's record. Raises JointFailure.

    Each run has a nonce and keys of its own, so only a job that may be signed here is run again.
    """
    attempts = 1 if signed else ATTEMPTS
    while True:
        attempts -= 1
        ran = signed or sign_locally(job, folders)
        records = asyncio.run(coordinate(ran, folders, progress))
        try:
            _raise_failure(job, records)
        except JointFailure as failure:
            if not attempts or not failure.stalled_in_alignment:
                raise
        else:
            return ran, records


def sign_locally(job: JobFile, folders: Mapping[str, Path]) -> SignedJob:
    """Issue the job and sign it as every party's approver. For a machine that holds all the folders."""
    signed = issue(job, {name: own_card(folders[name]) for name in job.names})
    for name in job.names:
        signed = signed.signed(name, folders[name] / "approver/approver.key")
    return signed


def _raise_failure(job: JobFile, records: Mapping[str, Mapping[str, Any]]) -> None:
    everyone = [records[name] for name in job.names if name in records]
    refused = next((record for record in everyone if record["outcome"] == "refused"), None)
    if refused:
        raise Refusal(refused, everyone)
    aborted = [record for record in everyone if record["outcome"] == "aborted"]
    silent = next((name for name in job.names if name not in records), None)
    if silent or aborted:
        # A specific code (a failed engine, a wrong key) says more than ABORTED, which its peers report.
        first = min(aborted, key=lambda record: record["code"] == ABORTED.name, default=None)
        if first and first["code"] != ABORTED.name:
            raise Refusal({**first, "message": first["why"], "hint": "Nothing was released."}, everyone)
        peer = (first or {}).get("peer") or silent or ""
        why = (first or {}).get("why") or "ended without a word"
        step = (first or {}).get("step") or "start"
        raise JointFailure(ABORTED, everyone, peer=peer, why=why, step=step)


class Refusal(JointFailure):
    """A refusal or failure in a party's own words; the party signed them."""

    def __init__(self, record: Mapping[str, Any], records: list[Mapping[str, Any]]) -> None:
        super().__init__(ABORTED, records, peer=record["party"], why="refused", step="verify")
        known = CODES.get(str(record["code"]))
        self.code, self.http = str(record["code"]), known.http if known else 403
        self.message, self.hint = str(record["message"]), str(record["hint"])
        self.args = (f"{self.code}: {self.message} {self.hint}",)


def _open_result(signed: SignedJob, folder: Path, record: Mapping[str, Any]) -> dict[str, Any]:
    digest = signed.manifest.digest()
    text = (folder / "results" / f"{digest}.json").read_bytes()
    if hashlib.sha256(text).hexdigest() != record.get("result_sha256"):
        raise YurtError(ABORTED, peer=signed.manifest.job.receiver, why="has a result it did not sign", step="reveal")
    value: dict[str, Any] = json.loads(text)["value"]
    return value


def _report(signed: SignedJob, records: Mapping[str, Mapping[str, Any]], elapsed: float, given: bool) -> dict[str, Any]:
    manifest = signed.manifest
    job = manifest.job
    shown = ("elapsed_s", "sent", "received", "engine_sent", "engine_received", "seconds", "error_bound",
             "context_private", "result_sha256")  # fmt: skip
    parties = [
        {"name": name, "outcome": records[name]["outcome"]}
        | {key: records[name][key] for key in shown if key in records[name]}
        for name in job.names
    ]
    sent = sum(int(record.get("sent", 0)) + int(record.get("engine_sent", 0)) for record in records.values())
    report: dict[str, Any] = {
        "job": job.job,
        "digest": manifest.digest(),
        "operator": job.operator,
        "protocol": job.protocol,
        "engine": manifest.engine if job.operator == "psi_join_aggregate" else "tenseal",
        "threat_model": registry.THREAT[job.protocol],
        "receiver": job.receiver,
        "signatures": "given" if given else "generated for this run",
        "bytes": sent,
        "seconds": round(elapsed, 3),
        "parties": parties,
        "leakage": list(manifest.leakage),
    }
    if job.operator == "psi_join_aggregate":
        report |= {"alignment": job.parameters.psi, "minimum": job.minimum}
    bound = records[job.receiver].get("error_bound")
    return report if bound is None else {**report, "error_bound": bound}
