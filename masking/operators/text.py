"""Redaction of free text in a column: whatever the detector finds gives way to a tag of its type."""

from typing import Any

import pyarrow as pa
from sqlglot import exp

from masking.operators.interface import Family, NoArguments, Operator, Result, function, text_of


def _redact_text(column: exp.Expression, args: NoArguments) -> exp.Expression:
    return function("yurt_redact_text", text_of(column))


def redacted(values: Any) -> pa.Array:
    """Each text with its findings replaced; equal texts are read once; NULL stays NULL."""
    from masking.text import mask_all  # the detector loads when a query first needs it

    texts = values.to_pylist()
    distinct = list(dict.fromkeys(text for text in texts if text is not None))
    known = dict(zip(distinct, mask_all(distinct), strict=True))
    return pa.array([None if text is None else known[text] for text in texts], pa.string())


REDACT_TEXT = Operator(
    "redact_text",
    "Identifiers found in free text give way to tags of their type.",
    Family.MASKING,
    Result.TEXT,
    NoArguments,
    _redact_text,
    attack="Detection is not complete: what it misses stays in the text.",
)
