"""Rules for ways to reach a person, for money, vehicles, devices and days of birth."""

import ipaddress
import re

from masking import checksums
from masking.entities import EntityType as T
from masking.patterns import AMOUNT, RIGHT, Rule, cue_pattern, rule_pattern
from masking.places import plate_characters

HAN_DIGITS = str.maketrans("零〇一二三四五六七八九幺两", "00123456789" + "12")


def _union_pay(value: str) -> bool:
    return value.startswith(("62", "60", "9")) and len(value) >= 15


def _any_card(value: str) -> bool:
    return value[0] in "34569" and len(value) >= 13


def _credit(value: str) -> bool:
    lengths = {"4": (13, 16, 19), "5": (16,), "3": (14, 15, 16), "2": (16,), "6": (16, 17, 18, 19)}
    return len(value) in lengths.get(value[0], ())


def _spoken_mobile(value: str) -> bool:
    return re.fullmatch(r"1[3-9][0-9]{9}", value.translate(HAN_DIGITS)) is not None


def _plate(value: str) -> bool:
    body = value[2:].removesuffix("应急")
    letters = sum(letter.isascii() and letter.isalpha() for letter in body)
    return sum(letter.isdigit() for letter in body) >= 2 and letters <= 3


def _ip_v4(value: str) -> bool:
    return all(int(part) <= 255 and (part == "0" or part[0] != "0") for part in value.split("."))


def _ip_v6(value: str) -> bool:
    try:
        ipaddress.IPv6Address(value)
    except ValueError:
        return False
    return len(value) >= 7 and sum(bool(group) for group in value.split(":")) >= 2


def _ssn(value: str) -> bool:
    area, group, serial = value.split("-")
    return area not in {"000", "666"} and area < "900" and group != "00" and serial != "0000"


def _world_phone(value: str) -> bool:
    digits = "".join(letter for letter in value if letter.isdigit())
    return 8 <= len(digits) <= 15 and not digits.startswith("86")


def _day(value: str) -> bool:
    """A real day or month; two-digit years and words for months pass."""
    numbers = re.findall(r"[0-9]+", value)
    if len(numbers) == 1 and len(numbers[0]) == 8:
        return checksums.calendar_day(numbers[0])
    if len(numbers) == 3 and len(numbers[0]) == 4:
        return checksums.calendar_day(f"{numbers[0]}{int(numbers[1]):02d}{int(numbers[2]):02d}")
    return True


def _spoken(value: str) -> str:
    return re.sub("[ ，、-]", "", value)


def _mixed(value: str) -> bool:
    """Letters and digits: every manufacturer's code has a letter, every number of a vehicle a digit."""
    return not value.isalpha() and not value.isdigit()


def _no_label(value: str) -> bool:
    return value.lower() not in {"wechat", "weixin"}


def same(value: str) -> str:
    """The value as it stands."""
    return value


