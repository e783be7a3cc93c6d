"""Who goes next: start-time fair queueing over projects, and over the people within each.

P. Goyal, H. M. Vin, H. Cheng: "Start-time Fair Queueing", SIGCOMM 1996. Every flow has a virtual time, its service so
far; the flow with the least goes next, and a flow that comes back starts at the clock of those that stayed, so that
nobody saves up service while away. A query's cost is known only when it ends: it is charged the typical cost when it
starts and the rest afterwards. Pure: no clock, no thread.
"""

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

_WEIGHT_OF_NEW = 0.1
"""Share of the newest cost in the typical one (an exponential moving average)."""
Item = TypeVar("Item", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Caps:
    """How many queries may run, and wait, at once."""

    running: int = 4
    running_per_project: int = 3  # below `running`, so that one project never holds everything
    running_per_user: int = 2
    waiting: int = 400
    waiting_per_user: int = 20


class Full(Exception):
    """Too many wait already."""


@dataclass(slots=True)
class _Flow:
    """Service received, in seconds of the engine, as a virtual time."""

    time: float = 0.0
    running: int = 0
    waiting: int = 0


@dataclass(slots=True)
class _User(_Flow, Generic[Item]):
    items: deque[tuple[int, Item]] = field(default_factory=deque)


@dataclass(slots=True)
class _Project(_Flow, Generic[Item]):
    users: dict[str, _User[Item]] = field(default_factory=dict)
    clock: float = 0.0  # of the people within it


class FairQueue(Generic[Item]):
    """Items of (project, user): `enter`, then `start` until it gives None; `leave` what was started, start again."""

    def __init__(self, caps: Caps) -> None:
        self._caps = caps
        self._projects: dict[str, _Project[Item]] = {}
        self._started: dict[Item, tuple[str, str, float]] = {}  # project, user, what was charged
        self._clock = 0.0
        self._arrived = 0
        self.running = 0
        self.waiting = 0
        self.typical_s = 0.1  # cost of a query

    def enter(self, project: str, user: str, item: Item) -> None:
        """Wait in line. Raises Full."""
        flow = self._projects.get(project)
        own = flow.users.get(user) if flow else None
        if self.waiting >= self._caps.waiting or (own and own.waiting >= self._caps.waiting_per_user):
            raise Full
        if flow is None:
            flow = self._projects[project] = _Project(time=self._clock)
        if own is None:
            own = flow.users[user] = _User(time=flow.clock)
        if not flow.waiting and not flow.running:
            flow.time = max(flow.time, self._clock)
        if not own.waiting and not own.running:
            own.time = max(own.time, flow.clock)
        self._arrived += 1
        own.items.append((self._arrived, item))
        for each in (flow, own):
            each.waiting += 1
        self.waiting += 1

    def give_up(self, item: Item) -> bool:
        """Leave the line without having been started; False if it is not in the line."""
        for name, flow in self._projects.items():
            for person, own in flow.users.items():
                for place, (_, held) in enumerate(own.items):
                    if held == item:
                        del own.items[place]
                        self._waits_less(flow, own)
                        self._forget(name, person)
                        return True
        return False

    def start(self) -> Item | None:
        """The item that may run now, counted as running from here on; None where none may."""
        if self.running >= self._caps.running:
            return None
        best: tuple[float, float, int] | None = None
        chosen: tuple[str, str] | None = None
        for name, flow in self._projects.items():
            if not flow.waiting or flow.running >= self._caps.running_per_project:
                continue
            for person, own in flow.users.items():
                if not own.items or own.running >= self._caps.running_per_user:
                    continue
                rank = (flow.time, own.time, own.items[0][0])
                if best is None or rank < best:
                    best, chosen = rank, (name, person)
        if chosen is None:
            return None
        flow = self._projects[chosen[0]]
        own = flow.users[chosen[1]]
        _, item = own.items.popleft()
        self._waits_less(flow, own)
        self._clock, flow.clock = max(self._clock, flow.time), max(flow.clock, own.time)
        for each in (flow, own):
            each.running += 1
            each.time += self.typical_s
        self.running += 1
        self._started[item] = (*chosen, self.typical_s)
        return item

    def leave(self, item: Item, cost_s: float) -> None:
        """A started item is over; it took `cost_s` seconds."""
        project, user, charged_s = self._started.pop(item)
        flow = self._projects[project]
        own = flow.users[user]
        for each in (flow, own):
            each.running -= 1
            each.time += cost_s - charged_s
        self.running -= 1
        self.typical_s += _WEIGHT_OF_NEW * (cost_s - self.typical_s)
        self._forget(project, user)

    def _waits_less(self, flow: _Project[Item], own: _User[Item]) -> None:
        for each in (flow, own):
            each.waiting -= 1
        self.waiting -= 1

    def _forget(self, project: str, user: str) -> None:
        """Drop flows that have nothing to do and no debt; with the last item, all of them: a busy period is over."""
        if not self.running and not self.waiting:
            self._projects, self._clock = {}, 0.0
            return
        flow = self._projects[project]
        own = flow.users[user]
        if not own.waiting and not own.running and own.time <= flow.clock:
            del flow.users[user]
        if not flow.waiting and not flow.running and flow.time <= self._clock:
            del self._projects[project]
