"""How a platform ends: any process may die, and anybody may stop it, without leaving a mess.

Each test runs the real command on a home of its own; nothing is replaced.
"""

import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import ROOT, YURT, Platform, nothing_left

pytestmark = pytest.mark.e2e


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("hub", ("jupyterhub", "config.py")),
        ("gateway", ("gateway.service",)),
        ("portal", ("portal.service",)),
        ("compute daemon", ("scheduler.service",)),
    ],
)
def test_a_killed_service_ends_everything_with_a_clear_error(home: Path, name: str, words: tuple[str, ...]) -> None:
    platform = Platform(home, "demo", "--once")
    platform.wait_for(r"1\. ")
    platform.service(*words).kill()
    assert platform.process.wait(60) == 1
    told = platform.text()
    assert f"SERVICE_DIED: The {name} ended unexpectedly" in told
    assert "logs" in told
    assert "Traceback" not in told


@pytest.mark.timeout(300)
def test_a_killed_proxy_ends_the_story_with_a_clear_error(home: Path) -> None:
    platform = Platform(home, "demo", "--once")
    platform.wait_for(r"1\. ")
    platform.service("configurable-http-proxy").kill()
    assert platform.process.wait(120) == 1
    told = platform.text()
    # Whoever notices first says so: the hub, which ends without its proxy, or the person whose page did not come.
    assert "SERVICE_DIED: The hub ended" in told or "PLATFORM_SILENT: A part of the platform" in told
    assert "Traceback" not in told


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("begun", "words", "told"),
    [
        (r"sandbox ready after", "sandbox.hub.door", r"PLATFORM_SILENT: A part of the platform"),
        (r"✓ no network but the gateway", "ipykernel_launcher", r"The story stopped: the notebook's kernel died"),
        (r"7\. ", "mpc.party", r"The story stopped: patients_hours ended aborted: [A-Z_]+: "),
    ],
    ids=["door", "kernel", "party"],
)
def test_a_killed_helper_of_one_step_ends_the_story_with_a_clear_error(
    home: Path, begun: str, words: str, told: str
) -> None:
    platform = Platform(home, "demo", "--once")
    platform.wait_for(begun)
    platform.service(words).kill()
    assert platform.process.wait(120) == 1
    assert re.search(told, platform.text())
    assert "Traceback" not in platform.text()


@pytest.mark.timeout(400)
def test_a_killed_engine_worker_is_replaced_or_its_query_refused(home: Path) -> None:
    platform = Platform(home, "demo", "--once")
    platform.wait_for(r"✓ an aggregate equals")
    platform.service("gateway.duckdb_worker").kill()
    # An idle worker is replaced, and the story comes to its end; the query of a busy one is answered with a code.
    status = platform.process.wait(240)
    told = platform.text()
    assert "The story took" in told if status == 0 else re.search(r"The story stopped: .*ENGINE_", told)
    assert "Traceback" not in told


@pytest.mark.timeout(300)
def test_a_killed_part_of_ray_ends_the_compute_daemon_and_with_it_everything(home: Path) -> None:
    platform = Platform(home, "up")
    platform.wait_for("Press Ctrl-C")
    platform.service("raylet_socket_name").kill()
    assert platform.process.wait(90) == 1
    assert "SERVICE_DIED: The compute daemon ended unexpectedly" in platform.text()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_platform_that_is_stopped_leaves_nothing_behind(home: Path, how: signal.Signals) -> None:
    platform = Platform(home, "up")
    platform.wait_for("Press Ctrl-C")
    platform.process.send_signal(how)
    status = platform.process.wait(60)
    if how == signal.SIGKILL:  # nobody was left to tidy up: the next start does
        after = Platform(home, "up")
        after.wait_for("Press Ctrl-C")
        after.process.send_signal(signal.SIGTERM)
        assert after.process.wait(60) == 0
    else:
        assert status == 0, platform.text()


@pytest.mark.timeout(300)
def test_two_platforms_run_side_by_side_and_one_home_has_one(home: Path, tmp_path: Path) -> None:
    with nothing_left(tmp_path / "other") as other:
        first, second = Platform(home, "up"), Platform(other, "up")
        for platform in (first, second):
            platform.wait_for("Press Ctrl-C")
        third = subprocess.run([*YURT, "up", "--home", str(home)], cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert third.returncode == 1
        assert "HOME_IN_USE" in third.stderr
        for platform in (first, second):
            platform.process.send_signal(signal.SIGINT)
            assert platform.process.wait(60) == 0
