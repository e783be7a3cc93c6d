"""Names in Latin letters: English ones by first name, label or what follows; pinyin ones by surname and syllables."""

import re
from collections.abc import Iterator

from masking import places
from masking.cues import HAN, LABEL, Found

FIRST_NAMES = frozenset(places.word_list("first_names"))
_UP, _LOW = "A-ZÀ-ÖØ-ÞĀĂĄĆČĎĐĒĖĘĚĞĢĪĮİĶĹĻĽŁŃŅŇŌŐŒŔŘŚŞŠŢŤŪŮŰŲŸŹŻŽ", "a-zß-öø-ÿāăąćčďđēėęěğģīįıķĺļľłńņňōőœŕřśşšţťūůűųźżž"
_WORD = f"[{_UP}][{_LOW}]+"
CAPITALISED = rf"(?:{_WORD}(?:['’-]{_WORD}|[{_UP}][{_LOW}]+)?|[{_UP}]['’]{_WORD}|[Aa]l-{_WORD})"
PARTICLE = "(?:(?:van|von|de|der|den|del|della|di|da|dos|la|le|bin|bint|binti|ibn|ter|ten|zu|y) ){0,2}"
LATIN = re.compile(
    rf"(?<![A-Za-z0-9@.])(?P<first>{CAPITALISED})(?: [A-Z][.])?(?: {PARTICLE}{CAPITALISED}){{1,2}}(?![A-Za-z0-9@])"
)
INITIALS = re.compile(rf"(?<![A-Za-z0-9.])(?:[A-Z][.] ?){{1,2}}(?P<last>{_WORD}(?:-{_WORD})?)(?![A-Za-z0-9@])")
LAST_FIRST = re.compile(rf"(?<![A-Za-z0-9@])(?:[A-Z]{{2,14}}|{_WORD}), ?(?P<first>{_WORD})(?![A-Za-z0-9@])")
CYRILLIC = re.compile("(?<![Ѐ-ӿ])(?:[А-ЯЁӨҮ][.] ?)?[А-ЯЁӨҮ][а-яёөү]+(?:[ -][А-ЯЁӨҮ][а-яёөү]+){0,2}(?![Ѐ-ӿ])")
LATIN_CUES = (
    "hi|hello|hey|sincerely,|regards,|yours,|cheers,|cc:|bcc:|attn:|prof[.]?|professor|miss|judge|officer|captain|author"
    "|editor|i am|i'm|this is|called|named|between|with|and|son of|daughter of|wife of|husband of|contact|patient"
    "|belong(?:s|ing) to|ship to|bill to|deliver to|dear|mr[.]?|mrs[.]?|ms[.]?|dr[.]?|applicant|customer"
    "|client|employee|citizen|resident|driver|holder|owner|signed by|witness|attn|from|by|met|call|told|user|guest"
    "|tenant|student|nurse|doctor|defendant|plaintiff|(?:full |first |last )?name(?: is)?|姓名|联系人|旅客|乘客"
)
LATIN_CUE = re.compile(rf"(?:(?:{LATIN_CUES})[\"']?\s*[:=]?\s*[\"']?)$", re.IGNORECASE)
LATIN_AFTER = re.compile(
    r"(?: (?:lives?|lived|resides?|works?|worked|said|says|signed|wrote|was born|is a|was a|and [A-Z][a-z]+ [A-Z][a-z]+"
    r"|has been|have been|declined|requested|reported|called|joined|who)(?![a-z])"
    r"|'s |’s |,? (?:SSN|DOB|born|passport|phone|mobile|aged|date of birth)|, (?:[0-9]|[A-Z][a-z]+;)"
    r"|\s*[(（<][^)]{0,20}@)",
    re.IGNORECASE,
)
PINYIN_SURNAMES = places.word_list("pinyin_surnames")
PINYIN = (
    "(?:[bpmfdtnlgkhjqxrzcsyw]|zh|ch|sh)?(?:i?ang|i?ong|uang|[iu]an|eng|ing|ang|ong|[aeiu]n|i?ao|i?ou|u?ai|uei|ui"
    "|u?ei|i[aeu]|u[aeo]|[aeiouv])"
)
_CAPITAL = "|".join(name.capitalize() for name in PINYIN_SURNAMES)
_UPPER = "|".join(name.upper() for name in PINYIN_SURNAMES)
PINYIN_NAME = re.compile(
    rf"(?<![A-Za-z0-9@._-])(?:(?:{_CAPITAL}|{_UPPER}),? [A-Z][a-z]+(?: [A-Z][a-z]+|['-][A-Za-z][a-z]+)?"
    rf"|(?:{_UPPER})[ ,/]{{1,2}}[A-Z]{{2,12}})(?![A-Za-z0-9@])"
)
_JOINED = str.maketrans("", "", " '-")
PINYIN_GIVEN = re.compile(rf"(?:{PINYIN}){{1,3}}", re.IGNORECASE)


