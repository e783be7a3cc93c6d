"""Masks put on a finished answer in the engine process: the same answer, and never a raw value where they fail."""

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from gateway.answer import answer
from gateway.duckdb import DuckDBEngine
from gateway.engine import Limits, Tables
from gateway.errors import ENGINE_FAILED
from gateway.offline import schema_of
from masking.identifiers import synthetic_residents
from policies.decide import decide
from policies.decision import Allowed, LastMask, MaskedLast
from policies.history import History
from policies.load import load_policy
from store.errors import YurtError

POLICY = load_policy("""
project: p
purpose: test
release: {mode: rows, min_group: 5, max_rows: 5000}
datasets:
  people:
    unit: id_no
    columns:
      id_no: [{mask: pseudonym}]
      name: [{mask: {partial: {preset: name}}}]
      phone: [{mask: {partial: {preset: mobile}}}]
      address: [{mask: {partial: {preset: address}}}]
      birth_date: [{mask: {generalise: {level: month}}}]
      county_code: [{mask: {generalise: {level: city}}}]
      gender: [read, filter]
""")
LIMITS = Limits()
EVERY = "SELECT id_no, name, phone, address, birth_date, county_code, gender FROM people"


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "people.parquet"
    residents = synthetic_residents(400, seed=9)
    odd = [None, "", "  13800138000", "１３８００１３８０００", "1e9", "***", "王", "x" * 200]
    rows = {name: residents[name].to_pylist() for name in residents.column_names}
    for name in ("name", "phone", "address", "county_code"):
        rows[name] += odd
    rows["id_no"] += [f"15010219900101{n:04d}" for n in range(len(odd))]
    rows["birth_date"] += [None] * len(odd)
    rows["gender"] += ["女"] * len(odd)
    parquet.write_table(pa.table(rows, residents.schema), path)
    return path


@pytest.fixture(scope="module")
def engine(people):
    with DuckDBEngine(Tables(files={"people": people}), root_key=bytes(32)) as engine:
        yield engine


@pytest.mark.parametrize("sql", [EVERY, f"{EVERY} WHERE gender = '女'", "SELECT phone, phone AS again FROM people"])
def test_the_answer_is_that_of_the_query_with_its_masks_inside(engine, sql):
    decision = decide(sql, POLICY, schema_of(engine, POLICY))
    assert decision.masked_last.masks
    last, first = engine.execute_allowed(decision, LIMITS), engine.execute(decision.sql, LIMITS)
    assert last.schema == first.schema
    assert sorted(map(str, last.to_pylist())) == sorted(map(str, first.to_pylist()))


def test_a_project_is_answered_with_masks_alone(engine, people):
    given = answer(EVERY, POLICY, schema_of(engine, POLICY), engine, History())
    raw = parquet.read_table(people)
    for name in ("id_no", "phone", "name", "address"):
        left = set(given.table[name].to_pylist()) & set(raw[name].to_pylist())
        assert left <= {None, "***"}


def test_an_empty_answer_has_the_types_of_the_masks(engine):
    decision = decide(f"{EVERY} WHERE gender = '无'", POLICY, schema_of(engine, POLICY))
    empty = engine.execute_allowed(decision, LIMITS)
    assert (empty.num_rows, empty.schema) == (0, engine.execute(decision.sql, LIMITS).schema)


@pytest.mark.parametrize(
    "mask",
    [
        LastMask(0, "no_such_operator", {}),
        LastMask(0, "partial", {"preset": "no_such_preset"}),
        LastMask(0, "bucket", {"width": 5}),
        LastMask(0, "generalise", {"level": "year"}),  # a date was expected
        LastMask(1, "partial", {"preset": "mobile"}),  # no such column
        LastMask(0, "encrypt", {"scope": "x"}),
    ],
)
def test_nothing_leaves_where_a_mask_cannot_be_put_on(engine, mask):
    raw = Allowed("SELECT 1", ("phone",), None, (), (), masked_last=MaskedLast("SELECT phone FROM people", (mask,)))
    with pytest.raises(YurtError) as caught:
        engine.execute_allowed(raw, LIMITS)
    assert caught.value.code == ENGINE_FAILED.name


def test_a_keyed_mask_without_keys_gives_nothing(people):
    with DuckDBEngine(Tables(files={"people": people})) as keyless:
        decision = decide("SELECT id_no FROM people", POLICY, schema_of(keyless, POLICY))
        with pytest.raises(YurtError) as caught:
            keyless.execute_allowed(decision, LIMITS)
    assert caught.value.code == ENGINE_FAILED.name
