"""File names leave with the file, so they are inspected like content."""

import math
import re
import unicodedata
from collections import Counter

from sandbox.airlock.codes import NAME_CHARACTERS, NAME_ENCODED, NAME_IDENTITY, NAME_TOO_LONG, FindingCode
from sandbox.airlock.identities import Scanner

MAX_CHARACTERS = 80
MAX_BYTES = 160
_LETTERS = r"A-Za-z0-9\u4e00-\u9fff\u3400-\u4dbf\u1820-\u1878"  # Latin, Han, Mongolian
_ALLOWED = re.compile(rf"[{_LETTERS}][{_LETTERS} ._\-]*")
_TOKEN = re.compile(r"[A-Za-z0-9]{20,}")


def check_name(name: str, scanner: Scanner) -> list[FindingCode]:
    """What is wrong with a file's own name (the last part of its path); the empty list for a good name."""
    found = []
    if len(name) > MAX_CHARACTERS or len(name.encode("utf-8", "surrogateescape")) > MAX_BYTES:
        found.append(NAME_TOO_LONG)
        name = name[:MAX_CHARACTERS]
    if not _ALLOWED.fullmatch(name) or ".." in name or unicodedata.normalize("NFC", name) != name:
        found.append(NAME_CHARACTERS)
    digits = re.sub(r"\D", "", name)
    spaced = re.sub(r"[._\- ]+", " ", name.rsplit(".", 1)[0])
    if any(scanner.is_direct(text) for text in (name, spaced, digits)):
        found.append(NAME_IDENTITY)
    if any(_entropy(token) > 3.5 for token in _TOKEN.findall(name)):
        found.append(NAME_ENCODED)
    return found


def _entropy(text: str) -> float:
    """Shannon entropy in bits per character."""
    counts = Counter(text)
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values())