def _named_by_what_surrounds(text: str, start: int, end: int) -> bool:
    """Does "the" before or a common noun after make the words a name of something?"""
    if re.search(
        r"(?:^|[^A-Za-z])(?:[Tt]he|[Aa]n?|[Aa]t|[Ii]n|[Tt]o|[Nn]ear|[Oo]f) $", text[max(0, start - 5) : start]
    ):
        return True
    after = re.match(r"[ ]([A-Za-z]+)", text[end : end + 20])
    return after is not None and after[1].lower() in NO_NAMES


def _other_forms(text: str) -> Iterator[Found]:
    """J. R. Smith; SMITH, John; names in Cyrillic letters where the text has no other word in them."""
    for match in INITIALS.finditer(text):
        if match["last"].lower() not in NO_NAMES:
            yield Found(match.start(), match.end(), 0.6)
    for match in LAST_FIRST.finditer(text):
        if match["first"] in FIRST_NAMES and match.group().split(",")[0].lower() not in NO_NAMES | SENTENCE_STARTS:
            yield Found(match.start(), match.end(), 0.6)
    if re.search("(?<![Ѐ-ӿ])[а-яёөү]", text) is None:
        for match in CYRILLIC.finditer(text):
            yield Found(match.start(), match.end(), 0.6)


def latin_names(text: str) -> Iterator[Found]:
    """English names by first name, label or what follows; pinyin names by surname and syllables."""
    english = re.search(HAN, text) is None
    for match in LATIN.finditer(text):
        start, end = match.span()
        before = text[max(0, start - 24) : start]
        first = match["first"]
        if any(word in NO_NAMES for word in re.findall("[a-z]+", match.group().lower())[-2:]):
            continue
        points = 0.45 if first in FIRST_NAMES else 0.0
        points += 0.5 if LATIN_CUE.search(before) else 0.0
        points += 0.35 if LATIN_AFTER.match(text[end : end + 24]) else 0.0
        if not points and english and not _named_by_what_surrounds(text, start, end):
            points = 0.35 if first.lower() not in SENTENCE_STARTS else 0.0
        if first.lower() in SENTENCE_STARTS or (VERB.fullmatch(first) and " " in match.group().split(" ", 1)[1]):
            rest = match.group().split(" ", 1)[1]
            if " " not in rest:
                continue
            start, points = end - len(rest), points + (0.5 if first.lower() in SENTENCE_CUES else 0.0)
            points += 0.45 if rest.split()[0] in FIRST_NAMES else 0.0
        if points >= 0.35:
            yield Found(start, end, min(0.85, 0.2 + points))
    yield from _other_forms(text)
    for match in LOWER.finditer(text):
        yield Found(match.start("v"), match.end("v"), 0.65)
    for match in LABELLED.finditer(text):
        yield Found(match.start("v"), match.end("v"), 0.7)
    for match in PINYIN_NAME.finditer(text):
        given = re.split(r"[ ,/]+", match.group(), maxsplit=1)[1].translate(_JOINED)
        cue = LATIN_CUE.search(text[max(0, match.start() - 24) : match.start()]) or LABEL.search(
            text[max(0, match.start() - 16) : match.start()]
        )
        if given.lower() in NO_NAMES or not PINYIN_GIVEN.fullmatch(given):
            continue
        yield Found(match.start(), match.end(), 0.8 if cue else 0.6)


VERB = re.compile("[A-Z][a-z]+(?:[^aeiouh]ed|ing|wed)")
"""What begins a line of notes: Interviewed Ali Reza Hosseini."""
NO_NAMES = frozenset(places.word_list("latin_words"))
_FIRST = "|".join(sorted((name.lower() for name in FIRST_NAMES), key=len, reverse=True))
LOWER = re.compile(
    r"(?<![A-Za-z])(?:my name is|name is|i am|this is|(?:full[ _])?name ?[:=]|patient|dear|contact|customer)[ \"']{1,2}"
    rf"(?P<v>(?:{_FIRST}) [a-z]{{2,14}})(?=[\"',.;:!?)\n]|$| (?:and|at|on|is|was|from|with|by))"
)
"""Names without capitals, after what can only stand before a name."""
LABELLED = re.compile(
    r"(?:姓名|名字|Name) ?[:：=] ?[\"'“]?(?P<v>[A-Z][a-z]{3,20}(?: [A-Z][a-z]{1,20}){0,2})(?![A-Za-z0-9@_.])"
)
SENTENCE_CUES = frozenset(places.word_list("sentence_cues"))
SENTENCE_STARTS = SENTENCE_CUES | frozenset(places.word_list("sentence_starts"))
