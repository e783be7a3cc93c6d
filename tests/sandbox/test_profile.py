"""Limits say what they mean and refuse what cannot work."""

import pytest

from sandbox.profile import MIB, NOTEBOOK, PROFILES, Limits, parse_bytes
from store.errors import YurtError


@pytest.mark.parametrize(
    ("text", "expected"),
    [("512M", 512 * MIB), ("2G", 2048 * MIB), ("1.5GiB", 1536 * MIB), ("1048576", MIB), ("64 mb", 64 * MIB)],
)
def test_sizes_are_read_in_powers_of_1024(text: str, expected: int) -> None:
    assert parse_bytes(text) == expected


@pytest.mark.parametrize("text", ["", "M", "-1G", "5x", "1e9", "٣M", "1G2M", "512M; rm"])
def test_what_is_not_a_size_is_refused_with_its_code(text: str) -> None:
    with pytest.raises(YurtError) as refused:
        parse_bytes(text)
    assert refused.value.code == "JAIL_LIMITS_INVALID"


@pytest.mark.parametrize(
    "fields", [{"memory_bytes": 1}, {"cpus": 0.0}, {"cpus": float("nan")}, {"pids": 0}, {"tmp_bytes": 0}, {"wall_s": 0}]
)
def test_limits_that_could_not_work_are_refused(fields: dict[str, float]) -> None:
    with pytest.raises(YurtError) as refused:
        Limits(**fields)  # type: ignore[arg-type]
    assert refused.value.code == "JAIL_LIMITS_INVALID"


def test_a_profile_keeps_everything_but_the_limits_it_is_told_to_change() -> None:
    changed = NOTEBOOK.with_limits(pids=64)
    assert (changed.limits.pids, changed.limits.memory_bytes) == (64, NOTEBOOK.limits.memory_bytes)
    assert (changed.uid, changed.home, changed.has_gateway) == (20001, "/home/researcher", True)


def test_only_notebooks_have_a_way_to_the_gateway() -> None:
    assert [name for name, profile in PROFILES.items() if profile.has_gateway] == ["notebook"]
