"""The compute daemon: `python -m scheduler.service --home DIR`.

It reads the queue in the platform's records, asks `order` who goes next, places runs on Ray and writes down what they
used. Everything else talks to it through the records and files alone: it lives in namespaces of its own.

No record, no start: a start is written to the audit log inside the transaction that moves the job, before anything is
placed; if that fails the job stays queued. The same holds for the end: outputs count as handed over (state `finished`)
only once the log says so.
"""

import argparse
import hashlib
import logging
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from audit.events import EventName
from policies.grants import live_grants
from scheduler import ledger, queue, runner
from scheduler.errors import COMPUTE_LOST, COMPUTE_WORKER_DIED, JOB_NOT_ALLOWED
from scheduler.live import pool_from
from scheduler.manifest import JobManifest
from scheduler.order import Refuse, Rule, order, rule_named
from scheduler.report import Outcome, Report
from scheduler.resources import Resources
from scheduler.states import Event, State
from store.database import Database
from store.errors import YurtError

POLL_S = 0.3
STOP_S = 8.0
ACTOR = "scheduler"

log = logging.getLogger("yurt.compute")


class Cluster(Protocol):
    """Where runs take place (scheduler.ray_cluster.RayCluster)."""

    def place(self, function: Any, *arguments: Any, need: Resources, name: str) -> Any:
        """Start a run; a reference to it."""

    def done(self, reference: Any) -> bool:
        """Has it ended?"""

    def result(self, reference: Any) -> Any:
        """What it returned."""


def ready_file(home: Path) -> Path:
    """Exists while the daemon takes jobs."""
    return home / "compute" / "ready"


def jail_instance(home: Path) -> str:
    """The name under which the daemon's jails are grouped: for sweeping after a crash."""
    return f"{hashlib.sha256(str(home.resolve()).encode()).hexdigest()[:8]}-jobs"


def run_folder(home: Path) -> Path:
    """Where Ray keeps its sockets and logs while the daemon runs."""
    return Path("/run/yurt") / jail_instance(home)


