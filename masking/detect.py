"""Finding identifiers in text: `detect(text) -> list[Span]`.

normalise -> rules (structure, checksum, context) -> names, addresses, organisations -> one span per place:
checksum beats structure beats context beats name; on a tie the longer one wins.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from masking import addresses, names, patterns_contact, patterns_papers, places
from masking.context import AGAINST, speaks_against, speaks_for
from masking.cues import HAN, Found
from masking.entities import Basis, EntityType
from masking.headed import headed_cells
from masking.names_company import in_one_list, mentioned_again
from masking.names_forms import addressed
from masking.ner.model import Name, names_in
from masking.normalise import Normalised, normalise
from masking.patterns import Rule

THRESHOLD = 0.5
SURE = {EntityType.PERSON: 0.6, EntityType.ADDRESS: 0.5, EntityType.ORG: 0.5}
"""How sure the name model must be: a missed name leaks, a word taken for one is only masked."""
EDGE = 6
"""Two readings of one address begin at most so many characters apart."""
RULES = (*patterns_papers.RULES, *patterns_contact.RULES)
PLACED = re.compile("[0-9一二三四五六七八九十甲乙丙]|村$|嘎查$")
"""What every address has: a number, or a village at its end."""
BUILT = re.compile(
    "[路街巷道村区县市镇乡旗楼栋幢座室院里弄园苑府城庄屯营组队户门排湾庭居坊厦郡寓港墅#]|嘎查|苏木|单元|胡同|广场|酒店|学校"
)
"""And what it lies in or on: 快递单123号 has a number, but no place."""
COUNTED = re.compile("[一二两三四五六七八九十几这那每半整][张段项方宗户包顶支]")
"""A measure word that is a surname as well: 这张卡, 一段话."""
NAMESAKE = re.compile("|".join(places.word_list("namesakes")))
"""What makes the name before it that of a place, a prize or a dish: 刘胡兰纪念馆, 白音敖包."""
ORG_ENDS = frozenset("司社店厂所部馆行院堂坊吧场铺市室站城园屋庄心队团会校厅楼房局")
"""Last characters of the names of businesses: legal forms and kinds of shops."""
TRIGGER = re.compile(
    "|".join(f"{first}[0-9@]*" for first in "0123456789@")
    + "|w[Xx]|W[Xx]|v[Xx]|V[Xx]|w[Ee][CcIi][Hh]?[XxAa]|W[Ee][CcIi][Hh]?[XxAa]|微信|薇信|加[Vv]"
    "|q[Qq]|Q[Qq]|扣扣|企鹅|出生|生日|生于|诞生"
    "|birth|Birth|BIRTH|born|Born|BORN|DOB|dob|csrq|CSRQ|一[零〇一二三四五六七八九十]{3}年|二[零〇一二三四五六七八九十]{3}年"
    "|一[三四五六七八九]|幺[三四五六七八九]"
)
"""Something of this is in or beside every value the rules find. Every branch begins with one letter, so that the search
leaps over all others."""
MARGIN = 72
_HAN = re.compile(HAN)
_DIGIT = re.compile("[0-9]")
_FREE = re.compile(b"\x00+")


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A finding: half-open range in code points of the given text, type, and score from 0 to 1."""

    start: int
    end: int
    type: EntityType
    score: float


@dataclass(frozen=True, slots=True)
class _Candidate:
    start: int
    end: int
    type: EntityType
    score: float
    basis: Basis


def _judge(rule: Rule, text: str, start: int, end: int) -> _Candidate | None:
    """Score and basis of one match, or None where the rule's check, score or a veto speaks against it."""
    value = rule.plain(text[start:end])
    if rule.check is not None and not rule.check(value):
        return None
    near = speaks_for(rule.type, text, start, end)
    proven = rule.proof is not None and rule.proof(value)
    if rule.proof is not None and not proven:
        score, basis = (rule.unproven if near else 0.0), Basis.CONTEXT
    elif near:
        score, basis = rule.near, Basis.CHECKSUM if proven else Basis.STRUCTURE if rule.alone else Basis.CONTEXT
    else:
        score, basis = rule.alone, Basis.CHECKSUM if proven else Basis.STRUCTURE
    if score < THRESHOLD or (rule.veto and speaks_against(rule.type, text, start, end)):
        return None
    return _Candidate(start, end, rule.type, score, basis)


def _near_triggers(text: str) -> Iterator[tuple[int, int]]:
    """Half-open ranges, in order and apart, outside of which no rule can match: around digits, @ and cue words."""
    low = high = -1
    for match in TRIGGER.finditer(text):
        if match.start() - MARGIN > high:
            if high >= 0:
                yield low, high
            low = max(0, match.start() - MARGIN)
        high = min(len(text), match.end() + MARGIN)
    if high >= 0:
        yield low, high


def _by_rules(text: str, chinese: bool) -> list[_Candidate]:
    found = []
    for low, high in _near_triggers(text):
        digits = _DIGIT.search(text, low, high) is not None
        for rule in RULES:
            if (rule.digits and not digits) or (rule.han is not None and rule.han != chinese):
                continue
            for match in rule.pattern.finditer(text, low, high):
                candidate = _judge(rule, text, match.start("v"), match.end("v"))
                if candidate is not None:
                    found.append(candidate)
    return found


