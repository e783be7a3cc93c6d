"""Operators that make a value coarser: division levels, age bands, date units, address and network prefixes."""

from typing import Literal

from pydantic import Field
from sqlglot import exp

from masking.operators.interface import (
    Arguments,
    Family,
    Operator,
    Result,
    cases,
    joined,
    literal,
    matches,
    number,
    text_of,
)
from masking.operators.presets import region_pattern

Level = Literal["province", "city", "county", "age", "year", "quarter", "month", "week", "day", "ip"]
DATE_UNITS = ("year", "quarter", "month", "week", "day")
CODE_DIGITS = {"province": 2, "city": 4, "county": 6}
CODE = "[1-9][0-9](?:[0-9]{2}){0,2}|[1-9][0-9]{8}|[1-9][0-9]{11}|[1-9][0-9]{16}[0-9Xx]"


class GeneraliseArguments(Arguments):
    """`level`: province, city, county (of a division code, identity number or address), age (bands of `width` years,
    `top` and above together), a date unit, or ip (the /24 of an IPv4 address)."""

    level: Level
    width: int = Field(10, ge=2, le=50)
    top: int = Field(90, ge=50, le=120)


def _division(column: exp.Expression, level: str) -> exp.Expression:
    code = exp.Left(this=text_of(column), expression=number(CODE_DIGITS[level]))
    pattern = region_pattern(level)
    region = exp.RegexpExtract(this=text_of(column), expression=literal(pattern))
    named = exp.RegexpLike(this=text_of(column), expression=literal(pattern))
    return cases(column, (matches(column, CODE), code), (named, region))


def _age(column: exp.Expression, width: int, top: int) -> exp.Expression:
    age = exp.TryCast(this=text_of(column), to=exp.DataType.build("int"))
    band = exp.cast(exp.Floor(this=exp.Div(this=age, expression=number(width))), "int")
    floor = exp.Mul(this=band, expression=number(width))
    low = exp.cast(floor, "text")
    high = exp.cast(exp.Add(this=floor.copy(), expression=number(width - 1)), "text")
    old = exp.GTE(this=age.copy(), expression=number(top))
    sane = exp.Between(this=age.copy(), low=number(0), high=number(150))
    return cases(
        column,
        (exp.And(this=old, expression=sane.copy()), literal(f"{top}+")),
        (sane, joined(low, literal("-"), high)),
    )


def _date(column: exp.Expression, unit: str) -> exp.Expression:
    day = exp.TryCast(this=column, to=exp.DataType.build("date"))
    truncated: exp.Expression = exp.DateTrunc(this=day, unit=literal(unit))  # type: ignore[no-untyped-call]
    return exp.cast(truncated, "date")


def _ip(column: exp.Expression) -> exp.Expression:
    head = exp.RegexpExtract(this=text_of(column), expression=literal(r"^[0-9]+[.][0-9]+[.][0-9]+"))
    return cases(column, (matches(column, r"[0-9]{1,3}(?:[.][0-9]{1,3}){3}"), joined(head, literal(".0/24"))))


def _generalise(column: exp.Expression, args: GeneraliseArguments) -> exp.Expression:
    if args.level in DATE_UNITS:
        return _date(column, args.level)
    if args.level == "age":
        return _age(column, args.width, args.top)
    return _ip(column) if args.level == "ip" else _division(column, args.level)


GENERALISE = Operator(
    "generalise",
    "The value gives way to the group it belongs to: county, age band, month, network.",
    Family.GENERALISATION,
    Result.TEXT,
    GeneraliseArguments,
    _generalise,
    attack="Small groups still single people out: measure k with `yurt mask risk`.",
    results=dict.fromkeys(DATE_UNITS, Result.DATE),
)
