"""Values of the held-out set: identifiers with their check digits, names, addresses, and numbers that only look alike.

Kept apart from what it measures: nothing of `masking` is imported. Check digits are worked out here in other ways than
in `masking/checksums.py` (recursions of ISO 7064, search for the character that closes the sum), so that an error in
one of the two shows. Numbers belong to nobody: counties 57 to 70 outside the four municipalities were never issued,
mobile prefixes 142, 143, 154, 161, 164, 194 belong to no operator, internet addresses are those set aside for
documentation (RFC 5737, RFC 3849), names under example.* (RFC 2606), 555-01xx telephones.
"""

import tomllib
from collections.abc import Callable
from pathlib import Path
from random import Random

LISTS: dict[str, list[str]] = {
    name: text.split()
    for name, text in tomllib.loads((Path(__file__).parent / "lists.toml").read_text("utf-8")).items()
}
LISTS["latin_last"] = [  # the one surname with blanks in it
    *(name for name in LISTS["latin_last"] if name not in {"Van", "der", "Meer"}),
    "van der Meer",
]
BASE_31 = "0123456789ABCDEFGHJKLMNPQRTUWXY"
SHORT = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新"
PLATE = "ABCDEFGHJKLMNPQRSTUVWXYZ"
MOBILE_HEADS = ("142", "143", "154", "161", "164", "194")


def mod_11_2(body: str) -> str:
    """ISO 7064 pure system by its recursion p = (p + a) * 2 mod 11."""
    product = 0
    for digit in body:
        product = (product + int(digit)) * 2 % 11
    return "0123456789X"[(12 - product) % 11]


def luhn(body: str) -> str:
    """The digit that closes the sum, found by trying."""
    doubled = "0246813579"

    def total(number: str) -> int:
        return sum(int(d) if i % 2 == 0 else int(doubled[int(d)]) for i, d in enumerate(reversed(number)))

    return next(digit for digit in "0123456789" if total(body + digit) % 10 == 0)


def close_31(body: str) -> str:
    """GB 32100: the character that makes the weighted sum divisible by 31."""
    total = sum(pow(3, place, 31) * BASE_31.index(letter) for place, letter in enumerate(body))
    return next(c for c in BASE_31 if (total + BASE_31.index(c)) % 31 == 0)


def org_check(body: str) -> str:
    """GB 11714."""
    rest = 11 - sum(w * int(c, 36) for w, c in zip((3, 7, 9, 10, 5, 8, 4, 2), body, strict=True)) % 11
    return {10: "X", 11: "0"}.get(rest, str(rest))


def mod_11_10(body: str) -> str:
    """ISO 7064 hybrid system: the digit whose product ends in 1."""
    product = 10
    for digit in body:
        product = ((product + int(digit)) % 10 or 10) * 2 % 11
    return next(d for d in "0123456789" if (product + int(d)) % 10 == 1)


def vin_check(body: str) -> str:
    """GB 16735 for 16 characters, the ninth left out."""
    values = {c: int(v) for c, v in zip("ABCDEFGHJKLMNPRSTUVWXYZ", "12345678123457923456789", strict=True)}
    weights = (8, 7, 6, 5, 4, 3, 2, 10, 9, 8, 7, 6, 5, 4, 3, 2)
    total = sum(w * (int(c) if c.isdigit() else values[c]) for w, c in zip(weights, body, strict=True))
    return "0123456789X"[total % 11]


