"""File kinds that may leave, and the signatures that betray another kind (allow-list by structure, not by name)."""

from enum import StrEnum


class Kind(StrEnum):
    CSV = "csv"
    TSV = "tsv"
    JSON = "json"
    PARQUET = "parquet"
    PNG = "png"
    TXT = "txt"
    MD = "md"
    NOTEBOOK = "ipynb"


TEXTUAL = frozenset({Kind.CSV, Kind.TSV, Kind.JSON, Kind.TXT, Kind.MD, Kind.NOTEBOOK})
START = {Kind.PNG: b"\x89PNG\r\n\x1a\n", Kind.PARQUET: b"PAR1"}

# First bytes of formats that must not leave under any name. Binary ones would fail as UTF-8 anyway; the table is for
# those whose head is printable.
FOREIGN_STARTS = (
    b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"Rar!", b"(\xb5/\xfd", b"%PDF",
    b"{\\rtf", b"GIF8", b"\xff\xd8\xff", b"RIFF", b"BM", b"\x7fELF", b"MZ", b"#!", b"\x93NUMPY", b"SQLite format 3",
    b"ARROW1", b"Obj\x01", b"ORC", b"\x89HDF", b"<?php", b"RDX", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05",
)  # fmt: skip
_TEXT_SAFE = frozenset({b"BM", b"MZ", b"ORC", b"RIFF", b"RDX", b"Rar!"})  # plain words, too: "BMI,count" is a header
MARKUP = (b"<script", b"<svg", b"<html", b"<!doctype", b"<iframe", b"<object", b"<embed", b"javascript:", b"<?xml")
END_OF_ZIP = b"PK\x05\x06"
ZIP_TAIL = 65_557  # a ZIP reader looks for its directory within the last 65,557 bytes (APPNOTE 4.3.16)


def kind_of(name: str) -> Kind | None:
    """The kind that a file's last extension claims, or None. `a.csv.gz` claims gz."""
    stem, dot, extension = name.rpartition(".")
    if not dot or not stem:
        return None
    try:
        return Kind(extension.lower())
    except ValueError:
        return None


def starts_as_foreign(head: bytes, kind: Kind) -> bool:
    """Whether the first bytes are those of a format that must not leave."""
    return any(
        head.startswith(magic) and not (kind in TEXTUAL and magic in _TEXT_SAFE and is_printable(head))
        for magic in FOREIGN_STARTS
    )


def is_printable(head: bytes) -> bool:
    """No byte below space but tab and line ends."""
    return not any(b < 32 and b not in (9, 10, 13) for b in head)


def holds_zip_directory(tail: bytes) -> bool:
    """Whether a ZIP reader would accept the file: a directory end whose comment reaches exactly to the file's end."""
    at = tail.rfind(END_OF_ZIP)
    while at >= 0:
        record = tail[at:]
        if len(record) >= 22 and int.from_bytes(record[20:22], "little") <= len(record) - 22:
            return True
        at = tail.rfind(END_OF_ZIP, 0, at)
    return False


def holds_pdf_header(head: bytes) -> bool:
    """PDF readers accept their header anywhere in the first 1,024 bytes."""
    return b"%PDF-" in head[:1024]


def holds_markup(text: bytes) -> bool:
    """Whether a browser could take the text for a page or run something in it."""
    lowered = text.lower()
    return any(mark in lowered for mark in MARKUP)
