"""Masking operators in the engine against presidio-structured and against no mask; FF1 against `ff3`; file to file."""

import tempfile
from collections.abc import Iterator, Mapping
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
from masking.operators import OPERATORS
from masking.operators.ff1 import FF1
from masking.table import load_rules, mask_table

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


def select(masks: Mapping[str, tuple[str, Mapping[str, object]]]) -> str:
    """The statement that reads these columns masked, as the rewriter writes it."""
    inner = exp.select(
        *(exp.alias_(OPERATORS[op].sql(exp.column(name, "r"), args), name) for name, (op, args) in masks.items())
    ).from_("people AS r")
    return exp.select(*masks).from_(inner.subquery("p")).sql("duckdb")


def _in_the_engine(folder: Path) -> Iterator[Row]:
    residents = synthetic_residents(PEOPLE, seed=1)
    parquet.write_table(residents, folder / "people.parquet")
    limits = Limits(max_rows=PEOPLE + 1)
    frame = residents.slice(0, FEW).select(list(MIXED)).to_pandas().astype(str)
    analysis = StructuredAnalysis(entity_mapping={name: name for name in MIXED})
    presidio = StructuredEngine(data_processor=PandasDataProcessor())
    with DuckDBEngine(Tables(files={"people": folder / "people.parquet"}), root_key=bytes(32)) as engine:
        yield in_turns(
            f"five mixed columns, one keyed, {FEW:,} rows",
            lambda: engine.execute(f"{select(MIXED)} LIMIT {FEW}", limits),
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
            plain = exp.select(*masks).from_("people").sql("duckdb")
            yield in_turns(
                f"{named}, {PEOPLE:,} rows",
                lambda masks=masks: engine.execute(select(masks), limits),  # type: ignore[misc]
                "the same columns unmasked",
                lambda plain=plain: engine.execute(plain, limits),  # type: ignore[misc]
                runs=7,
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
