"""FF1 of NIST SP 800-38G Rev. 1 (second public draft, February 2025) over whole columns at once.

The cipher is AES or SM4 of the `cryptography` package; the Feistel mode around it is written here with numpy, one
block-cipher call per round for all values together. FF3 is not offered: the revision withdrew it.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes
from numpy.typing import NDArray

Algorithm = Literal["aes", "sm4"]
Numerals = NDArray[np.uint8]

MIN_DOMAIN = 1_000_000
"""Least number of different values, a requirement of Rev. 1 (section 5): smaller domains can be tabulated."""
MAX_HALF = 1 << 60
"""radix to the power of the longer half stays below this, so that halves fit machine words (36 decimal digits)."""
ROUNDS = 10
BLOCK = 16


class FF1:
    """One key, any number of columns. `encrypt` and `decrypt` are inverse to each other for one tweak."""

    def __init__(self, key: bytes, algorithm: Algorithm = "aes") -> None:
        """`key`: 16, 24 or 32 bytes for AES, 16 for SM4; raises ValueError."""
        cipher = algorithms.AES(key) if algorithm == "aes" else algorithms.SM4(key)
        # ECB is the bare block function that CBC-MAC, and so FF1, is made of; nothing is encrypted with it as such.
        self._cipher = Cipher(cipher, modes.ECB())  # noqa: S305

    def encrypt(self, numerals: Numerals, radix: int, tweak: bytes | Numerals = b"") -> Numerals:
        """Encrypts rows of an (N, n) array of numerals below `radix`, each under the tweak or its row of (N, t) tweaks.

        Raises ValueError where radix**n is below a million or too long for this implementation.
        """
        return self._feistel(numerals, radix, tweak, decrypting=False)

    def decrypt(self, numerals: Numerals, radix: int, tweak: bytes | Numerals = b"") -> Numerals:
        """The inverse of `encrypt`."""
        return self._feistel(numerals, radix, tweak, decrypting=True)

    def _feistel(self, numerals: Numerals, radix: int, tweak: bytes | Numerals, *, decrypting: bool) -> Numerals:
        rows, n = numerals.shape
        u, v = n // 2, n - n // 2
        check_domain(radix, n)
        if rows == 0:
            return numerals.copy()
        context = self._cipher.encryptor()  # one per call: the engine's threads cannot share a context
        tweaks = np.frombuffer(tweak, np.uint8)[None, :] if isinstance(tweak, bytes) else tweak
        t = tweaks.shape[1]
        b = (((radix**v - 1).bit_length()) + 7) // 8  # bytes of NUM(B)
        d = 4 * ((b + 3) // 4) + 4  # at most 12 here: S is a part of one block
        head = bytes([1, 2, 1]) + radix.to_bytes(3, "big") + bytes([10, u % 256]) + n.to_bytes(4, "big")
        first = _blocks(context, np.frombuffer(head + t.to_bytes(4, "big"), np.uint8)[None, :])
        q = np.zeros((rows, t + (-t - b - 1) % BLOCK + 1 + b), np.uint8)
        q[:, :t] = tweaks
        words = q.view(">u8")
        tail = words[:, -1].astype(np.uint64)  # the end of Q, with room for the round and NUM(B) where b < 8
        halves = (radix**u, radix**v)
        left, right = number_of(numerals[:, :u], radix), number_of(numerals[:, u:], radix)
        for turn in reversed(range(ROUNDS)) if decrypting else range(ROUNDS):
            source, target = (left, right) if decrypting else (right, left)
            if b < 8:
                words[:, -1] = tail + (source + np.uint64(turn << 8 * b))
            else:
                q[:, -b - 1] = turn
                words[:, -1] = source
            state = first
            for start in range(0, q.shape[1], BLOCK):
                state = _blocks(context, state ^ q[:, start : start + BLOCK])
            whole = halves[turn % 2]
            y = _number(state, d, whole)
            modulus = np.uint64(whole)
            if decrypting:
                left, right = np.where(target >= y, target - y, target + (modulus - y)), left
            else:
                total = target + y  # below 2**61
                left, right = right, np.where(total >= modulus, total - modulus, total)
        return np.concatenate([numerals_of(left, radix, u), numerals_of(right, radix, v)], axis=1)


def _number(state: Numerals, d: int, modulus: int) -> NDArray[np.uint64]:
    """The first `d` (8 or 12) bytes of each row as a number, modulo `modulus`."""
    if d == 8:
        return state.view(">u8")[:, 0] % np.uint64(modulus)
    return remainder(np.ascontiguousarray(state[:, :d]).view(">u4").astype(np.uint64), modulus)


def _blocks(context: CipherContext, blocks: Numerals) -> Numerals:
    return np.frombuffer(context.update(blocks.tobytes()), np.uint8).reshape(-1, BLOCK)


def check_domain(radix: int, length: int) -> None:
    """Raises ValueError where numbers of `length` numerals are too few for FF1 or too long for this implementation."""
    if not 2 <= radix <= 256 or length < 2 or radix**length < MIN_DOMAIN:
        raise ValueError(f"FF1 needs at least {MIN_DOMAIN:,} different values")
    if radix ** (length - length // 2) >= MAX_HALF:
        raise ValueError("the values are too long for this FF1")


def number_of(numerals: Numerals, radix: int) -> NDArray[np.uint64]:
    """NUM_radix of each row: the number its numerals write, most significant first."""
    value = np.zeros(len(numerals), np.uint64)
    for column in numerals.T:
        value = value * np.uint64(radix) + column
    return value


def numerals_of(values: NDArray[np.uint64], radix: int, length: int) -> Numerals:
    """STR_radix: each number as a row of `length` numerals."""
    made = np.empty((len(values), length), np.uint8)
    for place in reversed(range(length)):
        values, made[:, place] = np.divmod(values, np.uint64(radix))
    return made


def remainder(limbs: NDArray[np.uint64], modulus: int) -> NDArray[np.uint64]:
    """The numbers written by rows of 32-bit limbs, most significant first, modulo `modulus` < 2**60."""
    value = limbs[:, 0] % np.uint64(modulus)
    for limb in limbs.T[1:]:
        if modulus < 1 << 32:
            value = ((value << np.uint64(32)) + limb) % np.uint64(modulus)
        else:
            # The quotient by floating point is off by one at most (it is below 2**32); wrapping arithmetic gives the
            # rest exactly, and its sign says which way to correct.
            quotient = (value.astype(np.float64) * (2.0**32 / modulus)).astype(np.uint64)
            rest = ((value << np.uint64(32)) - quotient * np.uint64(modulus)).astype(np.int64)
            rest += np.where(rest < 0, modulus, 0) - np.where(rest >= modulus, modulus, 0) + limb.astype(np.int64)
            value = (rest - np.where(rest >= modulus, modulus, 0)).astype(np.uint64)
    return value


def walked(
    numbers: NDArray[np.uint64],
    below: int,
    step: Callable[[NDArray[np.uint64], NDArray[np.int64]], NDArray[np.uint64]],
) -> NDArray[np.uint64]:
    """Cycle walking: `step(numbers, rows)`, a permutation of a wider domain, until each number is below `below`."""
    outside = np.arange(len(numbers))
    made = numbers.copy()
    while len(outside):
        made[outside] = step(made[outside], outside)
        outside = outside[made[outside] >= below]
    return made
