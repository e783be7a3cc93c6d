"""Columns as byte matrices, and CMAC over them, against plain Python and the library's own CMAC."""

import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.cmac import CMAC as LibraryCMAC
from hypothesis import given, settings
from hypothesis import strategies as st

from masking.operators.cmac import CMAC
from masking.operators.column import Codes, Texts, hexadecimal

VALUES = st.text(max_size=40) | st.sampled_from(["", "0123456789abcdef", "x" * 16, "身份证"])
ALIKE = st.integers(0, 40).flatmap(lambda size: st.lists(st.text("0123456789", min_size=size, max_size=size)))
COLUMNS = st.lists(st.none() | VALUES) | ALIKE  # identifiers mostly have one length, which takes a way of its own
KEY = bytes(range(16))


def sliced(values: list[str | None]) -> pa.Array:
    """The column as a slice of a longer one, as engines hand them over."""
    return pa.array(["before", *values, None, "after"], pa.string()).slice(1, len(values))


@pytest.mark.parametrize(("cipher", "block"), [("aes", algorithms.AES), ("sm4", algorithms.SM4)])
@given(COLUMNS)
@settings(max_examples=60, deadline=None)
def test_every_code_is_the_cmac_of_its_value(cipher, block, values):
    texts = Texts(sliced(values))
    made = texts.fixed(hexadecimal(CMAC(KEY, cipher).codes(texts))).to_pylist()
    for value, code in zip(values, made, strict=True):
        if value is None:
            assert code is None
            continue
        oracle = LibraryCMAC(block(KEY))
        oracle.update(value.encode())
        assert code == oracle.finalize().hex()


RFC_4493 = {
    "": "bb1d6929e95937287fa37d129b756746",
    "6bc1bee22e409f96e93d7e117393172a": "070a16b46b4d4144f79bdd9dd04a287c",
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411": (
        "dfa66747de9ae63030ca32611497c827"
    ),
}


@pytest.mark.parametrize("message", RFC_4493)
def test_the_vectors_of_rfc_4493_hold(message):
    key = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
    value = pa.array([bytes.fromhex(message)]).view(pa.binary())
    texts = Texts(pa.Array.from_buffers(pa.string(), 1, value.buffers()))
    assert CMAC(key, "aes").codes(texts).tobytes().hex() == RFC_4493[message]


@given(COLUMNS)
@settings(max_examples=60, deadline=None)
def test_a_column_comes_back_with_what_is_valid_changed_and_the_rest_hidden(values):
    def valid(codes: Codes) -> object:
        return codes[:, 0] != ord("x")

    made = Texts(sliced(values)).changed(valid, lambda codes: codes[:, ::-1])
    assert made.validate(full=True) is None
    assert made.to_pylist() == [
        None if value is None else value[::-1] if value.isascii() and value and value[0] != "x" else "***"
        for value in values
    ]


@given(COLUMNS)
@settings(max_examples=30, deadline=None)
def test_padded_values_end_in_zeros(values):
    found = {}
    for places, codes, lengths in Texts(sliced(values)).padded(16):
        for place, row, length in zip(places.tolist(), codes, lengths.tolist(), strict=True):
            found[place] = row[:length].tobytes()
            assert not row[length:].any()
            assert len(row) == max(16, -(-length // 16) * 16)
    assert found == {place: value.encode() for place, value in enumerate(values) if value is not None}
