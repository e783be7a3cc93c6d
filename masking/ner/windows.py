"""Where a name may stand: the parts of a text the name model reads."""

import re
from collections.abc import Iterator

CLAUSE = re.compile(r"[^\n。！？]{1,240}[\n。！？]?")
HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")


def windows(text: str) -> Iterator[tuple[int, int]]:
    """Half-open ranges of `text`, in order, that do not overlap: sentences with Chinese characters."""
    for match in CLAUSE.finditer(text):
        if HAN.search(text, match.start(), match.end()):
            yield match.span()
