"""The catalogue of masking operators, and the functions an engine needs for the keyed ones."""

from collections.abc import Mapping
from types import MappingProxyType

from masking.operators.encrypt import ENCRYPT, ENCRYPT_SIV
from masking.operators.engine import BY_VALUE, EngineFunction, engine_functions, reversing_functions
from masking.operators.fpe import FPE
from masking.operators.generalise import GENERALISE
from masking.operators.interface import BLOCK, MASKED, Family, Operator, Result
from masking.operators.keyed import DATE_SHIFT, PSEUDONYM
from masking.operators.microaggregate import MICROAGGREGATE
from masking.operators.noise import NOISE
from masking.operators.numbers import BUCKET, ROUND, TOP_CODE
from masking.operators.partial import PARTIAL
from masking.operators.replace import CONSTANT, KEEP, NULLIFY, REDACT
from masking.operators.shuffle import SHUFFLE
from masking.operators.surrogate import SURROGATE
from masking.operators.text import REDACT_TEXT

_ALL = (
    KEEP,
    NULLIFY,
    CONSTANT,
    REDACT,
    PARTIAL,
    GENERALISE,
    BUCKET,
    ROUND,
    TOP_CODE,
    PSEUDONYM,
    FPE,
    ENCRYPT_SIV,
    ENCRYPT,
    SURROGATE,
    DATE_SHIFT,
    REDACT_TEXT,
    NOISE,
    SHUFFLE,
    MICROAGGREGATE,
)
OPERATORS: Mapping[str, Operator] = MappingProxyType({operator.name: operator for operator in _ALL})

__all__ = [
    "BLOCK",
    "BY_VALUE",
    "MASKED",
    "OPERATORS",
    "EngineFunction",
    "Family",
    "Operator",
    "Result",
    "engine_functions",
    "reversing_functions",
]
