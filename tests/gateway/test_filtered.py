"""Filtered copies: the same answers from them, to those whose filter made them, over the data there is now."""

import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from corpus import queries
from platform_home import Terms, grant, platform_database, publish
from warehouse import identity_policy, schema_text, texts

from audit import AuditLog
from audit.log import read_records
from catalog.datasets import DatasetVersion, dataset
from gateway.answer import Answer
from gateway.desk import Desk
from gateway.duckdb import DuckDBEngine, Processes
from gateway.engine import EngineLimits, Limits, Tables
from gateway.engines import FILES, EnginePool
from gateway.filtered_copies import FilteredCopies
from gateway.filtered_copy import Copy, copy_of
from gateway.identity import Sandbox
from gateway.standing import Standings, newest_files
from policies.decide import decide
from policies.decision import Allowed
from policies.filtered import stand_name
from policies.model import Policy
from policies.schema import Schema
from store.database import Database
from store.errors import YurtError

ONE, TWO = Sandbox("one", "study"), Sandbox("two", "study")
SUM = "SELECT count(*) AS n, sum(cost) AS cost FROM visits"


def visits(costs: tuple[int, int]) -> pa.Table:
    """30 visits that `one` may see and 20 for `two`, each person's at one cost."""
    owners = ["one"] * 30 + ["two"] * 20
    return pa.table({"id": list(range(50)), "owner": owners, "cost": [costs[0]] * 30 + [costs[1]] * 20})


@contextmanager
def opened(home: Path, most_bytes: int = 1 << 30, smallest_bytes: int = 0) -> Iterator[Desk]:
    database, engines = Database(f"sqlite:///{home}/records.sqlite"), None
    try:
        copies = FilteredCopies(
            home / "filtered", most_bytes, lambda: newest_files(database, home / "data"), smallest_bytes=smallest_bytes
        )
        engines = EnginePool(bytes(32), EngineLimits(), copies=copies)
        yield Desk(database, AuditLog(home / "audit", bytes(32)), engines, Standings(database, home / "data", engines))
    finally:
        if engines is not None:
            engines.close()
        database.close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    parquet.write_table(visits((3, 100)), tmp_path / "data" / "visits.parquet")
    database = platform_database(tmp_path, projects={"study": ["one", "two"]})
    publish(database, tmp_path, "visits", "id", "one")
    uses = ["read", "filter", "group", "aggregate", "count"]
    terms = Terms({"id": uses, "cost": uses, "owner": []}, {"mode": "rows"}, rows="owner = {user.username}")
    grant(database, "study", "one", "visits", terms)
    database.close()
    return tmp_path


def asked(desk: Desk, who: Sandbox = ONE, sql: str = SUM) -> list[dict[str, Any]]:
    given = desk.ask(who, sql)
    assert isinstance(given, Answer), given
    rows: list[dict[str, Any]] = given.table.to_pylist()
    return rows


def settled(desk: Desk) -> list[Path]:
    """The copies there are when nothing is left to be made."""
    maker = desk._engines.maker
    assert maker is not None
    assert maker.settled(60)
    return sorted((desk._standings._data.parent / "filtered").glob("*.parquet"))


def read(copies: list[Path]) -> dict[str, int]:
    """Owner -> how many rows of his the copies hold."""
    owners = [owner for path in copies for owner in parquet.read_table(path).column("owner").to_pylist()]
    return {owner: owners.count(owner) for owner in set(owners)}


def test_a_copy_is_made_after_the_first_question_and_read_by_the_next(home: Path) -> None:
    with opened(home) as desk:
        first = asked(desk)
        (copy,) = settled(desk)
        assert parquet.read_table(copy).to_pydict() == visits((3, 100)).slice(0, 30).to_pydict()
        assert (first, asked(desk)) == ([{"n": 30, "cost": 90}],) * 2
        source = home / "data" / "visits.parquet"
        times = source.stat()
        source.write_bytes(b"\0" * times.st_size)  # whoever reads it now fails
        os.utime(source, ns=(times.st_atime_ns, times.st_mtime_ns))
        assert asked(desk, sql="SELECT sum(cost) AS cost FROM visits") == [{"cost": 90}]


def test_what_is_recorded_is_the_same_with_and_without_copies(home: Path) -> None:
    with opened(home) as desk:
        asked(desk)
        settled(desk)
        asked(desk)
    records = list(read_records(home / "audit" / "log.jsonl"))
    assert [record["event"] for record in records] == ["query.decided", "query.released"] * 2
    assert [record["details"] for record in records[:2]] == [record["details"] for record in records[2:]]


