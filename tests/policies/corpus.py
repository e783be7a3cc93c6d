"""The query corpus: plain data files that anyone can extend."""

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


def queries(name: str) -> list[dict[str, Any]]:
    """The lines of data/NAME.jsonl."""
    return [json.loads(line) for line in (HERE / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
