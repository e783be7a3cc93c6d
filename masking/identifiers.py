"""Synthetic residents of 内蒙古: names, numbers and addresses that look right and belong to nobody.

* Identity numbers carry valid check characters (GB 11643-1999) but an **unissued area**: the real prefecture's four
  digits followed by 51 to 70. No county of 内蒙古 has or had such digits in any edition of GB/T 2260 (districts count
  from 01, counties and banners from 21, cities of county level from 81; the statistical zones of the gazetteer from
  71), so no such number was ever given to a person. The true county stands in `county_code`.
* Mobile numbers begin with 142, 143, 154, 161, 164 or 194, prefixes assigned to no operator (list of 2022-07).
* Addresses join real townships to invented streets, villages and house numbers.

Everything follows from `seed` alone, through SHAKE-256, so that any version of any library gives the same table.
"""

import hashlib
import tomllib
from collections.abc import Sequence
from datetime import date, timedelta
from functools import cache

import numpy as np
import pyarrow as pa

from masking import places
from masking.checksums import ID_CHECKS, ID_WEIGHTS
from masking.errors import MASK_TOO_MANY
from store.errors import YurtError

UNISSUED_COUNTY_DIGITS = range(51, 71)
UNASSIGNED_MOBILE_PREFIXES = (142, 143, 154, 161, 164, 194)
MONGOLIAN_SHARE = 0.2
FIRST_BIRTH, LAST_BIRTH = date(1936, 1, 1), date(2007, 12, 31)
LIMIT = 5_000_000


@cache
def _parts() -> dict[str, list[str]]:
    """Lists of name and address parts, by the names of `data/residents.toml`."""
    return {name: text.split() for name, text in tomllib.loads("\n".join(places.lines("residents.toml"))).items()}


def _stream(seed: int, purpose: str, count: int) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """`count` uniform 64-bit numbers that depend on nothing but seed and purpose."""
    return np.frombuffer(hashlib.shake_256(f"yurt/{seed}/{purpose}".encode()).digest(8 * count), dtype="<u8")


def _pick(seed: int, purpose: str, count: int, kinds: int) -> list[int]:
    picked: list[int] = (_stream(seed, purpose, count) % np.uint64(kinds)).tolist()
    return picked


@cache
def _surnames() -> tuple[str, ...]:
    """A hundred frequent surnames, the first ones many times, so that 王 李 张 lead as they do in life."""
    common = places.lines("surnames.txt")[0][:100]
    return tuple(name for rank, name in enumerate(common) for _ in range(max(1, round(60 / (rank + 4)))))


@cache
def _areas() -> tuple[tuple[str, str, str, tuple[str, ...]], ...]:
    """Per county: code, unissued area of its identity numbers, address down to the county, townships."""
    rank: dict[str, int] = {}
    made = []
    table = places.divisions()
    for county in places.counties():
        city = table[county.parent]
        ordinal = rank[city.code] = rank.get(city.code, -1) + 1
        area = f"{city.code}{UNISSUED_COUNTY_DIGITS[ordinal % len(UNISSUED_COUNTY_DIGITS)]}"
        below = tuple(place.name for place in places.townships(county.code)) or ("",)
        made.append((county.code, area, f"{table[places.REGION].name}{city.name}{county.name}", below))
    return tuple(made)


def _names(count: int, seed: int, male: list[bool]) -> list[str]:
    surnames, parts = _surnames(), _parts()
    kinds, first, second = (_pick(seed, purpose, count, 9_999_991) for purpose in ("kind", "name", "given"))
    mongolian = int(9_999_991 * MONGOLIAN_SHARE)
    made = []
    for kind, one, two, man in zip(kinds, first, second, male, strict=True):
        if kind < mongolian:
            tails = parts["male_tails" if man else "female_tails"]
            head, tail = parts["heads"][one % len(parts["heads"])], tails[two % len(tails)]
            made.append(head if kind % 3 == 0 or head == tail else head + tail)
        else:
            given = parts["male_given" if man else "female_given"]
            made.append(surnames[one % len(surnames)] + given[two % len(given)])
    return made


