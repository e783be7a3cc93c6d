"""Idle sandboxes are stopped, on record first; used ones are left alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from audit import EventName
from audit.log import read_records
from portal.actions.sandboxes import stop, stop_idle
from portal.context import Platform
from portal.service import SWEEPS


def ago(seconds: float) -> str:
    """A moment in the past, as the hub writes it."""
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def recorded(platform: Platform) -> list[tuple[str, str, str]]:
    return [
        (record["actor"], record["details"]["user"], record["subject"])
        for record in read_records(platform.audit.path)
        if record["event"] == EventName.SANDBOX_STOPPED
    ]


def test_a_sandbox_unused_for_longer_than_allowed_is_stopped_and_recorded(platform: Platform, hub: Any) -> None:
    allowed = platform.settings.sandbox_idle_s
    idle, used = ("sarnai", "p1"), ("tuya", "p1")
    hub.servers += [idle, used]
    hub.last_activity |= {idle: ago(allowed + 60), used: ago(allowed - 60)}
    assert stop_idle(platform) == [idle]
    assert hub.stopped == [idle]
    assert recorded(platform) == [("platform", "sarnai", "p1")]


def test_stopping_twice_stops_and_records_once(platform: Platform, hub: Any) -> None:
    hub.servers.append(("sarnai", "p1"))
    hub.last_activity["sarnai", "p1"] = ago(10**6)
    assert [stop_idle(platform), stop_idle(platform)] == [[("sarnai", "p1")], []]
    assert len(recorded(platform)) == 1


def test_a_sandbox_nobody_ever_used_counts_from_its_start(platform: Platform, hub: Any) -> None:
    hub.servers.append(("sarnai", "p1"))  # the stand-in started it on 1 January 2026
    assert stop_idle(platform) == [("sarnai", "p1")]


def test_one_that_will_not_stop_does_not_keep_the_others(platform: Platform, hub: Any) -> None:
    hub.servers += [("anu", "p1"), ("sarnai", "p1")]
    hub.will_not_stop.add(("anu", "p1"))
    assert stop_idle(platform) == [("sarnai", "p1")]


def test_nothing_stops_that_cannot_be_recorded(platform: Platform, hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError("no space left")

    hub.servers.append(("sarnai", "p1"))
    monkeypatch.setattr(type(platform.audit), "append", full)
    with pytest.raises(OSError, match="no space"):
        stop_idle(platform)
    assert hub.stopped == []


def test_a_person_stops_their_own_sandbox_and_it_is_on_record(platform: Platform, hub: Any) -> None:
    hub.servers += [("anu", "p1"), ("sarnai", "p1")]
    assert stop(platform, "sarnai", "p1") == {"project": "p1", "stopped": True}
    assert hub.stopped == [("sarnai", "p1")]
    assert recorded(platform) == [("sarnai", "sarnai", "p1")]
    assert stop(platform, "sarnai", "p1")["stopped"] is False


def test_without_a_hub_there_is_nothing_to_stop(platform: Platform) -> None:
    assert stop_idle(replace(platform, hub=None)) == []


def test_the_portal_repeats_it_at_least_once_a_minute() -> None:
    assert [sweep.every_s for sweep in SWEEPS if sweep.work is stop_idle] == [60.0]