def _under_heads(text: str, chinese: bool, ruled: list[_Candidate]) -> list[_Candidate]:
    """`ruled` and what cells of tables hold, judged by the heads of their columns, which speak for and against."""
    more, dropped = list[_Candidate](), set[int]()
    for cell in headed_cells(text):
        lead = f"{cell.label}:"
        shift = cell.start - len(lead)
        found = _by_rules(lead + text[cell.start : cell.end], chinese)
        more += [replace(one, start=one.start + shift, end=one.end + shift) for one in found if one.start >= len(lead)]
        if not found and any(word in cell.label for word in AGAINST):
            dropped |= set(range(cell.start, cell.end))
    return [one for one in ruled if one.start not in dropped or one.basis == Basis.CHECKSUM] + more


def _plausible(name: Name, text: str) -> bool:
    """Does the range hold what every name of its type holds?"""
    if name.type == EntityType.ADDRESS:
        return bool(PLACED.search(text, name.start, name.end) and BUILT.search(text, name.start, name.end))
    if name.type == EntityType.ORG:
        return text[name.end - 1] in ORG_ENDS
    if COUNTED.match(text, max(0, name.start - 1)):
        return False
    if (
        addressed(text[name.start : name.end], text[name.end : name.end + 3])
        or NAMESAKE.match(text, name.end) is not None
    ):
        return False
    return _HAN.search(text, name.start, name.end) is not None


def _by_model(text: str, read: list[Name]) -> list[_Candidate]:
    """What the model read in a text, as far as it is sure and plausible."""
    found = [
        _Candidate(name.start, name.end, name.type, 0.5 + 0.49 * name.sureness, Basis.NAME)
        for name in read
        if name.sureness >= SURE[name.type] and _plausible(name, text)
    ]
    return _begun_at_divisions(text, found)


def _begun_at_divisions(text: str, found: list[_Candidate]) -> list[_Candidate]:
    """Addresses with the beginning the gazetteer knows, where its reading ends in the same place: the model takes a
    word before a division into the address more readily than the list of divisions does."""
    if not any(one.type == EntityType.ADDRESS for one in found):
        return found
    starts = {address.end: address.start for address in addresses.addresses(text)}
    return [
        replace(one, start=starts[one.end])
        if one.type == EntityType.ADDRESS
        and abs(starts.get(one.end, -EDGE) - one.start) < EDGE
        and text[max(0, starts[one.end] - 1)] not in "省市盟州区县旗"  # 托县双河镇: the list has no short forms
        else one
        for one in found
    ]


def _by_word_lists(text: str, taken: list[_Candidate]) -> list[_Candidate]:
    """Names by cues and word lists, where the model read none."""
    kinds = (
        (EntityType.ADDRESS, addresses.addresses), (EntityType.ORG, addresses.organisations),
        (EntityType.PERSON, names.besides_the_model), (EntityType.LOCATION, addresses.locations),
    )  # fmt: skip
    free = [True] * len(text)
    for one in taken:
        free[one.start : one.end] = [False] * (one.end - one.start)
    return [
        _Candidate(found.start, found.end, kind, found.score, Basis.NAME)
        for kind, find in kinds
        for found in find(text)
        if all(free[found.start : found.end])
    ]


def _proved_by_others(text: str, found: list[_Candidate]) -> list[_Candidate]:
    """People whom other people of the text prove."""
    people = [Found(one.start, one.end, one.score) for one in found if one.type == EntityType.PERSON]
    more = [*in_one_list(text, people), *mentioned_again(text, people)]
    return [_Candidate(one.start, one.end, EntityType.PERSON, one.score, Basis.NAME) for one in more]


def _resolve(text: str, candidates: list[_Candidate]) -> list[_Candidate]:
    """The best candidates that do not overlap; an address or organisation loses only the part another one takes."""
    kept: list[_Candidate] = []
    taken = bytearray(len(text))
    for one in sorted(candidates, key=lambda c: (-c.basis, c.start - c.end, -c.score, c.start)):
        start, end = one.start, one.end
        if any(taken[start:end]):
            if one.type not in {EntityType.ADDRESS, EntityType.ORG}:
                continue
            free = max(_FREE.finditer(taken, start, end), key=lambda run: run.end() - run.start(), default=None)
            if free is None or free.end() - free.start() < 2:
                continue
            start, end = free.span()
            if one.type == EntityType.ADDRESS and not PLACED.search(text, start, end):
                continue
        kept.append(_Candidate(start, end, one.type, one.score, one.basis))
        taken[start:end] = b"\x01" * (end - start)
    return kept


def detect(text: str, lang: str = "auto") -> list[Span]:
    """Identifiers in `text`, by position. `lang`: zh, en or auto (Chinese when a Han character occurs)."""
    return detect_all([text], lang)[0]


def detect_all(texts: Sequence[str], lang: str = "auto") -> list[list[Span]]:
    """The same for many texts at once: many short ones are read together as fast as one long one."""
    normal = [normalise(text) for text in texts]
    chinese = [
        lang == "zh" or (lang != "en" and _HAN.search(one.text) is not None) if one.text.strip() else False
        for one in normal
    ]
    named = iter(names_in([one.text for one, han in zip(normal, chinese, strict=True) if han]))
    return [_spans(one, next(named) if han else [], chinese=han) for one, han in zip(normal, chinese, strict=True)]


def _spans(normal: Normalised, names_read: list[Name], *, chinese: bool) -> list[Span]:
    if not normal.text.strip():
        return []
    read = _by_model(normal.text, names_read)
    named = read + _by_word_lists(normal.text, read)
    proved = _proved_by_others(normal.text, named) if chinese else []
    kept = _resolve(normal.text, _under_heads(normal.text, chinese, _by_rules(normal.text, chinese)) + named + proved)
    return sorted(Span(*normal.back(c.start, c.end), c.type, round(c.score, 2)) for c in kept)
