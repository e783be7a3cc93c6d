"""Where a name may stand: the clauses of a text that the name model reads."""

import re
from collections.abc import Iterator

from masking.ner.gate import gate

CLAUSE = re.compile(r"[^，。；！？\n,;!?]{1,240}[，。；！？\n,;!?]?")


def windows(text: str) -> Iterator[tuple[int, int]]:
    """Half-open ranges of `text`, in order, that do not overlap: clauses in which the gate sees a name begin."""
    done = 0
    for start in gate().starts(text).tolist():
        if start < done:
            continue
        low = max(done, start - 240)
        for stop in range(start - 1, low - 1, -1):
            if text[stop] in "，。；！？\n,;!?":
                low = stop + 1
                break
        match = CLAUSE.match(text, low)
        while match is not None and match.end() <= start:
            match = CLAUSE.match(text, match.end())
        if match is not None:
            done = match.end()
            yield match.start(), done
