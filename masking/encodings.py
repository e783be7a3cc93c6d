"""Which encoding a text file is in: UTF-8, UTF-16 or GB 18030, from its mark or from a look at its bytes.

GB 18030 (a superset of GBK and GB 2312) is what many government systems still export; Windows programs write UTF-16
when asked for "Unicode". A file that is none of the three, or no text at all, has no answer.
"""

import codecs
from collections.abc import Iterator
from pathlib import Path

HEAD = 1 << 20
"""Bytes read from the start."""
CHUNK = 1 << 16
CHUNKS = 16
"""Looks at places spread over the rest, so that a file of gigabytes costs no more than a small one."""
TELLING = 60
"""Bytes beyond ASCII from which on what reads as UTF-8 is UTF-8: bytes of GB 18030 rarely form its sequences."""
MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def _reads_as(chunk: bytes, encoding: str, *, first: bool, last: bool) -> bool:
    """Can the chunk be a part of a text in `encoding`? What its edges cut is forgiven, the rest is not."""
    decoder = codecs.getincrementaldecoder(encoding)()
    for skipped in range(1 if first else 4):
        decoder.reset()
        try:
            decoder.decode(chunk[skipped:], last)
        except UnicodeDecodeError:
            continue
        return True
    return False


def _zeros(head: bytes) -> str | None:
    """UTF-16 without a mark: every other byte of ASCII is zero. None for other zeros: no text."""
    even, odd = head[::2].count(0), head[1::2].count(0)
    if odd > len(head) // 8 and even == 0:
        return "utf-16-le"
    if even > len(head) // 8 and odd == 0:
        return "utf-16-be"
    return None


def _chunks(path: Path) -> Iterator[tuple[bytes, bool, bool]]:
    """Parts of the file, each with whether it is the first and whether the file ends with it."""
    size = path.stat().st_size
    with path.open("rb") as file:
        yield file.read(HEAD), True, size <= HEAD
        for turn in range(CHUNKS if size > HEAD else 0):
            file.seek(HEAD + max(0, size - HEAD - CHUNK) * turn // (CHUNKS - 1))
            chunk = file.read(CHUNK)
            yield chunk, False, file.tell() >= size


def encoding_of(path: Path) -> str | None:
    """`utf-8`, `utf-16`, `utf-16-le`, `utf-16-be` or `gb18030`; None for what is no text or mixes encodings."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    for mark, name in MARKS:
        if head.startswith(mark):
            return name
    if b"\0" in head:
        return _zeros(head)
    chunks = list(_chunks(path))
    fits = [_reads_as(chunk, "utf-8", first=first, last=last) for chunk, first, last in chunks]
    if all(fits):
        return "utf-8"
    told = [sum(byte > 0x7F for byte in chunk[:CHUNK]) >= TELLING for chunk, _, _ in chunks]
    if any(fit and much for fit, much in zip(fits, told, strict=True)):
        return None  # UTF-8 in one place and not in another
    if all(_reads_as(chunk, "gb18030", first=first, last=last) for chunk, first, last in chunks):
        return "gb18030"
    return None
