"""CSV (RFC 4180) and TSV, parsed strictly: what one reader would hide from another is an objection."""

import csv
from typing import BinaryIO

from sandbox.airlock import codes
from sandbox.airlock.findings import Findings, Stop
from sandbox.airlock.readers.unicode import decode
from sandbox.airlock.tables import Context, Table, check_table


def read_csv(source: BinaryIO, context: Context, findings: Findings) -> None:
    """Comma-separated."""
    _read(source, ",", context, findings)


def read_tsv(source: BinaryIO, context: Context, findings: Findings) -> None:
    """Tab-separated."""
    _read(source, "\t", context, findings)


def _read(source: BinaryIO, delimiter: str, context: Context, findings: Findings) -> None:
    text = decode(source.read(), findings)
    csv.field_size_limit(context.limits.cell_characters * 50)
    lines = csv.reader(text.splitlines(keepends=True), delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    try:
        head = next(lines, [])
        for row in lines:
            if row:
                rows.append(row)
            if len(rows) > context.limits.rows:
                findings.add(codes.TOO_MANY_ROWS, "rows")
                break  # what was read is checked all the same, so that the report is useful
    except csv.Error as error:
        findings.add(codes.UNREADABLE, f"line {lines.line_num}")
        raise Stop from error
    if len(head) > context.limits.columns:
        findings.add(codes.TOO_MANY_COLUMNS, "columns")
        raise Stop
    _check_widths(head, rows, findings)
    check_table(Table(head, rows[: context.limits.rows]), context, findings)
    if _is_data(head, rows):
        # Without a header the first line is data too.
        check_table(Table([""] * len(head), [head], first_row=0), context, findings)


def _check_widths(head: list[str], rows: list[list[str]], findings: Findings) -> None:
    for number, row in enumerate(rows, start=1):
        if len(row) > len(head):
            findings.add(codes.HIDDEN_COLUMN, f"row {number}")
        elif len(row) < len(head):
            findings.add(codes.RAGGED_ROWS, f"row {number}")


def _is_data(head: list[str], rows: list[list[str]]) -> bool:
    """A "header" that holds numbers is a line of data."""
    return any(cell.strip().replace(".", "").isdigit() for cell in head) or not rows
