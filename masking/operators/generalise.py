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

Level = Literal[
    "province", "city", "county", "age", "year", "quarter", "month", "week", "day", "ip", "icd", "icd_chapter"
]
DATE_UNITS = ("year", "quarter", "month", "week", "day")
CODE_DIGITS = {"province": 2, "city": 4, "county": 6}
CODE = "[1-9][0-9](?:[0-9]{2}){0,2}|[1-9][0-9]{8}|[1-9][0-9]{11}|[1-9][0-9]{16}[0-9Xx]"

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
IPV4 = f"{_OCTET}(?:[.]{_OCTET}){{3}}"
IPV6 = "(?:[0-9A-Fa-f]{1,4}:){3}[0-9A-Fa-f:]{1,24}"
ICD = "[A-Za-z][0-9]{2}(?:[.]?[0-9xX]{1,4}[+*]?)?|[A-Za-z][0-9]{2}[+*]"
ICD_CHAPTERS = (  # ICD-10 as in GB/T 14396-2016
    "A00-B99", "C00-D48", "D50-D89", "E00-E90", "F00-F99", "G00-G99", "H00-H59", "H60-H95", "I00-I99", "J00-J99",
    "K00-K93", "L00-L99", "M00-M99", "N00-N99", "O00-O99", "P00-P96", "Q00-Q99", "R00-R99", "S00-T98", "U00-U99",
    "V01-Y98", "Z00-Z99",
)  # fmt: skip


class GeneraliseArguments(Arguments):
    """`level`: province, city, county (of a division code, identity number or address), age (bands of `width` years,
    `top` and above together), a date unit, ip (the /24 of an IPv4 address, the /48 of an IPv6 one), icd (the category
    of an ICD-10 code, E11 of E11.901) or icd_chapter (E00-E90)."""

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
    """Prefixes of addresses; an IPv6 address that shortens its first three groups is malformed here, so hidden."""
    four = exp.RegexpExtract(this=text_of(column), expression=literal(r"^[0-9]+[.][0-9]+[.][0-9]+"))
    six = exp.RegexpExtract(this=text_of(column), expression=literal("^[0-9A-Fa-f]+:[0-9A-Fa-f]+:[0-9A-Fa-f]+"))
    return cases(
        column,
        (matches(column, IPV4), joined(four, literal(".0/24"))),
        (matches(column, IPV6), joined(six, literal("::/48"))),
    )


def _icd(column: exp.Expression, *, chapter: bool) -> exp.Expression:
    code = exp.Upper(this=exp.Left(this=text_of(column), expression=number(3)))
    well_formed = matches(column, ICD)
    if not chapter:
        return cases(column, (well_formed, code))
    return cases(
        column,
        *(
            (
                exp.And(
                    this=well_formed.copy(),
                    expression=exp.Between(this=code.copy(), low=literal(name[:3]), high=literal(name[4:])),
                ),
                literal(name),
            )
            for name in ICD_CHAPTERS
        ),
    )


def _generalise(column: exp.Expression, args: GeneraliseArguments) -> exp.Expression:
    if args.level in DATE_UNITS:
        return _date(column, args.level)
    if args.level == "age":
        return _age(column, args.width, args.top)
    if args.level in {"icd", "icd_chapter"}:
        return _icd(column, chapter=args.level == "icd_chapter")
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
