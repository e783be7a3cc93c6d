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
TITLED = re.compile(
    r"(?:^|[，。；！？、,;:!?\s“\"'(]|民警|辅警|警官|法官|检察官|干警|支书|书记|主任|干部|教师|班主任|职工|工人|司机|村民|居民|市民|患者"
    r"|感谢|表扬|投诉|举报|联系|委托|聘请|由|请|向|与|和|跟|找|经|被|对|是)"
    rf"(?P<v>{HAN}{{2,3}})(?=同志|女士|先生|小姐|医生|大夫|医师|老师|师傅|警官|法官|律师|教授)"
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


@cache
def _words() -> frozenset[str]:
    return frozenset(places.words("words.txt"))


def titled_names(text: str) -> Iterator[Found]:
    """Surname and given name between a role, a verb or an edge and a form of address: 民警包青山同志."""
    single, double = _surnames()
    for match in TITLED.finditer(text):
        value = match["v"]
        if value[0] in "向和经由与":  # rare surnames, and far more often the word before a name
            continue
        if _may_be(value, single, double) and value not in _words() and value[:2] not in _words():
            yield Found(match.start("v"), match.end("v"), 0.75)


def boxed_names(text: str) -> Iterator[Found]:
    """Two to four characters that begin with a surname, alone in the box of a form or row."""
    single, double = _surnames()
    for pattern, score in ((LABELLED, 0.8), (IN_ROW, 0.75)):
        for match in pattern.finditer(text):
            group = "v" if match["v"] else "w"
            if _may_be(match[group], single, double):
                yield Found(match.start(group), match.end(group), score)