class ComputeService:
    """One daemon's work, a step at a time.

    `record(event, actor=…, subject=…, **details)` writes to the audit log and raises when it cannot.
    `allowed(manifest)` tells just before a start, and while a job runs, whether its grant still stands.
    """

    def __init__(
        self,
        database: Database,
        cluster: Cluster,
        place: runner.Place,
        capacity: Resources,
        record: Callable[..., object],
        *,
        rule: Rule | None = None,
        allowed: Callable[[JobManifest], bool] = lambda _manifest: True,
    ) -> None:
        self.database, self.cluster, self.place, self.capacity = database, cluster, place, capacity
        self._record, self._allowed = record, allowed
        self.rule = rule or rule_named("fair")
        self._runs: dict[str, Any] = {}

    @property
    def busy(self) -> bool:
        """True while any run has not been written down."""
        return bool(self._runs)

    def recover(self) -> None:
        """Write down what an earlier life left running: its processes died with it, unmeasured."""
        for folder in self.place.jobs.glob("*/stage-*"):
            shutil.rmtree(folder, ignore_errors=True)  # it may hold copies of data
        with self.database.reading() as reader:
            left = [row.id for row in queue.in_state(reader, State.RUNNING, State.CANCELLING)]
        for job_id in left:
            self._end(job_id, Report(Outcome.BROKEN, code=COMPUTE_LOST.name))

    def tick(self) -> None:
        """One round: write down what ended, stop what must stop, start what may start."""
        for job_id, reference in list(self._runs.items()):
            if self.cluster.done(reference):
                self._end(job_id, self._report(reference))
                del self._runs[job_id]
        self._stop_unwanted()
        with self.database.reading() as reader:
            approved = queue.in_state(reader, State.APPROVED)
            if not approved and not queue.in_state(reader, State.QUEUED):
                return
        with self.database.session() as session:
            for row in approved:
                queue.move(session, row.id, Event.ENQUEUE, queued_at=_now())
            decisions = order(pool_from(session, self.capacity, self.rule, _now()), self.rule)
        for decision in decisions:
            if isinstance(decision, Refuse):
                self._refuse(decision.job.id, decision.code.name)
            else:
                self._start(decision.job.id)

    def stop(self) -> None:
        """Kill every jail and write down what they had used."""
        for job_id in self._runs:
            runner.ask_to_stop(self.place, job_id)
        deadline = time.monotonic() + STOP_S
        while self._runs and time.monotonic() < deadline:
            for job_id, reference in list(self._runs.items()):
                if self.cluster.done(reference):
                    self._end(job_id, self._report(reference))
                    del self._runs[job_id]
            time.sleep(0.1)

    def _start(self, job_id: str) -> None:
        try:
            with self.database.reading() as reader:
                row = queue.job(reader, job_id)
                manifest = queue.check_approved(reader, row)
                text, digest = row.manifest, row.digest
            if not self._allowed(manifest):
                raise YurtError(JOB_NOT_ALLOWED, job=job_id)
        except YurtError as error:
            self._refuse(job_id, error.code)
            return
        with self.database.session() as session:
            queue.move(session, job_id, Event.START, started_at=_now())
            self._record(
                EventName.JOB_STARTED,
                actor=ACTOR,
                subject=job_id,
                manifest=digest,
                project=manifest.project,
                author=manifest.author,
                grant=manifest.grant,
                code=manifest.code_digest,
                datasets=[dataset.digest for dataset in manifest.datasets],
            )
        self._runs[job_id] = self.cluster.place(
            runner.run, text, digest, self.place, need=manifest.request.resources, name=job_id
        )

    def _refuse(self, job_id: str, code: str) -> None:
        with self.database.session() as session:
            queue.move(session, job_id, Event.REFUSE, ended_at=_now(), outcome=Outcome.REFUSED.value, code=code)
            self._record(EventName.JOB_REFUSED, actor=ACTOR, subject=job_id, code=code)

    def _stop_unwanted(self) -> None:
        with self.database.reading() as reader:
            placed = queue.in_state(reader, State.RUNNING, State.CANCELLING)
        for row in placed:
            if row.state is State.RUNNING:
                if self._allowed(queue.manifest_of(row)):
                    continue
                with self.database.session() as session:
                    queue.move(session, row.id, Event.CANCEL, code=JOB_NOT_ALLOWED.name)
                    self._record(EventName.JOB_CANCELLED, actor=ACTOR, subject=row.id, code=JOB_NOT_ALLOWED.name)
            runner.ask_to_stop(self.place, row.id)

    def _report(self, reference: Any) -> Report:
        try:
            report = self.cluster.result(reference)
        except YurtError as error:
            log.warning("%s", error)
            return Report(Outcome.BROKEN, code=error.code)
        return report if isinstance(report, Report) else Report(Outcome.BROKEN, code=COMPUTE_WORKER_DIED.name)

    def _end(self, job_id: str, report: Report) -> None:
        now = _now()
        with self.database.session() as session:
            row = queue.job(session, job_id)
            manifest = queue.manifest_of(row)
            used = ledger.measure(
                wall_s=report.wall_s,
                cpu_s=report.cpu_s,
                peak_memory_bytes=report.peak_memory_bytes,
                gpus=manifest.request.gpus,
            )
            if used.wall_ms:
                ledger.append(session, ledger.Entry(job_id, manifest.path, row.started_at or now, now, used))
            wanted_stop = row.state is State.CANCELLING
            event, outcome, code = _closing(report, wanted_stop, row.code)
            queue.move(session, job_id, event, ended_at=now, outcome=outcome.value, code=code)
            self._record(
                EventName.JOB_REFUSED if event is Event.REFUSE else EventName.JOB_FINISHED,
                actor=ACTOR,
                subject=job_id,
                manifest=row.digest,
                outcome=outcome.value,
                code=code or "",
                wall_ms=used.wall_ms,
                cpu_ms=used.cpu_ms,
                outputs=[output.digest for output in report.outputs] if event is Event.FINISH else [],
            )
        if event is not Event.FINISH:
            shutil.rmtree(self.place.handover(job_id), ignore_errors=True)


