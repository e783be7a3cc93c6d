"""One sealed run: verify, mount, run in the jail, collect, measure. It happens inside a Ray worker.

Ray decides only where the run takes place; it is no security boundary. So the worker itself checks everything that the
approvers saw: the manifest's digest, then script and datasets byte for byte while copying them to a private folder
(what was verified is what is mounted, so nothing can be swapped in between), then the environment. One changed byte
and nothing starts. The script has no network and no user channel; what it prints goes into a sealed log for operators,
since it may hold data; files it leaves in /out under an expected name are collected for the airlock, no others.
"""

import hashlib
import os
import shutil
import stat
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path, PurePosixPath

import rfc8785

from sandbox.jail.interface import Bind, JailResult, JailSpec
from sandbox.jail.run import backend_named, start_jailed
from sandbox.profile import SEALED_JOB, Limits
from scheduler.blobs import Blobs
from scheduler.environment import environment_digest
from scheduler.errors import JOB_DIGEST_MISMATCH
from scheduler.manifest import JobManifest, plain
from scheduler.report import Outcome, Output, Report
from store.errors import YurtError

OUTPUT_BYTES = 256 * 2**20
LOG_BYTES = 2**20
_POLL_S = 0.25
_CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run finds and leaves things; plain values, so that they travel to a worker."""

    jobs: Path  # folder of job folders
    blobs: Path  # content-addressed scripts and datasets
    environment: Path  # Python environment shown in the jail
    backend: str  # jail backend
    instance: str  # groups the jails of one platform for sweeping

    def folder(self, job_id: str) -> Path:
        """The job's own folder, which only the platform may enter."""
        return self.jobs / job_id

    def handover(self, job_id: str) -> Path:
        """Where outputs wait for the airlock."""
        return self.folder(job_id) / "handover"

    def log(self, job_id: str) -> Path:
        """The sealed log: standard output and error. For operators, never for the author."""
        return self.folder(job_id) / "sealed" / "log.txt"


def ask_to_stop(place: Place, job_id: str) -> None:
    """Have a running job's jail killed within a second; harmless when it has ended."""
    place.folder(job_id).mkdir(mode=0o700, parents=True, exist_ok=True)
    (place.folder(job_id) / _CANCEL).touch()


def run(manifest_text: str, approved_digest: str, place: Place) -> Report:
    """Run an approved manifest to its end. Never raises for what a job did; refusals and breakdowns are outcomes."""
    try:
        manifest = JobManifest.parse(manifest_text)
        if manifest.digest() != approved_digest:
            raise YurtError(JOB_DIGEST_MISMATCH, what="manifest", job=manifest.job_id)
        folder = place.folder(manifest.job_id)
        shutil.rmtree(folder / "handover", ignore_errors=True)
        for part in (folder, folder / "sealed", folder / "handover"):
            part.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="stage-", dir=folder) as stage:
            binds = _stage(manifest, place, Path(stage))
            with _outputs(Path(stage) / "out") as out:
                return _run_staged(manifest, place, [*binds, Bind(out, PurePosixPath("/out"), read_only=False)], out)
    except YurtError as error:
        refused = error.code == JOB_DIGEST_MISMATCH.name
        return Report(Outcome.REFUSED if refused else Outcome.BROKEN, code=error.code)
    except (OSError, subprocess.SubprocessError) as error:
        return Report(Outcome.BROKEN, code=type(error).__name__)


def _stage(manifest: JobManifest, place: Place, stage: Path) -> list[Bind]:
    """Private, verified copies of all that the script will see."""
    blobs, job = Blobs(place.blobs), manifest.job_id
    script, parameters = stage / "main.py", stage / "parameters.json"
    blobs.stage(manifest.code_digest, script, job=job, what="script")
    parameters.write_bytes(rfc8785.dumps(plain(manifest.parameters)))
    binds = [Bind(script, PurePosixPath("/job/main.py")), Bind(parameters, PurePosixPath("/job/parameters.json"))]
    for dataset in manifest.datasets:
        copy = stage / f"{dataset.name}.parquet"
        blobs.stage(dataset.digest, copy, job=job, what=f"dataset {dataset.name}")
        binds.append(Bind(copy, PurePosixPath(f"/data/{dataset.name}.parquet")))
    if environment_digest(place.environment) != manifest.environment_digest:
        raise YurtError(JOB_DIGEST_MISMATCH, what="environment", job=job)
    return binds


