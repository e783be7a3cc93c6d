"""A private Ray head for one compute daemon: loopback only, a token on every connection, no part it does not need.

It is started through Ray's own `Node` with fixed ports rather than by `ray.init()`, which also starts a dashboard
server, an autoscaler monitor and a log monitor, and took 29 s to the first task where this takes 15 s, and 750 MB where
this takes 520 MB (PSS, two processors); and the raylet gives up after 15 s of waiting for its agents to
write their ports into files, which a busy machine exceeds: here the files are there before it starts. `Node` is not a
public interface; requirements/main.txt pins its version and tests/scheduler/test_service.py starts it.

The caller must be in a network namespace of its own (scheduler.enclosure): Ray listens on fixed ports there.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from scheduler.errors import COMPUTE_START_FAILED, COMPUTE_WORKER_DIED
from scheduler.resources import Resources
from store.errors import YurtError
from store.secrets import Secrets

OBJECT_STORE_BYTES = 100 * 2**20
# Ray gives workers ports 10002-19999 unless told otherwise, so all of these lie above.
PORTS: Mapping[str, int] = {
    "gcs_server_port": 20001,
    "metrics_agent_port": 20002,
    "metrics_export_port": 20003,
    "runtime_env_agent_port": 20004,
    "dashboard_agent_listen_port": 20005,
    "dashboard_port": 20006,
    "node_manager_port": 20007,
    "object_manager_port": 20008,
    "min_worker_port": 20100,
    "max_worker_port": 20999,
}
# Ray's names of the files in which an agent tells its port, and the port it will have.
AGENT_PORTS: Mapping[str, str] = {
    "METRICS_AGENT_PORT_NAME": "metrics_agent_port",
    "METRICS_EXPORT_PORT_NAME": "metrics_export_port",
    "DASHBOARD_AGENT_LISTEN_PORT_NAME": "dashboard_agent_listen_port",
    "RUNTIME_ENV_AGENT_PORT_NAME": "runtime_env_agent_port",
}


class RayCluster:
    """A running Ray head and this process's connection to it. Raises COMPUTE_START_FAILED.

    Its sessions lie in `folder`, whose path must be short: their sockets are about 75 characters further down, and the
    path of a socket may have 107 bytes.
    """

    def __init__(self, secrets: Secrets, capacity: Resources, folder: Path) -> None:
        secrets.token("ray")
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True)
        os.environ.update(
            RAY_AUTH_MODE="token",
            RAY_AUTH_TOKEN_PATH=str(secrets.path("ray")),
            RAY_TMPDIR=str(self._folder),
            RAY_USAGE_STATS_ENABLED="0",
            RAY_enable_metrics_collection="0",
            RAY_raylet_start_wait_time_s="120",
            RAY_agent_register_timeout_ms="240000",
            RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO="0",
        )
        try:
            self._connect(capacity)
        except Exception as error:  # Ray raises bare Exception for most of what may go wrong here
            self.stop()
            raise YurtError(COMPUTE_START_FAILED, why=f"Ray gave up with {type(error).__name__}") from error

    def _connect(self, capacity: Resources) -> None:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True, capture_output=True)
        import ray
        from ray import _raylet
        from ray._private.node import Node
        from ray._private.parameter import RayParams

        class Head(Node):  # type: ignore[misc]  # Ray has no types
            def start_api_server(self, **_: Any) -> None:
                """No dashboard: nothing here is looked at, and it is the slowest to start."""
                self._webui_url = ""

            def start_raylet(self, *arguments: Any, **options: Any) -> None:
                """Tell the raylet its agents' ports beforehand, which it else waits 15 s for and then gives up."""
                for name, port in AGENT_PORTS.items():
                    tell = _raylet.persist_port  # type: ignore[attr-defined]  # compiled, without types
                    tell(self._session_dir, self._node_id, getattr(_raylet, name), PORTS[port])
                super().start_raylet(*arguments, **options)

        self._node = Head(
            RayParams(
                num_cpus=capacity.cpu_milli / 1000,
                num_gpus=capacity.gpu_milli / 1000,
                memory=capacity.memory_bytes,
                object_store_memory=OBJECT_STORE_BYTES,
                temp_dir=str(self._folder / "ray"),
                node_ip_address="127.0.0.1",
                include_dashboard=False,
                include_log_monitor=False,
                no_monitor=True,
                **PORTS,
            ),
            head=True,
            shutdown_at_exit=False,
            spawn_reaper=False,
        )
        ray.init(
            address=self._node.gcs_address,
            log_to_driver=False,
            configure_logging=False,
            _node_ip_address="127.0.0.1",
        )

    def place(self, function: Any, *arguments: Any, need: Resources, name: str) -> Any:
        """Run a module's function in a worker that holds `need`; gives a reference for `done` and `result`."""
        import ray

        task = ray.remote(max_retries=0)(function).options(
            num_cpus=need.cpu_milli / 1000, num_gpus=need.gpu_milli / 1000, memory=need.memory_bytes, name=name
        )
        return task.remote(*arguments)

    def done(self, reference: Any) -> bool:
        """True when the run has ended, well or not; returns at once."""
        import ray

        ready, _ = ray.wait([reference], timeout=0)
        return bool(ready)

    def result(self, reference: Any) -> Any:
        """What the function returned. Raises COMPUTE_WORKER_DIED when its worker did, or the function raised."""
        import ray

        try:
            return ray.get(reference)
        except ray.exceptions.RayError as error:
            raise YurtError(COMPUTE_WORKER_DIED, how=type(error).__name__) from error

    def check(self) -> None:
        """Raises COMPUTE_START_FAILED when a process of it has died; also buries orphans, as process 1 must."""
        if self._node.dead_processes():
            raise YurtError(COMPUTE_START_FAILED, why="a process of Ray died")
        own = {info.process.pid for kind in self._node.all_processes.values() for info in kind}
        for child in psutil.Process().children():
            if child.pid not in own and child.status() == psutil.STATUS_ZOMBIE:
                os.waitpid(child.pid, os.WNOHANG)

    def stop(self) -> None:
        """End every process of it and remove its folder."""
        import ray

        ray.shutdown()
        node = getattr(self, "_node", None)
        if node is not None:
            node.kill_all_processes(check_alive=False, allow_graceful=False)
        shutil.rmtree(self._folder, ignore_errors=True)


def capacity_of(gpus: int) -> Resources:
    """What this machine can lend: its processors and four fifths of its memory; GPUs as the operator says."""
    return Resources((os.cpu_count() or 1) * 1000, psutil.virtual_memory().total * 4 // 5, gpus * 1000)