def _closing(report: Report, wanted_stop: bool, code: str | None) -> tuple[Event, Outcome, str | None]:
    """Which move ends a run, under which outcome and code."""
    if wanted_stop:
        return Event.STOP, Outcome.CANCELLED, code
    if report.outcome is Outcome.FINISHED:
        return Event.FINISH, report.outcome, None
    if report.outcome is Outcome.REFUSED:
        return Event.REFUSE, report.outcome, report.code
    if report.outcome is Outcome.CANCELLED:  # nobody asked for this one: the daemon itself was stopped
        return Event.FAIL, Outcome.BROKEN, COMPUTE_LOST.name
    return Event.FAIL, report.outcome, report.code


def grants_stand(database: Database, manifest: JobManifest) -> bool:
    """Whether every grant the job rests on (ids, joined by commas) is live today."""
    with database.reading() as session:
        live = {str(grant.id) for grant in live_grants(session, manifest.project)}
    return set(manifest.grant.split(",")) <= live


def _now() -> datetime:
    return datetime.now(UTC)


def serve(home: Path, *, backend: str, rule: Rule, capacity: Resources | None = None) -> None:
    """Run inside the enclosure until SIGTERM or SIGINT. Raises COMPUTE_START_FAILED."""
    from audit.home import open_log
    from sandbox.environment import require_environment
    from sandbox.jail.run import sweep
    from scheduler.ray_cluster import RayCluster, capacity_of
    from store.secrets import Secrets
    from store.settings import Settings

    stopping = False

    def ask(_number: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    def heed_signals() -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, ask)

    heed_signals()
    settings = Settings(home=home)
    secrets = Secrets(home / "secrets")
    audit = open_log(settings, secrets)
    capacity = capacity or capacity_of(settings.job_gpus)
    place = runner.Place(home / "jobs", home / "blobs", require_environment(), backend, jail_instance(home))
    sweep(place.instance)
    database = Database(settings.records_url)
    cluster = RayCluster(secrets, capacity, run_folder(home))
    heed_signals()  # connecting to Ray installs handlers of its own
    try:
        service = ComputeService(
            database, cluster, place, capacity, audit.append, rule=rule, allowed=partial(grants_stand, database)
        )
        service.recover()
        ready_file(home).write_text(f"{os.getpid()}\n")
        log.info("ready: %s", capacity)
        while not stopping:
            try:
                service.tick()
            except (YurtError, OSError) as error:
                log.warning("this round failed: %s", error)  # nothing was started that was not recorded
            cluster.check()
            time.sleep(POLL_S)
        service.stop()
    finally:
        ready_file(home).unlink(missing_ok=True)
        cluster.stop()
        sweep(place.instance)
        database.close()


def _tidy(home: Path) -> None:
    """Remove what a daemon that was killed could not."""
    ready_file(home).unlink(missing_ok=True)
    shutil.rmtree(run_folder(home), ignore_errors=True)


def main(arguments: list[str] | None = None) -> int:
    """Start the daemon in its enclosure and wait for its end."""
    parser = argparse.ArgumentParser(prog="python -m scheduler.service", description="Yurt's compute daemon.")
    parser.add_argument("--home", type=Path, required=True, help="folder that holds the platform's state")
    parser.add_argument("--backend", default="bubblewrap", help="jail backend: bubblewrap or gvisor")
    parser.add_argument("--order", default="fair", help="who goes next: fifo, backfill, sjf, drf, usage or fair")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    home = given.home.resolve()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        rule = rule_named(given.order)
        if given.inside:
            serve(home, backend=given.backend, rule=rule)
            return 0
        from scheduler.enclosure import run_enclosed

        ready_file(home).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _tidy(home)
        options = ["--home", str(home), "--backend", given.backend, "--order", given.order, "--inside"]
        try:
            return run_enclosed([sys.executable, "-m", "scheduler.service", *options], own_network=True)
        finally:
            _tidy(home)
    except YurtError as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
