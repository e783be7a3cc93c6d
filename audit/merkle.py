"""Merkle tree hash of RFC 6962 §2.1 over SM3 (GB/T 32905) or SHA-256.

A leaf hashes as H(0x00 ‖ leaf), a node as H(0x01 ‖ left ‖ right). `Frontier` keeps the roots of the complete subtrees
only, so that appending needs log2(n) hashes of memory.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TreeHash:
    """The two hash functions of a tree, over one named algorithm of the system's OpenSSL."""

    algorithm: str

    def leaf(self, data: bytes) -> bytes:
        """H(0x00 ‖ data)."""
        return hashlib.new(self.algorithm, b"\x00" + data).digest()

    def node(self, left: bytes, right: bytes) -> bytes:
        """H(0x01 ‖ left ‖ right)."""
        return hashlib.new(self.algorithm, b"\x01" + left + right).digest()

    def empty(self) -> bytes:
        """The root of a tree without leaves: H of nothing."""
        return hashlib.new(self.algorithm, b"").digest()


@dataclass(slots=True)
class Frontier:
    """The right edge of a growing tree: one root per complete subtree, largest first."""

    hash: TreeHash
    size: int = 0
    subtrees: list[bytes] = field(default_factory=list)

    def append(self, leaf_hash: bytes) -> None:
        """Add one leaf; each trailing 1 bit of the old size closes a subtree."""
        node, size = leaf_hash, self.size
        while size & 1:
            node = self.hash.node(self.subtrees.pop(), node)
            size >>= 1
        self.subtrees.append(node)
        self.size += 1

    def root(self) -> bytes:
        """MTH of all leaves so far."""
        if not self.subtrees:
            return self.hash.empty()
        root = self.subtrees[-1]
        for left in reversed(self.subtrees[:-1]):
            root = self.hash.node(left, root)
        return root


def root_of(tree: TreeHash, leaf_hashes: Sequence[bytes]) -> bytes:
    """MTH of `leaf_hashes`, of 32 bytes each."""
    frontier = Frontier(tree)
    for leaf_hash in leaf_hashes:
        frontier.append(leaf_hash)
    return frontier.root()


def _split(size: int) -> int:
    """The largest power of two smaller than `size` (RFC 6962 §2.1)."""
    return 1 << ((size - 1).bit_length() - 1)


def inclusion_path(tree: TreeHash, index: int, leaf_hashes: Sequence[bytes]) -> list[bytes]:
    """PATH(index, leaves) of RFC 6962 §2.1.1, from the leaf's sibling up to the root's child."""
    size = len(leaf_hashes)
    if size <= 1:
        return []
    k = _split(size)
    if index < k:
        return [*inclusion_path(tree, index, leaf_hashes[:k]), root_of(tree, leaf_hashes[k:])]
    return [*inclusion_path(tree, index - k, leaf_hashes[k:]), root_of(tree, leaf_hashes[:k])]


def root_from_path(tree: TreeHash, index: int, size: int, leaf_hash: bytes, path: Sequence[bytes]) -> bytes | None:
    """The root that `path` proves for the leaf at `index` of a tree of `size`, or None when the path cannot be one.

    Follows RFC 9162 §2.1.3.2.
    """
    if not 0 <= index < size:
        return None
    node, position, last = leaf_hash, index, size - 1
    for sibling in path:
        if last == 0:
            return None
        if position & 1 or position == last:
            node = tree.node(sibling, node)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            node = tree.node(node, sibling)
        position, last = position >> 1, last >> 1
    return node if last == 0 else None
