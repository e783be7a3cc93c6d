"""Names that a form, a row or a record puts into a box of its own: what stands around proves them, even 高兴 or 黄河.

The name model weighs the word itself, and a name that is a word as well loses there. Here the box decides: the label of
one person with a colon or a blank before it, or a sex or an identity number after it, and nothing else beside it.
"""

import re
from collections.abc import Iterator
from functools import cache

from masking import places
from masking.cues import HAN, Found
from masking.ner.lexicon import lexicon

_LABELS = "|".join(sorted(places.word_list("person_labels"), key=len, reverse=True))
_AGENT = f"(?:(?<!特|增|身|时|全|成|周|延|专)长|员|师|者|手|人|{'|'.join(places.word_list('person_acts'))})"
"""Last characters of words for whoever does something, and short for them on forms: 记录：初晓."""
_REMARK = r"(?:[(][^()]{0,8}[)])?"
LABELLED = re.compile(
    rf"(?:{_LABELS})(?:姓名|全称|名称|签名|签字|签章)?{_REMARK} ?[:=|] ?[\"'“]?"
    rf"(?P<v>{HAN}{{2,4}})(?!{HAN}|[·•・(])"
    rf"|(?:姓名|户名|收款人全称) (?P<w>{HAN}{{2,4}})(?= *(?:性别|账号|身份证|手机|电话|出生|[0-9]))"
    rf"|^[ \t]*(?:{_LABELS})[ \t]+(?P<x>{HAN}{{2,4}})[ \t]*$",
    re.MULTILINE,
)
BY_WHOM = re.compile(
    rf"{_AGENT}{_REMARK} ?: ?(?P<v>{HAN}{{2,4}})(?!{HAN}|[·•・(])"
    rf"|(?:^|(?<=[\s,;。、|(]))(?:{_LABELS})[ \t]{{1,4}}(?P<w>{HAN}{{2,4}})(?=[\s,;。、|)]|$)"
)
"""The same where anybody's or anything's name may stand: no ordinary word is taken for one."""
KEYED = re.compile(
    r"(?<![A-Za-z])(?:(?:real|full|user)_?)?(?:name|xm|xingming)[\"']? ?[:=] ?[\"']?"
    rf"(?P<v>{HAN}{{2,4}})(?!{HAN}|[·•・(])"
    r"(?=.{0,40}?(?:1[3-9][0-9]{9}|[1-9][0-9]{16}))",
    re.IGNORECASE,
)
IN_ROW = re.compile(
    rf"(?:^|(?<=[\s,;。、|\"'“(:]))(?P<v>{HAN}{{2,4}})"
    r"(?=[,|\t 、(]{1,2}(?:(?:男|女)(?=[,|\t 、)]|$)|(?:公民)?身份(?:证|号)|1[3-9][0-9]{9}|[1-9][0-9]{16}))"
)
BY_SEX = re.compile(
    rf"^(?:[0-9]{{1,5}}[,|\t])?(?P<v>{HAN}{{2,4}})(?=[,|\t](?:男|女)[,|\t].*(?:1[3-9][0-9]{{9}}|[1-9][0-9]{{16}}))"
    rf"|(?<=[\n,|\t])(?P<w>{HAN}{{2,4}})(?=[,|\t](?:男|女)(?:[,|\t\n]|$))",
    re.MULTILINE,
)
"""In a row: at its beginning, with a telephone or an identity number behind (v), or anywhere (w)."""
TITLED = re.compile(
    r"(?:^|[，。；！？、,;:!?\s“\"'(]|民警|辅警|警官|法官|检察官|干警|支书|书记|主任|干部|教师|班主任|职工|工人|司机|村民|居民|市民|患者"
    r"|感谢|表扬|投诉|举报|联系|委托|聘请|由|请|向|与|和|跟|找|经|被|对|是)"
    rf"(?P<v>{HAN}{{2,3}})(?=同志|女士|先生|小姐|医生|大夫|医师|老师|师傅|警官|法官|律师|教授)"
)
_NEAR_LABEL = re.compile("[:=| \t]")
_NEAR_KEY = re.compile("[NnXx](?:[Aa][Mm]|[Mm]|[Ii][Nn])")
_NEAR_ROW = re.compile(r"[,|\t 、(](?:男|女|公民|身份|[1-9])")
_NEAR_TITLE = re.compile("同志|女士|先生|小姐|医生|大夫|医师|老师|师傅|警官|法官|律师|教授")
"""What is in every match of a pattern and quickly found, so that the pattern is tried around it only."""
_BEFORE, _AFTER = 24, 56
NOTHING = frozenset(places.word_list("form_words"))
"""What stands in such boxes and begins with a surname, too."""
_ADDRESSED = "|".join(sorted(places.word_list("honorifics"), key=len, reverse=True))
_ADDRESSED_SHORT = "|".join(places.word_list("short_honorifics"))
_TITLE = re.compile(_ADDRESSED)
HONORIFIC = re.compile(f"{HAN}{{1,2}}(?:{_ADDRESSED})|{HAN}(?:{_ADDRESSED_SHORT})")