def _id_numbers(areas: list[str], days: list[str], male: list[bool], seed: int) -> list[str]:
    """Unique numbers: within one area, day and sex the sequence counts on from a drawn start, odd for men."""
    used: dict[str, int] = {}
    bodies = []
    for area, day, man, start in zip(areas, days, male, _pick(seed, "sequence", len(areas), 499), strict=True):
        head = area + day
        key = head + "MF"[man]
        turn = used[key] = used.get(key, start - 1) + 1
        bodies.append(f"{head}{2 * (turn % 499) + (1 if man else 2):03d}")
    digits = np.frombuffer("".join(bodies).encode(), dtype=np.uint8).reshape(-1, 17) - ord("0")
    checks = (digits @ np.array(ID_WEIGHTS, dtype=np.int64) % 11).tolist()
    return [body + ID_CHECKS[check] for body, check in zip(bodies, checks, strict=True)]


def _addresses(seed: int, chosen: list[int]) -> list[str]:
    areas, parts, count = _areas(), _parts(), len(chosen)
    streets, estates, villages = parts["streets"], parts["estates"], parts["villages"]
    towns, roads, numbers, rooms = (_pick(seed, part, count, 10_007) for part in ("town", "road", "number", "room"))
    made = []
    for area, town, road, number, room in zip(chosen, towns, roads, numbers, rooms, strict=True):
        _, _, region, below = areas[area]
        place = below[town % len(below)]
        if place.endswith(("镇", "乡", "苏木")):
            settlement = "嘎查" if place.endswith("苏木") or road % 3 == 0 else "村"
            made.append(f"{region}{place}{villages[road % len(villages)]}{settlement}{number % 200 + 1}号")
        else:
            home = f"{room % 30 + 1}号楼{room % 5 + 1}单元{room % 18 + 1}0{room % 4 + 1}室"
            road_name, estate = streets[road % len(streets)], estates[room % len(estates)]
            made.append(f"{region}{place}{road_name}路{number % 200 + 1}号{estate}小区{home}")
    return made


def synthetic_residents(
    count: int, seed: int = 0, *, births: Sequence[date] | None = None, male: Sequence[bool] | None = None
) -> pa.Table:
    """A resident register of `count` rows: id_no (unique), name, phone (unique), address, birth_date (date32),
    gender (男/女), county_code. The same arguments give the same table everywhere; raises MASK_TOO_MANY.

    `births` and `male` (one each per row) fit the register to people whose age and sex are known already.
    """
    if count > LIMIT:
        raise YurtError(MASK_TOO_MANY, limit=LIMIT, what="residents")
    areas = _areas()
    chosen = _pick(seed, "county", count, len(areas))
    male = [bit == 0 for bit in _pick(seed, "gender", count, 2)] if male is None else list(male)
    if births is None:
        span = (LAST_BIRTH - FIRST_BIRTH).days + 1
        births = [FIRST_BIRTH + timedelta(days=day) for day in _pick(seed, "birth", count, span)]
    written = {day: day.strftime("%Y%m%d") for day in set(births)}
    days = [written[day] for day in births]
    step, whole = 271_828_183, len(UNASSIGNED_MOBILE_PREFIXES) * 10**8  # coprime, so no number repeats
    start = _pick(seed, "phone", 1, whole)[0]
    phones = [divmod((start + row * step) % whole, 10**8) for row in range(count)]
    return pa.table(
        {
            "id_no": pa.array(_id_numbers([areas[area][1] for area in chosen], days, male, seed), pa.string()),
            "name": pa.array(_names(count, seed, male), pa.string()),
            "phone": pa.array([f"{UNASSIGNED_MOBILE_PREFIXES[head]}{rest:08d}" for head, rest in phones], pa.string()),
            "address": pa.array(_addresses(seed, chosen), pa.string()),
            "birth_date": pa.array(births, pa.date32()),
            "gender": pa.array(["男" if man else "女" for man in male], pa.string()),
            "county_code": pa.array([areas[area][0] for area in chosen], pa.string()),
        }
    )
