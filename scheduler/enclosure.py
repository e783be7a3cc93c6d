"""A process and all it starts in a process namespace of their own, and a network's where asked: nothing stays behind.

When the inner process ends, for whatever reason, the kernel ends everything it started. Ray, which listens on every
address it finds and on fixed ports, is enclosed with a network that has only its own loopback.
"""

import os
import signal
import subprocess
from collections.abc import Sequence
from types import FrameType

import psutil

_GRACE = 3


def run_enclosed(command: Sequence[str], *, own_network: bool) -> int:
    """Run `command` as process 1 of new namespaces until it ends; its exit status.

    SIGTERM, SIGINT and SIGHUP are passed on as SIGTERM, a third one kills. If this process dies, so does everything
    inside: `setpriv` sets the parent-death signal of `unshare`, which has set the same for its child.
    """
    rootless = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    network = ["--net"] if own_network else []
    unshare = ["unshare", *rootless, *network, "--pid", "--fork", "--kill-child=SIGKILL", "--mount-proc"]
    process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *unshare, *command])
    asked = 0

    def pass_on(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked += 1
        if asked >= _GRACE:
            process.kill()
        # unshare itself ignores these two while it waits, so they go to its child.
        for inner in psutil.Process(process.pid).children():
            inner.send_signal(signal.SIGTERM)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, pass_on)
    status = process.wait()
    return status if status >= 0 else 128 - status
