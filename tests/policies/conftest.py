import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from corpus import POLICY, SCHEMA

from policies.load import load_policy
from policies.model import Policy
from policies.schema import Schema


@pytest.fixture(scope="session")
def policy() -> Policy:
    return load_policy(POLICY)


@pytest.fixture(scope="session")
def schema() -> Schema:
    return Schema.from_ddl(SCHEMA)
