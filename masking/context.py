"""Words near a value: which speak for a type, which speak against any identifier."""

import re
from functools import cache

from masking.entities import ENTITIES, EntityType
from masking.places import word_list

BEFORE, AFTER = 18, 8

AGAINST = word_list("against")
"""Words that say: this number counts or names things, not people."""


@cache
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    longest_first = sorted((re.escape(word) for word in words), key=len, reverse=True)
    return re.compile("|".join(longest_first))


def _nearest(words: tuple[str, ...], before: str, after: str) -> int:
    """Distance from the value to the nearest of the words; a large number when there is none."""
    pattern = _pattern(words)
    distance = 1000
    for match in pattern.finditer(before):
        distance = len(before) - match.end()
    found = pattern.search(after)
    return min(distance, found.start() + 1) if found else distance


def speaks_for(kind: EntityType, text: str, start: int, end: int) -> bool:
    """Does a word for `kind` stand within BEFORE characters before or AFTER after the value?"""
    words = ENTITIES[kind].context
    return _nearest(words, text[max(0, start - BEFORE) : start].lower(), text[end : end + AFTER].lower()) < 1000


def speaks_against(kind: EntityType, text: str, start: int, end: int) -> bool:
    """Is the nearest word one that names things and not people?"""
    before, after = text[max(0, start - BEFORE) : start].lower(), text[end : end + AFTER].lower()
    against = _nearest(AGAINST, before, "")
    return against < 1000 and against <= _nearest(ENTITIES[kind].context, before, after)
