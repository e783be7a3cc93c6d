"""The same county in three engines: one locked DuckDB process, one PostgreSQL cluster, one Spark Connect server."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import duckdb
import pytest

sys.path[:0] = [str(Path(__file__).parent)]

from cluster import DATABASE, Cluster  # noqa: E402
from corpus import SCHEMA  # noqa: E402
from spark_server import SparkServer  # noqa: E402

from gateway import postgres_lock  # noqa: E402
from gateway.duckdb import DuckDBEngine, Processes  # noqa: E402
from gateway.engine import Engine, Tables  # noqa: E402
from gateway.lookups import Masks  # noqa: E402
from gateway.postgres import Connections, PostgresEngine, PostgresServer  # noqa: E402
from gateway.spark import SparkAddress, SparkEngine  # noqa: E402
from policies.model import Policy  # noqa: E402
from policies.schema import Schema  # noqa: E402

if not hasattr(sys.modules["__main__"], "__file__"):
    sys.modules["__main__"].__file__ = __file__  # in a worker of pytest-xdist Spark's client believes it runs doctests

PASSWORD = 'a\'password with "quotes"'
ROOT_KEY = b"0123456789abcdef"
TABLES = ("citizen", "enterprise", "visit")


@pytest.fixture(scope="session")
def schema() -> Schema:
    return Schema.from_ddl(SCHEMA)


@pytest.fixture(scope="session")
def files(database: Path) -> dict[str, Path]:
    return {name: database.parent / f"{name}.parquet" for name in TABLES}


@pytest.fixture(scope="session")
def cluster(database: Path, policy: Policy, schema: Schema) -> Iterator[Cluster]:
    running = Cluster("of the owner")
    try:
        with running.connect() as owner, duckdb.connect(str(database), read_only=True) as source:
            owner.execute(SCHEMA)
            for name in (*TABLES, "secret_case"):
                with owner.cursor().copy(f"COPY {name} FROM STDIN") as copying:
                    for row in source.execute(f"FROM {name}").fetchall():
                        copying.write_row(row)
            for statement in (*postgres_lock.prepared(DATABASE), *postgres_lock.project(policy, schema)):
                owner.execute(statement)
            verifier = owner.pgconn.encrypt_password(
                PASSWORD.encode(), postgres_lock.GATEWAY.encode(), b"scram-sha-256"
            )
            owner.execute(f"ALTER ROLE {postgres_lock.GATEWAY} PASSWORD '{verifier.decode()}'")
            owner.execute("ANALYZE")
        yield running
    finally:
        running.close()


@pytest.fixture(scope="session")
def postgres(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> PostgresServer:
    secret = tmp_path_factory.mktemp("postgres") / "password"
    secret.write_text(PASSWORD + "\n")
    return PostgresServer(str(cluster.folder), DATABASE, password_file=secret)


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkAddress]:
    token = tmp_path_factory.mktemp("spark") / "token"
    token.write_text("a token of the tests\n")
    with SparkServer("a token of the tests") as server:
        yield SparkAddress("127.0.0.1", server.port, token)


Opened = Callable[[str], Engine]


@pytest.fixture(scope="session")
def masks() -> Iterator[Masks]:
    processes = Processes(1, root_key=ROOT_KEY)
    yield Masks(processes)
    processes.close()


@pytest.fixture(scope="session")
def opened(
    request: pytest.FixtureRequest, database: Path, files: dict[str, Path], policy: Policy, masks: Masks
) -> Iterator[Opened]:
    """An engine by name, opened when first asked for."""
    with ExitStack() as stack:
        engines: dict[str, Engine] = {}

        def made(name: str) -> Engine:
            if name == "duckdb":
                return DuckDBEngine(Tables(files=files), root_key=ROOT_KEY)
            if name == "spark":
                return SparkEngine(request.getfixturevalue("spark"), Tables(files=files), masks)
            connections = Connections(request.getfixturevalue("postgres"))
            return PostgresEngine(connections, postgres_lock.role_of(policy), masks=masks)

        def opened_(name: str) -> Engine:
            if name not in engines:
                engines[name] = made(name)
                stack.callback(engines[name].close)
            return engines[name]

        yield opened_


@pytest.fixture(params=["duckdb", "postgres", "spark"])
def each_engine(request: pytest.FixtureRequest, opened: Opened) -> tuple[str, Engine]:
    """Name (which is also the dialect) and engine."""
    return request.param, opened(request.param)
