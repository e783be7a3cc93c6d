"""Encryption of whole values and surrogates from ranges never issued."""

import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from masking import checksums, places
from masking.keys import KeyRing
from masking.operators import MASKED, engine_functions, reversing_functions

ROOT = b"a test root key, not a secret"
THERE = {function.name: function.call for function in engine_functions(KeyRing(ROOT))}
BACK = {function.name: function.call for function in reversing_functions(KeyRing(ROOT))}
MODES = ["yurt_encrypt_siv", "yurt_encrypt_gcm", "yurt_encrypt_sm4"]


def run(calls, name, values, *constants):
    return calls[name](
        pa.array(values, pa.string()), *(pa.array([each] * len(values), pa.string()) for each in constants)
    ).to_pylist()


@pytest.mark.parametrize("mode", MODES)
@given(values=st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=30), max_size=8))
def test_decryption_undoes_encryption(mode, values):
    sealed = run(THERE, mode, values, "p")
    assert run(BACK, mode, sealed, "p") == values
    assert [value is None for value in sealed] == [value is None for value in values]


def test_only_deterministic_encryption_shows_that_values_are_equal():
    for mode in MODES:
        one, again = run(THERE, mode, ["张三", "张三"], "p")
        assert (one == again) == (mode == "yurt_encrypt_siv")


@pytest.mark.parametrize("mode", MODES)
def test_another_label_or_a_changed_text_gives_nothing_back(mode):
    (sealed,) = run(THERE, mode, ["张三"], "p")
    changed = ("A" if sealed[5] != "A" else "B").join([sealed[:5], sealed[6:]])
    assert run(BACK, mode, [sealed], "other") == [MASKED]
    assert run(BACK, mode, [changed, "", "x", "***", "张三"], "p") == [MASKED] * 5


def test_the_engine_of_queries_has_no_way_back():
    assert {type(call).__name__ for call in THERE.values()} >= {"Sealer", "FormatCipher"}
    assert not any(getattr(call, "decrypting", False) for call in THERE.values())


VALID = {
    "id_card": lambda text: checksums.id_card(text) and checksums.calendar_day(text[6:14]),
    "mobile": lambda text: re.fullmatch("(142|143|154|161|164|194)[0-9]{8}", text),
    "bank_card": lambda text: checksums.luhn(text) and text.startswith("9999"),
    "uscc": lambda text: checksums.uscc(text) and checksums.org_code(text[8:17]),
    "email": lambda text: text.endswith("@example.com"),
}


@pytest.mark.parametrize("kind", VALID)
def test_a_surrogate_is_valid_stable_and_bound_to_its_label(kind):
    values = [f"value {number}" for number in range(200)]
    made = run(THERE, "yurt_surrogate", [*values, values[0], None], kind, "p")
    assert all(VALID[kind](text) for text in made[:-1])
    assert made[0] == made[-2]
    assert made[-1] is None
    assert len(set(made[:200])) == 200
    assert not set(made[:200]) & set(run(THERE, "yurt_surrogate", values, kind, "other"))


@pytest.mark.parametrize(("kind", "start"), [("id_card", 0), ("uscc", 2)])
def test_a_surrogate_names_an_area_that_was_never_issued(kind, start):
    made = run(THERE, "yurt_surrogate", [str(number) for number in range(2000)], kind, "p")
    areas = {text[start : start + 6] for text in made}
    assert not areas & set(places.divisions())
    assert all(51 <= int(area[4:]) <= 70 for area in areas)