@contextmanager
def _outputs(folder: Path) -> Iterator[Path]:
    """A file system of its own for /out, so that its size is a quota the kernel keeps."""
    folder.mkdir(mode=0o700)
    owner = f"uid={SEALED_JOB.uid},gid={SEALED_JOB.gid}"
    options = f"size={OUTPUT_BYTES},nr_inodes=1024,mode=0700,{owner},nosuid,nodev,noexec"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True, capture_output=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, capture_output=True)


def _run_staged(manifest: JobManifest, place: Place, binds: list[Bind], out: Path) -> Report:
    request, folder = manifest.request, place.folder(manifest.job_id)
    threads = str(ceil(request.cpus))
    with _sealed_log(place.log(manifest.job_id)) as log:
        spec = JailSpec(
            command=[str(place.environment / "bin" / "python"), "-I", "/job/main.py"],
            profile=SEALED_JOB,
            limits=Limits(
                memory_bytes=request.memory_bytes,
                cpus=max(0.01, request.cpus),
                pids=SEALED_JOB.limits.pids,
                tmp_bytes=SEALED_JOB.limits.tmp_bytes,
                wall_s=float(request.wall_s),
            ),
            binds=binds,
            environment={"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads, "POLARS_MAX_THREADS": threads},
            python=place.environment,
            stdout=log.descriptor,
            stderr=log.descriptor,
            instance=place.instance,
        )
        with start_jailed(spec, backend_named(place.backend)) as jail:
            log.started()
            cancelled = False
            while True:
                if (folder / _CANCEL).exists():
                    cancelled, result = True, jail.stop()
                    break
                try:
                    result = jail.wait(_POLL_S)
                    break
                except subprocess.TimeoutExpired:
                    continue
    outcome = Outcome.CANCELLED if cancelled else _outcome(result)
    outputs: tuple[Output, ...] = ()
    if outcome is Outcome.FINISHED:
        outputs = tuple(_collect(manifest, out, place.handover(manifest.job_id)))
        if len(outputs) < len(manifest.outputs):
            outcome, outputs = Outcome.FAILED, ()
    return Report(
        outcome=outcome,
        wall_s=result.wall_s,
        cpu_s=result.cpu_seconds,
        peak_memory_bytes=result.max_memory_bytes,
        outputs=outputs,
        log_bytes=log.written,
    )


def _outcome(result: JailResult) -> Outcome:
    if result.timed_out:
        return Outcome.OUT_OF_TIME
    if result.status == 0:
        return Outcome.FINISHED
    return Outcome.OUT_OF_MEMORY if result.oom_killed else Outcome.FAILED


def _collect(manifest: JobManifest, out: Path, target: Path) -> Iterator[Output]:
    """Copy expected outputs that are plain files; a link could name anything on the host."""
    for name in manifest.outputs:
        try:
            descriptor = os.open(out / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            continue
        with os.fdopen(descriptor, "rb") as reader:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                continue
            content = reader.read(OUTPUT_BYTES + 1)
        (target / name).write_bytes(content)
        (target / name).chmod(0o400)
        yield Output(name, hashlib.sha256(content).hexdigest(), len(content))


class _SealedLog:
    """A pipe whose other end keeps the first LOG_BYTES in a file and drops the rest, so that printing fills no disk."""

    def __init__(self, file: Path) -> None:
        reading, self.descriptor = os.pipe()
        self.written = 0
        self._thread = threading.Thread(target=self._keep, args=(reading, file), daemon=True)
        self._thread.start()

    def started(self) -> None:
        """The jail holds its own copy of the writing end now."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def finish(self) -> None:
        """Wait until all that was printed is kept."""
        self.started()
        self._thread.join()

    def _keep(self, reading: int, file: Path) -> None:
        private = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(reading, "rb", buffering=0) as pipe, os.fdopen(private, "wb", buffering=0) as writer:
            while chunk := pipe.read(65536):
                self.written += writer.write(chunk[: LOG_BYTES - self.written])


@contextmanager
def _sealed_log(file: Path) -> Iterator[_SealedLog]:
    log = _SealedLog(file)
    try:
        yield log
    finally:
        log.finish()
