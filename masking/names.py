"""Names of people, organisations and addresses by rules: cues, surnames, Mongolian morphemes, the gazetteer.

Chinese has no capitals and no blanks, so a name shows itself by what stands around it. Each candidate collects points
for cues and edges; the score is capped below the checksummed types, and a statistical model may later replace the
points without changing the interface.
"""

import re
from collections.abc import Iterator
from functools import cache

from masking import places
from masking.cues import (
    AFTER_CUE,
    CUES,
    FOLLOW,
    HAN,
    LABEL,
    LEFT_EDGE,
    NO_LAST,
    NOT_AFTER,
    TITLES,
    WEAK_CUES,
    Found,
)
from masking.names_forms import boxed_names, titled_names
from masking.names_latin import latin_names


@cache
def _surnames() -> tuple[frozenset[str], frozenset[str]]:
    lines = places.lines("surnames.txt")
    return frozenset("".join(line for line in lines if " " not in line)), frozenset(places.words("surnames.txt")) - set(
        lines
    )


@cache
def _frequent() -> frozenset[str]:
    """Surnames that most people bear: they need less evidence."""
    return frozenset(places.lines("surnames.txt")[0])


@cache
def _given() -> frozenset[str]:
    return frozenset("".join(places.words("given.txt")))


@cache
def _no_names() -> frozenset[str]:
    return frozenset(places.words("words.txt"))


@cache
def _morphemes() -> re.Pattern[str]:
    """A chain of morphemes, longest first; one-character ones only as a tail."""
    known = sorted(places.words("mongolian.txt"), key=len, reverse=True)
    long = "|".join(word for word in known if len(word) > 1)
    short = "|".join(word for word in known if len(word) == 1)
    return re.compile(f"(?P<first>{long})(?P<more>(?:{long})*)(?P<tail>(?:{short})?)")


def _edges(text: str, start: int, end: int) -> tuple[float, bool]:
    """Points for what stands before and after a candidate, and whether a strong cue is among it."""
    before, after = text[max(0, start - 16) : start], text[end : end + 12]
    label = LABEL.search(before)
    points, strong = 0.0, False
    if label is not None:
        weak = label.group().strip(" :：\"'“”=") in WEAK_CUES
        strong = not weak
        points += 0.3 if weak else 0.5
    elif LEFT_EDGE.search(before):
        points += 0.2
    if AFTER_CUE.match(after):
        points += 0.3
    elif not after or FOLLOW.match(after):
        points += 0.1 if not after or re.match(HAN, after) is None else 0.05
    return points, strong


def han_names(text: str) -> Iterator[Found]:
    """Names with a Han (or other) surname: one or two characters after it."""
    single, double = _surnames()
    given, no_names, frequent = _given(), _no_names(), _frequent()
    taken = 0
    for start, letter in enumerate(text):
        if start < taken:
            continue
        long_surname = next((text[start : start + n] for n in (4, 3, 2) if text[start : start + n] in double), "")
        if not long_surname and letter not in single:
            continue
        width = len(long_surname) or 1
        best: Found | None = None
        for size in (width + 2, width + 1):
            end = start + size
            body = text[start + width : end]
            if len(body) < size - width or any(part not in given and not re.match(HAN, part) for part in body):
                continue
            if TITLES.match(text[start + width : start + width + 2]) or _blocked(text, start, end, no_names):
                continue
            if size == width + 2 and body[-1] in NO_LAST:
                continue
            points, strong = _edges(text, start, end)
            if not FOLLOW.match(text[end : end + 4]) and not strong:
                continue
            known = sum(part in given for part in body) / len(body)
            points += 0.25 * known + (0.1 if long_surname or letter in frequent else 0.0)
            points -= 0.0 if FOLLOW.match(text[end : end + 4]) else 0.2
            if TITLES.match(text[end : end + 3]) and size == width + 1 and not strong and known < 1:
                continue
            if best is None or points > best.score:
                best = Found(start, end, points)
        if best is not None and best.score >= 0.6:
            yield Found(best.start, best.end, min(0.85, best.score))
            taken = best.end