def test_another_attribute_has_another_copy_and_sees_only_its_own_rows(home: Path) -> None:
    with opened(home) as desk:
        for _ in range(2):
            assert asked(desk, ONE) == [{"n": 30, "cost": 90}]
            assert asked(desk, TWO) == [{"n": 20, "cost": 2000}]
            copies = settled(desk)
        assert [read([copy]) for copy in copies] in ([{"one": 30}, {"two": 20}], [{"two": 20}, {"one": 30}])
        held = [key[2] for key, _ in desk._engines._processes._idle.values()]
        assert sorted(len(each) for each in held) == [0, 1, 1]  # no process holds both


def test_new_data_is_never_answered_from_an_old_copy_which_goes(home: Path) -> None:
    with opened(home) as desk:
        asked(desk)
        (old,) = settled(desk)
        parquet.write_table(visits((4, 100)), home / "data" / "visits2.parquet")
        with desk._database.session() as session:
            first = dataset(session, "visits").current
            session.add(DatasetVersion(
                dataset_id="visits", number=2, file="visits2.parquet", sha256="2", rows=50, created_at=first.created_at
            ))  # fmt: skip
        assert asked(desk) == [{"n": 30, "cost": 120}]
        (new,) = settled(desk)
        assert new != old
        assert asked(desk) == [{"n": 30, "cost": 120}]


def test_data_changed_in_place_is_not_answered_from_a_copy_either(home: Path) -> None:
    with opened(home) as desk:
        asked(desk)
        settled(desk)
        parquet.write_table(visits((50_000, 100)), home / "data" / "visits.parquet")
        assert copies_wanted(desk).isdisjoint(path.stem for path in settled(desk))


def copies_wanted(desk: Desk) -> set[str]:
    standing = desk._standings.of(ONE)
    maker = desk._engines.maker
    assert maker is not None
    return {
        each.digest for each in maker.copies.wanted(standing.terms.files, standing.terms.policy, standing.user).values()
    }


def test_copies_are_private_and_survive_a_restart(home: Path) -> None:
    with opened(home) as desk:
        asked(desk)
        (copy,) = settled(desk)
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        assert stat.S_IMODE(copy.parent.stat().st_mode) == 0o700
        written = copy.stat().st_mtime_ns
    with opened(home) as desk:
        assert asked(desk) == [{"n": 30, "cost": 90}]
        (again,) = settled(desk)
        assert (again, again.stat().st_mtime_ns) == (copy, written)
        assert asked(desk) == [{"n": 30, "cost": 90}]


def test_torn_foreign_and_half_written_files_go_at_start(home: Path) -> None:
    with opened(home) as desk:
        asked(desk)
        (copy,) = settled(desk)
    whole = copy.read_bytes()
    torn, foreign, other = (copy.with_name(f"{digit * 64}.parquet") for digit in "123")
    torn.write_bytes(whole[:-9])
    parquet.write_table(visits((7, 7)), foreign)
    other.write_bytes(whole)  # a copy under the name of another
    half, note = copy.with_name(f"{copy.stem}.17.new"), copy.with_name("note.txt")
    half.write_bytes(whole[:100])
    note.write_text("not ours")
    with opened(home) as desk:
        assert settled(desk) == [copy]
        assert sorted(path.name for path in copy.parent.iterdir()) == sorted([copy.name, note.name])


def test_a_copy_that_was_tampered_with_is_not_read_again(home: Path) -> None:
    with opened(home) as desk:
        asked(desk)
        (copy,) = settled(desk)
        parquet.write_table(visits((7, 7)), copy)
        assert asked(desk) == [{"n": 30, "cost": 90}]
        settled(desk)
        assert asked(desk) == [{"n": 30, "cost": 90}]
        assert read(settled(desk)) == {"one": 30}


def test_small_files_have_no_copies(home: Path) -> None:
    with opened(home, smallest_bytes=1 << 20) as desk:
        asked(desk)
        assert settled(desk) == []


def test_a_copy_that_cannot_be_written_fails_no_question_and_is_not_tried_again(home: Path) -> None:
    with opened(home, most_bytes=64) as desk:
        assert asked(desk) == [{"n": 30, "cost": 90}]
        assert settled(desk) == []
        assert list((home / "filtered").iterdir()) == []
        maker = desk._engines.maker
        assert maker is not None
        (copy,) = maker.copies.wanted(*wanted_by(desk)).values()
        assert not maker.copies.lacking(copy)
        assert asked(desk) == [{"n": 30, "cost": 90}]


def wanted_by(desk: Desk) -> tuple[Any, Policy, Any]:
    standing = desk._standings.of(ONE)
    return standing.terms.files, standing.terms.policy, standing.user


