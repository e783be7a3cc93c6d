"""Linear scoring on encrypted features: CKKS in TenSEAL (SEAL), one named parameter set, column-packed.

Parameter set CKKS-8192-60-40-60: N = 8192, coefficient primes of 60, 40 and 60 bits, scale 2**40; 128-bit security by
the tables SEAL enforces. Smaller scales give wrong answers without an error, so nothing here is adjustable.

A block holds up to `ROWS` rows: slot i of ciphertext j is row i's feature j. The last `CHECKS` slots repeat rows of
the block; after decryption they must agree with the originals, which a ciphertext under another key cannot.
"""

import hashlib
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import tenseal

from mpc.errors import KEY_MISMATCH
from store.errors import YurtError

N, PRIMES, SCALE = 8192, [60, 40, 60], 2.0**40
SLOTS, CHECKS = N // 2, 8
ROWS = SLOTS - CHECKS
# After the one multiplication 60 bits of modulus carry 40 of scale: 19 are left for a signed integer part; one spare.
SCORE_LIMIT = 2.0**18
_MIDDLE_PRIME = 1099511480321  # the 40-bit prime SEAL chooses for N = 8192; the scale is off by its ratio to 2**40
_SIGMA = 3.2
# Cheon, Kim, Kim, Song 2017 (eprint 2016/421), lemmas 1 and 2, for a ternary secret of weight 2N/3, in slot units.
_FRESH = (
    8 * math.sqrt(2) * _SIGMA * N + 6 * _SIGMA * math.sqrt(N) + 16 * _SIGMA * math.sqrt(2 * N / 3 * N) + N / 2
) / SCALE
_RESCALE = math.sqrt(N / 3) * (3 + 8 * math.sqrt(2 * N / 3)) / SCALE
_RELATIVE = abs(_MIDDLE_PRIME / SCALE - 1)


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """The secret side: only the data holder has one, in memory, for one job."""

    context: Any  # tenseal.Context with the secret key
    public: bytes  # the same context without it
    key_id: str  # SHA-256 of `public`, hex


def make_keys() -> KeyHolder:
    """Fresh keys for one job."""
    context = tenseal.context(tenseal.SCHEME_TYPE.CKKS, N, coeff_mod_bit_sizes=PRIMES)
    context.global_scale = SCALE
    public = context.serialize(
        save_public_key=True, save_secret_key=False, save_galois_keys=False, save_relin_keys=False
    )
    return KeyHolder(context, public, hashlib.sha256(public).hexdigest())


def open_public(public: bytes, key_id: str) -> Any:
    """The scorer's context. Raises KEY_MISMATCH if it is another key's, or if it carries a secret key."""
    if hashlib.sha256(public).hexdigest() != key_id:
        raise YurtError(KEY_MISMATCH)
    context = tenseal.context_from(public)
    if context.is_private() or context.has_secret_key():
        raise YurtError(KEY_MISMATCH)
    return context


def encrypt(holder: KeyHolder, features: np.ndarray) -> list[bytes]:
    """One ciphertext per column of `features` (rows <= ROWS, columns), float64."""
    rows = features.shape[0]
    packed = np.zeros((SLOTS, features.shape[1]))
    packed[:rows] = features
    packed[ROWS:] = features[np.arange(CHECKS) % rows]
    return [tenseal.ckks_vector(holder.context, column).serialize() for column in packed.T]


def score(context: Any, ciphertexts: list[bytes], weights: list[float], intercept: float) -> bytes:
    """The encrypted sum of weights times columns plus intercept. At least one weight is not zero."""
    total: Any = None
    for data, weight in zip(ciphertexts, weights, strict=True):
        if weight != 0.0:
            # SEAL refuses a product with zero: the result would be a transparent ciphertext.
            product = tenseal.ckks_vector_from(context, data) * weight
            total = product if total is None else total + product
    return bytes((total + intercept).serialize())


def decrypt(holder: KeyHolder, ciphertext: bytes, rows: int, error: float) -> np.ndarray:
    """The scores of a block's `rows` rows. Raises KEY_MISMATCH where the repeated rows do not agree."""
    try:
        slots = np.asarray(tenseal.ckks_vector_from(holder.context, ciphertext).decrypt())
    except (ValueError, RuntimeError) as failure:
        raise YurtError(KEY_MISMATCH) from failure
    if slots.shape != (SLOTS,) or not np.isfinite(slots).all() or float(np.abs(slots[:rows]).max()) > SCORE_LIMIT:
        raise YurtError(KEY_MISMATCH)
    apart = np.abs(slots[ROWS:] - slots[np.arange(CHECKS) % rows]).max()
    if apart > 2 * (error + _RELATIVE * float(np.abs(slots).max())):
        raise YurtError(KEY_MISMATCH)
    return np.asarray(slots[:rows])


def error_bound(weights: list[float], feature_bound: float) -> float:
    """Largest absolute error of a score that the noise can cause, without the part relative to the score."""
    # A weight is encoded as a constant polynomial: its rounding moves every slot by at most half a unit of scale.
    total = sum(abs(weight) for weight in weights)
    return total * _FRESH + len(weights) * (_RESCALE + (feature_bound + 1) / SCALE)


def whole_bound(absolute: float, largest_score: float) -> float:
    """The bound with the relative part for scores up to `largest_score`."""
    return absolute + _RELATIVE * largest_score
