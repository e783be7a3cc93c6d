"""The mailbox between agents: starts them, passes messages, waits for their signed records, leaves nothing behind.

It holds no data and no keys and needs no trust: agents verify every job themselves and talk to each other directly.
"""

import asyncio
import contextlib
import json
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mpc.manifest import SignedJob, record_holds

Progress = Callable[[dict[str, Any]], None]
START_S = 60.0  # to load libraries and read inputs
LINGER_S = 15.0  # for survivors to report and keepers to clean up
FINAL = ("refused", "done", "aborted")


class Mailbox:
    """One agent process and what it has said."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        self.port: int | None = None
        self.records: list[dict[str, Any]] = []
        self.changed = asyncio.Event()
        self.ended = False
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def final(self) -> dict[str, Any] | None:
        """The record that ends the job for this party, once there is one."""
        return next((record for record in self.records if record["outcome"] in FINAL), None)

    async def start(self, agent_key: str, progress: Progress) -> None:
        """Start the agent in a session of its own."""
        path = self.folder / "state" / "agent.log"
        path.touch(mode=0o600)
        with open(path, "ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "mpc.party",
                "--folder",
                str(self.folder.resolve()),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                limit=1 << 24,
                start_new_session=True,
            )
        self._reading = asyncio.create_task(self._read(self._process, agent_key, progress))

    def post(self, kind: str, **fields: object) -> None:
        """Put a message into the agent's mailbox."""
        if self._process and self._process.stdin and not self.ended:
            with contextlib.suppress(OSError):
                self._process.stdin.write((json.dumps({"type": kind, **fields}) + "\n").encode())

    async def stop(self, patience_s: float) -> None:
        """Wait for the agent to end, or end it; then see to it that its temporary folder is empty."""
        process = self._process
        if process is None:
            return
        try:
            await asyncio.wait_for(process.wait(), patience_s)
        except TimeoutError:
            process.kill()
            await process.wait()
        if self._reading:
            await self._reading
        # An agent that was killed could not clean up; its keeper does, within moments. Then nothing may be left.
        deadline = time.monotonic() + LINGER_S
        while any((self.folder / "tmp").iterdir()) and time.monotonic() < deadline:
            await asyncio.sleep(0.1)
        for left in (self.folder / "tmp").iterdir():
            shutil.rmtree(left, ignore_errors=True)

    async def _read(self, process: asyncio.subprocess.Process, agent_key: str, progress: Progress) -> None:
        stdout = process.stdout
        while stdout and (line := await stdout.readline()):
            message = json.loads(line)
            if message["type"] == "port":
                self.port = int(message["port"])
            elif message["type"] == "record" and record_holds(message["record"], message["signature"], agent_key):
                self.records.append(message["record"])
            told = {key: message[key] for key in ("step", "port") if key in message}
            outcome = message["record"]["outcome"] if message["type"] == "record" else None
            progress({"party": self.name, "pid": process.pid, "type": message["type"], "outcome": outcome, **told})
            self.changed.set()
        self.ended = True
        self.changed.set()


async def coordinate(signed: SignedJob, folders: Mapping[str, Path], progress: Progress) -> dict[str, dict[str, Any]]:
    """Run one signed job. Returns each party's final record; a party that died without one gets none."""
    job = signed.manifest.job
    boxes = [Mailbox(name, folders[name]) for name in job.names]
    try:
        for box in boxes:
            await box.start(signed.manifest.keys[box.name].agent_key, progress)
            box.post("job", signed=signed.model_dump(mode="json"))
        await _until(boxes, START_S, lambda box: box.port is not None or box.final is not None)
        if all(box.port is not None and box.final is None and not box.ended for box in boxes):
            ports = {box.name: box.port for box in boxes}
            for box in boxes:
                box.post("start", ports=ports)
            await _until(boxes, job.parameters.timeout_s + LINGER_S, lambda box: box.final is not None)
        for box in boxes:
            box.post("cancel")
    finally:
        await asyncio.gather(*(box.stop(LINGER_S) for box in boxes))
    return {box.name: box.final for box in boxes if box.final}


async def _until(boxes: list[Mailbox], patience_s: float, ready: Callable[[Mailbox], bool]) -> None:
    """Wait until every agent is ready or has ended, at most `patience_s`."""
    deadline = time.monotonic() + patience_s
    while any(not ready(box) and not box.ended for box in boxes) and (left := deadline - time.monotonic()) > 0:
        for box in boxes:
            box.changed.clear()
        waits = [asyncio.ensure_future(box.changed.wait()) for box in boxes]
        await asyncio.wait(waits, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
