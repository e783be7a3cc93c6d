"""Format-preserving encryption of identity, card, telephone and credit numbers: form kept, key leads back."""

import subprocess
import sys

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from masking import checksums
from masking.identifiers import synthetic_residents
from masking.keys import KeyRing
from masking.operators import MASKED, OPERATORS
from masking.operators.engine import engine_functions, reversing_functions
from store.errors import YurtError

ROOT = b"a test root key, not a secret"
THERE = {function.name: function.call for function in engine_functions(KeyRing(ROOT))}
BACK = {function.name: function.call for function in reversing_functions(KeyRing(ROOT))}
IDS = synthetic_residents(300, seed=3).column("id_no").to_pylist()


def run(calls, values, spec, label="p", algorithm="sm4"):
    columns = (pa.array(part, pa.string()) for part in (values, [spec] * len(values), [label] * len(values)))
    return calls[f"yurt_fpe_{algorithm}"](*columns).to_pylist()


def card(body):
    return next(body + digit for digit in "0123456789" if checksums.luhn(body + digit))


CODES = ["91350100M000100Y43", "91512081MA62K0260E"]
VALID = {
    "id_card": (IDS, checksums.id_card, 6),
    "bank_card": ([card(f"622848{number:09d}") for number in range(50)], checksums.luhn, 6),
    "mobile": ([f"138{number:08d}" for number in range(50)], lambda text: len(text) == 11 and text.isdigit(), 3),
    "uscc": (CODES, lambda text: checksums.uscc(text) and checksums.org_code(text[8:17]), 8),
}


@pytest.mark.parametrize("algorithm", ["aes", "sm4"])
@pytest.mark.parametrize("preset", VALID)
def test_a_number_stays_valid_and_the_key_leads_back(preset, algorithm):
    values, valid, head = VALID[preset]
    made = run(THERE, values, preset, algorithm=algorithm)
    assert all(valid(text) for text in made)
    assert [text[:head] for text in made] == [text[:head] for text in values]
    assert len(set(made)) == len(set(values))
    assert sum(a == b for a, b in zip(made, values, strict=True)) == 0
    assert run(BACK, made, preset, algorithm=algorithm) == values


def test_birth_dates_in_identity_numbers_are_real_days_that_tell_nothing():
    made = run(THERE, IDS, "id_card")
    assert all(checksums.calendar_day(text[6:14]) or text[6:10] > "2025" for text in made)
    assert sum(a[6:10] == b[6:10] for a, b in zip(made, IDS, strict=True)) < 15  # by chance: 300 / 200


@pytest.mark.parametrize("preset", VALID)
def test_malformed_values_are_hidden_and_null_stays_null(preset):
    broken = ["", "x", "张三", "1" * 18, VALID[preset][0][0][:-1] + "!", VALID[preset][0][0] + " ", "0" * 40]
    assert run(THERE, [*broken, None], preset) == [MASKED] * len(broken) + [None]


def test_a_wrong_check_digit_is_not_repaired_but_hidden():
    body, last = IDS[0][:17], IDS[0][17]
    assert run(THERE, [body + ("0" if last != "0" else "1")], "id_card") == [MASKED]


def test_values_of_a_small_domain_are_hidden():
    assert run(THERE, ["12345", "123456"], "digits:0:0:0")[0] == MASKED
    assert run(THERE, ["12345", "123456"], "digits:0:0:0")[1] not in {MASKED, "123456"}


@pytest.mark.parametrize(
    "arguments",
    [{}, {"alphabet": "digits", "length": 5}, {"alphabet": "digits", "length": 8, "head": 3}, {"preset": "nose"},
     {"preset": "mobile", "head": 1}, {"preset": "mobile", "alphabet": "digits"},
     {"alphabet": "digits", "length": 50}],
)  # fmt: skip
def test_a_policy_cannot_ask_for_what_ff1_cannot_protect(arguments):
    with pytest.raises(YurtError, match="MASK_BAD_ARGUMENTS"):
        OPERATORS["fpe"].parse(arguments)


@given(st.lists(st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=6, max_size=20), max_size=20))
def test_decryption_undoes_encryption_for_letters_and_digits(values):
    made = run(THERE, values, "alnum:1:1:0")
    assert [a[0] + a[-1] for a in made] == [b[0] + b[-1] for b in values]
    assert run(BACK, made, "alnum:1:1:0") == values


def test_nothing_links_two_labels_or_two_formats():
    values = VALID["mobile"][0]
    one, other = run(THERE, values, "mobile", "p1"), run(THERE, values, "mobile", "p2")
    assert sum(a == b for a, b in zip(one, other, strict=True)) == 0
    assert one != run(THERE, values, "digits:3:0:0", "p1")
    assert run(BACK, one, "mobile", "p2") != values


def test_the_threads_of_an_engine_may_encrypt_at_once():
    values = [f"138{number:08d}" for number in range(20_000)] * 10
    with duckdb.connect(config={"threads": 4}) as engine:
        for function in engine_functions(KeyRing(ROOT)):
            engine.create_function(*function, type="arrow")
        relation = engine.from_arrow(pa.table({"v": values}))
        masked = relation.project("yurt_fpe_sm4(v, 'mobile', 'p') AS m").aggregate("count(DISTINCT m), min(m)")
        assert masked.fetchall() == [(20_000, min(run(THERE, values[:20_000], "mobile")))]
        for function in engine_functions(KeyRing(ROOT)):
            engine.remove_function(function.name)


def test_another_process_gives_the_same():
    code = (
        "import pyarrow as pa\nfrom masking.keys import KeyRing\nfrom masking.operators import engine_functions\n"
        f"call = {{f.name: f.call for f in engine_functions(KeyRing({ROOT!r}))}}['yurt_fpe_sm4']\n"
        f"print(call(*(pa.array([text]) for text in ({IDS[0]!r}, 'id_card', 'p')))[0])"
    )
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert there.stdout.strip() == run(THERE, IDS[:1], "id_card")[0]
