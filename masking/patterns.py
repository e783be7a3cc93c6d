"""What a rule is, and the edges every pattern stands between.

`\\b` never appears here: it does not fire between a Han character and a letter or digit, so values glued to Chinese
text would be missed. ASCII look-arounds do the work instead (a test bans the other).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from masking.entities import EntityType
from masking.normalise import compact

LEFT = r"(?<![0-9A-Za-z])(?<![0-9]\.)"
RIGHT = r"(?![0-9A-Za-z])(?!\.[0-9])"
AMOUNT = (
    r"(?!\s?(?:元|万|亿|%|吨|公里|平方|平米|立方|公顷|亩|公斤|千克|毫升|千瓦|头|只|股|字节|字符|像素|赫兹|微秒|毫秒|纳秒|人次|次|倍"
    r"|美元|欧元|日元|dollars|bytes|ms|kb|MB))"
)
"""A number followed by a unit counts something."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One form of one type.

    `pattern` holds the value as group `v` (or is it); `check` must hold for the value without separators; `proof` is
    its checksum. Scores: `alone` without a context word, `near` with one, `unproven` with one but a wrong checksum;
    0 means not reported. `veto`: may words that name things speak against it. `han`: only in Chinese (True) or only in
    other text (False).
    """

    type: EntityType
    pattern: re.Pattern[str]
    near: float
    alone: float = 0.0
    check: Callable[[str], bool] | None = None
    proof: Callable[[str], bool] | None = None
    unproven: float = 0.0
    veto: bool = True
    han: bool | None = None
    digits: bool = True  # nothing to find in a text without digits
    plain: Callable[[str], str] = compact


def rule_pattern(body: str, *, left: str = LEFT, right: str = RIGHT, flags: int = 0) -> re.Pattern[str]:
    """`body` between ASCII edges, found at every start so that a false start hides nothing behind it."""
    return re.compile(f"{left}(?=(?P<v>{body}){right})", flags)


def cue_pattern(cue: str, gap: str, body: str) -> re.Pattern[str]:
    """`body` right after a cue word and a short gap: for values that nothing but their label gives away."""
    return re.compile(f"(?:{cue}){gap}(?P<v>{body}){RIGHT}", re.IGNORECASE)
