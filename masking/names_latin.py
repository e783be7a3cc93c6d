"""Names in Latin letters: English ones by first name, label or what follows; pinyin ones by surname and syllables."""

import re
from collections.abc import Iterator

from masking import places
from masking.cues import HAN, LABEL, Found

FIRST_NAMES = frozenset(places.word_list("first_names"))
CAPITALISED = r"[A-Z][a-z]+(?:['’-][A-Z][a-z]+)?|[A-Z]['’][A-Z][a-z]+|Mc[A-Z][a-z]+"
LATIN = re.compile(
    rf"(?<![A-Za-z0-9@.])(?P<first>{CAPITALISED})(?: [A-Z][.])?(?: (?:{CAPITALISED})){{1,2}}(?![A-Za-z0-9@])"
)
LATIN_CUES = (
    "contact|patient|belong(?:s|ing) to|ship to|bill to|deliver to|dear|mr[.]?|mrs[.]?|ms[.]?|dr[.]?|applicant|customer"
    "|client|employee|citizen|resident|driver|holder|owner|signed by|witness|attn|from|by|met|call|told|user|guest"
    "|tenant|student|nurse|doctor|defendant|plaintiff|(?:full |first |last )?name(?: is)?|姓名|联系人|旅客|乘客"
)
LATIN_CUE = re.compile(rf"(?:(?:{LATIN_CUES})[\"']?\s*[:=]?\s*[\"']?)$", re.IGNORECASE)
LATIN_AFTER = re.compile(
    r"(?:'s |’s |,? (?:SSN|DOB|born|passport|phone|mobile|aged|date of birth)|, (?:[0-9]|[A-Z][a-z]+;)"
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
    rf"(?<![A-Za-z0-9@._-])(?:(?:{_CAPITAL}) [A-Z][a-z]+(?: ?[A-Z][a-z]+)?"
    rf"|(?:{_UPPER})[ ,/]{{1,2}}[A-Z]{{2,12}})(?![A-Za-z0-9@])"
)
PINYIN_GIVEN = re.compile(rf"(?:{PINYIN}){{1,3}}", re.IGNORECASE)


def latin_names(text: str) -> Iterator[Found]:
    """English names by first name, label or what follows; pinyin names by surname and syllables."""
    for match in LATIN.finditer(text):
        start, end = match.span()
        before = text[max(0, start - 24) : start]
        first = match["first"]
        points = 0.45 if first in FIRST_NAMES else 0.0
        points += 0.5 if LATIN_CUE.search(before) else 0.0
        points += 0.35 if LATIN_AFTER.match(text[end : end + 24]) else 0.0
        if first.lower() in SENTENCE_STARTS:
            rest = match.group().split(" ", 1)[1]
            if " " not in rest:
                continue
            start, points = end - len(rest), points + (0.5 if first.lower() in SENTENCE_CUES else 0.0)
            points += 0.45 if rest.split()[0] in FIRST_NAMES else 0.0
        if points >= 0.45:
            yield Found(start, end, min(0.85, 0.2 + points))
    for match in PINYIN_NAME.finditer(text):
        given = re.split(r"[ ,/]+", match.group(), maxsplit=1)[1].replace(" ", "")
        cue = LATIN_CUE.search(text[max(0, match.start() - 24) : match.start()]) or LABEL.search(
            text[max(0, match.start() - 16) : match.start()]
        )
        if PINYIN_GIVEN.fullmatch(given) and (cue or re.search(HAN, text)):
            yield Found(match.start(), match.end(), 0.8 if cue else 0.6)


SENTENCE_CUES = frozenset(places.word_list("sentence_cues"))
SENTENCE_STARTS = SENTENCE_CUES | frozenset(places.word_list("sentence_starts"))
