"""The agent's side of one engine process: a private folder, a keeper, a pipe of commands and a pipe of events.

The engine's exit status means nothing here (libpsi can end with 0 without a result): only its events count.
"""

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from mpc.environment import interpreter
from mpc.errors import ENGINE_FAILED
from store.errors import YurtError

_ENGINE = Path(__file__).resolve().parent / "engine"
KEEPER_S = 10.0


class Worker:
    """One engine process. Use as `async with Worker(...)`: leaving it kills the engine and removes its folder."""

    def __init__(self, script: str, folder: Path, party: str) -> None:
        self.script, self.folder, self.party = script, folder, party
        self.step = "load"
        self._keeper: asyncio.subprocess.Process | None = None
        self._events: asyncio.StreamReader | None = None
        self._event_pipe: asyncio.ReadTransport | None = None
        self._commands = -1

    async def __aenter__(self) -> "Worker":
        python = str(interpreter())
        command_read, self._commands = os.pipe()
        event_read, event_write = os.pipe()
        try:
            self._keeper = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                "-S",
                "-B",
                str(_ENGINE / "keeper.py"),
                str(self.folder),
                str(command_read),
                str(event_write),
                "--",
                python,
                "-I",
                "-B",
                str(_ENGINE / self.script),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                pass_fds=(command_read, event_write),
                start_new_session=True,
            )
        finally:
            os.close(command_read)
            os.close(event_write)
        self._events = asyncio.StreamReader(limit=1 << 26)
        self._event_pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(self._reader()), os.fdopen(event_read, "rb")
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        os.close(self._commands)
        if self._event_pipe:
            self._event_pipe.close()
        keeper = self._keeper
        if keeper is not None:
            if keeper.stdin:
                keeper.stdin.close()
            try:
                await asyncio.wait_for(keeper.wait(), KEEPER_S)
            except TimeoutError:
                keeper.kill()
                await keeper.wait()
        # Whatever became of the keeper, nothing may stay.
        shutil.rmtree(self.folder, ignore_errors=True)

    def command(self, **fields: object) -> None:
        """Tell the engine something (one JSON line; small enough never to fill the pipe)."""
        try:
            os.write(self._commands, (json.dumps(fields) + "\n").encode())
        except BrokenPipeError:
            raise YurtError(ENGINE_FAILED, party=self.party, step=self.step) from None

    async def event(self) -> dict[str, Any]:
        """The engine's next event. Raises ENGINE_FAILED when it ended, or said that it failed."""
        line = await self._reader().readline()
        if not line:
            raise YurtError(ENGINE_FAILED, party=self.party, step=self.step)
        event: dict[str, Any] = json.loads(line)
        if event["event"] == "step":
            self.step = str(event["step"])
        if event["event"] == "failed":
            raise YurtError(ENGINE_FAILED, party=self.party, step=self.step)
        return event

    def _reader(self) -> asyncio.StreamReader:
        if self._events is None:
            raise YurtError(ENGINE_FAILED, party=self.party, step=self.step)
        return self._events
