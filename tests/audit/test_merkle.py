"""The tree is RFC 6962's: its vectors, and the laws of its proofs."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.merkle import Frontier, TreeHash, inclusion_path, root_from_path, root_of

SHA256 = TreeHash("sha256")
SM3 = TreeHash("sm3")

# The leaves and roots of the reference test data of Certificate Transparency (RFC 6962).
LEAVES = [
    bytes.fromhex(text)
    for text in ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
]
ROOTS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}  # fmt: skip


@pytest.mark.parametrize(("size", "root"), ROOTS.items())
def test_roots_are_those_of_the_reference(size: int, root: str) -> None:
    assert root_of(SHA256, [SHA256.leaf(leaf) for leaf in LEAVES[:size]]).hex() == root


def test_an_empty_tree_hashes_nothing() -> None:
    assert Frontier(SHA256).root() == hashlib.sha256(b"").digest()


def test_sm3_is_the_standard_one() -> None:
    # GB/T 32905 appendix A.1: SM3("abc")
    expected = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    assert hashlib.new("sm3", b"abc").hexdigest() == expected


@given(st.integers(1, 70), st.data())
def test_every_leaf_has_a_path_that_proves_the_root_and_no_other(size: int, data: st.DataObject) -> None:
    hashes = [SM3.leaf(str(number).encode()) for number in range(size)]
    index = data.draw(st.integers(0, size - 1))
    path = inclusion_path(SM3, index, hashes)
    root = root_of(SM3, hashes)
    assert root_from_path(SM3, index, size, hashes[index], path) == root
    assert root_from_path(SM3, index, size, SM3.leaf(b"another"), path) != root
    if path:
        assert root_from_path(SM3, index, size, hashes[index], path[:-1]) != root
