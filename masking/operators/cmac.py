"""CMAC (NIST SP 800-38B, RFC 4493; with SM4 GB/T 15852.1) of whole columns at once: a keyed code for each value.

The block cipher is that of the `cryptography` package; the mode around it is written here with numpy, one call of the
cipher for the n-th blocks of all values. CMAC is a pseudo-random function up to about 2**48 values under one key.
"""

from typing import Literal

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes
from numpy.typing import NDArray

from masking.operators.column import Texts

Codes = NDArray[np.uint8]
BLOCK = 16


class CMAC:
    """One key of 16 bytes (24 or 32 with AES); raises ValueError for another."""

    def __init__(self, key: bytes, cipher: Literal["aes", "sm4"]) -> None:
        block = algorithms.AES(key) if cipher == "aes" else algorithms.SM4(key)
        # ECB is the bare block function of which CBC-MAC, and so CMAC, is made; nothing is encrypted with it as such.
        self._cipher = Cipher(block, modes.ECB())  # noqa: S305
        zero = int.from_bytes(self._cipher.encryptor().update(bytes(BLOCK)), "big")
        whole = _doubled(zero)
        self._whole, self._cut = _codes(whole), _codes(_doubled(whole))

    def codes(self, texts: Texts) -> Codes:
        """(N, 16) bytes, one row for each value; rows of missing values are zero."""
        made = np.zeros((texts.count, BLOCK), np.uint8)
        context = self._cipher.encryptor()  # one per call: the engine's threads cannot share a context
        for places, blocks, lengths in texts.padded(BLOCK):
            width = blocks.shape[1]
            if int(lengths.min()) == width:
                blocks[:, -BLOCK:] ^= self._whole
            elif int(lengths.min()) == int(lengths.max()):
                blocks[:, lengths[0]] = 0x80
                blocks[:, -BLOCK:] ^= self._cut
            else:
                cut = lengths < width
                blocks[np.flatnonzero(cut), lengths[cut]] = 0x80
                blocks[:, -BLOCK:] ^= np.where(cut[:, None], self._cut, self._whole)
            state = self._enciphered(context, blocks[:, :BLOCK])
            for start in range(BLOCK, width, BLOCK):
                state = self._enciphered(context, state ^ blocks[:, start : start + BLOCK])
            if len(places) == texts.count:
                return state
            made[places] = state
        return made

    @staticmethod
    def _enciphered(context: CipherContext, blocks: Codes) -> Codes:
        return np.frombuffer(context.update(blocks.tobytes()), np.uint8).reshape(-1, BLOCK)


def _doubled(number: int) -> int:
    """Twice the number in GF(2**128), as SP 800-38B derives its subkeys."""
    twice = number << 1
    return twice if twice < 1 << 128 else (twice ^ 0x87) & ((1 << 128) - 1)


def _codes(number: int) -> Codes:
    return np.frombuffer(number.to_bytes(BLOCK, "big"), np.uint8)
