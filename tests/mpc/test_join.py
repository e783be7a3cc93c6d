"""Three agent processes, three engines: the join's result, its gate, and what is left when a party dies."""

import json
import os
import signal
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest

from mpc.errors import JointFailure
from mpc.job import JobFile
from mpc.manifest import Manifest, SignedJob
from mpc.run import run_job, sign_locally
from mpc.setup import party_folder
from tests.mpc.conftest import id_card

RANDOM = np.random.default_rng(11)
DOMAIN = ["甲旗", "乙旗", "丙旗", "丁旗"]
JOB: dict[str, Any] = {
    "job": "cost-and-income", "purpose": "联合统计", "operator": "psi_join_aggregate", "protocol": "ABY3",
    "receiver": "统计局", "minimum": 10,
    "parties": [
        {"name": "卫健委", "data": "health.csv", "key": "id_card", "values": ["cost"]},
        {"name": "公安", "data": "police.parquet", "key": "sfzh"},
        {"name": "统计局", "data": "income.parquet", "key": "id", "values": ["income"]},
    ],
}  # fmt: skip


def tables(common: int, own: int) -> dict[str, pd.DataFrame]:
    """`common` people known to all three and `own` more to each alone; the banner sizes are very unequal."""
    people = [id_card(i) for i in range(common + 3 * own)]
    mine = [people[:common] + people[common + i * own : common + (i + 1) * own] for i in range(3)]
    n = common + own
    banner = ["甲旗", "乙旗", "甲旗", "丙旗", "甲旗"] * n
    banner[:7] = ["丁旗"] * 7
    health = pd.DataFrame({"id_card": mine[0], "cost": np.round(RANDOM.gamma(2, 812.7, n), 2)})
    police = pd.DataFrame({"sfzh": [f" {key.lower()}" for key in mine[1]], "banner": banner[:n]})
    income = pd.DataFrame({"id": mine[2], "income": np.round(RANDOM.normal(41234.5, 9000, n), 2)})
    income.loc[20:29, "income"] = np.nan
    return {
        "health.csv": health.sample(frac=1, random_state=1),
        "police.parquet": police.sample(frac=1, random_state=2),
        "income.parquet": income.sample(frac=1, random_state=3),
    }


def joined(inputs: dict[str, pd.DataFrame]) -> pd.DataFrame:
    police = inputs["police.parquet"].assign(key=lambda frame: frame["sfzh"].str.strip().str.upper())
    health = inputs["health.csv"].merge(police, left_on="id_card", right_on="key")
    return health.merge(inputs["income.parquet"], left_on="id_card", right_on="id")


def test_counts_and_means_by_group_equal_pandas_and_small_groups_stay_shut(
    engine: Path, workshop: Callable[..., tuple[JobFile, Path]], nothing_left: Callable[[], None]
) -> None:
    inputs = tables(common=400, own=100)
    group_by = {"party": "公安", "column": "banner", "domain": DOMAIN}
    job, parties = workshop({**JOB, "parameters": {"group_by": group_by}}, inputs)
    result = run_job(job, parties)

    truth = joined(inputs)
    groups = {group["group"]: group for group in result.value["groups"]}
    assert truth["banner"].value_counts()["丁旗"] == 7
    smallest = truth["banner"].value_counts().drop("丁旗").idxmin()
    for banner in DOMAIN:
        if banner in ("丁旗", smallest):
            # 丁旗 is below the minimum; with it alone withheld, the known total would tell its size.
            assert groups[banner] == {"group": banner, "status": "BELOW_MINIMUM"}
            continue
        rows = truth[truth["banner"] == banner]
        assert groups[banner]["count"] == len(rows)
        for figure in groups[banner]["columns"]:
            expected = rows[figure["column"]]
            assert figure["count"] == expected.count()
            assert figure["sum"] == pytest.approx(expected.sum(), abs=1e-6)
            assert figure["mean"] == pytest.approx(expected.mean(), abs=1e-9)
    assert result.report["protocol"] == "ABY3"
    assert result.report["bytes"] > 100_000
    assert [path.parent.parent for path in parties.glob("*/results/*")] == [party_folder(parties, "统计局")]
    nothing_left()