class Values:
    """Makers of values, each drawing from one stream of random numbers."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - test texts

    def one(self, name: str) -> str:
        """An entry of a list."""
        return self.random.choice(LISTS[name])

    def digits(self, count: int, first: str = "0123456789") -> str:
        """Random digits."""
        return self.random.choice(first) + "".join(self.random.choice("0123456789") for _ in range(count - 1))

    def letters(self, count: int, among: str = PLATE) -> str:
        """Random letters."""
        return "".join(self.random.choice(among) for _ in range(count))

    def day(self) -> tuple[int, int, int]:
        """A birthday."""
        return self.random.randint(1938, 2007), self.random.randint(1, 12), self.random.randint(1, 28)

    def area(self) -> str:
        """Six digits of a county that never was."""
        city = self.random.randint(1, 9)
        return f"{self.one('provinces')}{city:02d}{self.random.randint(57, 70)}"

    # people
    def han(self) -> str:
        """Two or three characters."""
        return self.one("surnames") + self.one(self.random.choice(("given_one", "given_two", "given_two")))

    def han2(self) -> str:
        """A surname and one character."""
        return self.one("surnames") + self.one("given_one")

    def han3(self) -> str:
        """A surname and two characters."""
        return self.one("surnames") + self.one("given_two")

    def rare(self) -> str:
        """A surname few people bear."""
        return self.one("rare_surnames") + self.one("given_two")

    def double(self) -> str:
        """A surname of two characters."""
        return self.one("double_surnames") + self.one(self.random.choice(("given_one", "given_two")))

    def mongol(self) -> str:
        """A transliterated Mongolian name."""
        if self.random.random() < 0.5:
            return self.one("mongol_whole")
        first = self.one("mongol_first")
        return first if len(first) > 3 else first + self.one("mongol_second")

    def dotted(self) -> str:
        """A name with a middle dot."""
        return f"{self.one('dotted_first')}·{self.one('dotted_second')}"

    def tibetan(self) -> str:
        """A Tibetan name."""
        return self.one("tibetan")

    def yi(self) -> str:
        """A name of the Yi."""
        return self.one("yi")

    def pinyin(self) -> str:
        """A Chinese name in Latin letters."""
        return f"{self.one('pinyin_surnames')} {self.one('pinyin_given')}"

    def pinyin_caps(self) -> str:
        """The form of passports and journals: ZHANG Weimin."""
        return f"{self.one('pinyin_surnames').upper()} {self.one('pinyin_given')}"

    def latin(self) -> str:
        """A name of another country."""
        return f"{self.one('latin_first')} {self.one('latin_last')}"

    def mongol_latin(self) -> str:
        """A name of a citizen of Mongolia."""
        return f"{self.one('mongol_latin')} {self.one('mongol_latin')}"

    def cyrillic(self) -> str:
        """With the initial of the father's name."""
        return f"{self.random.choice('БДГЖМНОСТ')}.{self.one('mongol_cyrillic')}"

    # places
    def _room(self) -> str:
        r = self.random
        return r.choice(
            (
                f"{r.randint(1, 32)}号楼{r.randint(1, 6)}单元{r.randint(1, 28)}0{r.randint(1, 4)}室",
                f"{r.randint(1, 19)}栋{r.randint(2, 26)}0{r.randint(1, 4)}",
                f"{r.randint(1, 40)}幢{r.randint(1, 4)}单元{r.randint(101, 1804)}号",
                f"{r.choice('ABC')}座{r.randint(3, 25)}层{r.randint(2, 26)}0{r.randint(1, 8)}室",
            )
        )

    def address(self) -> str:
        """From the province down to the room."""
        region = self.one(self.random.choice(("regions", "home_regions")))
        road = f"{self.one('streets')}{self.random.choice(('路', '街', '大街', '北路', '东街'))}"
        return f"{region}{road}{self.random.randint(1, 380)}号{self.one('estates')}{self._room()}"

    def address_short(self) -> str:
        """Without the province, to the house number."""
        region = self.one("home_regions").removeprefix("内蒙古自治区")
        return f"{region}{self.one('streets')}{self.random.choice(('路', '大街', '巷'))}{self.random.randint(1, 380)}号"

    def address_street(self) -> str:
        """A street and a number only."""
        road = f"{self.one('streets')}{self.random.choice(('路', '街', '大街', '南路'))}"
        return f"{road}{self.random.randint(2, 380)}号{self.random.choice(('', '院', ''))}{self._room()}"

    def address_estate(self) -> str:
        """An estate, a building, a room."""
        return f"{self.one('estates')}小区{self._room()}"

    def address_village(self) -> str:
        """Countryside: banner, town, hamlet, group."""
        tail = self.random.choice(("", f"{self.random.randint(1, 9)}组"))
        hamlet = f"{self.one('hamlets')}{self.random.choice(('嘎查', '村', '村民委员会'))}"
        return f"{self.one('banners')}{hamlet}{tail}{self.random.randint(1, 160)}号"

    # companies
    def org(self) -> str:
        """A company by its registered name."""
        form = self.random.choice(("有限责任公司", "有限公司", "股份有限公司", "集团有限公司"))
        return f"{self.one('org_places')}{self.one('org_names')}{form}"

    def coop(self) -> str:
        """A cooperative of herders or farmers."""
        banner = self.random.choice(("阿鲁科尔沁旗", "扎鲁特旗", "达尔罕茂明安联合旗", "杭锦后旗"))
        return f"{banner}{self.one('hamlets')}{self.random.choice(('养殖', '种植', '农牧业'))}专业合作社"

    # dates of birth
    def dob(self) -> str:
        """1985年3月9日."""
        year, month, day = self.day()
        return f"{year}年{month}月{day}日"

    def dob_dash(self) -> str:
        """1985-03-09."""
        return "{:04d}-{:02d}-{:02d}".format(*self.day())

    def dob_slash(self) -> str:
        """1985/3/9."""
        return "{}/{}/{}".format(*self.day())

    def dob_dot(self) -> str:
        """1985.03.09."""
        return "{:04d}.{:02d}.{:02d}".format(*self.day())

    def dob_month(self) -> str:
        """1985年3月."""
        year, month, _ = self.day()
        return f"{year}年{month}月"

    def dob_compact(self) -> str:
        """19850309."""
        return "{:04d}{:02d}{:02d}".format(*self.day())

    def dob_han(self) -> str:
        """一九八五年三月九日."""
        year, month, day = self.day()
        numerals = "〇一二三四五六七八九"
        small = ("", *"一二三四五六七八九", "十", *(f"十{n}" for n in "一二三四五六七八九"), "二十")
        small = (*small, *(f"二十{n}" for n in "一二三四五六七八九"))
        return f"{''.join(numerals[int(d)] for d in str(year))}年{small[month]}月{small[day]}日"

    def dob_en(self) -> str:
        """9 March 1985 or March 9, 1985."""
        year, month, day = self.day()
        return self.random.choice(
            (f"{day} {LISTS['months'][month - 1]} {year}", f"{LISTS['months'][month - 1]} {day}, {year}")
        )

    # papers
    def id_card(self) -> str:
        """GB 11643."""
        body = f"{self.area()}{self.dob_compact()}{self.digits(3)}"
        return body + mod_11_2(body)

    def id_card_15(self) -> str:
        """First generation: no check digit."""
        year, month, day = self.random.randint(38, 85), self.random.randint(1, 12), self.random.randint(1, 28)
        return f"{self.area()}{year:02d}{month:02d}{day:02d}{self.digits(3)}"

    def fpr_old(self) -> str:
        """Permanent residence before 2023: country, area, birth date, serial, ICAO 9303 check digit."""
        year, month, day = self.day()
        body = f"{self.random.choice(('MNG', 'RUS', 'KOR', 'DEU', 'PAK'))}{self.area()[:4]}"
        body += f"{year % 100:02d}{month:02d}{day:02d}{self.digits(1)}"
        total = sum((7, 3, 1)[place % 3] * int(letter, 36) for place, letter in enumerate(body))
        return f"{body}{total % 10}"

    def fpr_new(self) -> str:
        """Permanent residence from 2023: 9, province, country number, birth date, serial, MOD 11-2."""
        country = self.random.choice(("496", "643", "410", "276", "586"))
        body = f"9{self.one('provinces')}{country}{self.dob_compact()}{self.digits(3)}"
        return body + mod_11_2(body)

    def hkmt_residence(self) -> str:
        """Residence permit of people from 港澳台."""
        body = f"{self.random.choice(('810000', '820000', '830000'))}{self.dob_compact()}{self.digits(3)}"
        return body + mod_11_2(body)

    def hkmt_permit(self) -> str:
        """回乡证."""
        return f"{self.random.choice('HM')}{self.digits(8)}{self.random.choice(('', '', '00', '01'))}"

    def exit_permit(self) -> str:
        """往来港澳通行证."""
        return self.random.choice((f"C{self.letters(1)}{self.digits(7)}", f"W{self.digits(8)}", f"C{self.digits(8)}"))

    def passport(self) -> str:
        """Ordinary and public-affairs passports."""
        body = self.digits(7)
        return self.random.choice((f"E{self.letters(1)}{body}", f"G{body}5", f"E{body}1", f"PE{body}"))

    def military(self) -> str:
        """2016 form."""
        return f"{self.random.choice(('军', '士', '文'))}字第{self.digits(7)}号"

    def driver_file(self) -> str:
        """Twelve digits, an area in front."""
        return f"{self.area()[:4]}{self.digits(8)}"

    def uscc(self) -> str:
        """GB 32100."""
        core = "MA" + self.letters(6, BASE_31)
        body = f"{self.random.choice(('91', '92', '93'))}{self.area()}{core}{org_check(core).replace('X', '0')}"
        return body + close_31(body)

    def org_code(self) -> str:
        """GB 11714 with the hyphen."""
        body = self.digits(8, "1234567")
        return f"{body}-{org_check(body)}"

    def biz_license(self) -> str:
        """Fifteen digits."""
        body = f"{self.area()}{self.digits(8)}"
        return body + mod_11_10(body)

    def bank_card(self) -> str:
        """19 digits."""
        body = f"{self.random.choice(('622848', '621700', '623059', '622202', '621098'))}{self.digits(12)}"
        return body + luhn(body)

    def bank_card_16(self) -> str:
        """16 digits, a credit card of UnionPay."""
        body = f"{self.random.choice(('625957', '622575', '628366'))}{self.digits(9)}"
        return body + luhn(body)

    def mobile(self) -> str:
        """Eleven digits of no operator."""
        return f"{self.random.choice(MOBILE_HEADS)}{self.digits(8)}"

    def mobile_86(self) -> str:
        """With the country."""
        return self.random.choice(("+86 ", "+86-", "86-", "0086", "（+86）")) + self.mobile()

    def landline(self) -> str:
        """With the code of a city."""
        code = self.random.choice(("0471", "0472", "0476", "0477", "0479", "0482", "010", "029", "024"))
        body = self.digits(8 if code in {"010", "029", "024"} else 7, "2345678")
        extension = self.random.choice(("", "", "", f"-{self.digits(3, '12345678')}"))
        return f"{code}{self.random.choice(('-', '-', ' ', ''))}{body}{extension}"

    def plate(self) -> str:
        """GA 36."""
        body = self.digits(3) + self.letters(1) + self.digits(1)
        return f"{self.random.choice(SHORT)}{self.letters(1)}{self.random.choice(('', '·'))}{body}"

    def plate_green(self) -> str:
        """A small car without an exhaust."""
        return f"{self.random.choice(SHORT)}{self.letters(1)}{self.random.choice('DF')}{self.digits(5)}"

    def social_card(self) -> str:
        """Nine characters."""
        return f"{self.letters(1)}{self.digits(8)}"

    def medical_insurance(self) -> str:
        """Local numbers of 10 to 20 digits."""
        return self.digits(self.random.choice((10, 12, 17, 20)), "123456789")

    def medical_record(self) -> str:
        """A number of a hospital."""
        return self.random.choice((f"ZY{self.digits(8)}", self.digits(7, "123456789"), f"B{self.digits(9)}"))

    def realty_cert(self) -> str:
        """The certificate's number as printed."""
        place = self.random.choice(("呼和浩特市", "赤峰市", "通辽市", "鄂尔多斯市", "兰州市"))
        region = "甘" if place == "兰州市" else "蒙"
        return f"{region}（{self.random.randint(2016, 2025)}）{place}不动产权第{self.digits(7)}号"

    def realty_unit(self) -> str:
        """28 characters."""
        return f"{self.area()}{self.digits(6)}G{self.letters(1, 'BX')}{self.digits(5)}F{self.digits(8)}"

    def vin(self) -> str:
        """GB 16735."""
        letters = "ABCDEFGHJKLMNPRSTUVWXYZ"
        head = f"L{self.letters(2, letters)}{self.digits(1)}{self.letters(2, letters)}{self.digits(2)}"
        tail = f"{self.letters(1, 'HJKLMNPRS')}{self.letters(1, letters)}{self.digits(6)}"
        return f"{head}{vin_check(head + tail)}{tail}"

    # devices and the net
    def imei(self) -> str:
        """15 digits."""
        body = f"86{self.digits(12)}"
        return body + luhn(body)

    def mac(self) -> str:
        """Locally administered."""
        sign = self.random.choice(":-")
        return sign.join(["02", *(f"{self.random.randrange(256):02X}" for _ in range(5))])

    def ip(self) -> str:
        """Documentation and private ranges."""
        last = self.random.randint(1, 254)
        return self.random.choice((f"192.0.2.{last}", f"198.51.100.{last}", f"203.0.113.{last}", f"10.38.7.{last}"))

    def ip6(self) -> str:
        """Documentation range."""
        return f"2001:db8:{self.random.randrange(4096):x}::{self.random.randrange(1, 65535):x}"

    def email(self) -> str:
        """Under names nobody can have."""
        return f"{self.one('email_names')}@{self.one('email_hosts')}"

    def wechat(self) -> str:
        """Own or given identifiers."""
        body = self.letters(11, "abcdefghjkmnpqrstuvwxyz0123456789")
        return self.random.choice((f"wxid_{body}22", f"{self.one('email_names').replace('.', '_')}_{self.digits(3)}"))

    def qq(self) -> str:
        """Nine or ten digits."""
        return self.digits(self.random.choice((9, 10)), "3456789")

    # abroad
    def city(self) -> str:
        """A city somebody lives in."""
        return self.one("cities")

    def phone_us(self) -> str:
        """Set aside for stories."""
        area = self.random.choice(("212", "415", "617", "312"))
        return self.random.choice((f"+1 {area} 555 01{self.digits(2)}", f"({area}) 555-01{self.digits(2)}"))

    def phone_mn(self) -> str:
        """Mongolia."""
        return f"+976 {self.digits(4, '89')} {self.digits(4)}"

    def credit_card(self) -> str:
        """Visa and Mastercard lengths."""
        body = f"{self.random.choice(('4', '5'))}{self.digits(1, '12345')}{self.digits(13)}"
        return body + luhn(body)

    def iban(self) -> str:
        """Germany: two letters, two check digits, 18 digits."""
        account = self.digits(18, "123456789")
        rest = 98 - int(f"{account}131400") % 97
        return f"DE{rest:02d}{account}"

    def ssn(self) -> str:
        """Areas not given out before 2011."""
        return f"{self.random.randint(734, 749)}-{self.random.randint(11, 98)}-{self.digits(4, '123456789')}"

    # numbers that only look alike
    def not_id(self) -> str:
        """Eighteen digits whose check character is wrong."""
        right = self.id_card()
        return right[:17] + next(d for d in "3527" if d != right[17])

    def not_card(self) -> str:
        """Nineteen digits whose sum does not close."""
        right = self.bank_card()
        return right[:-1] + str((int(right[-1]) + 4) % 10)

    def not_vin(self) -> str:
        """Seventeen characters whose check character is wrong."""
        right = self.vin()
        return right[:8] + ("7" if right[8] != "7" else "2") + right[9:]

    def order(self) -> str:
        """A number of an order: a day and a count."""
        return f"2025{self.random.randint(1, 12):02d}{self.random.randint(1, 28):02d}{self.digits(12)}"

    def invoice(self) -> str:
        """Twenty digits of an electronic invoice."""
        return f"25{self.one('provinces')}2{self.digits(15)}"

    def amount(self) -> str:
        """An amount of money."""
        return f"{self.random.randint(10_000, 99_999_999):,}.{self.digits(2)}"

    def million(self) -> str:
        """Eleven digits before a comma or a unit."""
        return f"1{self.digits(1, '3456789')}{self.digits(9)}"

    def stamp(self) -> str:
        """Milliseconds since 1970."""
        return f"17{self.digits(11)}"

    def uuid(self) -> str:
        """A random identifier of a process."""
        h = f"{self.random.getrandbits(128):032x}"
        return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-a{h[17:20]}-{h[20:]}"

    def small(self) -> str:
        """A number of things."""
        return str(self.random.randint(3, 980))


