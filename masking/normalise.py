"""Text as the rules read it, with a way back to where each character stood.

Full-width forms become ASCII, exotic blanks and hyphens plain ones and traditional characters simplified ones (one for
one); characters without width, which hide numbers from naive rules, and blanks that stretch a label (姓 名：) are left
out and remembered in the offset map.
"""

import re
from dataclasses import dataclass

import numpy as np

from masking import places

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_BLANKS = dict.fromkeys((0x00A0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000), 0x20)
_HYPHENS = dict.fromkeys((0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2212, 0xFE63), 0x2D)
_DIGITS = {base + digit: 0x30 + digit for base in (0x0660, 0x06F0, 0x1810, 0x1D7CE) for digit in range(10)}
_SIMPLIFIED = {ord(pair[0]): pair[1] for pair in places.words("traditional.txt")}
_ONE_FOR_ONE = _SIMPLIFIED | _FULL_WIDTH | _BLANKS | _HYPHENS | _DIGITS
_TABLE = np.arange(0x10000, dtype="<u4")
_TABLE[[code for code in _ONE_FOR_ONE if code < 0x10000]] = [
    ord(to) if isinstance(to, str) else to for code, to in _ONE_FOR_ONE.items() if code < 0x10000
]
"""The same for the first plane, ten times as fast."""
# Mongolian variation selectors are letters' company, not hiding places: they stay.
_NO_WIDTH = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff]")


_HAN = "[\u4e00-\u9fff]"
_STRETCHED = re.compile(
    f"(?:(?<!{_HAN})(?<!{_HAN} ){_HAN} +{_HAN}(?: +{_HAN}){{0,3}}(?= *[:])"
    "|(?:姓 +名|性 +别|民 +族|出 +生|住 +址|电 +话|手 +机"
    "|地 +址|户 +主|户 +名|年 +龄|单 +位|职 +务|邮 +箱))"
)
"""A label of a form, its characters set apart: before a colon, or one of the usual ones."""


@dataclass(frozen=True, slots=True)
class Normalised:
    """`text` for the rules; `origin[i]` is the offset of its character i in the given text (None: unchanged)."""

    text: str
    origin: tuple[int, ...] | None

    def back(self, start: int, end: int) -> tuple[int, int]:
        """A non-empty half-open range of `text` as a range of the given text, in code points."""
        if self.origin is None:
            return start, end
        return self.origin[start], self.origin[end - 1] + 1


def normalise(text: str) -> Normalised:
    """The normal form of `text`; linear, and without a map where nothing had to go."""
    if text.isascii():
        return Normalised(text, None)
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
    if int(codes.max()) < len(_TABLE):
        plain = _TABLE.take(codes).tobytes().decode("utf-32-le", "surrogatepass")
    else:
        plain = text.translate(_ONE_FOR_ONE)
    stretched = " " in plain and _STRETCHED.search(plain) is not None
    if not stretched and _NO_WIDTH.search(plain) is None:
        return Normalised(plain, None)
    left_out = {i for label in _STRETCHED.finditer(plain) for i in range(*label.span()) if plain[i] == " "}
    left_out |= {match.start() for match in _NO_WIDTH.finditer(plain)}
    origin = tuple(i for i in range(len(plain)) if i not in left_out)
    return Normalised("".join(plain[i] for i in origin), origin)


_SEPARATORS = re.compile(r"[\s.·_-]+")


def compact(value: str) -> str:
    """A number without the separators people put into it."""
    return _SEPARATORS.sub("", value)
