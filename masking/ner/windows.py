"""The clauses of a text: no name crosses their ends, so each is read by itself."""

import re

CLAUSE = re.compile(r"[^，。；！？\n,;!?]{1,240}[，。；！？,;!?]?")


def windows(text: str) -> list[tuple[int, int]]:
    """Half-open ranges of `text`, in order, that do not overlap: all clauses."""
    return [match.span() for match in CLAUSE.finditer(text)]
