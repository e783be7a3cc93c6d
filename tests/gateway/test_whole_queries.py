"""Whole queries of a warehouse answer as plain DuckDB does; under row filters, as on filtered copies."""

import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from warehouse import DATA, identity_policy, named_texts, schema_text, texts

from gateway.duckdb import DuckDBEngine
from gateway.engine import Limits, Tables
from policies.decide import decide
from policies.decision import Allowed
from policies.model import Policy
from policies.schema import Schema

TPCH_FILTERS = {
    "customer": "c_acctbal > 0",
    "orders": "o_orderdate >= DATE '1992-06-01'",
    "lineitem": "l_shipmode <> 'RAIL'",
    "supplier": "s_suppkey <> 7",
    "part": "p_size < 48",
}


class Warehouse:
    """Tables as Parquet, an engine over them, and plain DuckDB over the same files."""

    def __init__(self, name: str, folder: Path, filters: dict[str, str]) -> None:
        self.schema = Schema.from_ddl(schema_text(name))
        self.files = {table.name: folder / f"{table.name}.parquet" for table in self.schema.tables.values()}
        self.engine = DuckDBEngine(Tables(files=self.files))
        self.policies = {"identity": identity_policy(self.schema), "filtered": identity_policy(self.schema, filters)}
        self.plain = {"identity": self._connection({}), "filtered": self._connection(filters)}

    def _connection(self, filters: dict[str, str]) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect()
        for table, file in self.files.items():
            condition = f" WHERE {filters[table]}" if table in filters else ""
            connection.execute(f"CREATE TABLE {table} AS SELECT * FROM '{file}'{condition}")
        return connection

    def governed(self, sql: str, policy: Policy) -> list[list[Any]]:
        decision = decide(sql, policy, self.schema)
        assert isinstance(decision, Allowed), decision
        assert not decision.release.guards
        table = self.engine.execute(decision.sql, Limits(60.0, 1_000_000))
        return plainly(zip(*(column.to_pylist() for column in table.columns), strict=True))


def plainly(rows: Any) -> list[list[Any]]:
    """Rows with numbers of one kind and rounded; the order of equal sort keys is not the engine's promise."""
    return sorted(([_plain(each) for each in row] for row in rows), key=repr)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):  # a MAP, which Arrow gives as a list of pairs
        value = list(value.items())
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return round(float(value), 4) if isinstance(value, (float, Decimal, int)) else value


@pytest.fixture(scope="module")
def retail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    folder = tmp_path_factory.mktemp("retail")
    with duckdb.connect() as connection:
        for script in ("schema", "data"):
            connection.execute((DATA / "retail" / f"{script}.sql").read_text(encoding="utf-8"))
        for (table,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall():
            connection.execute(f"COPY {table} TO '{folder / table}.parquet'")
    warehouse = Warehouse("retail", folder, {})
    yield warehouse
    warehouse.engine.close()


@pytest.mark.parametrize("name", named_texts("retail"))
def test_analytic_texts_answer_as_plain_duckdb_does(name: str, retail: Warehouse) -> None:
    sql = named_texts("retail")[name]
    wanted = plainly(retail.plain["identity"].execute(sql).fetchall())
    assert wanted
    assert repr(retail.governed(sql, retail.policies["identity"])) == repr(wanted)


@pytest.fixture(scope="module")
def tpch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    folder = tmp_path_factory.mktemp("tpch")
    generator = Path(sys.executable).parent / "tpchgen-cli"
    subprocess.run([generator, "parquet", "-s", "0.01", f"--output-dir={folder}"], check=True, capture_output=True)
    warehouse = Warehouse("tpch", folder, TPCH_FILTERS)
    yield warehouse
    warehouse.engine.close()


@pytest.mark.parametrize("policy", ["identity", "filtered"])
@pytest.mark.parametrize("name", texts("tpch"))
def test_the_tpch_texts_answer_as_plain_duckdb_does(name: str, policy: str, tpch: Warehouse) -> None:
    sql = texts("tpch")[name]
    wanted = plainly(tpch.plain[policy].execute(sql).fetchall())
    assert tpch.governed(sql, tpch.policies[policy]) == wanted