PREFIX_86 = r"(?:[(]?(?:[+]|00)?86[)]?[- ]?)?"
MOBILE = rf"{PREFIX_86}1[3-9][0-9](?:[ -]?[0-9]{{4}}){{2}}"
MOBILE_ODD = rf"{PREFIX_86}1[ -]?[3-9](?:[ -]?[0-9]){{9}}|1[3-9][0-9][.][0-9]{{4}}[.][0-9]{{4}}"
MOBILE_LEFT = r"(?<![0-9A-Za-z+])(?<![0-9][.])(?<![A-Z]{2}-)(?<!#)(?<!No[.])(?<!NO[.])(?<!№)"
COUNTED = "(?!号(?![码主机]))"
"""13800138000号 numbers a paper or a room."""
HAN_DIGIT = "[零〇一二三四五六七八九幺两]"
NO_HAN_NUMBER = "[零〇一二三四五六七八九十百千]"
MOBILE_SPOKEN = f"(?<!{NO_HAN_NUMBER})(?P<v>[一幺][三四五六七八九](?:[ ，、-]?{HAN_DIGIT}){{9}})(?!{NO_HAN_NUMBER})"
AREA_CODE = "0(?:10|2[0-9]|[3-9][0-9]{2})"
LANDLINE = rf"(?:[(]{AREA_CODE}[)] ?|{AREA_CODE}[- ])[2-8][0-9]{{6,7}}(?:(?:-|转| 转 ?)[0-9]{{1,5}})?"
LANDLINE_86 = (
    r"[(]?(?:[+]|00)?86[)]?[- ]?[(]?0?(?:10|2[0-9]|[3-9][0-9]{2})[)]?[- ]?[2-8][0-9]{6,7}(?:(?:-|转| 转 ?)[0-9]{1,5})?"
)
LANDLINE_ABROAD = LANDLINE_86.replace("(?:[+]|00)?86", "(?:[+]|00)86", 1)
WORLD_PHONE = r"[+](?!86)[1-9][0-9]{0,2}[ -]?(?:[(]?[0-9]{1,4}[)]?[ -]?){1,4}[0-9]{2,4}"
US_PHONE = r"(?:[(][2-9][0-9]{2}[)] ?|[2-9][0-9]{2}[-. ])[0-9]{3}[-. ][0-9]{4}"
IBAN = r"[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?"
NO_CLOUD = "".join(
    f"(?<!{name})" for name in ("阿里", "华为", "腾讯", "百度", "天翼", "移动", "联通", "京东", "金山", "电信")
)
"""阿里云C12345 is a machine, not a car of 云南."""
PLATE_BODY = (
    "(?:[A-HJ-NP-Z0-9]{4}(?:[A-HJ-NP-Z0-9挂学警港澳领使]|应急)|[DFABCEGHJK][A-HJ-NP-Z0-9][0-9]{4}|[0-9]{5}[DFABCEGHJK])"
)
PLATE = rf"{NO_CLOUD}(?P<v>[{plate_characters()}](?:[A-HJ-NP-Z]|O(?=[·. ]?[0-9]{{4}}警))[·. ]?{PLATE_BODY}){RIGHT}"
PLATE_OF_STATE = (
    rf"(?P<v>WJ[·. ]?[{plate_characters()}]?[·. ]?[0-9]{{4}}[0-9A-Z]|[军空海北沈兰济南广成][A-Z][·. ]?[0-9]{{4}}[0-9]"
    rf"|使[·. ]?[0-9]{{3}}[·. ]?[0-9]{{3}}|[VZKHESBLGTNJ][A-Z][·. ]?[0-9]{{5}}){RIGHT}"
)
"""Armed police, army (before and since 2013) and embassies: words like 车牌 or 军车 must stand near."""
MAC = r"[0-9A-F]{2}(?P<s>[:-])(?:[0-9A-F]{2}(?P=s)){4}[0-9A-F]{2}"
OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
NO_VERSION = "".join(
    f"(?<!{word})" for word in ("版本", "版本[ :：]", "第", "图", "表", "ersion ", "ection ", "章节", "V", "release ")
)
IP_LEFT = rf"(?:(?<![0-9A-Za-z.])|(?<=ip)|(?<=IP)){NO_VERSION}"
EMAIL = (
    r"(?<![A-Za-z0-9._%+-])(?P<v>[A-Za-z0-9._%+-]{1,64}@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?[.]){1,6}[A-Za-z]{2,24})(?![A-Za-z0-9])"
)
CHAT_GAP = r"[ _]?(?:号码|号|账号|账户|id|no)?[ _]?(?:[是为:=\"'“(]|也是|就是| is){0,3} ?"
HAN_NUMBER = "[零〇一二三四五六七八九十]"
NUMERIC_DAY = (
    r"(?:18|19|20)[0-9]{2}(?: [0-9]{1,2} [0-9]{1,2}(?![0-9])|[年./-] ?[0-9]{1,2}(?:[月./-] ?[0-9]{1,2}日?|月)?|年"
    r"|[01][0-9][0-3][0-9])"
)
SHORT_MONTH = "(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])"
MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*[.]?"
ENGLISH_DAY = (
    rf"(?:[0-9]{{1,2}}-{MONTH}-[12][0-9]{{3}}|{MONTH} [0-9]{{1,2}}(?:st|nd|rd|th)?,? [12][0-9]{{3}}"
    rf"|[0-9]{{1,2}} {MONTH},? [12][0-9]{{3}}"
    r"|[0-9]{1,2}/[0-9]{1,2}/[12][0-9]{3})"
)
SHORT_DAY = "(?<![0-9])[0-9]{2}年(?:1[0-2]|0?[1-9])月(?:[0-9]{1,2}[日号])?"
HAN_DAY = f"[一二]{HAN_NUMBER}{{3}}年(?:(?:闰?{HAN_NUMBER}{{1,2}}|正|冬|腊)月(?:{HAN_NUMBER}{{1,3}}[日号])?)?"
BORN_BEFORE = (
    "(?:出生(?!率|人口|缺陷|数)|生日|生于|诞生|出生年月|csrq|date of birth|birth[_ ]?(?:date|day)|birthday|dob|born)"
)
BORN_GAP = r"[^0-9A-Za-z，。；,;\n]{0,6}?(?:is |on |日期|年月|时间|于)?[\"'“”：: =>（(]{0,4}"
BORN = rf"{BORN_BEFORE}{BORN_GAP}(?P<v>{NUMERIC_DAY}|{SHORT_DAY}|{ENGLISH_DAY}|{HAN_DAY}|{SHORT_MONTH})(?![0-9])"
BORN_AFTER = (
    rf"(?<![0-9A-Za-z])(?P<v>{NUMERIC_DAY}|{SHORT_DAY}|{HAN_DAY})"
    r"(?=[ ]?(?:出生(?!率|人口|缺陷)|生(?![产效成活态源意物命])|诞生))"
)
BORN_IN_ROW = (
    r"(?:(?:男|女)性?|[\u4e00-\u9fff]{1,4}族)[,|\t]\s?(?P<v>(?:19|20)[0-9]{2}[年./-][01]?[0-9](?:[月./-][0-3]?[0-9]日?)?)"
    r"(?=\s?[,|\t\n]|$)"
)
"""In a row of people: the cell behind sex or nationality."""
ANY = re.IGNORECASE

