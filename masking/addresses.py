"""Addresses and organisations: where they begin by gazetteer or cue, where they end by house number or legal form."""

import re
from collections.abc import Iterator
from functools import cache

from masking import places
from masking.cues import HAN, Found

NUMERAL = "(?:[0-9A-Za-z]{1,6}(?:[-－#][0-9A-Za-z]{1,5}){0,3}|[一二三四五六七八九十百甲乙丙东西南北]{1,4})"
UNIT = "(?:号楼|号院|号|栋|幢|座|单元|室|层|楼|弄|组|门|户|排|队)"
ANCHOR = re.compile(
    f"{NUMERAL}{UNIT}(?:[0-9]{{2,4}}(?![0-9])(?:室|号|户)?)?(?!线|文|令|公告|文件|会议|通知|案|决定|议案)"
)
RUN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff0-9A-Za-z#·()\u2013 -]+")
STREET = re.compile(
    "(?:路|街|大街|大道|巷|胡同|小区|社区|花园|家园|公寓|苑|府|里|园|城|庄|村|嘎查|苏木|镇|乡|浩特|新居|广场|大厦|中心|湾|郡|庭|坊|腾飞|楼|院|队|屯)[东西南北中]?(?:路|街|段|区|侧)?$"
)
STARTS = re.compile(
    "(?:住址|地址|家住|住在|现居住地|居住地|居住在|居住于|现住址|现住|户籍所在地|户籍地址|户籍地|户籍|户口所在地|位于|坐落于|坐落|送至|寄往"
    "|寄到|搬到|搬至|我家在|家在|我住|住|在|到|至|从|是|为|于|address|addr)[是为在:=于\"' ]{0,3}",
    re.IGNORECASE,
)
STOPS = re.compile("(?:的|了|并|请|因|已|被|把|将|但是|而且|或者|说|称|，)")


@cache
def _heads() -> re.Pattern[str]:
    """What an address may begin with: a province, a city with its suffix, a division of 内蒙古."""
    names = {province.name for province in places.provinces()} | {province.short for province in places.provinces()}
    names |= {
        f"{city}{suffix}" for city in places.words("cities.txt") for suffix in ("市", "地区", "州", "盟", "自治州")
    }
    divisions = [division.name for division in places.divisions().values()]
    names |= {name for name in divisions if len(name) >= 3 and not name.endswith(("街道",))}
    names |= {f"{name.removesuffix('市').removesuffix('盟')}" for name in divisions[1:13]}
    return re.compile("|".join(sorted((re.escape(name) for name in names), key=len, reverse=True)))


MIDDLE = re.compile("(?:市|盟|州|区|县|旗|镇|乡|苏木|街道|省|自治区)")


def addresses(text: str) -> Iterator[Found]:
    """Addresses of street level or deeper; a division alone is no personal address."""
    last_end = 0
    for near in ANCHOR.finditer(text):
        if near.start() < last_end:
            continue
        begin = near.start()
        while begin > last_end and RUN.match(text[begin - 1]):
            begin -= 1
        run = RUN.match(text, begin)
        if run is None:
            continue
        last_end = run.end()
        anchors = list(ANCHOR.finditer(text, run.start(), run.end()))
        index = 0
        while index < len(anchors):
            first = last = anchors[index]
            index += 1
            while (
                index < len(anchors)
                and anchors[index].start() - last.end() <= 12
                and not STARTS.search(text, last.end(), anchors[index].start())
            ):
                last = anchors[index]
                index += 1
            start, score = _start(text, run.start(), first.start(), deep=first is not last)
            if start is not None:
                yield Found(start, last.end(), score)


def _start(text: str, low: int, anchor: int, *, deep: bool) -> tuple[int | None, float]:
    """Where the address before `anchor` begins, and how sure that is."""
    low = max(low, anchor - 48)
    begin = low
    for cue in STARTS.finditer(text, low, anchor):
        if cue.end() < anchor:
            begin = cue.end()
    for head in _heads().finditer(text, low, anchor):
        between = text[head.end() : anchor]
        if (
            not STOPS.search(between)
            and len(between) <= 36
            and (STREET.search(between) or MIDDLE.search(head.group()[-2:] + between) or deep)
        ):
            return head.start(), 0.85
    while begin < anchor and text[begin] in " 的了:=-()·#":
        begin += 1
    body = text[begin:anchor]
    stops = list(STOPS.finditer(body))
    if stops:
        begin, body = begin + stops[-1].end(), body[stops[-1].end() :]
    if (
        2 <= len(body) <= 24
        and STREET.search(body)
        and (deep or re.search("(?:路|街|大街|大道|巷|胡同|小区|嘎查|村)$", body))
    ):
        return begin, 0.65
    return None, 0.0


FORMS = "|".join(places.word_list("company_forms"))
FORM = re.compile(FORMS)
ORG = re.compile(f"(?P<body>(?:{HAN}|[0-9A-Za-z()·]){{2,30}}?)(?:{FORMS})")
ORG_CUT = re.compile(
    "^.*(?:入职于|入职|就职于|任职于|供职于|工作单位|单位名称|公司名称|企业名称|甲方|乙方|丙方|投诉|举报|起诉|诉|购买方|销售方|收款方|付款方|单位|名称|委托|系|在|是|与|和|向|于|由|给|到|被|为|对|及|的|从|把|请|称|让|叫|了|家)"
)


def _bodies(text: str) -> Iterator[re.Match[str]]:
    """What may be a name and its legal form, found from the form backwards."""
    done = 0
    for form in FORM.finditer(text):
        match = ORG.search(text, max(done, form.start() - 30), form.end()) if form.start() >= done else None
        if match is not None:
            done = match.end()
            yield match


def organisations(text: str) -> Iterator[Found]:
    """Companies, co-operatives and shops by their legal form; public bodies are not personal and are left alone."""
    for match in _bodies(text):
        body, start = match["body"], match.start()
        heads = [head for head in _heads().finditer(body) if head.start() > 0 or head.end() < len(body)]
        if heads and len(body) - heads[0].start() >= 3:
            start += heads[0].start()
        else:
            cut = ORG_CUT.match(body)
            if cut is not None and len(body) - cut.end() >= 2:
                start += cut.end()
            elif cut is not None and len(body) - cut.end() < 2:
                continue
        if match.end() - start >= 6 and not re.match("(?:本|该|某|各|一家|这家|多家)", text[start:]):
            yield Found(start, match.end(), 0.75)


CITIES = tuple(city.replace("_", " ") for city in places.word_list("cities_abroad"))
PLACE = re.compile(rf"(?<![A-Za-z])(?:{'|'.join(CITIES)})(?![A-Za-z])")
LIVES = re.compile(
    r"(?:lives? in|living in|resides? in|based in|moved to|located in|home in|from|address:?"
    r"|ship to [A-Z][A-Za-z' -]{3,40},|,)\s*$",
    re.IGNORECASE,
)
LIVES_IN = re.compile(r"(?:lives|living|resides|residing|born) in (?P<v>[A-Z][a-z]+(?: [A-Z][a-z]+)?)")


def locations(text: str) -> Iterator[Found]:
    """Cities a person is said to be in (English text); a city merely mentioned is no personal fact."""
    if re.search("[A-Z]", text) is None:
        return
    for match in LIVES_IN.finditer(text):
        yield Found(match.start("v"), match.end("v"), 0.7)
    for match in PLACE.finditer(text):
        if LIVES.search(text[max(0, match.start() - 48) : match.start()]):
            yield Found(match.start(), match.end(), 0.6)
