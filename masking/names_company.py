"""Names that other names of the same text prove: mentioned once more, or in one list with names.

`detect` finds each name where it stands; a text says more. Who is named once with certainty is named wherever the name
stands, and what stands in a row with people is one: 参加会议的有：满都拉、何似、贺喜格.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from masking import places
from masking.cues import HAN, Found
from masking.names_forms import is_word, may_be
from masking.ner.lexicon import lexicon

AGAIN = 0.9
"""A name read with such a score is one wherever else it stands."""
ITEM = 24
"""Characters of an item of a list, at most."""
LIST = re.compile(f"{HAN}{{1,{ITEM}}}(?:[、/]{HAN}{{2,{ITEM}}}){{1,200}}")
_FIRST = re.compile(f"{HAN}{{1,{ITEM}}}\\Z")
MATES = 2
"""So many names in a list prove a word beside them that might be one."""
_ITEM = re.compile(f"{HAN}+")
_TAIL = re.compile(r"(?:等|均|都|共|各|三人|二人|两人|同志|同学|老师|女士|先生|到|受|及|和|与|为|是|在|已|被|因)")
_MARK = re.compile("[、/]")
LONGEST = 4


def _split_by_words(text: str, start: int, end: int) -> bool:
    """Does a word of the lexicon reach over an edge of the range (云端 over the end of 高云)?"""
    words = lexicon().words
    return bool(words.get(text[max(0, start - 1) : start + 1]) or words.get(text[end - 1 : end + 1]))


def mentioned_again(text: str, people: Sequence[Found]) -> Iterator[Found]:
    """The same people where nothing around them says so; two characters only where no other word claims one."""
    taken = {one.start: one.end for one in people}
    known = {text[one.start : one.end]: one.score for one in people if one.score >= AGAIN}
    for name, score in known.items():
        short = len(name) == 2
        if short and (is_word(name) or name in places.place_names()):
            continue
        at = text.find(name)
        while at >= 0:
            end = at + len(name)
            if taken.get(at, at) < end and not (short and _split_by_words(text, at, end)):
                yield Found(at, end, score)
            at = text.find(name, end)


def lists(text: str) -> Iterator[re.Match[str]]:
    """The matches of `LIST`, looked for at the marks alone, which are few."""
    done = 0
    for mark in _MARK.finditer(text):
        if mark.start() < done:
            continue
        first = _FIRST.search(text, max(done, mark.start() - ITEM), mark.start())
        row = LIST.match(text, first.start()) if first else None
        if row is not None:
            done = row.end()
            yield row


def in_one_list(text: str, people: Sequence[Found]) -> Iterator[Found]:
    """Items of a list that begin with a surname, where other items are people."""
    if not people:
        return
    starts, ends = sorted(one.start for one in people), {one.end for one in people}
    begun = frozenset(starts)
    for row in lists(text):
        items = [(row.start() + item.start(), row.start() + item.end()) for item in _ITEM.finditer(row.group())]
        last = items[-1]
        sure = sum(end in ends for _, end in items[:-1]) + (last[0] in begun)
        if not sure:
            continue
        open_items = [  # what stands before the first name of a list has no edge of its own
            (start, _name_end(text, start, end) if (start, end) == last else end)
            for start, end in items[1 if items[0][1] - items[0][0] > LONGEST else 0 :]
            if bisect_left(starts, start) == bisect_left(starts, end)
        ]
        for words_too in (False, True):
            for start, end in list(open_items):
                value = text[start:end]
                needed = max(MATES, len(items) // 2) if is_word(value) else 1
                if sure < needed or (is_word(value) and not words_too) or not may_be(value):
                    continue
                yield Found(start, end, 0.7)
                sure += 1
                open_items.remove((start, end))


def _name_end(text: str, start: int, end: int) -> int:
    """The end of the last item, only so far as a name may reach: 于海|受伤, 陆小暑|民间借贷纠纷."""
    if end - start <= 2:
        return end
    for size in (3, 2):
        follows = start + size
        if follows == end or _TAIL.match(text, follows) or lexicon().words.get(text[follows : follows + 2]):
            return follows
    return end
