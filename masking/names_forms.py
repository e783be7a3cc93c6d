"""Names that a form, a row or a record puts into a box of its own: what stands around proves them, even 高兴 or 黄河.

The name model weighs the word itself, and a name that is a word as well loses there. Here the box decides: a label with
a colon before it, or a sex or an identity number after it, and nothing else beside it.
"""

import re
from collections.abc import Iterator
from functools import cache

from masking import places
from masking.cues import HAN, Found

_LABELS = (
    "姓名|名字|户名|账户名|联系人|联络人|收件人|寄件人|收货人|收款人|付款人|借款人|担保人|经办人?|审核人?|复核人?|制表人?|制单人?|填表人"
    "|填报人|记录人|申请人|代理人|委托人|受托人|法定代表人|法人代表|法人|负责人|责任人|承办人|监护人|持证人|持卡人|驾驶人|所有人"
    "|权利人|投诉人|举报人|诉求人|来电人|反映人|当事人|被告人?|原告|证人|车主|户主|业主|患者|病人|患儿|产妇|学生|老师|医生|医师|护士"
    "|股东|董事|监事|校长|班主任"
)
LABELLED = re.compile(
    rf"(?:{_LABELS})(?:姓名|全称|名称|签名|签字|签章)?(?:[(][^()]{{0,6}}[)])? ?[:=|] ?[\"'“]?"
    rf"(?P<v>{HAN}{{2,4}})(?!{HAN}|[·•・(])"
    rf"|(?:姓名|户名|收款人全称) (?P<w>{HAN}{{2,4}})(?= *(?:性别|账号|身份证|手机|电话|出生|[0-9]))"
)
IN_ROW = re.compile(
    rf"(?:^|(?<=[\s,;。、|\"'“(:]))(?P<v>{HAN}{{2,4}})"
    r"(?=[,|\t ]{1,2}(?:(?:男|女)(?=[,|\t ]|$)|(?:公民)?身份(?:证|号)|1[3-9][0-9]{9}|[1-9][0-9]{16}))"
)
NOTHING = frozenset(places.word_list("form_words"))
"""What stands in such boxes and begins with a surname, too."""


@cache
def _surnames() -> tuple[frozenset[str], frozenset[str]]:
    lines = places.lines("surnames.txt")
    return frozenset("".join(line for line in lines if " " not in line)), frozenset(places.words("surnames.txt")) - {
        *lines
    }


def _may_be(value: str, single: frozenset[str], double: frozenset[str]) -> bool:
    if value in NOTHING or value in places.place_names():
        return False
    return (value[0] in single and len(value) <= 3) or (value[:2] in double and len(value) >= 3)


def boxed_names(text: str) -> Iterator[Found]:
    """Two to four characters that begin with a surname, alone in the box of a form or row."""
    single, double = _surnames()
    for pattern, score in ((LABELLED, 0.8), (IN_ROW, 0.75)):
        for match in pattern.finditer(text):
            group = "v" if match["v"] else "w"
            if _may_be(match[group], single, double):
                yield Found(match.start(group), match.end(group), score)