RULES = (
    Rule(T.CN_MOBILE, rule_pattern(MOBILE, left=MOBILE_LEFT, right=RIGHT + AMOUNT + COUNTED), 0.95, 0.85),
    Rule(T.CN_MOBILE, rule_pattern(MOBILE_ODD, left=MOBILE_LEFT, right=RIGHT + AMOUNT), 0.75),
    Rule(T.CN_MOBILE, re.compile(MOBILE_SPOKEN), 0.8, 0.7, _spoken_mobile, digits=False, plain=_spoken),
    Rule(T.CN_LANDLINE, rule_pattern(LANDLINE, left=r"(?<![0-9A-Za-z+-])(?<![0-9][.])"), 0.9, 0.75),
    Rule(T.CN_LANDLINE, rule_pattern(rf"{AREA_CODE}[1-9][0-9]{{6,7}}(?:[-转][0-9]{{1,5}})?"), 0.75),
    Rule(T.CN_LANDLINE, rule_pattern(LANDLINE_86, left=r"(?<![0-9A-Za-z+-])(?<![0-9][.])"), 0.9),
    Rule(T.CN_LANDLINE, rule_pattern(LANDLINE_ABROAD, left=r"(?<![0-9A-Za-z+-])(?<![0-9][.])"), 0.9, 0.7),
    Rule(T.CN_LANDLINE, cue_pattern("座机|固话|办公电话|传真", r"[^0-9A-Za-z，。；\n]{0,4}", r"[2-8][0-9]{6,7}"), 0.65),
    Rule(T.PHONE_NUMBER, rule_pattern(WORLD_PHONE, left="(?<![0-9A-Za-z+])"), 0.9, 0.75, _world_phone, plain=same),
    Rule(T.PHONE_NUMBER, rule_pattern(US_PHONE), 0.8, 0.6, han=False),
    Rule(T.CN_BANK_CARD, rule_pattern("[1-9](?:[ -]?[0-9]){14,18}"), 0.95, 0.6, _union_pay, checksums.luhn, 0.65),
    Rule(T.CN_BANK_CARD, rule_pattern("[3-69](?:[ -]?[0-9]){12,18}"), 0.9, 0.0, _any_card, checksums.luhn, han=True),
    Rule(T.CREDIT_CARD, rule_pattern("[2-6](?:[ -]?[0-9]){12,18}"), 0.95, 0.6, _credit, checksums.luhn, han=False),
    Rule(T.IBAN_CODE, rule_pattern(IBAN), 1.0, 0.9, None, checksums.iban),
    Rule(
        T.US_SSN, rule_pattern("[0-8][0-9]{2}-[0-9]{2}-[0-9]{4}", right="(?![0-9A-Za-z-])"), 0.9, 0.55, _ssn, plain=same
    ),
    Rule(T.CN_PLATE, re.compile(PLATE, ANY), 0.9, 0.7, _plate),
    Rule(T.CN_PLATE, re.compile(rf"(?<![0-9A-Za-z]){PLATE_OF_STATE}"), 0.8, plain=same),
    Rule(T.VIN, rule_pattern("[A-HJ-NPR-Z0-9]{17}", flags=ANY), 1.0, 0.75, _mixed, checksums.vin, 0.7),
    Rule(T.IMEI, rule_pattern("[0-9]{2}[ -]?[0-9]{6}[ -]?[0-9]{6}[ -]?[0-9]"), 0.9, 0.0, None, checksums.luhn),
    Rule(T.MAC_ADDRESS, rule_pattern(MAC, right="(?![0-9A-Za-z:-])", flags=ANY), 0.95, 0.9, veto=False, plain=same),
    Rule(
        T.MAC_ADDRESS, rule_pattern("[0-9A-F]{4}[.][0-9A-F]{4}[.][0-9A-F]{4}", flags=ANY), 0.9, 0.7,
        veto=False, plain=same,
    ),
    Rule(T.MAC_ADDRESS, rule_pattern("[0-9A-F]{12}", flags=ANY), 0.75, plain=same),
    Rule(
        T.IP_ADDRESS,
        rule_pattern(rf"{OCTET}(?:[.]{OCTET}){{3}}", left=IP_LEFT, right="(?![0-9A-Za-z])(?![.][0-9])(?! ?[节章版条])"),
        0.95, 0.85, _ip_v4, plain=same,
    ),
    Rule(
        T.IP_ADDRESS,
        rule_pattern(
            "[0-9A-F]{0,4}(?::[0-9A-F]{0,4}){2,7}", left="(?<![0-9A-Za-z:.])", right="(?![0-9A-Za-z:])", flags=ANY
        ),
        0.95, 0.85, _ip_v6, veto=False, plain=same,
    ),
    Rule(T.EMAIL_ADDRESS, re.compile(EMAIL), 0.95, 0.95, veto=False, digits=False, plain=same),
    Rule(T.WECHAT, rule_pattern("wxid_[a-z0-9]{6,22}", flags=ANY), 0.95, 0.95, veto=False, digits=False, plain=same),
    Rule(
        T.WECHAT,
        cue_pattern("微信|薇信|wechat|weixin|(?<![a-z])(?:vx|wx)|加v", CHAT_GAP, "[A-Za-z][A-Za-z0-9_-]{5,19}"),
        0.8, 0.8, _no_label, digits=False, plain=same,
    ),
    Rule(T.QQ, cue_pattern("(?<![a-z])qq|扣扣|企鹅号", CHAT_GAP, "[1-9][0-9]{4,10}"), 0.85, 0.85),
    Rule(T.DATE_OF_BIRTH, re.compile(BORN, ANY), 0.85, 0.85, _day, digits=False, plain=same),
    Rule(T.DATE_OF_BIRTH, re.compile(BORN_IN_ROW), 0.7, 0.7, _day, plain=same),
    Rule(T.DATE_OF_BIRTH, re.compile(BORN_AFTER), 0.85, 0.85, _day, digits=False, plain=same),
)  # fmt: skip
