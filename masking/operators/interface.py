"""The one interface behind which every masking operator stands.

An operator is data (what it promises) plus one builder that turns a column expression into a masked expression. The
expression is pushed into the engine below filters and joins, so whoever asks only ever meets masked values.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, ValidationError
from sqlglot import exp

from masking.errors import MASK_BAD_ARGUMENTS, MASK_FILES_ONLY
from store.errors import YurtError

MASKED = "***"
"""What stands for a value that is hidden completely, malformed values included."""


class Family(StrEnum):
    """Technique families of ISO/IEC 20889:2018 (its clause 8 to 10 headings)."""

    SUPPRESSION = "suppression"
    CRYPTOGRAPHIC = "cryptographic tools"
    MASKING = "masking (partial suppression of a value)"
    GENERALISATION = "generalization"
    ROUNDING = "rounding"
    TOP_BOTTOM_CODING = "top and bottom coding"
    PSEUDONYMISATION = "pseudonymization"
    RANDOMISATION = "randomization"
    NOISE_ADDITION = "randomization: noise addition"
    PERMUTATION = "randomization: permutation"
    MICROAGGREGATION = "randomization: microaggregation"


class Result(StrEnum):
    """SQL type of a masked column."""

    TEXT = "VARCHAR"
    DATE = "DATE"
    NUMBER = "DOUBLE"
    SAME = "as the column"


class Arguments(BaseModel):
    """Base of all argument models: frozen, unknown names refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def beside(self) -> tuple[str, ...]:
        """Other columns of the table that the operator reads."""
        return ()


class NoArguments(Arguments):
    """For operators that take nothing."""


def no_expression(column: exp.Expression, args: Any) -> exp.Expression:
    """The builder of operators that work on files alone."""
    raise YurtError(MASK_FILES_ONLY, name=type(args).__name__)


class Builder(Protocol):
    """Turns a column expression and checked arguments into the masked expression."""

    def __call__(self, column: exp.Expression, args: Any, /) -> exp.Expression: ...


class OverBlock(Protocol):
    """Masks one column of a block of consecutive rows (`BLOCK` or more of them, or the whole table).

    `rows` holds the column and those `Arguments.beside` names, with the types of the file; the result is as long.
    """

    def __call__(self, rows: pa.Table, column: str, args: Any, /) -> pa.Array: ...


BLOCK = 32_768
"""Rows a file is masked by at once, where an operator has to see values together."""


@dataclass(frozen=True, slots=True)
class Operator:
    """One masking operator. NULL stays NULL; a value of unexpected form becomes `MASKED` (or NULL where not text)."""

    name: str
    summary: str
    family: Family
    result: Result
    arguments: type[Arguments]
    build: Builder
    reversible: bool = False  # can the holder of the key or table get the value back
    joinable: bool = False  # equal inputs (under one label) give equal outputs, and distinct ones stay distinct
    format_kept: bool = False  # does the output still look like the input's type
    keyed: bool = False  # needs `engine_functions(keys)` in the engine
    attack: str = ""  # what someone who knows more may still learn
    over: OverBlock | None = None  # draws or mixes values: for files alone, where it happens once
    results: Mapping[str, Result] = field(default_factory=dict)  # where the argument `level` changes the SQL type

    @property
    def pushed_down(self) -> bool:
        """True when the engine needs no function of ours: plain SQL only."""
        return not self.keyed and self.name != "redact_text" and self.over is None

    @property
    def files_only(self) -> bool:
        """True where a query must not use it: each question would draw anew, and many together undo the mask."""
        return self.over is not None

    def parse(self, args: Mapping[str, object] | None = None) -> Arguments:
        """Checked arguments; raises MASK_BAD_ARGUMENTS naming the argument, never its value."""
        try:
            return self.arguments.model_validate(dict(args or {}))
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "arguments"
            raise YurtError(
                MASK_BAD_ARGUMENTS,
                name=self.name,
                why=f"{where}: {first['type']}",
                takes=", ".join(self.arguments.model_fields) or "no arguments",
            ) from None

    def gives(self, args: Mapping[str, object] | None = None) -> Result:
        """SQL type of the masked column under these arguments; raises MASK_BAD_ARGUMENTS."""
        return self.results.get(str(getattr(self.parse(args), "level", "")), self.result)

    def sql(self, column: exp.Expression, args: Mapping[str, object] | None = None) -> exp.Expression:
        """The masked expression over `column` (which is copied, never changed).

        Raises MASK_BAD_ARGUMENTS, and MASK_FILES_ONLY for an operator that no expression can stand for.
        """
        if self.over is not None:
            raise YurtError(MASK_FILES_ONLY, name=self.name)
        return self.build(column.copy(), self.parse(args))


def text_of(column: exp.Expression) -> exp.Expression:
    """`column` as text."""
    return exp.cast(column.copy(), "text")


def literal(value: str) -> exp.Literal:
    """A SQL text literal, quoted by the generator."""
    return exp.Literal.string(value)


def number(value: float) -> exp.Expression:
    """A SQL number; negative ones as a negation, since a literal has no sign."""
    plain = exp.Literal.number(repr(abs(value)))
    return exp.Neg(this=plain) if value < 0 else plain


def unless_null(column: exp.Expression, masked: exp.Expression) -> exp.Expression:
    """NULL where `column` is NULL, else `masked`."""
    return exp.Case(ifs=[_null_first(column)], default=masked)


def _null_first(column: exp.Expression) -> exp.If:
    return exp.If(this=exp.Is(this=column.copy(), expression=exp.null()), true=exp.null())


def cases(column: exp.Expression, *branches: tuple[exp.Expression, exp.Expression]) -> exp.Expression:
    """NULL for NULL, then the first branch whose condition holds, else `MASKED`."""
    ifs = [_null_first(column), *(exp.If(this=condition, true=value) for condition, value in branches)]
    return exp.Case(ifs=ifs, default=literal(MASKED))


def matches(column: exp.Expression, pattern: str) -> exp.Expression:
    """Does the whole text of `column` match (RE2, POSIX and Java read these patterns alike)."""
    return exp.RegexpLike(this=text_of(column), expression=literal(f"^(?:{pattern})$"))


def joined(*parts: exp.Expression) -> exp.Expression:
    """The parts put together with `||`."""
    whole = parts[0]
    for part in parts[1:]:
        whole = exp.DPipe(this=whole, expression=part, safe=True)
    return whole


def function(name: str, *arguments: exp.Expression) -> exp.Expression:
    """A call of an engine function of ours, by its lower-case name."""
    return exp.Anonymous(this=name, expressions=list(arguments))
