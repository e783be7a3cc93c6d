"""The story on the screen: a live checklist on a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from portal.story.errors import StoryFailed

MARKS = {"waiting": ("○", "dim"), "running": ("●", "cyan"), "done": ("✓", "green"), "failed": ("✗", "red")}


@dataclass(slots=True)
class Step:
    """One line of the checklist with what was seen below it."""

    title: str
    state: str = "waiting"
    seconds: float = 0.0
    seen: list[str] = field(default_factory=list)


class Checklist:
    """Steps in order. `step` runs one, `check` states a claim that must hold, `see` notes a figure."""

    def __init__(self, console: Console, titles: list[str]) -> None:
        self.console = console
        self.steps = [Step(title) for title in titles]
        self._current: Step | None = None
        self._began = 0.0
        self._live = Live(self, console=console, refresh_per_second=4, transient=False) if console.is_terminal else None

    def __rich__(self) -> Group:
        lines: list[Text] = []
        for number, step in enumerate(self.steps, 1):
            mark, colour = MARKS[step.state]
            seconds = time.monotonic() - self._began if step.state == "running" else step.seconds
            timed = f"{seconds:6.1f} s" if step.state != "waiting" else ""
            lines.append(Text.assemble((f"{mark} ", colour), f"{number}. {step.title}  ", (timed, "dim")))
            lines.extend(Text(f"     {line}", style="dim") for line in step.seen)
        return Group(*lines)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Keep the list on the screen while the block runs."""
        if self._live is None:
            yield
        else:
            with self._live:
                yield

    @contextmanager
    def step(self, number: int) -> Iterator[None]:
        """Run step `number`, counted from 1."""
        step = self.steps[number - 1]
        self._current, self._began, step.state = step, time.monotonic(), "running"
        self._print(f"{number}. {step.title}")
        try:
            yield
        except BaseException:
            step.state, step.seconds = "failed", time.monotonic() - self._began
            self._print(f"✗ {number}. {step.title}  {step.seconds:.1f} s")
            raise
        step.state, step.seconds = "done", time.monotonic() - self._began
        self._print(f"✓ {number}. {step.title}  {step.seconds:.1f} s")

    def see(self, line: str) -> None:
        """Note something seen in the current step."""
        if self._current is not None:
            self._current.seen.append(line)
        self._print(f"     {line}")

    def check(self, claim: str, holds: bool, seen: object = None) -> None:
        """A claim of the story: noted when it holds, the end of the story when it does not."""
        if not holds:
            raise StoryFailed(f"{claim}: does not hold" + (f"; seen: {seen}" if seen is not None else ""))
        self.see(f"✓ {claim}")

    def _print(self, line: str) -> None:
        if self._live is None:
            self.console.print(line, markup=False, highlight=False)
