"""The jail of one notebook sandbox: JupyterLab on a private socket, started and watched by its door."""

import asyncio
import collections
import os
import shutil
import socket
import stat
import subprocess
import threading
import time
from pathlib import Path, PurePosixPath
from typing import IO

from tornado.netutil import bind_unix_socket

from sandbox.errors import JAIL_SETUP_FAILED
from sandbox.hub.ticket import Ticket
from sandbox.jail import Bind, Jail, JailSpec, start_jailed
from sandbox.jail.interface import JailResult
from store.errors import YurtError

_LOG_BYTES = 64 * 1024
_READY_S = 90.0


def server_command(python: Path, base_url: str, profile_home: str, server_socket: str) -> list[str]:
    """JupyterLab for one person behind a door.

    It asks for no token and checks neither origin nor XSRF: only the door reaches its socket, and does all three.
    """
    return [
        str(python / "bin" / "python"), "-m", "jupyterlab",
        f"--ServerApp.sock={server_socket}",
        "--ServerApp.sock_mode=0600",
        f"--ServerApp.base_url={base_url}",
        f"--ServerApp.root_dir={profile_home}",
        "--ServerApp.open_browser=False",
        "--ServerApp.terminals_enabled=False",
        "--ServerApp.allow_remote_access=True",
        "--ServerApp.disable_check_xsrf=True",
        "--ServerApp.quit_button=False",
        "--IdentityProvider.token=",
        "--LabApp.news_url=",
        "--LabApp.extension_manager=readonly",
    ]  # fmt: skip


class _Tail:
    """Reads a pipe to its end and keeps only its last bytes: a sandbox must not fill the host with its log."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._chunks: collections.deque[bytes] = collections.deque(maxlen=_LOG_BYTES // 4096)
        threading.Thread(target=self._read, args=(pipe,), daemon=True).start()

    def _read(self, pipe: IO[bytes]) -> None:
        with pipe:
            while chunk := os.read(pipe.fileno(), 4096):
                self._chunks.append(chunk)

    @property
    def text(self) -> str:
        return b"".join(self._chunks).decode("utf-8", "replace")


def _folder(path: Path, mode: int, uid: int | None = None) -> None:
    path.mkdir(mode=mode, parents=True, exist_ok=True)
    path.chmod(mode)
    if uid is not None:
        os.chown(path, uid, uid)


class Notebook:
    """One running notebook server and the sockets on either side of its wall."""

    def __init__(self, ticket: Ticket, base_url: str) -> None:
        self._ticket, self._base_url = ticket, base_url
        self._socket_fd = -1
        self._jail: Jail | None = None
        self._tail: _Tail | None = None
        self.ready = asyncio.Event()

    def listen(self) -> socket.socket:
        """Make the folders of this sandbox and bind the socket that leads to the gateway."""
        ticket, uid = self._ticket, self._ticket.profile.uid
        shutil.rmtree(ticket.run, ignore_errors=True)
        _folder(Path(ticket.run), 0o700)
        _folder(ticket.server_folder, 0o700, uid)
        _folder(ticket.gateway_folder, 0o755)
        _folder(Path(ticket.home), 0o700, uid)
        # 0666: the jail's user is another one; only this jail is shown the folder.
        name = PurePosixPath(ticket.profile.gateway_socket).name
        listener: socket.socket = bind_unix_socket(str(ticket.gateway_folder / name), mode=0o666)
        return listener

    def start(self) -> None:
        """Start the jail. Call from the main thread, with which the jail dies."""
        ticket, profile = self._ticket, self._ticket.profile
        python = Path(ticket.environment)
        gateway, server = PurePosixPath(profile.gateway_socket), PurePosixPath(profile.server_socket)
        spec = JailSpec(
            server_command(python, self._base_url, profile.home, str(server)),
            profile=profile,
            limits=ticket.limits,
            python=python,
            binds=(
                Bind(Path(ticket.home), PurePosixPath(profile.home), read_only=False),
                Bind(ticket.server_folder, server.parent, read_only=False),
                Bind(ticket.gateway_folder, gateway.parent),
            ),
            environment={"JUPYTER_RUNTIME_DIR": "/tmp/jupyter", "IPYTHONDIR": f"{profile.home}/.ipython"},  # noqa: S108
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            instance=ticket.instance,
        )
        self._jail = start_jailed(spec)
        if self._jail.stdout is not None:
            self._tail = _Tail(self._jail.stdout)

    async def watch(self) -> JailResult | None:
        """Say when the server answers, and return when the jail has ended. Raises JAIL_SETUP_FAILED."""
        deadline = time.monotonic() + _READY_S
        while self._jail is not None and self._jail.poll() is None:
            if not self.ready.is_set():
                if self._connectable():
                    self.ready.set()
                elif time.monotonic() > deadline:
                    raise YurtError(JAIL_SETUP_FAILED, why="the notebook server did not answer in time")
            await asyncio.sleep(1.0 if self.ready.is_set() else 0.05)
        return self._jail.wait() if self._jail is not None else None

    @property
    def socket_path(self) -> str:
        """Path to connect to the notebook server by, once it is ready."""
        return f"/proc/self/fd/{self._socket_fd}"

    def _connectable(self) -> bool:
        """Pin the server's socket when it is there and answers.

        The folder belongs to the jail, which could put a symbolic link to another sandbox's socket in its place, and
        the door is root: so the link is not followed, the owner is checked, and the descriptor then holds that very
        socket.
        """
        path = self._ticket.server_folder / PurePosixPath(self._ticket.profile.server_socket).name
        try:
            descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return False
        found = os.fstat(descriptor)
        if stat.S_ISSOCK(found.st_mode) and found.st_uid == self._ticket.profile.uid:
            with socket.socket(socket.AF_UNIX) as plug:
                plug.settimeout(1.0)
                if plug.connect_ex(f"/proc/self/fd/{descriptor}") == 0:
                    self._socket_fd = descriptor
                    return True
        os.close(descriptor)
        return False

    def stop(self) -> None:
        """End the jail and remove its sockets. The home stays."""
        if self._jail is not None:
            self._jail.stop()
        shutil.rmtree(self._ticket.run, ignore_errors=True)

    @property
    def log_tail(self) -> str:
        """The last 64 KiB the server wrote, for the operators' log when it fails."""
        return self._tail.text if self._tail is not None else ""
