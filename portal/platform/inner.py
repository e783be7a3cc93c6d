"""The inner half of `yurt up` and `yurt demo`: first process of the namespace, parent of every service.

python -m portal.platform.inner up|demo HOME [--once]
"""

import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType

import httpx
from rich.console import Console
from rich.table import Table
from sqlalchemy import select
from websocket import WebSocketException

from audit import EventName
from catalog.people import Person
from portal.context import Platform
from portal.platform.errors import PLATFORM_SILENT
from portal.platform.memory import MemoryWatch
from portal.platform.namespace import instance_of, run_folder
from portal.platform.services import PORTAL_PREFIX, Layout, services
from portal.platform.supervisor import Supervisor
from portal.story.client import Refusal
from portal.story.errors import StoryFailed
from portal.story.home import begin_anew
from portal.story.people import EVERYBODY, register
from portal.story.play import play
from store.errors import YurtError
from store.settings import Settings

ECHO_S = 0.5


class Stopped(BaseException):
    """Somebody asked the platform to stop. Not an Exception: nothing on the way may swallow it."""


class Death:
    """Remembers which service died, and interrupts whatever the main thread is doing."""

    def __init__(self) -> None:
        self.error: YurtError | None = None

    def __call__(self, error: YurtError) -> None:
        self.error = error
        # To the main thread itself: only then a read it waits in is interrupted.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)


def _stop(_number: int, _frame: FrameType | None) -> None:
    _stop_once()
    raise Stopped


def _stop_once() -> None:
    """Stopping takes a moment, in which services may end that nobody misses any more: once is enough."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def main() -> int:
    """Run the platform; the exit status is 0 when it was asked to stop or the story was told, else 1."""
    mode, home, once = sys.argv[1], Path(sys.argv[2]), "--once" in sys.argv[3:]
    console = Console(highlight=False, soft_wrap=True)
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    death = Death()
    settings = Settings(home=home.resolve())
    if mode == "demo":
        try:
            begin_anew(settings.home)
        except YurtError as error:
            console.print(f"{error.code}: {error.message} {error.hint}", style="red", markup=False)
            return 1
    platform = Platform.open(settings)
    platform.audit.append(EventName.PLATFORM_STARTED, actor="administrator", subject="platform")
    supervisor = Supervisor(settings.home / "logs", death)
    failure: Exception | None = None
    try:
        failure = _failure(platform, supervisor, console, story=mode == "demo", stay=not once)
    except Stopped:
        pass  # asked to stop, or a service died, be it while a failure was looked into: then `death` knows
    finally:
        _stop_once()
        console.print("Stopping …", style="dim")
        supervisor.stop()
        platform.audit.append(EventName.PLATFORM_STOPPED, actor="administrator", subject="platform")
        platform.close()
    failure = death.error or failure
    if failure is None:
        return 0
    if isinstance(failure, YurtError):
        console.print(f"{failure.code}: {failure.message} {failure.hint}", style="red", markup=False)
    else:
        console.print(f"The story stopped: {failure}", style="red", markup=False)
        console.print(f"Logs: {supervisor.logs}", markup=False)
    return 1


def _failure(
    platform: Platform, supervisor: Supervisor, console: Console, *, story: bool, stay: bool
) -> Exception | None:
    """Run to the end; why it did not come well, if it did not."""
    try:
        _run(platform, supervisor, console, story=story, stay=stay)
    except (httpx.HTTPError, WebSocketException, OSError) as error:
        time.sleep(ECHO_S)  # a broken connection is usually the echo of a service that just died
        return YurtError(PLATFORM_SILENT, what=f"{type(error).__name__}: {error}", logs=supervisor.logs)
    except (YurtError, StoryFailed, Refusal) as error:
        time.sleep(ECHO_S)
        return error
    return None


def _run(platform: Platform, supervisor: Supervisor, console: Console, *, story: bool, stay: bool) -> None:
    began, memory = time.monotonic(), MemoryWatch()
    settings = platform.settings
    passwords = register(platform.database, platform.secrets, platform.audit) if story else {}
    layout = Layout.choose(settings, instance_of(settings.home), run_folder(instance_of(settings.home)))
    started = services(settings, layout, platform.secrets)
    memory.start()
    for service in started:
        supervisor.start(service)
    for service in started:
        if story and service.queues:  # the story reaches it only later, and what is queued until then waits
            continue
        with console.status(f"starting {service.name}"):
            supervisor.wait_ready(service)
        console.print(f"✓ {service.name} ready  {time.monotonic() - began:.1f} s", markup=False)
    if story:
        play(layout.public_url, settings.home, passwords, console)
        _summary(console, layout, passwords, time.monotonic() - began, memory)
    else:
        console.print(f"Portal: {layout.public_url}{PORTAL_PREFIX}", markup=False)
        with platform.database.reading() as session:
            if session.scalar(select(Person.username).limit(1)) is None:
                console.print("Nobody is registered in this home yet: `yurt demo` makes one with people and data.")
    if stay:
        console.print("Press Ctrl-C to stop.", style="dim")
        while True:
            signal.pause()


def _summary(console: Console, layout: Layout, passwords: dict[str, str], seconds: float, memory: MemoryWatch) -> None:
    people = Table("login", "password", "who", "roles", box=None, pad_edge=False)
    for actor in EVERYBODY:
        roles = ", ".join(actor.roles)
        people.add_row(actor.username, passwords[actor.username], f"{actor.name} ({actor.agency})", roles)
    console.print()
    console.print(f"The story took {seconds:.1f} s; peak memory {memory.peak_gib:.2f} GiB.", style="bold", markup=False)
    console.print(f"Portal   {layout.public_url}{PORTAL_PREFIX}", markup=False)
    console.print(f"Jupyter  {layout.public_url}/hub/home", markup=False)
    console.print(people)


if __name__ == "__main__":
    sys.exit(main())
