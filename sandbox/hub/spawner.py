"""The spawner: a named server of the hub is the sandbox of one person in one project.

It starts a door (`sandbox.hub.door`) and nothing else; the door starts the jail. Whether the person may open this
project's sandbox is asked each time, from a function the platform names; the project is never taken from anywhere but
the server's name.
"""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jupyterhub.spawner import LocalProcessSpawner
from tornado.web import HTTPError
from traitlets import Any as AnyTrait
from traitlets import Integer, Unicode

from sandbox.errors import SANDBOX_NOT_OPEN, SANDBOX_PROJECT_MISSING, SANDBOX_TOO_MANY
from sandbox.hub.names import slug
from sandbox.hub.ticket import VARIABLE, Ticket
from sandbox.jail import cgroup
from sandbox.profile import NOTEBOOK, Limits
from store.errors import ErrorCode, YurtError

# (person, project) -> None where they may open it, else one sentence that says why not.
MayOpen = Callable[[str, str], str | None]


class SandboxRefused(HTTPError):  # type: ignore[misc]
    """A YurtError in the form that the hub's API and pages show."""

    def __init__(self, code: ErrorCode, **fields: object) -> None:
        error = YurtError(code, **fields)
        self.code = code.name
        self.jupyterhub_message = f"{error.message} {error.hint}"
        super().__init__(error.http, "%s: %s", code.name, self.jupyterhub_message)


class JailSpawner(LocalProcessSpawner):  # type: ignore[misc]
    """See the module. Every trait is set by `sandbox.hub.settings`."""

    pid: int

    instance = Unicode(help="Name of the platform, for control groups.").tag(config=True)
    environment_path = Unicode(help="Python environment of the sandboxes.").tag(config=True)
    homes = Unicode(help="Folder that holds a home per person and project.").tag(config=True)
    run_folder = Unicode(help="Folder for sockets; short, since a socket's path may have 107 bytes.").tag(config=True)
    gateway_url = Unicode(help="Where the gateway listens.").tag(config=True)
    limits = AnyTrait(NOTEBOOK.limits, help="What one sandbox may use: sandbox.profile.Limits.").tag(config=True)
    most_at_once = Integer(5, help="Most sandboxes one person may run at once.").tag(config=True)
    may_open = AnyTrait(None, allow_none=True, help="See MayOpen.").tag(config=True)

    @property
    def _slug(self) -> str:
        return slug(self.user.name, self.name)

    def make_preexec_fn(self, name: str) -> None:
        """None: the door stays root, which it needs to build the jail, and no code runs between fork and exec."""

    def user_env(self, env: dict[str, str]) -> dict[str, str]:
        """No account of the host stands behind a person."""
        return env

    def get_env(self) -> dict[str, str]:
        """The door's environment: JupyterHub's variables for it, and its ticket."""
        limits = self.limits if isinstance(self.limits, Limits) else Limits(**self.limits)
        ticket = Ticket(
            instance=self.instance,
            environment=self.environment_path,
            home=str(Path(self.homes) / self._slug),
            run=str(Path(self.run_folder) / self._slug),
            gateway_url=self.gateway_url,
            limits=limits,
        )
        hub: dict[str, str] = {
            key: value for key, value in super().get_env().items() if key.startswith(("JUPYTERHUB_", "PYTHON"))
        }
        return {**hub, "PATH": os.defpath, "LANG": "C.UTF-8", VARIABLE: ticket.dump()}

    async def start(self) -> tuple[str, int]:
        """Ask whether it may be opened, then start the door. Raises SANDBOX_PROJECT_MISSING, _TOO_MANY, _NOT_OPEN."""
        if not self.name:
            raise SandboxRefused(SANDBOX_PROJECT_MISSING)
        # The hub's own limit counts servers that were ever made; this one those that run, this one included.
        if sum(bool(spawner.active) for spawner in self.user.spawners.values()) > self.most_at_once:
            raise SandboxRefused(SANDBOX_TOO_MANY, limit=self.most_at_once)
        if self.may_open is not None:
            why = await asyncio.to_thread(self.may_open, self.user.name, self.name)
            if why is not None:
                raise SandboxRefused(SANDBOX_NOT_OPEN, why=why)
        self.cmd = [sys.executable, "-m", "sandbox.hub.door"]
        self.port = 0  # a free one each time
        found: tuple[str, int] = await super().start()
        return found

    def get_args(self) -> list[str]:
        """None: what a door needs is in its environment."""
        return []

    async def stop(self, now: bool = False) -> None:
        """End the door, and with it the jail; then remove what a killed door could not."""
        await super().stop(now=now)
        await asyncio.to_thread(cgroup.prune, self.instance)

    def get_state(self) -> dict[str, Any]:
        """What survives a restart of the hub: the door's process and when it started."""
        state: dict[str, Any] = super().get_state()
        if self.pid:
            state["started"] = _start_ticks(self.pid)
        return state

    def load_state(self, state: dict[str, Any]) -> None:
        """Take back a door, unless its process id has gone to another process since."""
        super().load_state(state)
        if self.pid and _start_ticks(self.pid) != state.get("started"):
            self.pid = 0


def _start_ticks(pid: int) -> str:
    """When a process started, in clock ticks since boot (proc(5), stat, field 22); empty where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[19]
    except OSError:
        return ""
