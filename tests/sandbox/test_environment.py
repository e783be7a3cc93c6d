"""The sandboxes' environment is named by its content and built once."""

import shutil
import time
from pathlib import Path

import pytest

from sandbox.environment import build_environment, built_environment, digest, environment_path, require_environment
from sandbox.jail import JailSpec, run_jailed
from store.errors import YurtError

_ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The two things that decide an environment, in another place."""
    (tmp_path / "requirements").mkdir()
    shutil.copy(_ROOT / "requirements" / "sandbox.txt", tmp_path / "requirements")
    shutil.copytree(_ROOT / "kernels", tmp_path / "kernels")
    return tmp_path


def test_two_checkouts_with_the_same_lock_share_one(checkout: Path) -> None:
    assert digest(checkout) == digest(_ROOT)
    (checkout / "kernels" / "yurt" / "__pycache__").mkdir(exist_ok=True)
    (checkout / "kernels" / "yurt" / "__pycache__" / "x.pyc").write_bytes(b"1")
    assert digest(checkout) == digest(_ROOT)


def test_a_changed_lock_or_kernel_is_another_environment(checkout: Path) -> None:
    before = digest(checkout)
    with (checkout / "kernels" / "yurt" / "client.py").open("a") as file:
        file.write("#\n")
    between = digest(checkout)
    with (checkout / "requirements" / "sandbox.txt").open("a") as file:
        file.write("#\n")
    assert len({before, between, digest(checkout)}) == 3


def test_the_variable_overrides_the_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("YURT_SANDBOX_ENV", str(tmp_path / "env"))
    assert environment_path() == tmp_path / "env"
    assert built_environment() is None
    with pytest.raises(YurtError) as refused:
        require_environment()
    assert refused.value.code == "SANDBOX_ENVIRONMENT_MISSING"


def test_an_environment_that_is_not_complete_is_not_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("YURT_SANDBOX_ENV", str(tmp_path))
    assert built_environment() is None


def test_building_again_finds_it_there() -> None:
    first = build_environment()
    began = time.process_time()
    assert build_environment() == first
    assert time.process_time() - began < 1.0


def test_the_jails_user_can_use_it(instance: str) -> None:
    code = "import sys, yurt, pandas; print(sys.version_info[:2], sys.prefix != sys.base_prefix)"
    spec = JailSpec(["python", "-c", code], python=build_environment(), instance=instance)
    result = run_jailed(spec, capture=True)
    assert (result.status, result.stdout.decode()) == (0, "(3, 11) True\n"), result.stderr.decode()
