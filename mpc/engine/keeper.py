"""Keeps one engine process: starts it, kills it when its agent is gone, and leaves no file behind.

    keeper.py FOLDER COMMAND_FD EVENT_FD -- PYTHON SCRIPT

FOLDER is the job's private temporary folder; libpsi leaves key tables in it when it dies, so it is removed whatever
happens. The agent holds the other end of standard input: its end of file means that the agent has ended or died.
"""

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys


def main() -> int:
    folder, command_fd, event_fd = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    program = sys.argv[5:]
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    os.umask(0o077)
    environment = {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": folder,
        "TMPDIR": folder,
        "JAX_PLATFORMS": "cpu",
    }
    engine = None
    try:
        with open(os.path.join(folder, "engine.log"), "wb") as log:
            engine = subprocess.Popen(
                [*program, str(command_fd), str(event_fd)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(command_fd, event_fd),
                env=environment,
                cwd=folder,
                start_new_session=True,
            )
        os.close(command_fd)
        os.close(event_fd)
        ended = os.pidfd_open(engine.pid)
        select.select([0, ended], [], [])
    finally:
        if engine is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(engine.pid, signal.SIGKILL)
            engine.wait()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
