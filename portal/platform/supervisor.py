"""Starting processes, waiting until they serve, noticing when one dies, and stopping them all."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from portal.platform.errors import SERVICE_DIED, SERVICE_NOT_READY
from store.errors import YurtError

POLL_S = 0.1
STOP_S = 10.0


@dataclass(frozen=True, slots=True)
class Service:
    """One process of the platform. `ready()` answers whether it serves; `env` is all it gets to see."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    ready: Callable[[], bool]
    ready_within_s: float = 90.0
    queues: bool = False  # work for it may be queued before it is ready


@dataclass(slots=True)
class Supervisor:
    """Runs services, each with a log file in `logs`; calls `on_death` once, from a thread of its own, when one dies."""

    logs: Path
    on_death: Callable[[YurtError], None]
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _watcher: threading.Thread | None = None

    def start(self, service: Service) -> None:
        """Start one service without waiting for it."""
        self.logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self.log_of(service.name).open("ab") as log:
            self._running[service.name] = subprocess.Popen(
                list(service.argv),
                env=dict(service.env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches the supervisor alone, which then stops things in order
            )
        if self._watcher is None:
            self._watcher = threading.Thread(target=self._watch, name="watcher", daemon=True)
            self._watcher.start()

    def wait_ready(self, service: Service) -> None:
        """Block until the service serves. Raises SERVICE_NOT_READY or SERVICE_DIED."""
        deadline = time.monotonic() + service.ready_within_s
        while not service.ready():
            code = self._running[service.name].poll()
            if code is not None:
                raise self._died(service.name, code)
            if time.monotonic() > deadline:
                raise YurtError(
                    SERVICE_NOT_READY,
                    service=service.name,
                    seconds=round(service.ready_within_s),
                    log=self.log_of(service.name),
                )
            time.sleep(POLL_S)

    def log_of(self, name: str) -> Path:
        """Where a service's output goes."""
        return self.logs / f"{name}.log"

    def stop(self) -> None:
        """End every service, last started first: politely, then not; then whatever they left behind."""
        self._stopping.set()
        for process in reversed(self._running.values()):
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + STOP_S
        for process in self._running.values():
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for orphan in psutil.Process().children(recursive=True):
            try:
                orphan.kill()
            except psutil.NoSuchProcess:
                continue
        self._running.clear()

    def _watch(self) -> None:
        while not self._stopping.wait(POLL_S):
            for name, process in list(self._running.items()):
                code = process.poll()
                if code is not None and not self._stopping.is_set():
                    self._stopping.set()
                    self.on_death(self._died(name, code))
                    return
            _reap_orphans(self._running.values())

    def _died(self, name: str, code: int) -> YurtError:
        how = signal.Signals(-code).name if code < 0 else f"exit status {code}"
        return YurtError(SERVICE_DIED, service=name, how=how, log=self.log_of(name))


def _reap_orphans(own: Iterable["subprocess.Popen[bytes]"]) -> None:
    """As first process of its namespace the supervisor inherits orphans; those that ended are collected here.

    Its own children are left to their Popen objects, which need the exit status.
    """
    if os.getpid() != 1:
        return
    known = {process.pid for process in own}
    for child in psutil.Process().children():
        if child.pid not in known and child.status() == psutil.STATUS_ZOMBIE:
            os.waitpid(child.pid, os.WNOHANG)
