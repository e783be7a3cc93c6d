import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent / "policies")]

from corpus import POLICY  # noqa: E402
from county import SCHEMA, build  # noqa: E402

from gateway.duckdb import DuckDBEngine  # noqa: E402
from gateway.engine import Tables  # noqa: E402
from policies.load import load_policy  # noqa: E402
from policies.model import Policy  # noqa: E402
from policies.schema import Schema  # noqa: E402


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("county"))


@pytest.fixture(scope="session")
def policy() -> Policy:
    return load_policy(POLICY)


@pytest.fixture(scope="session")
def engine(database: Path) -> Iterator[DuckDBEngine]:
    with DuckDBEngine(Tables(database=database), root_key=b"0123456789abcdef") as running:
        yield running


@pytest.fixture(scope="session")
def schema() -> Schema:
    return Schema.from_ddl(SCHEMA)
