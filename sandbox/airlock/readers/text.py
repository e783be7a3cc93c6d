"""Plain text and Markdown: small, readable, without markup that runs; anything but a short note is read by a person."""

import re
from typing import BinaryIO

from sandbox.airlock import codes
from sandbox.airlock.findings import Findings, Stop
from sandbox.airlock.identities import DIRECT, NUMBER
from sandbox.airlock.readers.unicode import decode
from sandbox.airlock.tables import Context, Table, check_encoded, check_table

NOTE_CHARACTERS = 2_000
_LINK = re.compile(r"https?://|data:[a-z]+/|!\[", re.IGNORECASE)
_TABLE_LINE = re.compile(r"[|,;\t]")


def read(source: BinaryIO, context: Context, findings: Findings) -> None:
    """Check a text file."""
    data = source.read(context.limits.text_bytes + 1)
    if len(data) > context.limits.text_bytes:
        findings.add(codes.FILE_TOO_LARGE, "file")
        raise Stop
    text = decode(data, findings)
    if len(text) > NOTE_CHARACTERS:
        findings.add(codes.FREE_TEXT, "text")
    check_text(text, "", context, findings)


def check_text(text: str, where: str, context: Context, findings: Findings) -> None:
    """Identities, encoded runs, links and tables inside running text; positions are lines."""
    lines = text.splitlines()
    prefix = f"{where}, " if where else ""
    for number, line in enumerate(lines, start=1):
        if _LINK.search(line):
            findings.add(codes.REMOTE_LINK, f"{prefix}line {number}")
        check_encoded(line, f"{prefix}line {number}", context, findings)
    for hit in dict.fromkeys(context.scanner.column(lines)):
        code = codes.IDENTITY if hit.type in DIRECT else codes.IDENTITY_POSSIBLE
        findings.add(code, f"{prefix}line {hit.cell + 1}")
    _check_embedded_table(lines, prefix, context, findings)


def _check_embedded_table(lines: list[str], where: str, context: Context, findings: Findings) -> None:
    """Lines with the same number of separators are a table, whatever the file's extension."""
    tabular = [_TABLE_LINE.split(line.strip().strip("|")) for line in lines if _TABLE_LINE.search(line)]
    widths = [len(cells) for cells in tabular]
    numbers = sum(bool(NUMBER.fullmatch(line.strip())) for line in lines)
    if len(tabular) >= 20:
        width = max(set(widths), key=widths.count)
        rows = [cells for cells in tabular if len(cells) == width]
        if len(rows) >= 20:
            check_table(Table([cell.strip() for cell in rows[0]], rows[1:], where=f"{where}table "), context, findings)
    elif len(lines) > context.limits.row_level_rows and numbers > len(lines) / 2:
        findings.add(codes.ROW_LEVEL_POSSIBLE, f"{where}lines")