def test_below_the_minimum_nobody_learns_the_sum(
    engine: Path, workshop: Callable[..., tuple[JobFile, Path]], nothing_left: Callable[[], None]
) -> None:
    inputs = tables(common=9, own=60)
    job, parties = workshop(JOB, inputs)
    result = run_job(job, parties)
    assert result.value == {"status": "BELOW_MINIMUM"}
    total = joined(inputs)["cost"].sum()
    cents, scaled = f"{total:.2f}".encode(), round(total * 10**6)
    traces = [cents, cents.rstrip(b"0"), str(scaled).encode(), struct.pack("<q", scaled), struct.pack("<d", total)]
    for path in parties.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert [trace for trace in traces if trace in content] == [], path.name
    nothing_left()


@pytest.mark.parametrize("victim", ["agent", "engine"])
def test_a_party_that_dies_stops_everyone_and_leaves_nothing(
    engine: Path, workshop: Callable[..., tuple[JobFile, Path]], nothing_left: Callable[[], None], victim: str
) -> None:
    job, parties = workshop(JOB, tables(common=3000, own=1000))

    def kill(event: dict[str, Any]) -> None:
        if event["party"] == "公安" and event.get("step") == "align":
            target = event["pid"]
            if victim == "engine":
                children = psutil.Process(event["pid"]).children(recursive=True)
                target = next(child.pid for child in children if child.cmdline()[0] == str(engine))
            os.kill(target, signal.SIGKILL)

    with pytest.raises(JointFailure) as failure:
        run_job(job, parties, progress=kill)
    records = {record["party"]: record for record in failure.value.records}
    for survivor in ("卫健委", "统计局"):
        assert records[survivor]["outcome"] == "aborted"
        assert records[survivor]["peer"] == "公安"
        assert records[survivor]["step"] in ("load", "align")  # a slower party may not have come as far
    assert failure.value.code == ("ABORTED" if victim == "agent" else "ENGINE_FAILED")
    assert ("公安" in records) == (victim == "engine")
    assert list(parties.glob("*/results/*")) == []
    nothing_left()


def test_an_alignment_that_stands_still_is_stopped_and_run_once_more(
    engine: Path, workshop: Callable[..., tuple[JobFile, Path]], nothing_left: Callable[[], None]
) -> None:
    inputs = tables(common=400, own=50)
    job, parties = workshop(JOB, inputs)
    stopped: dict[str, int] = {}

    def stop_once(event: dict[str, Any]) -> None:
        """Every engine stands still in its first alignment, as libpsi's were seen to."""
        if event.get("step") == "align" and event["party"] not in stopped:
            children = psutil.Process(event["pid"]).children(recursive=True)
            stopped[event["party"]] = next(child.pid for child in children if child.cmdline()[0] == str(engine))
            os.kill(stopped[event["party"]], signal.SIGSTOP)

    result = run_job(job, parties, progress=stop_once)
    assert stopped.keys() == set(job.names)
    assert result.value["count"] == len(joined(inputs))
    records = [json.loads(line)["record"] for line in next(parties.glob("*/audit.jsonl")).read_text().splitlines()]
    assert [record["outcome"] for record in records] == ["accepted", "aborted", "accepted", "done"]
    assert len({record["digest"] for record in records}) == 2
    nothing_left()


def test_a_receiver_swapped_after_signing_is_refused(
    engine: Path, workshop: Callable[..., tuple[JobFile, Path]]
) -> None:
    job, parties = workshop(JOB, tables(common=20, own=5))
    signed = sign_locally(job, {name: party_folder(parties, name) for name in job.names})
    swapped = {**signed.manifest.model_dump(), "job": {**job.model_dump(), "receiver": "公安"}}
    tampered = SignedJob(manifest=Manifest.model_validate(swapped), signatures=signed.signatures)
    with pytest.raises(JointFailure) as failure:
        run_job(tampered.manifest.job, parties, signed=tampered)
    assert failure.value.code == "SIGNATURE_INVALID"
    assert [record["outcome"] for record in failure.value.records] == ["refused"] * 3


def test_a_repeated_key_is_refused_before_any_peer_is_asked(
    engine: Path, workshop: Callable[..., tuple[JobFile, Path]]
) -> None:
    inputs = tables(common=20, own=5)
    inputs["police.parquet"] = pd.concat([inputs["police.parquet"]] * 2)
    job, parties = workshop(JOB, inputs)
    with pytest.raises(JointFailure) as failure:
        run_job(job, parties)
    assert failure.value.code == "DUPLICATE_KEY"
    assert all("sent" not in record for record in failure.value.records)
