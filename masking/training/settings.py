"""Invented addresses and organisations, common words, numbers: what stands in the slots of the sentences."""

import random
from functools import cache

from babel import Locale

from masking import places
from masking.training.people import han, named_word, parts, person, surname_words

HAN_NUMBERS = "一二三四五六七八九十"


@cache
def foreign_words() -> list[str]:
    """Countries, languages, currencies and cities of the world in Chinese (Unicode CLDR): they sound like names."""
    locale = Locale("zh")
    words = {*locale.territories.values(), *locale.languages.values(), *locale.currencies.values()}
    words |= {zone["city"] for zone in locale.time_zones.values() if "city" in zone}
    return sorted(word for word in words if all("一" <= letter <= "鿿" for letter in word))


@cache
def divisions() -> list[tuple[str, str, str]]:
    """City, county and township of every township of 内蒙古."""
    table = places.divisions()
    rows = [row for row in table.values() if len(row.code) == 9]
    return [(table[table[row.parent].parent].name, table[row.parent].name, row.name) for row in rows]


def _number(draw: random.Random) -> str:
    kind = draw.random()
    if kind < 0.08:
        return draw.choice(["甲", "乙", "东", "西"]) + str(draw.randint(1, 99))
    if kind < 0.16:
        return f"{draw.randint(1, 200)}-{draw.randint(1, 30)}"
    if kind < 0.2:
        return draw.choice(HAN_NUMBERS)
    return str(draw.randint(1, 999))


def _home(draw: random.Random) -> str:
    """What follows the estate: house, entrance, room."""
    house, entrance, room = draw.randint(1, 40), draw.randint(1, 6), draw.randint(1, 30) * 100 + draw.randint(1, 12)
    han_house, han_entrance = draw.choice(HAN_NUMBERS), draw.choice("一二三四")
    unit = draw.choice(["栋", "号楼", "号楼", "幢", "座", "#楼"])
    return draw.choice(
        [
            f"{house}{unit}{entrance}单元{room}室", f"{house}{unit}{entrance}单元{room}", f"{house}{unit}{room}室",
            f"{house}{unit}{room}", f"{house}-{entrance}-{room}", f"{house}{unit}", f"{draw.choice('ABCDE')}座{room}",
            f"{draw.choice('ABCDE')}区{house}号楼{entrance}单元{draw.randint(1, 30)}层{draw.choice('东西中')}户",
            f"{han_house}{unit}{han_entrance}单元{draw.choice(HAN_NUMBERS)}楼{draw.choice(['东户', '西户', '中门'])}",
            f"{house}{unit}{entrance}门{room}室", f"{house}排{entrance}号",
        ]
    )  # fmt: skip


def address(draw: random.Random) -> str:
    """From division to room; any outer part may be missing, the number or the home is there."""
    lists = parts("places")
    region, kind = "", draw.random()
    if kind < 0.45:
        city, county, town = draw.choice(divisions())
        region = draw.choice(["内蒙古自治区", "内蒙古", "", ""]) + draw.choice([city, city, ""]) + county
        town = town if draw.random() < 0.5 else ""
    else:
        province = draw.choice(places.provinces())
        city = draw.choice(places.words("cities.txt"))
        region = draw.choice([province.name, province.short, "", ""]) + city + draw.choice(["市", "市", "市", ""])
        region += draw.choice([*lists["districts"], *lists["counties"]]) if draw.random() < 0.85 else ""
        town = draw.choice(lists["towns"]) if draw.random() < 0.3 else ""
    if draw.random() < 0.22:
        region = town = ""
    region = region if draw.random() < 0.95 else draw.choice([*lists["districts"], *lists["counties"]])
    if town.endswith(("苏木", "乡", "镇")) and draw.random() < 0.7:
        place = draw.choice(lists["villages"]) + (
            "嘎查" if town.endswith("苏木") else draw.choice(["村", "村", "嘎查"])
        )
        tail = draw.choice(
            [
                f"{draw.randint(1, 12)}组{_number(draw)}号",
                f"{_number(draw)}号",
                f"{draw.choice(HAN_NUMBERS)}组",
                "",
                f"{draw.randint(1, 9)}社{_number(draw)}号",
            ]
        )
        return region + town + place + tail
    street = draw.choice(lists["streets"]) + draw.choice(lists["road_kinds"])
    estate = draw.choice(lists["estates"])
    estate += (
        ""
        if estate.endswith(("苑", "园", "广场", "城")) and draw.random() < 0.5
        else draw.choice(lists["estate_kinds"])
    )
    kind = draw.random()
    if kind < 0.35:
        return f"{region}{town}{street}{_number(draw)}号"
    if kind < 0.62:
        return f"{region}{town}{street}{_number(draw)}号{estate}{_home(draw)}"
    if kind < 0.85:
        return f"{region}{town}{estate}{_home(draw)}"
    if kind < 0.93:
        return f"{region}{town}{street}{estate}{_home(draw)}"
    return f"{region}{street}与{draw.choice(lists['streets'])}路交汇处{estate}{_home(draw)}"