def _blocked(text: str, start: int, end: int, no_names: frozenset[str]) -> bool:
    """Does a common word or a place begin here or reach into the candidate from the left?"""
    label = LABEL.search(text[max(0, start - 16) : start])
    exact_end = FOLLOW.match(text[end : end + 1]) is not None and re.match(HAN, text[end : end + 1]) is None
    if label is not None and exact_end and text[start:end] not in no_names:
        return False
    for size in (2, 3, 4, 5):
        if text[start : start + size] in no_names:
            return True
        for back in range(1, size):
            if label is None and start >= back and text[start - back : start - back + size] in no_names:
                return True
    return text[start:end] in places.place_names() or NOT_AFTER.match(text[end : end + 3]) is not None


def mongolian_names(text: str) -> Iterator[Found]:
    """Transliterated Mongolian names: chains of known morphemes that are no place."""
    known_places = places.place_names()
    for match in _morphemes().finditer(text):
        start, end = match.span()
        if NOT_AFTER.match(text[end : end + 3]) or _names_a_place(text, start, end, known_places):
            continue
        points, strong = _edges(text, start, end)
        chain = bool(match["more"] or match["tail"])
        points += 0.45 if chain and end - start >= 4 else 0.35 if chain or end - start >= 3 else 0.15
        points -= 0.0 if strong or FOLLOW.match(text[end : end + 4]) else 0.2
        if points >= 0.55:
            yield Found(start, end, min(0.85, points))


def _names_a_place(text: str, start: int, end: int, known_places: frozenset[str]) -> bool:
    """Does the chain lie in the name of a division (呼和浩特, 乌兰察布, 巴彦淖尔)?"""
    for left in range(max(0, start - 3), start + 1):
        for right in range(end, min(len(text), end + 4) + 1):
            if text[left:right] in known_places:
                return True
    return False


DOTTED = re.compile(rf"(?<!{HAN})(?:{HAN}){{2,7}}[·•・](?:{HAN}){{2,7}}(?:[·•・](?:{HAN}){{1,7}})?")


def dotted_names(text: str) -> Iterator[Found]:
    """Names with a middle dot (阿卜杜拉·买买提), cues cut off the front."""
    for match in DOTTED.finditer(text):
        start, end = match.span()
        head = match.group().split("·")[0]
        for cue in CUES:
            if head.startswith(cue) and len(head) - len(cue) >= 2:
                start += len(cue)
                break
        else:
            if len(head) > 5:
                start += len(head) - 4
        yield Found(start, _trim_tail(text, start, end), 0.75)


def _trim_tail(text: str, start: int, end: int) -> int:
    """Cuts words that follow a name off the end of a dotted one."""
    dot = max(text.rfind(mark, start, end) for mark in "·•・")
    for stop in range(dot + 3, end):
        if re.match(r"(?:身份|手机|电话|先生|女士|申请|反映|办理|咨询|的|在)", text[stop:end]):
            return stop
    return end


MONGOL_SCRIPT = re.compile("[\u1820-\u18aa][\u1820-\u18aa\u180b-\u180e\u202f ]*[\u1820-\u18aa\u180b-\u180e]")
NAME_IN_MONGOL = "ᠨᠡᠷ"


def script_names(text: str) -> Iterator[Found]:
    """Runs of traditional Mongolian script after a name label: who can read it can judge it, a rule cannot."""
    for match in MONGOL_SCRIPT.finditer(text):
        before = text[max(0, match.start() - 16) : match.start()]
        if LABEL.search(before) or NAME_IN_MONGOL in before:
            yield Found(match.start(), match.end(), 0.6)


MIDDLE_DOT = re.compile("[·•・]")
LATIN_LETTER = re.compile("[A-Za-zÀ-žЀ-ӿ]")


def _in_other_letters(text: str) -> Iterator[Found]:
    if MIDDLE_DOT.search(text):
        yield from dotted_names(text)
    yield from script_names(text)
    if LATIN_LETTER.search(text):
        yield from latin_names(text)


def besides_the_model(text: str) -> Iterator[Found]:
    """Names the model may not know: in the box of a form, with a middle dot, in Mongolian or Latin letters."""
    yield from boxed_names(text)
    yield from titled_names(text)
    yield from _in_other_letters(text)


def people(text: str) -> Iterator[Found]:
    """All names of people in a normalised text, by rules alone: for single values of a column."""
    if re.search(HAN, text):
        yield from han_names(text)
        yield from mongolian_names(text)
    yield from _in_other_letters(text)