@cache
def _surnames() -> tuple[frozenset[str], frozenset[str]]:
    lines = places.lines("surnames.txt")
    return frozenset("".join(line for line in lines if " " not in line)), frozenset(places.words("surnames.txt")) - {
        *lines
    }


def addressed(value: str, after: str = "") -> bool:
    """A surname with a form of address: in the value (张女士), over its end (欧阳老|师) or behind it (谢谢方|主任)."""
    single, double = _surnames()
    if HONORIFIC.fullmatch(value) and (value[0] in single if len(value) < 4 else value[:2] in double):
        return True
    if value[-1] in single and is_word(value[:-1]) and _TITLE.match(after):
        return True
    whole = value + after
    return any(
        (title := _TITLE.match(whole, width)) is not None and title.end() > len(value)
        for width, known in ((1, single), (2, double))
        if whole[:width] in known and width <= len(value)
    )


def may_be(value: str) -> bool:
    """Does the value begin with a surname, and is it neither a place nor what else stands in the boxes of forms?"""
    single, double = _surnames()
    if value in NOTHING or value in double or value[-1] in "员者" or value in places.place_names() or addressed(value):
        return False
    return (value[0] in single and len(value) <= 3) or (value[:2] in double and len(value) >= 3)


@cache
def _words() -> frozenset[str]:
    return frozenset(places.words("words.txt"))


def is_word(value: str) -> bool:
    """Is the whole value in the lexicon as anything but the material of names?"""
    return bool(set(lexicon().words.get(value, "")) - set("mS"))


def _ranges(near: re.Pattern[str], text: str, *, rows: bool = False) -> list[tuple[int, int]]:
    """Where to look for a pattern: around the matches of `near`, `rows`: to the end of the line; ranges that touch are
    one."""
    made = []
    low = high = -1
    for found in near.finditer(text):
        if rows and found.end() + _AFTER <= high:
            continue
        if found.start() - _BEFORE > high:
            if high >= 0:
                made.append((low, high))
            low = max(0, found.start() - _BEFORE)
        high = min(len(text), found.end() + _AFTER)
        line = text.find("\n", high) if rows else high
        high = line if line >= 0 else len(text)
    if high >= 0:
        made.append((low, high))
    return made


def _within(ranges: list[tuple[int, int]], pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    for low, high in ranges:
        yield from pattern.finditer(text, low, high)


def titled_names(text: str) -> Iterator[Found]:
    """Surname and given name between a role, a verb or an edge and a form of address: 民警包青山同志."""
    for match in _within(_ranges(_NEAR_TITLE, text), TITLED, text):
        value = match["v"]
        if value[0] in "向和经由与":  # rare surnames, and far more often the word before a name
            continue
        if may_be(value) and value not in _words() and value[:2] not in _words():
            yield Found(match.start("v"), match.end("v"), 0.75)


def boxed_names(text: str) -> Iterator[Found]:
    """Two to four characters that begin with a surname, alone in the box of a form or row."""
    labels, rows = _ranges(_NEAR_LABEL, text), _ranges(_NEAR_ROW, text, rows=True)
    for ranges, pattern, score, any_word in (
        (labels, LABELLED, 0.8, True),
        (_ranges(_NEAR_KEY, text, rows=True), KEYED, 0.8, True),
        (rows, IN_ROW, 0.75, True),
        (labels, BY_WHOM, 0.7, False),
    ):
        for match in _within(ranges, pattern, text):
            group = match.lastgroup or "v"
            value = match[group]
            role_as_well = text.startswith("(", match.end(group))  # 司机(139…)
            if may_be(value) and ((any_word and not role_as_well) or not is_word(value)):
                yield Found(match.start(group), match.end(group), score)
    for match in _within(rows, BY_SEX, text):
        group = match.lastgroup or "v"
        value = match[group]
        if value in NOTHING or value in places.place_names() or (group == "w" and is_word(value)):
            continue
        yield Found(match.start(group), match.end(group), 0.75)
