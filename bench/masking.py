"""Masking in the engine against reading the same columns unmasked, and finding identifiers against stock Presidio."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import tldextract
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry

from bench.measure import Row, in_turns
from gateway.answer import Answer, answer
from gateway.duckdb import DuckDBEngine
from gateway.engine import Limits, Tables
from gateway.offline import schema_of
from masking.detect import detect, detect_all
from masking.presidio import BlankNlpEngine
from policies.history import History
from policies.load import load_policy
from portal.story.datasets import story_datasets

POLICY = """
project: bench
purpose: bench
release: {mode: rows, min_group: 5, max_rows: 50000}
datasets:
  register:
    unit: id_no
    columns: {id_no: [], name: [{mask: partial}], phone: [{mask: partial}], address: [{mask: constant}]}
"""
MASKED = "SELECT name, phone, address FROM register"
DENSE = "申请人王秀英，身份证号150751198010143396，手机14350747841，家住呼和浩特市新城区。会议定于下午三点开始。" * 20
TEXTS = Path(__file__).parents[1] / "tests" / "masking" / "data"
PLAIN, HELD_OUT = TEXTS / "prose.txt", TEXTS / "heldout.jsonl"


def rows() -> Iterator[Row]:
    """Three masked columns of 48,842 people; a text of twenty reports."""
    policy = load_policy(POLICY)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="yurt-bench-")))
        register = next(dataset for dataset in story_datasets() if dataset.id == "register").write(folder)
        engine = stack.enter_context(DuckDBEngine(Tables(files={"register": register}), root_key=bytes(32)))
        schema = schema_of(engine, policy)

        def masked() -> None:
            given = answer(MASKED, policy, schema, engine, History())
            if not isinstance(given, Answer):
                raise RuntimeError(f"the benchmark's query was not answered: {given}")

        yield in_turns(
            "three masked columns, 48,842 rows",
            masked,
            "the same columns unmasked",
            lambda: engine.execute(MASKED, Limits(max_rows=50_001)),
        )
    presidio = stock_presidio()
    for name, text in (("dense", DENSE), ("without names", PLAIN.read_text("utf-8") * 4)):
        yield in_turns(
            f"identifiers in {len(text):,} characters, {name}",
            lambda text=text: detect(text, "zh"),
            "stock Presidio on the same text",
            lambda text=text: presidio.analyze(text, language="zh"),
            runs=5,
        )
    held_out = [json.loads(line)["text"] for line in HELD_OUT.read_text("utf-8").splitlines()]
    for name, texts in (("of all kinds", held_out), ("without names", PLAIN.read_text("utf-8").splitlines() * 8)):
        yield in_turns(
            f"identifiers in {len(texts):,} records {name}, {sum(map(len, texts)):,} characters",
            lambda texts=texts: detect_all(texts, "zh"),
            "stock Presidio on the same records",
            lambda texts=texts: [presidio.analyze(text, language="zh") for text in texts],
            runs=3,
        )


def stock_presidio() -> AnalyzerEngine:
    """Presidio with its own recognisers and no model of names: what it is without a download."""
    own_list = tldextract.TLDExtract(suffix_list_urls=())  # the one it brings, not the web's
    tldextract.tldextract.TLD_EXTRACTOR = own_list
    engine = BlankNlpEngine()
    engine.load()
    registry = RecognizerRegistry(supported_languages=["zh", "en"])
    registry.load_predefined_recognizers(languages=["zh", "en"], nlp_engine=engine)
    return AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=["zh", "en"])
