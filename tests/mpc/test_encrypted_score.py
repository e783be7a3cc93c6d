"""Two agent processes: one has the data and the key, the other the model. And what makes an agent refuse."""

import datetime
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mpc.errors import JointFailure
from mpc.identity import own_card
from mpc.job import JobFile
from mpc.manifest import Manifest, SignedJob, issue
from mpc.policy import load_policy, save_policy
from mpc.registry import CKKS
from mpc.run import run_job, sign_locally
from mpc.setup import party_folder

RANDOM = np.random.default_rng(3)
FEATURES = pd.DataFrame(RANDOM.normal(size=(5000, 5)), columns=list("abcde"))
WEIGHTS = {"e": 2.0, "a": -1.0, "b": 0.5, "c": 0.0, "d": 1.25}
JOB: dict[str, Any] = {
    "job": "readmission", "purpose": "score patients without showing them", "operator": "encrypted_score",
    "protocol": CKKS, "receiver": "医院",
    "parties": [
        {"name": "医院", "data": "patients.parquet", "role": "holder", "values": list("abcde")},
        {"name": "算法公司", "data": "model.json", "role": "scorer"},
    ],
}  # fmt: skip


@pytest.fixture
def scoring(workshop: Callable[..., tuple[JobFile, Path]]) -> tuple[JobFile, Path]:
    model = {"kind": "logistic", "weights": WEIGHTS, "intercept": -0.25}
    return workshop(JOB, {"patients.parquet": FEATURES, "model.json": json.dumps(model)})


def folders(job: JobFile, parties: Path) -> dict[str, Path]:
    return {name: party_folder(parties, name) for name in job.names}


def refused(job: JobFile, parties: Path, signed: SignedJob) -> str:
    with pytest.raises(JointFailure) as failure:
        run_job(signed.manifest.job, parties, signed=signed)
    assert list(parties.glob("*/results/*")) == []
    assert {record["outcome"] for record in failure.value.records} <= {"refused", "aborted"}
    return failure.value.code


def resigned(job: JobFile, parties: Path, **changes: Any) -> SignedJob:
    """A manifest with changes, signed by both approvers: what colluding or careless approvers might sign."""
    mine = folders(job, parties)
    manifest = issue(job, {name: own_card(folder) for name, folder in mine.items()}).manifest
    signed = SignedJob(manifest=Manifest.model_validate({**manifest.model_dump(), **changes}))
    for name, folder in mine.items():
        signed = signed.signed(name, folder / "approver/approver.key")
    return signed


def test_scores_equal_the_plain_model(scoring: tuple[JobFile, Path], nothing_left: Callable[[], None]) -> None:
    job, parties = scoring
    result = run_job(job, parties)
    linear = FEATURES.to_numpy() @ [WEIGHTS[name] for name in FEATURES] - 0.25
    error = np.abs(np.array(result.value["scores"]) - 1 / (1 + np.exp(-linear))).max()
    assert error <= 1e-4
    assert error <= result.report["error_bound"] <= 1e-4
    scorer = next(party for party in result.report["parties"] if party["name"] == "算法公司")
    assert scorer["context_private"] is False
    assert list(party_folder(parties, "算法公司").glob("results/*")) == []
    assert result.report["signatures"] == "generated for this run"
    nothing_left()


def test_a_job_changed_after_signing_is_refused(scoring: tuple[JobFile, Path]) -> None:
    job, parties = scoring
    signed = sign_locally(job, folders(job, parties))
    changed = {**signed.manifest.model_dump(), "job": {**job.model_dump(), "purpose": "something else"}}
    tampered = SignedJob(manifest=Manifest.model_validate(changed), signatures=signed.signatures)
    assert refused(job, parties, tampered) == "SIGNATURE_INVALID"


def test_a_receiver_outside_the_local_policy_is_refused(scoring: tuple[JobFile, Path]) -> None:
    job, parties = scoring
    scorer = party_folder(parties, "算法公司")
    save_policy(scorer, load_policy(scorer).model_copy(update={"receivers": ("统计局",)}))
    assert refused(job, parties, sign_locally(job, folders(job, parties))) == "RECEIVER_REFUSED"


def test_a_missing_signature_is_refused(scoring: tuple[JobFile, Path]) -> None:
    job, parties = scoring
    signed = sign_locally(job, folders(job, parties))
    partial = SignedJob(manifest=signed.manifest, signatures={"医院": signed.signatures["医院"]})
    assert refused(job, parties, partial) == "SIGNATURE_MISSING"


def test_an_expired_job_is_refused(scoring: tuple[JobFile, Path]) -> None:
    job, parties = scoring
    past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=2)
    late = resigned(job, parties, issued_at=past, expires_at=past + datetime.timedelta(hours=1))
    assert refused(job, parties, late) == "EXPIRED"


def test_a_job_that_ran_once_does_not_run_again(scoring: tuple[JobFile, Path]) -> None:
    job, parties = scoring
    signed = sign_locally(job, folders(job, parties))
    assert run_job(job, parties, signed=signed).report["signatures"] == "given"
    for result in parties.glob("*/results/*"):
        result.unlink()
    assert refused(job, parties, signed) == "REPLAYED"


def test_a_column_outside_the_local_policy_is_refused(scoring: tuple[JobFile, Path]) -> None:
    job, parties = scoring
    hospital = party_folder(parties, "医院")
    save_policy(hospital, load_policy(hospital).model_copy(update={"columns": ("a", "b")}))
    assert refused(job, parties, sign_locally(job, folders(job, parties))) == "COLUMN_REFUSED"
