"""What stands around names: words before them, words after them, edges. Shared by all rules for names."""

import re
from dataclasses import dataclass

from masking import places

HAN = "[\u3400-\u4dbf\u4e00-\u9fff]"

CUES = places.word_list("cues")
WEAK_CUES = frozenset(places.word_list("weak_cues"))
LABEL = re.compile(
    r"(?:(?<![A-Za-z])(?:name|xm|patient|contact|owner|holder|applicant|user_?name|real_?name|full_?name)[\"']?\s*[:=]\s*[\"']?"
    r"|(?:[\u4e00-\u9fff]{2}(?<!工作|有关|相关|本地|外地|年轻|中国|蒙古|当地|负责|上述|其他|所有|任何)人)[:：]?"
    rf"|(?:{'|'.join(sorted(CUES, key=len, reverse=True))})(?:姓名|名字)?[:\"'“”=为是 ]{{0,3}})$",
    re.IGNORECASE,
)
FOLLOW = re.compile(
    f"(?:[^\u3400-\u4dbf\u4e00-\u9fff·]|$|[一二两三四五六七八九十][人名位户]|{'|'.join(places.word_list('follow'))})"
)
TITLES = re.compile("|".join(places.word_list("titles")))
AFTER_CUE = re.compile(
    r"(?:[,，、 ]?[(（]?(?:男|女)(?:[,，、)）]|$)|先生|女士|同志|身份证|身份證|手机|電話|电话"
    r"|[(（,，	 ]*(?:手机|电话|身份证|1[3-9][0-9]{9}|[1-9][0-9]{16}))"
)
LEFT_EDGE = re.compile(r"(?:^|[^\u3400-\u4dbf\u4e00-\u9fffA-Za-z0-9·])$")
NOT_AFTER = re.compile("|".join(places.word_list("place_suffixes")))


NO_LAST = frozenset("的了是在与及等这不也都就被把从到对向请将或但而且其你我他她它们着过吗呢吧说因持")
"""Characters that end no name; they belong to the next word."""


@dataclass(frozen=True, slots=True)
class Found:
    """A range of the text with its score."""

    start: int
    end: int
    score: float
