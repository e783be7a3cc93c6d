"""Divisions: 内蒙古 from region to township, provinces and cities of the country, and what addresses are built from."""

import csv
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

REGION = "15"


def lines(name: str) -> list[str]:
    """Lines of a data file of this package."""
    return resources.files("masking").joinpath("data", name).read_text("utf-8").splitlines()


@cache
def words(name: str) -> tuple[str, ...]:
    """Blank-separated words of a data file, each once, in the order of the file."""
    return tuple(dict.fromkeys(word for line in lines(name) for word in line.split()))


@cache
def word_list(name: str) -> tuple[str, ...]:
    """A list of `data/words.toml` by its name."""
    return tuple(tomllib.loads("\n".join(lines("words.toml")))[name].split())


@dataclass(frozen=True, slots=True)
class Division:
    """One division: GB/T 2260 code (2, 4 or 6 digits; 9 for a township), name, code of the one above ('' for none)."""

    code: str
    name: str
    parent: str


@dataclass(frozen=True, slots=True)
class Province:
    """A province: its two digits, full and short name, and the character its plates begin with."""

    code: str
    name: str
    short: str
    plate: str


@cache
def divisions() -> dict[str, Division]:
    """Divisions of 内蒙古 by code."""
    rows = csv.DictReader(lines(f"divisions_{REGION}.csv"))
    return {row["code"]: Division(row["code"], row["name"], row["parent"]) for row in rows}


@cache
def provinces() -> tuple[Province, ...]:
    """All 34 provinces."""
    return tuple(Province(**row) for row in csv.DictReader(lines("provinces.csv")))


@cache
def province_codes() -> frozenset[str]:
    """First two digits an identity number may begin with; 83 stands for 台湾 on residence permits."""
    return frozenset(province.code for province in provinces()) | {"83"}


@cache
def plate_characters() -> str:
    """The characters that begin a plate of the mainland."""
    return "".join(province.plate for province in provinces() if province.code < "70")


@cache
def counties() -> tuple[Division, ...]:
    """Counties, banners, districts and cities of county level of 内蒙古."""
    return tuple(division for division in divisions().values() if len(division.code) == 6)


@cache
def townships(county: str) -> tuple[Division, ...]:
    """Townships of a county by its code."""
    return tuple(division for division in divisions().values() if division.parent == county)


@cache
def place_names() -> frozenset[str]:
    """Every name that is a place and therefore no person: provinces, cities, divisions; down to the county also
    without suffix (a township's short name, such as 额尔敦, is as often a person's)."""
    names = {division.name for division in divisions().values()} | set(words("cities.txt"))
    names |= {province.name for province in provinces()} | {province.short for province in provinces()}
    for name in [division.name for division in divisions().values() if len(division.code) <= 6]:
        for suffix in ("自治区", "市", "盟", "旗", "县", "区"):
            if name.endswith(suffix) and len(name) - len(suffix) >= 2:
                names.add(name.removesuffix(suffix))
    return frozenset(names)
