"""Attacks the catalogue names, carried out: what they get, and what they must not get."""

import hashlib
import hmac
from collections import Counter, defaultdict
from datetime import timedelta
from itertools import product

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from sqlglot import exp

from masking import checksums
from masking.identifiers import synthetic_residents
from masking.keys import KeyRing
from masking.operators import OPERATORS, engine_functions
from masking.operators.cmac import CMAC
from masking.operators.column import Texts
from masking.operators.keyed import PSEUDONYM_FUNCTIONS

ROOT = b"a root nobody guesses, 32 bytes!"
RESIDENTS = synthetic_residents(2000, seed=11)


@pytest.fixture(scope="module")
def engine():
    connection = duckdb.connect()
    functions = engine_functions(KeyRing(ROOT))
    for function in functions:
        connection.create_function(*function, type="arrow")
    connection.register("people", RESIDENTS)
    yield connection
    for function in functions:
        connection.remove_function(function.name)
    connection.close()


def masked(engine, name, column, args=None):
    expression = exp.alias_(OPERATORS[name].sql(exp.column(column), args), "m")
    return engine.sql(exp.select(expression).from_("people").sql("duckdb")).to_arrow_table()["m"].to_pylist()


def guesses(value: str) -> set[str]:
    """What somebody without the key can compute of a value they suspect, cut to the length of a pseudonym."""
    plain = value.encode()
    made = {hashlib.new(name, plain).hexdigest()[:32] for name in ("md5", "sha1", "sha256", "sm3", "sha512")}
    keys = [b"", b"default", b"yurt", b"yurt/masking", bytes(16), bytes(32), b"p1.default"]
    made |= {hmac.new(key, plain, name).hexdigest()[:32] for key, name in product(keys, ("sha256", "sm3"))}
    texts = Texts(pa.array([value]))
    for key, cipher in product((bytes(16), b"0123456789abcdef", b"default".ljust(16, b"\0")), ("aes", "sm4")):
        made.add(CMAC(key, cipher).codes(texts).tobytes().hex())
    return made | {KeyRing(bytes(32))["p1.default"].hex()}


@pytest.mark.parametrize("algorithm", PSEUDONYM_FUNCTIONS)
def test_a_dictionary_of_every_value_breaks_no_pseudonym_without_the_key(engine, algorithm):
    codes = set(masked(engine, "pseudonym", "phone", {"scope": "p1.default", "algorithm": algorithm}))
    for phone in RESIDENTS["phone"].to_pylist()[:300]:
        assert not codes & guesses(phone)


@pytest.mark.parametrize("operator", ["pseudonym", "fpe", "encrypt_siv", "surrogate"])
def test_two_projects_cannot_be_linked(engine, operator):
    args = {"fpe": {"preset": "id_card"}, "surrogate": {"kind": "id_card"}}.get(operator, {})
    one, two = (masked(engine, operator, "id_no", {**args, "scope": scope}) for scope in ("p1.default", "p2.default"))
    assert not set(one) & set(two)
    if operator != "fpe":  # which leaves the area in the open
        ranks = [np.argsort(np.argsort(codes)) for codes in (one, two, RESIDENTS["id_no"].to_pylist())]
        for left, right in ((0, 1), (0, 2), (1, 2)):
            assert abs(np.corrcoef(ranks[left], ranks[right])[0, 1]) < 0.15


def matched_by_frequency(values: list[str], codes: list[str]) -> float:
    """Share of rows an attacker gets right who knows how frequent each value is and pairs codes by rank."""
    by_rank = [
        [each for each, _ in sorted(Counter(column).items(), key=lambda item: (-item[1], item[0]))]
        for column in (values, codes)
    ]
    guess = dict(zip(by_rank[1], by_rank[0], strict=True))
    return sum(guess[code] == value for value, code in zip(values, codes, strict=True)) / len(values)


def test_frequencies_give_surnames_away_and_identity_numbers_not(engine):
    """Why the classification proposes pseudonyms for numbers and partial masks for names."""
    surnames = [name[0] for name in RESIDENTS["name"].to_pylist()]
    engine.register("people", RESIDENTS.append_column("surname", pa.array(surnames)))
    assert matched_by_frequency(surnames, masked(engine, "pseudonym", "surname")) > 0.2
    engine.register("people", RESIDENTS)
    assert matched_by_frequency(RESIDENTS["id_no"].to_pylist(), masked(engine, "pseudonym", "id_no")) < 0.01


def test_randomised_encryption_has_no_frequencies(engine):
    assert len(set(masked(engine, "encrypt", "gender"))) == RESIDENTS.num_rows


