"""Slots for queries: a fair line in front of the engines, on the service's event loop."""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.fair_queue import Caps, FairQueue, Full

_LONGEST_RETRY_S = 60


class Busy(Exception):
    """The line is full. `retry_s`: whole seconds after which asking again makes sense."""

    def __init__(self, retry_s: int) -> None:
        super().__init__()
        self.retry_s = retry_s


class Admission:
    """All of it runs on one event loop, so nothing needs a lock."""

    def __init__(self, caps: Caps) -> None:
        self._caps = caps
        self._queue: FairQueue[asyncio.Future[None]] = FairQueue(caps)

    @asynccontextmanager
    async def slot(self, project: str, user: str) -> AsyncIterator[None]:
        """Wait for a turn and hold it while the block runs. Raises Busy; a cancelled task leaves the line."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        try:
            self._queue.enter(project, user, turn)
        except Full:
            raise Busy(self._retry_s()) from None
        self._start()
        try:
            await turn
        except asyncio.CancelledError:
            if not self._queue.give_up(turn):  # it was started in the same moment
                self._leave(turn, 0.0)
            raise
        began = time.monotonic()
        try:
            yield
        finally:
            self._leave(turn, time.monotonic() - began)

    @property
    def free(self) -> bool:
        """Would a query run at once, as far as the total goes."""
        return self._queue.running < self._caps.running and not self._queue.waiting

    def _leave(self, turn: "asyncio.Future[None]", cost_s: float) -> None:
        self._queue.leave(turn, cost_s)
        self._start()

    def _start(self) -> None:
        while (turn := self._queue.start()) is not None:
            if not turn.done():
                turn.set_result(None)

    def _retry_s(self) -> int:
        line_s = self._queue.waiting * self._queue.typical_s / self._caps.running
        return max(1, min(_LONGEST_RETRY_S, math.ceil(line_s)))