def test_a_gateway_without_copies_makes_none(home: Path) -> None:
    database = Database(f"sqlite:///{home}/records.sqlite")
    engines = EnginePool(bytes(32), EngineLimits())
    desk = Desk(database, AuditLog(home / "audit", bytes(32)), engines, Standings(database, home / "data", engines))
    assert asked(desk) == [{"n": 30, "cost": 90}]
    assert not (home / "filtered").exists()
    engines.close()
    database.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three files of one size."""
    for name in "abc":
        with duckdb.connect() as connection:
            connection.execute(f"COPY (SELECT random() AS x FROM range(10000)) TO '{tmp_path / name}.parquet'")
    return tmp_path


def made(folder: Path, most_bytes: int) -> tuple[FilteredCopies, list[Copy]]:
    sources = [folder / f"{name}.parquet" for name in "abc"]
    copies = [copy for source in sources if (copy := copy_of(source, '"r"."x" >= 0')) is not None]
    return FilteredCopies(folder / "filtered", most_bytes, lambda: sources, smallest_bytes=0), copies


def test_the_copy_unused_longest_goes_first_and_not_while_it_is_read(folder: Path) -> None:
    kept, (a, b, c) = made(folder, (folder / "a.parquet").stat().st_size * 5 // 2)
    kept.make(a)
    kept.make(b)
    kept.hold([a])()  # read, and done
    kept.make(c)
    assert [kept.whole(each) for each in (a, b, c)] == [True, False, True]
    assert len(list((folder / "filtered").iterdir())) == 2
    assert not kept.lacking(b)  # else the three would drive each other out for ever
    release = kept.hold([a, c])
    kept._not_before.clear()
    kept.make(b)
    assert [kept.whole(each) for each in (a, b, c)] == [True, False, True]
    release()


def test_a_copy_goes_when_its_file_does(folder: Path) -> None:
    kept, (a, b, _) = made(folder, 1 << 30)
    kept.make(a)
    kept.make(b)
    (folder / "a.parquet").unlink()
    kept.sweep()
    assert [path.stem for path in (folder / "filtered").iterdir()] == [b.digest]
    kept._newest = lambda: []
    kept.sweep()
    assert list((folder / "filtered").iterdir()) == []


def test_a_smaller_bound_takes_effect_at_the_next_start(folder: Path) -> None:
    kept, (a, b, _) = made(folder, 1 << 30)
    kept.make(a)
    kept.make(b)
    again, _ = made(folder, 0)
    assert list((folder / "filtered").iterdir()) == []
    assert not again.whole(a)


def test_a_condition_that_fails_on_a_row_makes_no_copy(folder: Path) -> None:
    kept, _ = made(folder, 1 << 30)
    failing = copy_of(folder / "a.parquet", """CAST('x' || "r"."x" AS INTEGER) = 1""")
    assert failing is not None
    kept.make(failing)
    assert list((folder / "filtered").iterdir()) == []


def test_a_type_that_would_come_back_as_another_makes_no_copy(folder: Path) -> None:
    odd = pa.table({"x": pa.array([1, 2], pa.int64()), "d": pa.array(["a", "b"]).dictionary_encode()})
    parquet.write_table(odd, folder / "odd.parquet")
    kept, _ = made(folder, 1 << 30)
    copy = copy_of(folder / "odd.parquet", '"r"."x" > 1')
    assert copy is not None
    kept.make(copy)
    source, target = (duckdb.read_parquet(str(path)) for path in (folder / "odd.parquet", kept.path(copy)))
    assert (source.columns, source.types) == (target.columns, target.types)


def test_a_process_without_the_copy_knows_no_such_table(folder: Path) -> None:
    kept, (a, b, _) = made(folder, 1 << 30)
    kept.make(a)
    kept.make(b)
    files = {"a": folder / "a.parquet"}
    sql = f'SELECT count(*) AS n FROM "{stand_name(a.digest)}"'
    with DuckDBEngine(Tables(files=files, copies={stand_name(a.digest): kept.path(a)})) as engine:
        assert engine.execute(sql, Limits()).to_pylist() == [{"n": 10_000}]
        for foreign in (f"FROM '{kept.path(b)}'", f'FROM "{stand_name(b.digest)}"'):
            with pytest.raises(YurtError):
                engine.execute(foreign, Limits())
    with DuckDBEngine(Tables(files=files)) as engine, pytest.raises(YurtError) as caught:
        engine.execute(sql, Limits())
    assert caught.value.code == "ENGINE_FAILED"


def test_a_prepared_process_takes_no_place_that_questions_use(folder: Path) -> None:
    processes = Processes(1)
    plain, more = Tables(files={"a": folder / "a.parquet"}), Tables(copies={"__y1": folder / "b.parquet"})
    processes.give(plain, processes.take(plain, 1))
    (before,) = processes.pids
    processes.prepare(replace(plain, copies=more.copies))
    assert processes.pids == [before]
    assert processes.waiting(replace(plain, copies=more.copies)) is None
    processes.close()


def test_a_prepared_process_takes_the_place_of_one_with_fewer_copies(folder: Path) -> None:
    processes = Processes(2)
    files = {"a": folder / "a.parquet"}
    fewer, all_ = (dict.fromkeys(names, folder / "b.parquet") for names in (("__y1",), ("__y1", "__y2")))
    processes.prepare(Tables(files=files, copies=fewer))
    (before,) = processes.pids
    processes.prepare(Tables(files=files, copies=all_))
    (after,) = processes.pids
    assert after != before
    processes.close()


class Beside:
    """A pool with copies and one without, over the same files, for one policy."""

    def __init__(self, files: dict[str, Path], policy: Policy, schema: Schema, folder: Path) -> None:
        self.files, self.policy, self.schema = files, policy, schema
        copies = FilteredCopies(folder, 1 << 30, files.values, smallest_bytes=0)
        self.pool = EnginePool(b"0123456789abcdef", EngineLimits(), copies=copies)
        self.plain = self.pool.engine(files)

    def differs(self, sql: str) -> Any:
        """What the answer from copies, and the one without, say differently. The query must have read the copies.

        A LIMIT at the end is left off: which of equal rows it keeps is not the engine's promise.
        """
        decision = decide(re.sub(r"\s+LIMIT\s+\d+;?\s*$", "", sql, flags=re.I), self.policy, self.schema)
        assert isinstance(decision, Allowed), decision
        if not self.read(decision):
            return []
        limits, engine = Limits(60.0, 1_000_000), self.pool.at(FILES, self.files, self.policy, {})
        maker = self.pool.maker
        assert maker is not None
        engine.execute_allowed(decision, limits)
        assert maker.settled(60)
        rows = engine._over_copies(decision, self.read(decision), limits, None)  # type: ignore[attr-defined]
        assert rows is not None
        found, wanted = pa.Table.from_batches(list(rows), rows.schema), self.plain.execute_allowed(decision, limits)
        rows.close()
        assert found.schema == wanted.schema
        return [pair for pair in zip(plainly(found), plainly(wanted), strict=True) if pair[0] != pair[1]]

    def read(self, decision: Allowed) -> dict[str, Copy]:
        maker = self.pool.maker
        assert maker is not None
        wanted = maker.copies.wanted(self.files, self.policy, {})
        return {table: copy for table, copy in wanted.items() if table in decision.tables}


def plainly(table: pa.Table) -> list[str]:
    """Rows in some order, sums of doubles rounded: neither is the engine's promise."""
    rows = table.to_pylist()
    return sorted(str([round(v, 6) if isinstance(v, float) else v for v in row.values()]) for row in rows)


