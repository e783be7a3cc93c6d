"""Operators that replace the whole value: constant, nullify, redact, keep."""

from pydantic import Field
from sqlglot import exp

from masking.operators.interface import (
    MASKED,
    Arguments,
    Family,
    NoArguments,
    Operator,
    Result,
    literal,
    unless_null,
)


class ConstantArguments(Arguments):
    """The text every value becomes."""

    value: str = Field(MASKED, max_length=200)


class RedactArguments(Arguments):
    """An entity type to leave as a tag, so that a reader knows what stood there."""

    type: str = Field("", pattern=r"^[A-Z0-9_]{0,40}$")


def _constant(column: exp.Expression, args: ConstantArguments) -> exp.Expression:
    return unless_null(column, literal(args.value))


def _redact(column: exp.Expression, args: RedactArguments) -> exp.Expression:
    return unless_null(column, literal(f"<{args.type}>" if args.type else MASKED))


def _nullify(column: exp.Expression, args: NoArguments) -> exp.Expression:
    return exp.null()


def _keep(column: exp.Expression, args: NoArguments) -> exp.Expression:
    return column


CONSTANT = Operator(
    "constant",
    "Every value becomes the same text.",
    Family.SUPPRESSION,
    Result.TEXT,
    ConstantArguments,
    _constant,
    attack="Shows only which values are missing.",
)
REDACT = Operator(
    "redact",
    "The value gives way to *** or to a tag of its type.",
    Family.SUPPRESSION,
    Result.TEXT,
    RedactArguments,
    _redact,
    attack="Shows only which values are missing.",
)
NULLIFY = Operator(
    "nullify",
    "Every value becomes NULL.",
    Family.SUPPRESSION,
    Result.SAME,
    NoArguments,
    _nullify,
    attack="Nothing but the name of the column is left.",
)
KEEP = Operator(
    "keep",
    "The value stays as it is: a decision written down.",
    Family.SUPPRESSION,
    Result.SAME,
    NoArguments,
    _keep,
    reversible=True,
    joinable=True,
    format_kept=True,
    attack="The value is in the open.",
)
