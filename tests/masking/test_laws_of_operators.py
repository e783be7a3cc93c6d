"""Laws every operator keeps, whatever the values."""

import subprocess
import sys
from difflib import SequenceMatcher

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from masking.identifiers import synthetic_residents
from masking.keys import KeyRing
from masking.operators import MASKED, OPERATORS, engine_functions, reversing_functions
from masking.operators.presets import PRESETS

ROOT = b"0123456789abcdef"
IDEMPOTENT = {
    "keep": [{}], "nullify": [{}], "constant": [{}], "redact": [{}, {"type": "CN_MOBILE"}], "bucket": [{"width": 5}],
    "round": [{"digits": -1}, {}], "top_code": [{"low": 0, "high": 99}],
    "generalise": [{"level": level} for level in ("province", "city", "county", "year", "quarter", "month", "day")],
}  # fmt: skip
PEOPLE = synthetic_residents(60, seed=2).to_pylist()
VALUES = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=24),
    st.sampled_from([str(value) for person in PEOPLE for value in person.values()]),
    st.from_regex(r"[1-9][0-9]{10,17}", fullmatch=True),
    st.integers(-(10**6), 10**6).map(str),
)
COLUMN = st.lists(st.none() | VALUES, min_size=1, max_size=12)


def masked(engine, name, values, args=None):
    sql = OPERATORS[name].sql(exp.column("v"), args).sql("duckdb")
    kind = pa.string() if any(isinstance(value, str) for value in values) else None
    return [row[0] for row in engine.from_arrow(pa.table({"v": pa.array(values, kind)})).project(sql).fetchall()]


@pytest.mark.parametrize("name", IDEMPOTENT)
@given(values=COLUMN)
@settings(max_examples=15, deadline=None)
def test_masking_twice_is_masking_once(engine, name, values):
    for args in IDEMPOTENT[name]:
        once = masked(engine, name, values, args)
        if any(value is not None for value in once):
            assert masked(engine, name, once, args) == once


CUT = sorted(set(PRESETS) - {"name_short", "name_latin"})  # parts of the preset `name`
VARIANTS: dict[str, list[dict[str, object]]] = {
    "generalise": [{"level": "county"}, {"level": "ip"}, {"level": "age"}],
    "bucket": [{"width": 5}],
    "top_code": [{"high": 9}],
    "fpe": [{"preset": "id_card"}, {"preset": "bank_card"}, {"alphabet": "digits"}],
    "surrogate": [{"kind": "id_card"}],
    "partial": [{"preset": preset} for preset in CUT],
}
IN_QUERIES = [
    (name, args)
    for name, operator in OPERATORS.items()
    if not operator.files_only and name not in {"date_shift", "redact_text", "nullify"}
    for args in VARIANTS.get(name, [{}])
]


@pytest.mark.parametrize(("name", "args"), IN_QUERIES, ids=str)
@given(values=COLUMN)
@settings(max_examples=8, deadline=None)
def test_missing_stays_missing_and_no_text_goes_missing(engine, name, args, values):
    made = masked(engine, name, values, args)
    assert len(made) == len(values)
    assert all(result is None for value, result in zip(values, made, strict=True) if value is None)
    if OPERATORS[name].gives(args) == "VARCHAR":
        assert all(result is not None for value, result in zip(values, made, strict=True) if value is not None)


@pytest.mark.parametrize("preset", CUT)
@given(values=COLUMN)
@settings(max_examples=15, deadline=None)
def test_no_run_of_hidden_characters_comes_through(engine, preset, values):
    """What is left of a value is its head and tail of the preset's lengths, and nothing between."""
    kept = PRESETS[preset]
    for value, made in zip(values, masked(engine, "partial", values, {"preset": preset}), strict=True):
        if value is None or made == MASKED:
            continue
        head, tail = made[: kept.head], made[len(made) - kept.tail :] if kept.tail else ""
        assert (value.startswith(head), value.endswith(tail)) == (True, True)
        assert not set(made[kept.head : len(made) - kept.tail]) - set("*·.")


