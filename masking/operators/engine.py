"""The functions an engine process registers so that keyed and text operators run inside it."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from masking.operators import encrypt, fpe, keyed, surrogate, text

BY_VALUE = frozenset({
    "yurt_redact_text", "yurt_shift_days", surrogate.FUNCTION, encrypt.FUNCTIONS["aes-siv"], *fpe.FUNCTIONS.values(),
    *keyed.PSEUDONYM_FUNCTIONS.values(),
})  # fmt: skip
"""Functions that give equal values for equal ones, so that each distinct value need be masked once only."""


class EngineFunction(NamedTuple):
    """A SQL function over Arrow arrays: `call(*arrays) -> pyarrow.Array`; SQL type names as DuckDB spells them."""

    name: str
    call: Callable[..., Any]
    arguments: list[str]
    returns: str


def engine_functions(keys: Mapping[str, bytes]) -> list[EngineFunction]:
    """Functions closed over `keys` (label -> key, for example a `masking.keys.KeyRing`).

    For DuckDB: `connection.create_function(name, call, arguments, returns, type="arrow")` with its default NULL
    handling. A label without a key raises MASK_NO_KEY. `yurt_pseudonym_sm3` is absent where OpenSSL has no SM3.
    """
    made = [EngineFunction("yurt_redact_text", text.redacted, ["VARCHAR"], "VARCHAR")]
    for algorithm, name in keyed.PSEUDONYM_FUNCTIONS.items():
        if algorithm == "hmac-sm3" and not keyed.SM3_AVAILABLE:
            continue
        pseudonym: Callable[..., Any] = (
            keyed.CodedColumns(keys, keyed.CIPHERS[algorithm])
            if algorithm in keyed.CIPHERS
            else keyed.Keyed(keys, keyed.DIGESTS[algorithm]).pseudonyms
        )
        made.append(EngineFunction(name, pseudonym, ["VARCHAR", "VARCHAR"], "VARCHAR"))
    for cipher, name in fpe.FUNCTIONS.items():
        made.append(EngineFunction(name, fpe.FormatCipher(keys, cipher), ["VARCHAR"] * 3, "VARCHAR"))
    for mode, name in encrypt.FUNCTIONS.items():
        made.append(EngineFunction(name, encrypt.Sealer(keys, mode), ["VARCHAR"] * 2, "VARCHAR"))
    made.append(EngineFunction(surrogate.FUNCTION, surrogate.Surrogates(keys), ["VARCHAR"] * 3, "VARCHAR"))
    shift = keyed.Keyed(keys, "sha256").shift_days
    return [*made, EngineFunction("yurt_shift_days", shift, ["VARCHAR", "INTEGER", "VARCHAR"], "INTEGER")]


def reversing_functions(keys: Mapping[str, bytes]) -> list[EngineFunction]:
    """The same names, leading back: for the holder of the key alone, never registered where others ask."""
    made = []
    for cipher, name in fpe.FUNCTIONS.items():
        call: Callable[..., Any] = fpe.FormatCipher(keys, cipher, decrypting=True)
        made.append(EngineFunction(name, call, ["VARCHAR"] * 3, "VARCHAR"))
    for mode, name in encrypt.FUNCTIONS.items():
        call = encrypt.Sealer(keys, mode, decrypting=True)
        made.append(EngineFunction(name, call, ["VARCHAR"] * 2, "VARCHAR"))
    return made
