"""FF1 against NIST's sample vectors, arithmetic against whole numbers, and its laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from masking.operators.ff1 import FF1, remainder

ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
KEY = "2b7e151628aed2a6abf7158809cf4f3c" + "ef4359d8d580aa4f" + "7f036d6f04fc6a94"
PLAIN = (
    ("0123456789", "", 10),
    ("0123456789", "39383736353433323130", 10),
    (ALPHABET[:19], "3737373770717273373737", 36),
)
SAMPLES = [  # NIST, "FF1 samples" 1 to 9 of the cryptographic toolkit: key bytes, then the three ciphertexts
    (16, "2433477484", "6124200773", "a9tv40mll9kdu509eum"),
    (24, "2830668132", "2496655549", "xbj3kv35jrawxv32ysr"),
    (32, "6657667009", "1001623463", "xs8a0azh2avyalyzuwd"),
]


def numerals(text):
    return np.array([[ALPHABET.index(letter) for letter in text]], np.uint8)


@pytest.mark.parametrize(
    ("size", "plain", "expected"),
    [(size, plain, made) for size, *three in SAMPLES for plain, made in zip(PLAIN, three, strict=True)],
)
def test_a_sample_of_nist_comes_out_and_goes_back(size, plain, expected):
    text, tweak, radix = plain
    cipher = FF1(bytes.fromhex(KEY)[:size])
    made = cipher.encrypt(numerals(text), radix, bytes.fromhex(tweak))
    assert "".join(ALPHABET[numeral] for numeral in made[0]) == expected
    assert (cipher.decrypt(made, radix, bytes.fromhex(tweak)) == numerals(text)).all()


@pytest.mark.parametrize(("radix", "length"), [(10, 5), (36, 3), (2, 19), (10, 1), (10, 38), (36, 25)])
def test_domains_below_a_million_and_values_too_long_are_refused(radix, length):
    with pytest.raises(ValueError, match=r"FF1|too long"):
        FF1(bytes(16)).encrypt(np.zeros((1, length), np.uint8), radix)


@given(
    st.sampled_from(["aes", "sm4"]),
    st.lists(st.text("0123456789", min_size=11, max_size=11), min_size=1, max_size=20, unique=True),
    st.binary(max_size=40),
)
def test_decryption_undoes_encryption_and_no_two_values_meet(algorithm, values, tweak):
    rows = np.concatenate([numerals(value) for value in values])
    cipher = FF1(b"0123456789abcdef", algorithm)
    made = cipher.encrypt(rows, 10, tweak)
    assert len({row.tobytes() for row in made}) == len(values)
    assert (cipher.decrypt(made, 10, tweak) == rows).all()


@given(
    st.lists(st.tuples(*[st.integers(0, 2**32 - 1)] * 3), min_size=1, max_size=20),
    st.integers(2, 2**60 - 1) | st.integers(1, 18).map(lambda power: 10**power),
)
def test_remainders_are_those_of_whole_numbers(limbs, modulus):
    expected = [((a << 64) + (b << 32) + c) % modulus for a, b, c in limbs]
    assert remainder(np.array(limbs, np.uint64), modulus).tolist() == expected


def test_a_column_and_its_rows_alone_give_the_same():
    rows = np.concatenate([numerals(f"{value:019d}") for value in (0, 1, 10**18, 9_999_999_999)])
    tweaks = np.array([[1, 2], [3, 4], [1, 2], [5, 6]], np.uint8)
    cipher = FF1(bytes(16), "sm4")
    together = cipher.encrypt(rows, 10, tweaks)
    alone = [cipher.encrypt(row[None, :], 10, tweak.tobytes())[0] for row, tweak in zip(rows, tweaks, strict=True)]
    assert (together == np.array(alone)).all()
