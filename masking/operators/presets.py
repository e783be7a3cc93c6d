"""Partial masks as a table: which form a value must have, and how much of its head and tail stays.

Identity numbers hide the birth date *and* one of area and sequence: with the birth date known from another column,
6 + 4 visible digits would be the whole number (masking research, attack tests).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Preset:
    """`pattern` is the whole-value form; `head` and `tail` code points stay, `hidden` stands for the rest."""

    pattern: str
    head: int
    hidden: str
    tail: int


HAN = "[\u3400-\u4dbf\u4e00-\u9fff]"

PRESETS: dict[str, Preset] = {
    # Only ever the first character: for a transliterated Mongolian name that is no surname and tells little.
    "name": Preset(f"{HAN}{{3,12}}|{HAN}{{1,10}}[·•・.]{HAN}{{1,10}}", 1, "**", 0),
    "name_short": Preset(f"{HAN}{{2}}", 1, "*", 0),
    "name_latin": Preset("[A-Za-z][A-Za-z .'-]{2,60}", 1, "***", 0),
    "id_card": Preset(r"[1-9][0-9]{16}[0-9Xx]", 6, "*" * 12, 0),
    "id_card_tail": Preset(r"[1-9][0-9]{16}[0-9Xx]", 0, "*" * 14, 4),
    "mobile": Preset(r"1[3-9][0-9]{9}", 3, "****", 4),
    "landline": Preset(r"0[0-9]{2,3}-?[2-8][0-9]{6,7}", 3, "*******", 2),
    "bank_card": Preset(r"[1-9][0-9]{12,18}", 6, "******", 4),
    "plate": Preset("[\u4e00-\u9fff][A-HJ-NP-Z]·?[A-HJ-NP-Z0-9\u4e00-\u9fff]{5,6}", 2, "·***", 2),
    "passport": Preset(r"[A-Z][A-Z0-9]{7,9}", 1, "******", 2),
    "uscc": Preset(r"[0-9A-HJ-NPQRTUWXYa-hj-npqrtuwxy]{18}", 8, "*********", 1),
    "vin": Preset(r"[A-HJ-NPR-Z0-9a-hj-npr-z]{17}", 3, "**************", 0),
    "ip": Preset(r"[0-9]{1,3}[.][0-9]{1,3}[.][0-9]{1,3}[.][0-9]{1,3}", 0, "*.*.*.*", 0),
}
"""Named partial masks. `email` and `address` are not cut by length and live beside the builder."""

EMAIL = r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{3,190}"

PROVINCE = f"{HAN}{{2,7}}?(?:省|自治区|特别行政区)|(?:北京|天津|上海|重庆)市"
CITY = f"{HAN}{{2,9}}?(?:市|盟|自治州|地区)"
# Lazy, so that the first suffix ends it; 小区, 社区 and the like end in 区 without being a division, and nothing that
# names a street or village may lie inside.
_INSIDE = "[^路街巷号村，。、；：,.;:()（）0-9A-Za-z -]"
_BEFORE_QU = "[^小社园校厂景街新路巷号村，。、；：,.;:()（）0-9A-Za-z -]"
COUNTY = f"{_INSIDE}{{0,10}}?(?:{_BEFORE_QU}区|{_INSIDE}(?:县|旗|市))"


def region_pattern(level: str) -> str:
    """Start of an address down to province, city or county; lazy, so that it ends at the first fitting suffix."""
    if level == "province":
        return f"^(?:{PROVINCE})"
    if level == "city":
        return f"^(?:(?:{PROVINCE})(?:{CITY})?|(?:{CITY}))"
    return f"^(?:(?:{PROVINCE})(?:{CITY})?(?:{COUNTY})?|(?:{CITY})(?:{COUNTY})?)"