@pytest.fixture(scope="module")
def county(
    database: Path, policy: Policy, schema: Schema, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Beside]:
    files = {name: database.parent / f"{name}.parquet" for name in policy.datasets}
    beside = Beside(files, policy, schema, tmp_path_factory.mktemp("copies") / "filtered")
    yield beside
    beside.pool.close()


@pytest.mark.parametrize("line", [*queries("allowed"), *queries("honest")], ids=lambda line: line["id"])
def test_honest_answers_are_the_same_from_copies(line: dict[str, Any], county: Beside) -> None:
    assert county.differs(line["sql"]) == []


@pytest.fixture(scope="module")
def tpch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beside]:
    folder = tmp_path_factory.mktemp("tpch")
    generator = Path(sys.executable).parent / "tpchgen-cli"
    subprocess.run([generator, "parquet", "-s", "0.01", f"--output-dir={folder}"], check=True, capture_output=True)
    schema = Schema.from_ddl(schema_text("tpch"))
    files = {table.name: folder / f"{table.name}.parquet" for table in schema.tables.values()}
    filters = {
        "customer": "c_acctbal > 0", "orders": "o_orderdate >= DATE '1992-06-01'", "lineitem": "l_shipmode <> 'RAIL'",
        "supplier": "s_suppkey <> 7", "part": "p_size < 48", "nation": "n_name <> 'PERU'",
    }  # fmt: skip
    beside = Beside(files, identity_policy(schema, filters), schema, folder / "filtered")
    yield beside
    beside.pool.close()


@pytest.mark.parametrize("name", texts("tpch"))
def test_the_tpch_texts_answer_the_same_from_copies(name: str, tpch: Beside) -> None:
    assert tpch.differs(texts("tpch")[name]) == []