TYPES = {
    "han": "PERSON", "han2": "PERSON", "han3": "PERSON", "rare": "PERSON", "double": "PERSON", "mongol": "PERSON",
    "dotted": "PERSON", "tibetan": "PERSON", "yi": "PERSON", "pinyin": "PERSON", "pinyin_caps": "PERSON",
    "latin": "PERSON", "mongol_latin": "PERSON", "cyrillic": "PERSON", "address": "ADDRESS",
    "address_short": "ADDRESS", "address_street": "ADDRESS", "address_estate": "ADDRESS",
    "address_village": "ADDRESS", "org": "ORG", "coop": "ORG", "dob": "DATE_OF_BIRTH", "dob_dash": "DATE_OF_BIRTH",
    "dob_slash": "DATE_OF_BIRTH", "dob_dot": "DATE_OF_BIRTH", "dob_month": "DATE_OF_BIRTH",
    "dob_compact": "DATE_OF_BIRTH", "dob_han": "DATE_OF_BIRTH", "dob_en": "DATE_OF_BIRTH", "id_card": "CN_ID_CARD",
    "id_card_15": "CN_ID_CARD_15", "fpr_old": "CN_FPR_ID", "fpr_new": "CN_FPR_ID",
    "hkmt_residence": "CN_HKMT_RESIDENCE", "hkmt_permit": "CN_HKMT_PERMIT", "exit_permit": "CN_EXIT_PERMIT",
    "passport": "CN_PASSPORT", "military": "CN_MILITARY_ID", "driver_file": "CN_DRIVER_FILE_NO", "uscc": "CN_USCC",
    "org_code": "CN_ORG_CODE", "biz_license": "CN_BIZ_LICENSE", "bank_card": "CN_BANK_CARD",
    "bank_card_16": "CN_BANK_CARD", "mobile": "CN_MOBILE", "mobile_86": "CN_MOBILE", "landline": "CN_LANDLINE",
    "plate": "CN_PLATE", "plate_green": "CN_PLATE", "social_card": "CN_SOCIAL_SECURITY_CARD",
    "medical_insurance": "CN_MEDICAL_INSURANCE", "medical_record": "MEDICAL_RECORD_NO",
    "realty_cert": "CN_REALTY_CERT", "realty_unit": "CN_REALTY_UNIT", "vin": "VIN", "imei": "IMEI",
    "mac": "MAC_ADDRESS", "ip": "IP_ADDRESS", "ip6": "IP_ADDRESS", "email": "EMAIL_ADDRESS", "wechat": "WECHAT",
    "qq": "QQ", "phone_us": "PHONE_NUMBER", "phone_mn": "PHONE_NUMBER", "credit_card": "CREDIT_CARD",
    "iban": "IBAN_CODE", "ssn": "US_SSN", "city": "LOCATION",
}  # fmt: skip
"""What a maker's values are; makers not named here make numbers that identify nobody."""


def _groups(*sizes: int) -> Callable[[str, str], str]:
    def cut(value: str, sign: str) -> str:
        parts, at = [], 0
        for size in sizes:
            parts.append(value[at : at + size])
            at += size
        return sign.join(part for part in (*parts, value[at:]) if part)

    return cut


_BY_LENGTH = {11: _groups(3, 4, 4), 15: _groups(6, 6, 3), 16: _groups(4, 4, 4, 4), 18: _groups(6, 8, 4)}


def _grouped(value: str, sign: str) -> str:
    return _BY_LENGTH.get(len(value), _groups(4, 4, 4, 4, 4))(value, sign)


DRESSES: dict[str, Callable[[str], str]] = {
    "full": lambda v: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in v),
    "lower": str.lower,
    "spaced": lambda v: _grouped(v, " "),
    "hyphen": lambda v: _grouped(v, "-"),
    "nbsp": lambda v: _grouped(v, "\u00a0"),
    "zero": lambda v: _grouped(v, "\u200b"),
    "joiner": lambda v: _grouped(v, "\u2060"),
    "wide": lambda v: _grouped(v, "\u3000"),
}
"""How a value is written down: `<mobile~spaced>`."""
