"""The door of a sandbox that is a pod: a container of its own beside the one with the untrusted code.

The same handlers as on one machine (`sandbox.hub.door`); only the jail is not ours to start: the kubelet did that.
"""

import asyncio
import logging
import os
import signal
import socket
import stat
import sys
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from jupyterhub.services.auth import HubOAuth
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_unix_socket

from sandbox.hub.door import door_application
from sandbox.hub.notebook import Notebook
from sandbox.hub.relay import relay_server
from sandbox.profile import NOTEBOOK, Profile

log = logging.getLogger("yurt.door")


class PodNotebook:
    """The notebook server in the pod's other container, known by its socket alone."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._socket_fd = -1
        self.ready = asyncio.Event()

    def listen(self) -> socket.socket:
        """The socket that leads to the gateway; the other container sees its folder read-only."""
        listening: socket.socket = bind_unix_socket(self._profile.gateway_socket, mode=0o666)
        return listening

    async def wait(self) -> None:
        """Return once the server answers, and pin its socket: the folder is writable to untrusted code."""
        while not self._connectable():
            await asyncio.sleep(0.2)
        self.ready.set()

    @property
    def socket_path(self) -> str:
        """Path to connect to the notebook server by, once it is ready."""
        return f"/proc/self/fd/{self._socket_fd}"

    def _connectable(self) -> bool:
        try:
            descriptor = os.open(Path(self._profile.server_socket), os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return False
        found = os.fstat(descriptor)
        if stat.S_ISSOCK(found.st_mode) and found.st_uid == self._profile.uid:
            with socket.socket(socket.AF_UNIX) as plug:
                plug.settimeout(1.0)
                if plug.connect_ex(f"/proc/self/fd/{descriptor}") == 0:
                    self._socket_fd = descriptor
                    return True
        os.close(descriptor)
        return False


async def serve(profile: Profile, base_url: str, address: tuple[str, int], gateway_url: str, token: str) -> None:
    """Serve until a signal comes."""
    notebook = PodNotebook(profile)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    relay = relay_server(notebook.listen(), gateway_url, token)
    # It has what the handlers use of a notebook: `ready` and `socket_path`.
    door = HTTPServer(door_application(cast(Notebook, notebook), base_url), xheaders=True)
    waiting = asyncio.create_task(notebook.wait())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if notebook.ready.is_set():
            door.listen(address[1], address[0])
            await stopping
    finally:
        waiting.cancel()
        door.stop()
        relay.stop()


def main() -> int:
    """`python -m sandbox.kube.door`, with JupyterHub's variables in the container's environment."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("tornado.access").setLevel(logging.WARNING)
    url = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
    HubOAuth.instance()
    asyncio.run(
        serve(
            NOTEBOOK,
            os.environ["JUPYTERHUB_SERVICE_PREFIX"],
            (url.hostname or "0.0.0.0", url.port or 0),  # noqa: S104  the pod's own network, opened by policy to the proxy
            os.environ["YURT_GATEWAY_URL"],
            os.environ["JUPYTERHUB_API_TOKEN"],
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
