"""The compute daemon as the platform starts it: real Ray, jail and audit log; talked to through records alone."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from policies.grants import revoke
from sandbox.environment import require_environment
from scheduler import ledger, queue
from scheduler.blobs import Blobs
from scheduler.environment import environment_digest
from scheduler.service import ready_file
from scheduler.states import FINAL
from store.database import Database
from tests.scheduler.jobs import FIELDS, give_grant, manifest

LEARN = b"""
import json
import polars as pl
from sklearn.linear_model import LogisticRegression
parameters = json.load(open("/job/parameters.json"))
table = pl.read_parquet("/data/encounters.parquet")
features, labels = table.select("x", "y").to_numpy(), table["label"].to_numpy()
model = LogisticRegression(max_iter=parameters["iterations"]).fit(features, labels)
json.dump({"accuracy": model.score(features, labels)}, open("/out/model.json", "w"))
open("/out/extra.csv", "w").write("not asked for")
print("CANARY", table["x"][0])
"""
SLEEP = b"import time\ntime.sleep(600)\n"
FAIL = b"import sys\nprint('CANARY 42')\nsys.exit(37)\n"
PROBE = b"""
import json, os, socket
def fails(act):
    try: act()
    except OSError: return True
    return False
result = {
    "no_network": fails(lambda: socket.create_connection(("127.0.0.1", 20001), 2)),
    "script_read_only": fails(lambda: open("/job/main.py", "a")),
    "data_read_only": fails(lambda: open("/data/encounters.parquet", "ab")),
    "no_records": not os.path.exists("@HOME@"),
    "no_token": not any("RAY" in name for name in os.environ),
    "out_has_quota": fails(lambda: [open("/out/big.bin", "ab").write(b"0" * 2**24) for _ in range(32)]),
    "root": os.getuid() == 0,
}
os.path.exists("/out/big.bin") and os.remove("/out/big.bin")
os.symlink("/etc/passwd", "/out/link.csv")
json.dump(result, open("/out/model.json", "w"))
"""


@dataclass
class Daemon:
    """A running compute daemon and the platform's side of its records."""

    home: Path
    database: Database
    process: subprocess.Popen[bytes]
    blobs: Blobs
    data: str

    def submit(self, job_id: str, script: bytes, *, approve: bool = True, **changes: object) -> None:
        fields: dict[str, object] = {
            "job_id": job_id,
            "code_digest": self.blobs.add_bytes(script),
            "environment_digest": environment_digest(require_environment()),
            "datasets": [{"name": "encounters", "version": "1", "digest": self.data}],
            "parameters": {"iterations": 200},
            "request": {"cpus": 1, "memory_bytes": 2**30, "gpus": 0, "wall_s": 90},
        }
        job = manifest(**{**fields, **changes})
        with self.database.session() as session:
            queue.submit(session, job, now=datetime.now(UTC))
            if approve:
                queue.approve(
                    session, job_id, approver="boss", agency="150200", digest=job.digest(), now=datetime.now(UTC)
                )

    def row(self, job_id: str) -> queue.JobRow:
        with self.database.session() as session:
            return queue.job(session, job_id)

    def wait(self, job_id: str, *states: str, seconds: float = 100) -> queue.JobRow:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.process.poll() is None:
            row = self.row(job_id)
            if row.state in (states or FINAL):
                return row
            time.sleep(0.2)
        pytest.fail(f"job {job_id} stayed {self.row(job_id).state}: {(self.home / 'log').read_text()[-3000:]}")

    def events(self, job_id: str) -> list[str]:
        lines = (self.home / "audit" / "log.jsonl").read_text().splitlines()
        records = [json.loads(line)["record"] for line in lines]
        return [record["event"] for record in records if record["subject"] == job_id]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    home = tmp_path_factory.mktemp("home")
    database = Database(f"sqlite:///{home / 'records.sqlite'}")
    database.migrate()
    assert str(give_grant(database)) == FIELDS["grant"]
    values = [i / 500 for i in range(500)]
    labels = [x > 0.4 for x in values]
    pq.write_table(pa.table({"x": values, "y": [x * x for x in values], "label": labels}), home / "encounters.parquet")
    blobs = Blobs(home / "blobs")
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "scheduler.service", "--home", str(home)], stdout=log, stderr=log
        )
    try:
        deadline = time.monotonic() + 200
        while not ready_file(home).exists():
            assert process.poll() is None, (home / "log").read_text()[-3000:]
            assert time.monotonic() < deadline, (home / "log").read_text()[-3000:]
            time.sleep(0.1)
        yield Daemon(home, database, process, blobs, blobs.add(home / "encounters.parquet"))
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, (home / "log").read_text()[-3000:]
        database.close()
    assert not ready_file(home).exists()


def test_an_approved_job_learns_and_hands_over_only_what_was_expected(daemon: Daemon) -> None:
    daemon.submit("learn", LEARN)
    row = daemon.wait("learn")
    assert (row.state, row.outcome, row.code) == ("finished", "finished", None), sealed(daemon, "learn")
    handed = daemon.home / "jobs" / "learn" / "handover"
    assert [file.name for file in handed.iterdir()] == ["model.json"]
    assert json.loads((handed / "model.json").read_text())["accuracy"] > 0.9
    assert daemon.events("learn") == ["job.started", "job.finished"]
    assert not list((daemon.home / "jobs" / "learn").glob("stage-*"))


def test_what_a_job_prints_is_sealed_and_reaches_no_record(daemon: Daemon) -> None:
    daemon.submit("prints", FAIL)
    row = daemon.wait("prints")
    log = daemon.home / "jobs" / "prints" / "sealed" / "log.txt"
    assert (row.state, row.outcome) == ("failed", "failed")
    assert log.read_text() == "CANARY 42\n"
    assert log.stat().st_mode & 0o777 == 0o600
    assert "CANARY" not in (daemon.home / "audit" / "log.jsonl").read_text()
    assert not (daemon.home / "jobs" / "prints" / "handover").exists()


