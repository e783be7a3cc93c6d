"""Shared by the sandbox tests: a jail instance of their own, swept however a test ends."""

import os
import secrets
from collections.abc import Iterator

import pytest

from sandbox.jail import sweep


@pytest.fixture
def instance() -> Iterator[str]:
    """A name under which a test's jails are grouped; nothing of it is left afterwards."""
    name = f"test-{os.getpid()}-{secrets.token_hex(4)}"
    yield name
    sweep(name)
