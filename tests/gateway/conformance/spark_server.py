"""A throw-away Spark Connect server on this machine. It ends with the process that started it, however."""

import os
import secrets
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from gateway.spark_lock import TOKEN, arguments

HOME = Path(__file__).resolve().parents[3] / ".spark"
START_S = 240.0
THREADS = 2
MEMORY_MIB = 512
LISTENING = "-Dspark.sql.parquet.columnarReaderBatchSize=8"
"""A task looks whether it was stopped once in so many rows of the table it reads."""


class SparkServer:
    """A running server. Close it, or use it as a context manager."""

    def __init__(self, token: str) -> None:
        if not (HOME / "jars").is_dir():
            raise RuntimeError("Spark's server is not installed: run `make setup-test`.")
        self._scratch = tempfile.TemporaryDirectory(prefix="spark-", ignore_cleanup_errors=True)
        self._token = token
        deadline, tries = time.monotonic() + START_S, 3
        try:
            self._start()
            while not self._listens():
                if self.process.poll() is not None and not tries:
                    raise RuntimeError("Spark's server ends as soon as it starts.")
                if self.process.poll() is not None:  # somebody else may have taken the port meanwhile
                    tries -= 1
                    self._start()
                if time.monotonic() > deadline:
                    raise RuntimeError("Spark's server does not start.")
                time.sleep(0.1)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "SparkServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the server and remove what it wrote."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)  # its executor too
        self.process.wait()
        self._scratch.cleanup()

    def _start(self) -> None:
        self.port = _free_port()
        scratch = Path(self._scratch.name)
        (scratch / "jars").unlink(missing_ok=True)
        (scratch / "jars").symlink_to(HOME / "jars")  # executors look beside them, and write there
        environment = {name: os.environ[name] for name in ("PATH", "LANG", "JAVA_HOME") if name in os.environ}
        words = [LISTENING, *arguments(HOME / "jars", self.port, scratch, THREADS, MEMORY_MIB, secrets.token_hex(16))]
        (scratch / "arguments").write_text("".join(f'"{word}"\n' for word in words))  # the folder is ours alone
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "java", f"@{scratch}/arguments"],
            env={**environment, TOKEN: self._token, "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_HOME": str(scratch),
                 "SPARK_SCALA_VERSION": "2.13"},
            cwd=scratch, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip

    def _listens(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
