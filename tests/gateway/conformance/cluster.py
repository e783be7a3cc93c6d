"""A throw-away PostgreSQL cluster in a folder of its own, behind a Unix socket, run by an unprivileged user."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

OWNER = "county_owner"
DATABASE = "county"
UNPRIVILEGED = "nobody"  # the server refuses to run as root
START_S = 120.0


def programs() -> Path:
    """Where Debian keeps the server's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not found:
        raise RuntimeError("PostgreSQL's server is not installed: run `make setup-test`.")
    return found[-1]


class Cluster:
    """A running cluster with an empty database and its owner. It ends with the process that started it, however."""

    def __init__(self, password: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self.password = password
        self._server: subprocess.Popen[bytes] | None = None
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def connect(self, database: str = DATABASE) -> "psycopg.Connection[Any]":
        """A connection of the owner, who may do everything."""
        return psycopg.connect(
            host=str(self.folder), dbname=database, user=OWNER, password=self.password, autocommit=True
        )

    def close(self) -> None:
        """Stop it and remove its folder."""
        if self._server is not None:
            self._server.send_signal(signal.SIGQUIT)  # at once
            try:
                self._server.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self) -> None:
        secret, data = self.folder / "password", self.folder / "data"
        secret.write_text(self.password)
        secret.chmod(0o600)
        as_: dict[str, Any] = {}
        if os.geteuid() == 0:
            as_ = {"user": UNPRIVILEGED, "group": "nogroup", "extra_groups": []}
            for path in (self.folder, secret):
                shutil.chown(path, UNPRIVILEGED, "nogroup")
        common: dict[str, Any] = {
            "stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL,
            "cwd": "/", "env": {"PATH": "/usr/bin:/bin"}, **as_,
        }  # fmt: skip
        subprocess.run(
            [
                str(programs() / "initdb"), "--pgdata", str(data), "--username", OWNER, "--pwfile", str(secret),
                "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync",
            ],
            check=True, timeout=START_S, **common,
        )  # fmt: skip
        quiet = {
            "fsync": "off", "listen_addresses": "", "unix_socket_directories": str(self.folder),
            "shared_buffers": "64MB", "max_connections": "20", "log_statement": "none",
        }  # fmt: skip
        settings = [word for name, value in quiet.items() for word in ("-c", f"{name}={value}")]
        self._server = subprocess.Popen(
            ["setpriv", "--pdeathsig", "QUIT", str(programs() / "postgres"), "-D", str(data), *settings], **common
        )
        self._await()

    def _await(self) -> None:
        """Until it answers; then make the database."""
        deadline = time.monotonic() + START_S
        while True:
            try:
                with self.connect("postgres") as connection:
                    connection.execute(f"CREATE DATABASE {DATABASE}")
                    return
            except psycopg.OperationalError:
                if self._server is None or self._server.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
