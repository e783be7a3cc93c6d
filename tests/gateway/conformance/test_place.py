"""The settings name the engine of a dataset: the platform asks it there, in its dialect, and never in two at once."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import duckdb
import pytest
from platform_home import Terms, grant, platform_database, publish
from typer.testing import CliRunner

from audit import AuditLog
from gateway.answer import Answer
from gateway.desk import Desk
from gateway.engine import EngineLimits
from gateway.engines import EnginePool
from gateway.identity import Sandbox
from gateway.postgres import Connections, keyed
from gateway.standing import Standings
from policies.decision import Refused
from portal.cli.main import app
from store.errors import YurtError
from store.settings import EngineAt

ASKER = Sandbox("researcher", "study")
TERMS = Terms({"hospital": ["group", "filter"], "id_no": ["count"]}, {"mode": "threshold", "min_group": 10})
COMPANIES = Terms(
    {
        "uscc": ["read"],
        "industry": ["read", "group"],
        "revenue": ["aggregate"],
        "legal_rep_id": [{"mask": "pseudonym"}],
    },
    {"mode": "rows", "min_group": 5, "dominance": {"n": 2, "k": 0.9}},
)
QUERY = "SELECT hospital, count(DISTINCT id_no) AS n FROM visit GROUP BY hospital ORDER BY hospital"


@pytest.fixture
def home(tmp_path: Path, files: dict[str, Path]) -> Iterator[tuple[Path, Any]]:
    (tmp_path / "data").mkdir()
    database = platform_database(tmp_path, projects={"study": ["researcher"]})
    for name in ("visit", "citizen", "enterprise"):
        (tmp_path / "data" / f"{name}.parquet").write_bytes(files[name].read_bytes())
        publish(database, tmp_path, name, "uscc" if name == "enterprise" else "id_no", "researcher")
    grant(database, "study", "researcher", "visit", TERMS)
    yield tmp_path, database
    database.close()


Desks = Callable[..., Desk]


@pytest.fixture
def desk(home: tuple[Path, Any]) -> Iterator[Desks]:
    """The platform's desk, with these engines in its settings."""
    folder, database = home
    with ExitStack() as stack:

        def opened(**engines: EngineAt) -> Desk:
            pool = EnginePool(bytes(32), EngineLimits(), elsewhere=engines)
            stack.callback(pool.close)
            standings = Standings(database, folder / "data", pool)
            return Desk(database, AuditLog(folder / "audit", bytes(32)), pool, standings)

        yield opened


@pytest.fixture
def wanted(files: dict[str, Path]) -> list[dict[str, Any]]:
    """What the file itself answers."""
    with duckdb.connect() as connection:
        connection.read_parquet(str(files["visit"])).create_view("visit")
        return list(connection.sql(QUERY).to_arrow_table().to_pylist())


def rows(given: Any) -> list[dict[str, Any]]:
    assert isinstance(given, Answer), given
    return list(given.table.to_pylist())


def at(kind: Any, server: Any, *datasets: str) -> EngineAt:
    if kind == "spark":
        return EngineAt(kind=kind, datasets=datasets, host=server.host, port=server.port, secret_file=server.token_file)
    return EngineAt(
        kind=kind, datasets=datasets, host=server.host, database=server.database, secret_file=server.password_file
    )


@pytest.fixture
def prepared(home: tuple[Path, Any], cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The owner has run what `yurt policy prepare` prints."""
    monkeypatch.setenv("YURT_HOME", str(home[0]))
    given = CliRunner().invoke(app, ["policy", "prepare", "study", "--database", "county"])
    assert given.exit_code == 0, given.output
    with cluster.connect() as owner:
        owner.execute(given.stdout)


@pytest.mark.usefixtures("prepared")
def test_postgres_answers_what_the_file_answers(desk: Desks, postgres: Any, wanted: list[dict[str, Any]]) -> None:
    assert rows(desk(county=at("postgres", postgres, "visit")).ask(ASKER, QUERY)) == wanted


@pytest.mark.usefixtures("prepared")
def test_a_project_is_asked_in_the_dialect_of_its_engine(desk: Desks, postgres: Any) -> None:
    there = desk(county=at("postgres", postgres, "visit"))
    assert rows(there.ask(ASKER, "SELECT count(*)::bigint AS n FROM visit WHERE hospital ~~ 'H%'")) == [{"n": 3000}]
    refused = there.ask(ASKER, "SELECT approx_count_distinct(id_no) FROM visit")
    assert isinstance(refused, Refused)


def test_whoever_writes_is_told_the_dialect(desk: Desks, postgres: Any) -> None:
    assert [each["dialect"] for each in desk(county=at("postgres", postgres, "visit")).tables(ASKER)] == ["postgres"]
    assert [each["dialect"] for each in desk().tables(ASKER)] == ["duckdb"]


def test_postgres_says_which_column_is_a_key(postgres: Any) -> None:
    connections = Connections(postgres)
    assert keyed(connections, "citizen", "ID_NO")
    assert not keyed(connections, "citizen", "name")
    assert not keyed(connections, "visit", "id_no")
    assert not keyed(connections, "missing", "id_no")
    connections.close()


@pytest.mark.parametrize("kind", ["postgres", "spark"])
def test_masks_and_rules_on_dominance_reach_the_engines_of_the_settings(
    kind: str, desk: Desks, home: tuple[Path, Any], request: pytest.FixtureRequest
) -> None:
    server = request.getfixturevalue(kind)
    grant(home[1], "study", "researcher", "enterprise", COMPANIES)
    if kind == "postgres":
        request.getfixturevalue("prepared")
    there = desk(lake=at(kind, server, "visit", "enterprise"))
    masked = "SELECT uscc, legal_rep_id FROM enterprise ORDER BY uscc LIMIT 9"
    assert rows(there.ask(ASKER, masked)) == rows(desk().ask(ASKER, masked))
    totals = rows(there.ask(ASKER, "SELECT industry, sum(revenue) AS r FROM enterprise GROUP BY industry"))
    assert {row["industry"] for row in totals if row["r"] is None} == {"tourism"}


def test_spark_answers_what_the_file_answers(desk: Desks, spark: Any, wanted: list[dict[str, Any]]) -> None:
    assert rows(desk(lake=at("spark", spark, "visit")).ask(ASKER, QUERY)) == wanted


@pytest.mark.usefixtures("prepared")
def test_a_history_in_another_dialect_cannot_be_compared(desk: Desks, postgres: Any) -> None:
    rows(desk().ask(ASKER, "SELECT count(DISTINCT id_no) AS n FROM visit"))
    moved = desk(county=at("postgres", postgres, "visit")).ask(ASKER, QUERY)
    assert isinstance(moved, Refused)
    assert moved.code == "NOT_IN_ENGINE"


def test_datasets_of_two_engines_are_not_mixed(desk: Desks, home: tuple[Path, Any], postgres: Any) -> None:
    grant(home[1], "study", "researcher", "citizen", Terms({"county": ["group"]}, {"min_group": 10}))
    with pytest.raises(YurtError) as caught:
        desk(county=at("postgres", postgres, "visit")).ask(ASKER, QUERY)
    assert caught.value.code == "ENGINES_MIXED"


def test_an_engine_that_is_not_there_gives_a_clear_error(desk: Desks, home: tuple[Path, Any], postgres: Any) -> None:
    nowhere = at("postgres", postgres, "visit").model_copy(update={"host": str(home[0])})
    given: Any = desk(county=nowhere).ask(ASKER, QUERY)
    assert given.code == "ENGINE_UNAVAILABLE"