def organisation(draw: random.Random) -> str:
    """A company, co-operative or shop with its legal form."""
    lists = parts("places")
    city, county, _ = draw.choice(divisions())
    place = draw.choice(
        [
            "内蒙古",
            "内蒙古",
            city,
            city.rstrip("市盟"),
            county,
            city + county,
            draw.choice(places.words("cities.txt")),
            draw.choice(places.words("cities.txt")) + "市",
            "",
        ]
    )
    brand = draw.choice(lists["brands"])
    if draw.random() < 0.35:
        brand = draw.choice(brand) + draw.choice(draw.choice(lists["brands"]))
    if draw.random() < 0.06:
        brand = han(draw)
    kind = draw.random()
    if kind < 0.62:
        form = draw.choice(lists["forms"])
        middle = draw.choice(["", "", "", "", "(集团)", f"({city.rstrip('市盟')})"])
        branch = draw.choice(["", "", "", "", "", f"{county}分公司", f"{city.rstrip('市盟')}分公司"])
        return f"{place}{brand}{draw.choice(lists['trades'])}{middle}{form}{branch}"
    if kind < 0.75:
        form = draw.choice(["专业合作社", "合作社", "农民专业合作社", "牧民专业合作社"])
        return f"{place}{brand}{draw.choice(lists['coops'])}{form}"
    if kind < 0.94:
        name = draw.choice([*lists["shops"], brand])
        return f"{draw.choice([county, place, ''])}{name}{draw.choice(lists['small_forms'])}"
    return f"{place or '内蒙古'}{brand}{draw.choice(lists['offices'])}"


def day(draw: random.Random) -> str:
    """A date in one of the usual spellings."""
    year, month, date = draw.randint(1950, 2026), draw.randint(1, 12), draw.randint(1, 28)
    return draw.choice(
        [
            f"{year}年{month}月{date}日",
            f"{year}-{month:02d}-{date:02d}",
            f"{year}.{month}.{date}",
            f"{month}月{date}日",
            f"{year}年{month}月",
            f"{year}年",
        ]
    )


def slot(name: str, draw: random.Random) -> str:
    """What stands for a slot that is no entity."""
    lists = parts("vocabulary")
    if name == "w":
        kind = draw.random()
        if kind < 0.35:
            return draw.choice(places.words("words.txt"))
        return draw.choice(lists[draw.choice("wwnva")])
    if name in lists:
        return draw.choice(lists[name])
    if name == "place":
        city, county, town = draw.choice(divisions())
        lists = parts("places")
        return draw.choice(
            [
                city,
                county,
                town,
                city + county,
                city.rstrip("市盟"),
                draw.choice(lists["towns"]),
                draw.choice(lists["villages"]),
                draw.choice(lists["streets"]),
                draw.choice(places.words("cities.txt")),
                draw.choice(places.words("cities.txt")) + "市",
                draw.choice(places.provinces()).short,
                draw.choice(lists["districts"]),
            ]
        )
    if name == "foreign":
        return draw.choice(foreign_words())
    if name == "tel":
        return "1" + draw.choice("3456789") + "".join(draw.choices("0123456789", k=9))
    if name == "id":
        return "".join(draw.choices("0123456789", k=17)) + draw.choice("0123456789X")
    if name == "num":
        return str(draw.randint(1, 10 ** draw.randint(1, 12)))
    if name == "code":
        return "".join(draw.choices("ABCDEFGHKLMNPSTWXYZ0123456789-", k=draw.randint(3, 14)))
    if name == "age":
        return str(draw.randint(1, 99))
    if name == "money":
        return f"{draw.randint(1, 9999)}{draw.choice(['元', '万元', '亿元', '.5万元', '0000元'])}"
    if name == "date":
        return day(draw)
    if name == "c":
        return draw.choice(places.words("common.txt"))
    if name == "cs":
        return draw.choice(surname_words())
    if name == "pl":
        return draw.choice(places.words("places.txt")) if draw.random() < 0.5 else slot("place", draw)
    if name == "also":
        return draw.choice(parts("contexts")["also"])
    if name == "xing":
        return draw.choice(_frequent_surnames())
    if name in {"tit", "call"}:
        return draw.choice(parts("contexts")["titles" if name == "tit" else "calls"])
    if name == "namesake":
        return draw.choice((han, han, person))(draw) + draw.choice(parts("contexts")["namesakes"])
    raise KeyError(name)


@cache
def _frequent_surnames() -> str:
    """The surnames most people bear, the first hundred twice as often."""
    first = places.lines("surnames.txt")[0]
    return first[:100] + first


ENTITIES = {
    "per": ("PERSON", person),
    "perw": ("PERSON", named_word),
    "adr": ("ADDRESS", address),
    "org": ("ORG", organisation),
}
