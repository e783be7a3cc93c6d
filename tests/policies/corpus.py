"""The query corpus: plain data files that anyone can extend.

A line of an attack file is `{"id", "class", "sql", "why", "accept", "setup", "dialect"}`: what is asked first
(`setup`), what is asked then, and which outcomes are accepted. `refuse`: the policy says no, or the text is no SQL.
`suppress`: an answer in which something was withheld. `rewrite`: an answer of masked or filtered data only.
`never` (optional) lists texts that no answer may show.
"""

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent / "data"
POLICY = (HERE / "policy.yaml").read_text(encoding="utf-8")
SCHEMA = """
CREATE TABLE citizen(id_no VARCHAR PRIMARY KEY, name VARCHAR, gender VARCHAR, birth_date DATE, county VARCHAR,
                     phone VARCHAR, income DECIMAL(12,2), diagnosis VARCHAR);
CREATE TABLE enterprise(uscc VARCHAR PRIMARY KEY, name VARCHAR, county VARCHAR, industry VARCHAR, founded DATE,
                     employees INTEGER, revenue DECIMAL(14,2), tax_paid DECIMAL(14,2), legal_rep_id VARCHAR,
                     legal_rep_phone VARCHAR);
CREATE TABLE visit(visit_id BIGINT PRIMARY KEY, id_no VARCHAR, hospital VARCHAR, dept VARCHAR, visit_date DATE,
                     icd10 VARCHAR, cost DECIMAL(10,2), insured BOOLEAN);
CREATE TABLE secret_case(case_id INTEGER, id_no VARCHAR, note VARCHAR);
"""


ATTACKS = ("refused", "refused_constructs", "attacks", "attacks_insider")
CLASSES = frozenset({
    "raw_rows", "value_agg", "small_group", "dominance", "differencing", "noise", "error_channel", "timing_dos",
    "mask_defeat", "catalog", "file_net", "statement", "names_scope", "join_probe", "subquery_pos", "window",
    "row_filter", "other_engine",
})  # fmt: skip
"""Every way of attack that was studied; each has lines."""


def attacks() -> list[dict[str, Any]]:
    """The lines of every attack file."""
    return [line for name in ATTACKS for line in queries(name)]


def queries(name: str) -> list[dict[str, Any]]:
    """The lines of data/NAME.jsonl."""
    return [json.loads(line) for line in (HERE / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
