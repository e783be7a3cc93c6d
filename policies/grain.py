"""Granularity: how coarse a value derived from a column is, and which is coarser than which."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum


class DateUnit(StrEnum):
    """Calendar units a policy can name."""

    YEAR = "year"
    QUARTER = "quarter"
    MONTH = "month"
    WEEK = "week"
    DAY = "day"


_COARSENESS = {unit: place for place, unit in enumerate(reversed(DateUnit))}


@dataclass(frozen=True, slots=True)
class Bucket:
    """Values known only up to intervals whose bounds are multiples of `width` (0: one cut at zero)."""

    width: Decimal

    def __str__(self) -> str:
        return f"steps of {self.width:f}" if self.width else "one cut"


class Tally(StrEnum):
    """How many rows or values a person has: what tells nothing of the person's identifier but that it is one."""

    TALLY = "tally"


Grain = DateUnit | Bucket | Tally


def at_least(grain: Grain | None, allowed: Grain | None) -> bool:
    """Is `grain` as coarse as `allowed` or coarser; None is the exact value."""
    if allowed is None:
        return True
    if grain is None:
        return False
    if isinstance(grain, Bucket) and isinstance(allowed, Bucket):
        return grain.width % allowed.width == 0
    if isinstance(grain, DateUnit) and isinstance(allowed, DateUnit):
        return _COARSENESS[grain] >= _COARSENESS[allowed]
    return False


def cut(day: date) -> DateUnit:
    """The coarsest unit that begins on `day`: what a comparison with it lets one tell."""
    if day.day == 1:
        if day.month == 1:
            return DateUnit.YEAR
        return DateUnit.QUARTER if day.month in (4, 7, 10) else DateUnit.MONTH
    return DateUnit.WEEK if day.weekday() == 0 else DateUnit.DAY


def day_after(day: date) -> date:
    """The next day; `day` itself at the end of the calendar."""
    return day + timedelta(days=1) if day < date.max else day
