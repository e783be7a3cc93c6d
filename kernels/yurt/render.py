"""Answers and refusals as small tables and sentences, in HTML and in plain text."""

import html
from collections.abc import Iterable

import pyarrow as pa

ROWS_SHOWN = 20
_CELL = "padding:2px 10px;text-align:left;border-bottom:1px solid #8884"


def withheld(suppressed: int | None) -> str:
    """One sentence on what is not in an answer; empty where everything is."""
    if suppressed is None:
        return "Some results were withheld to protect people; how many would tell too much."
    if suppressed == 0:
        return ""
    noun = "result was" if suppressed == 1 else "results were"
    return f"{suppressed} {noun} withheld to protect people: too few of them stand behind each."


def table_text(table: pa.Table, sentences: Iterable[str]) -> str:
    """The first rows in columns, then the sentences."""
    rows = [list(table.column_names), *_cells(table)]
    widths = [max(len(row[place]) for row in rows) for place in range(table.num_columns)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, *sentences])


def table_html(table: pa.Table, sentences: Iterable[str]) -> str:
    """The first rows, then the sentences; every cell escaped."""
    head = "".join(f'<th style="{_CELL}">{html.escape(name)}</th>' for name in table.column_names)
    body = "".join(
        "<tr>" + "".join(f'<td style="{_CELL}">{html.escape(cell)}</td>' for cell in row) + "</tr>"
        for row in _cells(table)
    )
    said = "".join(f"<p>{html.escape(sentence)}</p>" for sentence in sentences)
    return f'<table style="border-collapse:collapse"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{said}'


def refusal_text(code: str, message: str, hint: str, suggestion: str | None) -> str:
    """Code and sentence, then what to do, then a query that would pass."""
    would = ["This would pass:", suggestion] if suggestion else []
    return "\n".join([f"{code}: {message}", *([hint] if hint else []), *would])


def refusal_html(code: str, message: str, hint: str, suggestion: str | None) -> str:
    """The same lines, escaped."""
    would = f"<p>This would pass:</p><pre>{html.escape(suggestion)}</pre>" if suggestion else ""
    return (
        '<div role="alert" style="border-left:4px solid #b3261e;padding:2px 12px">'
        f"<p><strong>{html.escape(code)}</strong> {html.escape(message)}</p>"
        f"<p>{html.escape(hint)}</p>{would}</div>"
    )


def _cells(table: pa.Table) -> list[list[str]]:
    shown = table.slice(0, ROWS_SHOWN)
    columns = [["" if value is None else str(value) for value in column.to_pylist()] for column in shown.columns]
    return [list(row) for row in zip(*columns, strict=True)]
