"""Noise on the numbers of a file, drawn by OpenDP and by nothing else.

Additive: value + noise; relative: value * (1 + noise). Laplace noise of a scale has the standard deviation 1.41 times
the scale, Gaussian noise the scale itself. OpenDP rounds what it gives to a grid, so that the low bits of a result do
not tell the value (Mironov 2012).
"""

from typing import Any, Literal, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field, model_validator

from masking.noise import noisy_numbers
from masking.operators.interface import Arguments, Family, Operator, Result, no_expression
from masking.operators.vectors import numbers_of, numbers_where


class NoiseArguments(Arguments):
    """`scale` of the noise, in units of the column, or as a share of each value if `relative`; `distribution`: laplace
    or gaussian; results beyond `low` and `high` become these."""

    scale: float = Field(gt=0, le=1e12, allow_inf_nan=False)
    relative: bool = False
    distribution: Literal["laplace", "gaussian"] = "laplace"
    low: float | None = Field(None, allow_inf_nan=False)
    high: float | None = Field(None, allow_inf_nan=False)

    @model_validator(mode="after")
    def _sane(self) -> Self:
        if self.relative and self.scale > 10:
            raise ValueError("a share above 10 leaves nothing of the value")
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError("low is not below high")
        return self


def _noisy(values: NDArray[np.float64], args: NoiseArguments) -> NDArray[np.float64]:
    if args.relative:
        return values * (1 + noisy_numbers(np.zeros(len(values)), args.scale, args.distribution))
    return noisy_numbers(values, args.scale, args.distribution)


def _over(rows: pa.Table, column: str, args: Any) -> pa.Array:
    values, good = numbers_of(rows[column])
    made = _noisy(values[good], args)
    return numbers_where(good, np.clip(made, args.low, args.high) if (args.low, args.high) != (None, None) else made)


NOISE = Operator(
    "noise",
    "A number is moved by random noise of a given size.",
    Family.NOISE_ADDITION,
    Result.NUMBER,
    NoiseArguments,
    no_expression,
    format_kept=True,
    attack="Extreme values stay extreme, and several files made of one column average out: make one. It is no "
    "differential privacy; that is release mode dp.",
    over=_over,
)