def test_inside_there_is_no_network_nothing_to_change_and_a_quota_on_outputs(daemon: Daemon) -> None:
    script = PROBE.replace(b"@HOME@", str(daemon.home).encode())
    daemon.submit("probe", script, outputs=["model.json"])
    assert daemon.wait("probe").state == "finished", sealed(daemon, "probe")
    assert json.loads((daemon.home / "jobs" / "probe" / "handover" / "model.json").read_text()) == {
        "no_network": True,
        "script_read_only": True,
        "data_read_only": True,
        "no_records": True,
        "no_token": True,
        "out_has_quota": True,
        "root": False,
    }


def test_a_link_left_as_an_output_is_not_followed(daemon: Daemon) -> None:
    daemon.submit("link", PROBE, outputs=["link.csv", "model.json"])
    row = daemon.wait("link")
    assert (row.state, row.outcome) == ("failed", "failed")
    assert not (daemon.home / "jobs" / "link" / "handover").exists()


@pytest.mark.parametrize("what", ["script", "data"])
def test_one_byte_changed_after_approval_refuses_the_start(daemon: Daemon, what: str) -> None:
    own = daemon.home / "own.parquet"
    pq.write_table(pa.table({"x": [1, 2, 3]}), own)
    data = daemon.blobs.add(own)
    script = b"open('/out/model.json', 'w').write('{}')\n"
    daemon.submit(f"swap-{what}", script, datasets=[{"name": "own", "version": "1", "digest": data}], approve=False)
    kept = daemon.blobs.path(hashlib.sha256(script).hexdigest() if what == "script" else data)
    content = bytearray(kept.read_bytes())
    content[-2] ^= 1
    kept.chmod(0o600)
    kept.write_bytes(content)
    with daemon.database.session() as session:
        digest = queue.job(session, f"swap-{what}").digest
        queue.approve(session, f"swap-{what}", approver="b", agency="z", digest=digest, now=datetime.now(UTC))
    row = daemon.wait(f"swap-{what}")
    kept.unlink()
    assert (row.state, row.code) == ("refused", "JOB_DIGEST_MISMATCH")
    assert daemon.events(f"swap-{what}") == ["job.started", "job.refused"]
    assert not (daemon.home / "jobs" / f"swap-{what}" / "sealed" / "log.txt").exists()


def test_another_environment_than_the_approved_one_refuses_the_start(daemon: Daemon) -> None:
    daemon.submit("env", b"pass\n", environment_digest="d" * 64)
    row = daemon.wait("env")
    assert (row.state, row.code) == ("refused", "JOB_DIGEST_MISMATCH")


def test_the_wall_limit_and_a_cancellation_kill_the_jail(daemon: Daemon) -> None:
    daemon.submit("endless", SLEEP, request={"cpus": 0.5, "memory_bytes": 2**28, "gpus": 0, "wall_s": 2})
    daemon.submit("unwanted", SLEEP, request={"cpus": 0.5, "memory_bytes": 2**28, "gpus": 0, "wall_s": 300})
    daemon.wait("unwanted", "running")
    while not (daemon.home / "jobs" / "unwanted" / "sealed" / "log.txt").exists():
        time.sleep(0.1)
    with daemon.database.session() as session:
        assert queue.cancel(session, "unwanted", now=datetime.now(UTC)) == "cancelling"
    row = daemon.wait("unwanted", seconds=30)
    assert (row.state, row.outcome) == ("cancelled", "cancelled")
    row = daemon.wait("endless")
    assert (row.state, row.outcome) == ("failed", "out_of_time")


def test_a_job_that_never_fits_is_refused(daemon: Daemon) -> None:
    daemon.submit("huge", SLEEP, request={"cpus": 1, "memory_bytes": 2**30, "gpus": 8, "wall_s": 60})
    row = daemon.wait("huge")
    assert (row.state, row.code) == ("refused", "JOB_NEVER_FITS")


def test_the_ledger_holds_what_each_run_used_and_balances(daemon: Daemon) -> None:
    with daemon.database.session() as session:
        entries = {entry.job_id: entry for entry in ledger.read(session)}
        total = ledger.balance(session)[()]
    assert {"learn", "prints", "endless", "unwanted"} <= entries.keys()
    assert {"swap-script", "env", "huge"}.isdisjoint(entries)
    assert entries["learn"].measure.cpu_ms > 100
    assert 2000 <= entries["endless"].measure.wall_ms < 30_000
    assert total.wall_ms == sum(entry.measure.wall_ms for entry in entries.values())


def sealed(daemon: Daemon, job_id: str) -> str:
    log = daemon.home / "jobs" / job_id / "sealed" / "log.txt"
    return log.read_text() if log.exists() else os.fsdecode((daemon.home / "log").read_bytes()[-2000:])


def test_a_revoked_grant_stops_the_running_job_and_lets_none_start(daemon: Daemon) -> None:
    daemon.submit("runs", SLEEP)
    daemon.wait("runs", "running")
    with daemon.database.session() as session:
        revoke(session, int(FIELDS["grant"]), "boss")
    stopped = daemon.wait("runs")
    assert (stopped.state, stopped.code) == ("cancelled", "JOB_NOT_ALLOWED")
    daemon.submit("late", LEARN)
    late = daemon.wait("late")
    assert (late.state, late.code) == ("refused", "JOB_NOT_ALLOWED")
    assert daemon.events("late") == ["job.refused"]
