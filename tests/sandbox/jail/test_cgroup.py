"""Limits are set and read back, on both versions of control groups; where they cannot be, nothing is made."""

import os
from pathlib import Path

import pytest

from sandbox.errors import JAIL_LIMITS_UNAVAILABLE
from sandbox.jail import cgroup
from sandbox.profile import Limits
from store.errors import YurtError

_LIMITS = Limits(memory_bytes=64 * 1024 * 1024, cpus=0.5, pids=32)


def test_each_controller_is_found_where_it_is_mounted() -> None:
    found = cgroup.hierarchies(
        "25 22 0:22 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
        "26 22 0:23 / /sys/fs/cgroup/mem\\040ory rw - cgroup cgroup rw,memory\n"
        "27 22 0:24 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate\n"
        "28 22 0:25 / /proc rw - proc proc rw\n"
    )
    assert found["cpu"] == found["cpuacct"] == Path("/sys/fs/cgroup/cpu,cpuacct")
    assert found["memory"] == Path("/sys/fs/cgroup/mem ory")
    assert found[""] == Path("/sys/fs/cgroup/unified")


def test_a_group_of_this_machine_has_its_limits_and_leaves_nothing(instance: str) -> None:
    group = cgroup.create(instance, "jail-a", _LIMITS)
    assert cgroup.existing(instance) == ["jail-a"]
    folders = [path.parent for path in group.procs]
    settings = {
        file.name: file.read_text().strip()
        for folder in folders
        for file in folder.iterdir()
        if file.name in ("memory.limit_in_bytes", "memory.max", "pids.max", "cpu.cfs_quota_us", "cpu.max")
    }
    assert str(_LIMITS.memory_bytes) in settings.values()
    assert settings["pids.max"] == "32"
    assert "50000" in settings.values() or "50000 100000" in settings.values()
    group.remove()
    group.remove()
    assert [folder for folder in folders if folder.exists()] == []


@pytest.fixture
def unified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that behaves as a version 2 hierarchy does for the files the jail uses."""
    (tmp_path / "cgroup.subtree_control").write_text("")
    make = Path.mkdir

    def mkdir(self: Path, *args: int, **kwargs: bool) -> None:
        make(self, *args, **kwargs)
        for name in ("cgroup.subtree_control", "cgroup.procs", "memory.max", "memory.swap.max", "pids.max", "cpu.max"):
            (self / name).write_text("")

    monkeypatch.setattr(Path, "mkdir", mkdir)
    return tmp_path


def test_version_2_limits_are_written_in_its_own_terms(unified: Path) -> None:
    cgroup.create("v2", "jail-b", _LIMITS, {"": unified})
    folder = unified / "yurt-v2" / "jail-b"
    assert (folder / "memory.max").read_text() == str(_LIMITS.memory_bytes)
    assert (folder / "memory.swap.max").read_text() == "0"
    assert (folder / "pids.max").read_text() == "32"
    assert (folder / "cpu.max").read_text() == "50000 100000"
    assert (unified / "yurt-v2" / "cgroup.subtree_control").read_text() == "+memory +pids +cpu"


def test_version_2_usage_is_read_in_its_own_terms(tmp_path: Path) -> None:
    (tmp_path / "cpu.stat").write_text("usage_usec 1500000\nuser_usec 1\n")
    (tmp_path / "memory.peak").write_text("4096\n")
    (tmp_path / "memory.events").write_text("low 0\noom_kill 2\n")
    (tmp_path / "pids.events").write_text("max 0\n")
    assert cgroup.GroupV2(tmp_path).usage() == cgroup.Usage(1.5, 4096, oom_killed=True, pids_refused=False)


def test_without_controllers_no_group_is_made() -> None:
    with pytest.raises(YurtError) as refused:
        cgroup.create("none", "jail-c", _LIMITS, {})
    assert refused.value.code == "JAIL_LIMITS_UNAVAILABLE"


def test_a_limit_that_does_not_hold_removes_the_group_again(instance: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(path: Path, limit: int, what: str) -> None:
        if what == "pids":
            raise YurtError(JAIL_LIMITS_UNAVAILABLE, what=what)

    monkeypatch.setattr(cgroup, "_confirm", deny)
    with pytest.raises(YurtError) as refused:
        cgroup.create(instance, "jail-d", _LIMITS)
    assert refused.value.code == "JAIL_LIMITS_UNAVAILABLE"
    assert cgroup.existing(instance) == []


def test_a_name_in_use_is_refused_and_its_group_kept(instance: str) -> None:
    cgroup.create(instance, "jail-e", _LIMITS)
    with pytest.raises(YurtError):
        cgroup.create(instance, "jail-e", _LIMITS)
    assert cgroup.existing(instance) == ["jail-e"]


@pytest.mark.parametrize("name", ["../x", "a/b", "", "x" * 101, "a b"])
def test_an_instance_name_cannot_leave_its_place(name: str) -> None:
    with pytest.raises(YurtError):
        cgroup.existing(name)


def test_pruning_spares_the_living_and_removes_the_dead(instance: str) -> None:
    alive, dead = f"jail-{os.getpid()}-aa", "jail-4194304-bb"
    for name in (alive, dead):
        cgroup.create(instance, name, _LIMITS)
    cgroup.prune(instance)
    assert cgroup.existing(instance) == [alive]
