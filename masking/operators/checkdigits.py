"""Check characters of `masking.checksums` for whole columns: arrays of ASCII codes, one row per value."""

import numpy as np
from numpy.typing import NDArray

from masking.checksums import ID_CHECKS, ID_WEIGHTS, ORG_WEIGHTS, USCC_ALPHABET, USCC_WEIGHTS

Codes = NDArray[np.uint8]
"""(N, length) ASCII codes."""

_ID_CHECKS = np.frombuffer(ID_CHECKS.encode(), np.uint8)
_ORG_CHECKS = np.frombuffer(b"0X987654321", np.uint8)
_USCC = np.frombuffer(USCC_ALPHABET.encode(), np.uint8)
_USCC_VALUES = np.zeros(256, np.int64)
_USCC_VALUES[_USCC] = range(len(_USCC))
_BASE_36 = np.zeros(256, np.int64)
_BASE_36[np.frombuffer(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", np.uint8)] = range(36)


def id_check(body: Codes) -> Codes:
    """Last character of identity numbers (GB 11643-1999) from their 17 digits."""
    checks: Codes = _ID_CHECKS[(body.astype(np.int64) - 48) @ np.array(ID_WEIGHTS) % 11]
    return checks


def luhn_check(body: Codes) -> Codes:
    """Last digit of a card number (ISO/IEC 7812-1 annex B) from the digits before it."""
    digits = body.astype(np.int64)[:, ::-1] - 48
    doubled = digits[:, ::2] * 2
    total = (doubled - 9 * (doubled > 9)).sum(axis=1) + digits[:, 1::2].sum(axis=1)
    checks: Codes = ((-total) % 10 + 48).astype(np.uint8)
    return checks


def org_check(body: Codes) -> Codes:
    """Last character of an organisation code (GB 11714-1997) from its first eight."""
    checks: Codes = _ORG_CHECKS[_BASE_36[body] @ np.array(ORG_WEIGHTS) % 11]
    return checks


def uscc_check(body: Codes) -> Codes:
    """Last character of a unified social credit code (GB 32100-2015) from the 17 before it."""
    total = _USCC_VALUES[body] @ np.array(USCC_WEIGHTS)
    checks: Codes = _USCC[(31 - total % 31) % 31]
    return checks