@given(
    values=st.lists(VALUES, min_size=1, max_size=8),
    head=st.integers(0, 3),
    tail=st.integers(0, 3),
    hidden=st.integers(1, 6),
)
@settings(max_examples=60, deadline=None)
def test_at_least_as_many_characters_are_hidden_as_asked(engine, values, head, tail, hidden):
    args = {"head": head, "tail": tail, "min_hidden": hidden}
    for value, made in zip(values, masked(engine, "partial", values, args), strict=True):
        assert made == MASKED or len(value) >= head + tail + hidden
        assert len(made.replace("*", "")) <= head + tail


@pytest.mark.parametrize("name", ["pseudonym", "encrypt_siv", "encrypt", "redact", "constant"])
@given(values=st.lists(st.sampled_from([person["id_no"] for person in PEOPLE]), min_size=1, max_size=8))
@settings(max_examples=20, deadline=None)
def test_no_six_characters_of_an_identity_number_come_through(engine, name, values):
    """Six digits of an 18-digit number stand in 32 random hexadecimal ones by chance once in half a million."""
    for value, made in zip(values, masked(engine, name, values), strict=True):
        assert SequenceMatcher(None, value, made, autojunk=False).find_longest_match().size < 6


@pytest.mark.parametrize(
    ("name", "args"),
    [("encrypt_siv", {}), ("encrypt", {}), ("encrypt", {"algorithm": "aes-gcm"}), ("fpe", {"preset": "mobile"}),
     ("fpe", {"preset": "id_card", "algorithm": "aes"}), ("fpe", {"alphabet": "digits", "head": 1})],
    ids=str,
)  # fmt: skip
@given(values=COLUMN)
@settings(max_examples=20, deadline=None)
def test_the_key_leads_back_what_was_not_hidden(engine, name, args, values):
    made = masked(engine, name, values, args)
    back = duckdb.connect()
    functions = reversing_functions(KeyRing(ROOT))
    for function in functions:
        back.create_function(*function, type="arrow")
    try:
        found = masked(back, name, made, args)
    finally:
        for function in functions:
            back.remove_function(function.name)
        back.close()
    for value, code, again in zip(values, made, found, strict=True):
        whole = value.upper() if name == "fpe" and value is not None and value.endswith("x") else value
        assert again == (MASKED if code == MASKED else whole)


DETERMINISTIC = [
    ("pseudonym", {}), ("fpe", {"preset": "id_card"}), ("encrypt_siv", {}), ("surrogate", {"kind": "id_card"}),
    ("partial", {"preset": "id_card"}), ("generalise", {"level": "city"}), ("date_shift", {"subject": "v"}),
]  # fmt: skip
ELSEWHERE = """
import sys
sys.path.insert(0, sys.argv[1])
from test_laws_of_operators import every_deterministic_mask
print(every_deterministic_mask())
"""


def every_deterministic_mask() -> str:
    """What each gives for sixty identity numbers, as text."""
    connection = duckdb.connect()
    functions = engine_functions(KeyRing(ROOT))
    for function in functions:
        connection.create_function(*function, type="arrow")
    connection.register("people", synthetic_residents(60, seed=2))
    made = []
    for name, args in DETERMINISTIC:
        column = exp.column("birth_date" if name == "date_shift" else "id_no")
        given_args = {**args, "subject": "id_no"} if name == "date_shift" else args
        made.append(
            connection.sql(f"SELECT {OPERATORS[name].sql(column, given_args).sql('duckdb')} FROM people").fetchall()
        )
    for function in functions:
        connection.remove_function(function.name)
    connection.close()
    return repr(made)


def test_another_process_masks_alike():
    here = every_deterministic_mask()
    asked = [sys.executable, "-c", ELSEWHERE, __file__.rpartition("/")[0]]
    assert subprocess.run(asked, capture_output=True, text=True, check=True).stdout.splitlines()[0] == here