def test_birth_date_and_sex_do_not_complete_a_masked_identity_number(engine):
    """6 + 4 visible digits and a known birthday would leave one number; the preset leaves hundreds."""
    person = RESIDENTS.slice(0, 1).to_pylist()[0]
    hidden = masked(engine, "partial", "id_no", {"preset": "id_card"})[0]
    head = hidden.rstrip("*") + f"{person['birth_date']:%Y%m%d}"
    sexed = range(1 if person["gender"] == "男" else 0, 1000, 2)
    candidates = [head + f"{sequence:03d}" for sequence in sexed]
    fitting = [body + check for body in candidates for check in "0123456789X" if checksums.id_card(body + check)]
    assert len(fitting) == 500
    assert person["id_no"] in fitting
    usual = [number for number in fitting if number.endswith(person["id_no"][14:])]
    assert usual == [person["id_no"]]  # what the usual 6 + 4 mask would have left


@pytest.mark.parametrize(("preset", "column", "left"), [("mobile", "phone", 10**4), ("id_card_tail", "id_no", 10**14)])
def test_a_partial_mask_leaves_as_many_values_as_its_hidden_digits(engine, preset, column, left):
    for original, shown in zip(
        RESIDENTS[column].to_pylist(), masked(engine, "partial", column, {"preset": preset}), strict=True
    ):
        assert len(shown) == len(original)
        assert 10 ** shown.count("*") == left


def shifts(engine, scope: str, days: int = 30) -> dict[str, int]:
    args = {"subject": "id_no", "days": days, "scope": scope}
    moved = masked(engine, "date_shift", "birth_date", args)
    columns = zip(RESIDENTS["id_no"].to_pylist(), RESIDENTS["birth_date"].to_pylist(), moved, strict=True)
    return {subject: (to - at).days for subject, at, to in columns}


def test_shifts_are_spread_evenly_and_never_nothing(engine):
    """Chi-square over 60 possible shifts: 59 degrees of freedom, below 120 but for one time in 100,000."""
    counts = Counter(shifts(engine, "p1").values())
    assert set(counts) <= {*range(-30, 0), *range(1, 31)}
    expected = RESIDENTS.num_rows / 60
    assert sum((counts.get(day, 0) - expected) ** 2 / expected for day in {*range(-30, 0), *range(1, 31)}) < 120


def test_shifts_of_two_projects_do_not_align(engine):
    """Whoever holds both releases of one person learns only the difference of two unrelated shifts."""
    one, two = shifts(engine, "p1"), shifts(engine, "p2")
    same = sum(one[subject] == two[subject] for subject in one)
    assert same / len(one) < 0.04
    assert abs(np.corrcoef(list(one.values()), list(two.values()))[0, 1]) < 0.1


def test_one_known_date_aligns_one_person_and_nobody_else(engine):
    """The attack the catalogue documents: it gets one subject whole, and no other better than by chance."""
    found = shifts(engine, "p1")
    known, *others = found
    assert sum(found[other] == found[known] for other in others) / len(others) < 0.04
    events = pa.table(
        {"id_no": [known] * 3, "birth_date": [RESIDENTS["birth_date"][0].as_py() + timedelta(n) for n in (0, 9, 40)]}
    )
    engine.register("people", events)
    moved = masked(engine, "date_shift", "birth_date", {"subject": "id_no", "days": 30, "scope": "p1"})
    engine.register("people", RESIDENTS)
    assert [(day - moved[0]).days for day in moved] == [0, 9, 40]


def test_linking_by_the_nearest_values_finds_one_of_k(engine):
    """Distance-based record linkage (Pagliuca and Seri 1999) against micro-aggregation."""
    random = np.random.default_rng(3)
    plain = pa.table({"v": random.normal(50, 12, 600), "w": random.normal(5000, 900, 600)})
    operator = OPERATORS["microaggregate"]
    v, w = (
        operator.over(plain, name, operator.parse({"k": 5, "with_columns": [other]})).to_numpy()
        for name, other in (("v", "w"), ("w", "v"))
    )
    records = np.stack([plain["v"].to_numpy() / 12, plain["w"].to_numpy() / 900], axis=1)
    released = np.stack([v / 12, w / 900], axis=1)
    right = 0.0
    for place, known in enumerate(records):
        apart = ((released - known) ** 2).sum(axis=1)
        nearest = np.flatnonzero(apart <= apart.min() + 1e-12)
        right += (place in nearest) / len(nearest)
    assert right / len(records) <= 0.2


def test_groups_of_pseudonyms_join_what_belongs_together(engine):
    """The use pseudonyms are made for: one person's records stay one person's."""
    codes = defaultdict(set)
    for subject, code in zip(RESIDENTS["id_no"].to_pylist(), masked(engine, "pseudonym", "id_no"), strict=True):
        codes[code].add(subject)
    assert {len(subjects) for subjects in codes.values()} == {1}
