"""Masking operators in the engine against presidio-structured and against no mask; FF1 against `ff3`; file to file."""

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
from ff3 import FF3Cipher
from presidio_anonymizer.entities import OperatorConfig
from presidio_structured import PandasDataProcessor, StructuredAnalysis, StructuredEngine
from sqlglot import exp

from bench.measure import Row, in_turns
from gateway.duckdb import DuckDBEngine
from gateway.engine import Limits, Tables
from masking.identifiers import synthetic_residents
from masking.operators.ff1 import FF1
from masking.table import load_rules, mask_table
from policies.decide import decide
from policies.decision import Allowed
from policies.load import load_policy
from policies.schema import Schema

PEOPLE = 100_000
FEW = 20_000
"""For the other side, which takes value by value."""
UNKEYED: dict[str, tuple[str, Mapping[str, object]]] = {
    "id_no": ("partial", {"preset": "id_card"}),
    "name": ("partial", {"preset": "name"}),
    "phone": ("partial", {"preset": "mobile"}),
    "birth_date": ("generalise", {"level": "year"}),
    "county_code": ("generalise", {"level": "city"}),
}
MIXED = UNKEYED | {"id_no": ("pseudonym", {})}
RULES = "columns:\n" + "".join(f"  {name}: {{{op}: {dict(args)}}}\n" for name, (op, args) in MIXED.items())
PRESIDIO = {  # the nearest operator presidio has for each
    "id_no": OperatorConfig("hash", {"hash_type": "sha256", "salt": b"0123456789abcdef"}),
    "name": OperatorConfig("mask", {"masking_char": "*", "chars_to_mask": 2, "from_end": True}),
    "phone": OperatorConfig("mask", {"masking_char": "*", "chars_to_mask": 8, "from_end": True}),
    "birth_date": OperatorConfig("replace", {"new_value": "<DATE>"}),
    "county_code": OperatorConfig("mask", {"masking_char": "*", "chars_to_mask": 2, "from_end": True}),
}


SHAPES = (
    ("grouped by a masked county", "SELECT county_code, count(*) AS n FROM people GROUP BY county_code"),
    ("grouped by a masked name", "SELECT name, count(*) AS n FROM people GROUP BY name"),
    ("counted by a filter on a masked phone", "SELECT count(*) AS n FROM people WHERE phone LIKE '138%'"),
    ("different masked birth dates", "SELECT count(DISTINCT birth_date) AS n FROM people"),
)
POLICY = """
project: bench
purpose: bench
release: {{mode: rows, min_group: 5, max_rows: {rows}}}
datasets:
  people: {{unit: address, columns: {columns}}}
"""


def decided(sql: str, columns: Mapping[str, object], engine: DuckDBEngine) -> Allowed:
    """What the gateway decides on `sql`; `columns`: how each may be read. Raises RuntimeError for a refusal."""
    may = {name: [how, "filter", "group", "count"] for name, how in columns.items()} | {"address": []}
    policy = load_policy(POLICY.format(rows=PEOPLE, columns=json.dumps(may)))
    decision = decide(sql, policy, Schema.from_mapping(engine.columns))
    if not isinstance(decision, Allowed):
        raise RuntimeError(f"the benchmark's query was not allowed: {decision.code}")
    return decision


def _shown(columns: Iterable[str], rows: int) -> str:
    return exp.select(*columns).from_("people").limit(rows).sql("duckdb")


def _masked(masks: Mapping[str, tuple[str, Mapping[str, object]]]) -> dict[str, object]:
    return {name: {"mask": {operator: dict(arguments)}} for name, (operator, arguments) in masks.items()}


def _in_the_engine(folder: Path) -> Iterator[Row]:
    residents = synthetic_residents(PEOPLE, seed=1)
    parquet.write_table(residents, folder / "people.parquet")
    limits = Limits(max_rows=PEOPLE + 1)
    frame = residents.slice(0, FEW).select(list(MIXED)).to_pandas().astype(str)
    analysis = StructuredAnalysis(entity_mapping={name: name for name in MIXED})
    presidio = StructuredEngine(data_processor=PandasDataProcessor())
    with DuckDBEngine(Tables(files={"people": folder / "people.parquet"}), root_key=bytes(32)) as engine:
        few = decided(_shown(MIXED, FEW), _masked(MIXED), engine)
        yield in_turns(
            f"five mixed columns, one keyed, {FEW:,} rows",
            lambda: engine.execute_allowed(few, limits),
            "presidio-structured",
            lambda: presidio.anonymize(frame, analysis, PRESIDIO),
            runs=2,
        )
        for named, masks in (
            ("five columns unkeyed", UNKEYED),
            ("five columns, one keyed", MIXED),
            ("one keyed column", {"id_no": ("pseudonym", {})}),
            ("one keyed column by HMAC-SM3", {"id_no": ("pseudonym", {"algorithm": "hmac-sm3"})}),
            ("one column by FF1 with SM4", {"id_no": ("fpe", {"preset": "id_card"})}),
        ):
            yield _beside_unmasked(f"{named}, {PEOPLE:,} rows", _shown(masks, PEOPLE), masks, engine)
        for named, sql in SHAPES:
            yield _beside_unmasked(f"{named}, {PEOPLE:,} rows", sql, UNKEYED, engine)


def _beside_unmasked(
    named: str, sql: str, masks: Mapping[str, tuple[str, Mapping[str, object]]], engine: DuckDBEngine
) -> Row:
    limits = Limits(max_rows=PEOPLE + 1)
    ours, plain = (decided(sql, how, engine) for how in (_masked(masks), dict.fromkeys(masks, "read")))
    return in_turns(
        named,
        lambda: engine.execute_allowed(ours, limits),
        "the same columns unmasked",
        lambda: engine.execute_allowed(plain, limits),
        runs=9,
    )


def _ff1() -> Iterator[Row]:
    """11-digit numbers; the times are of equally many on both sides."""
    count = 20_000
    numerals = np.random.default_rng(1).integers(0, 10, (count, 11), dtype=np.uint8)
    texts = ["".join(map(str, row)) for row in numerals.tolist()]
    other = FF3Cipher(bytes(range(16)).hex(), "D8E7920AFA330A")
    for algorithm in ("aes", "sm4"):
        cipher = FF1(bytes(range(16)), algorithm)
        yield in_turns(
            f"FF1 with {algorithm.upper()}, {count:,} values",
            lambda cipher=cipher: cipher.encrypt(numerals, 10),  # type: ignore[misc]
            "PyPI ff3",
            lambda: [other.encrypt(text) for text in texts],
            runs=3,
        )


def _file_to_file(folder: Path) -> Iterator[Row]:
    source, target = folder / "people.parquet", folder / "masked.parquet"
    rules, keep = load_rules(RULES + "others: drop\n"), load_rules("columns: {}\nothers: keep\n")
    yield in_turns(
        f"five mixed columns file to file, {PEOPLE:,} rows",
        lambda: mask_table(rules, source, target, bytes(32)),
        "every column as it is",
        lambda: mask_table(keep, source, target, bytes(32)),
        runs=5,
    )


def rows() -> Iterator[Row]:
    """In the engine, FF1 alone, and files."""
    with tempfile.TemporaryDirectory(prefix="bench-") as made:
        yield from _in_the_engine(Path(made))
        yield from _ff1()
        yield from _file_to_file(Path(made))
