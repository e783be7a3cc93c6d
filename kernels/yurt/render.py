"""Answers and refusals as small tables and sentences, in HTML and in plain text."""

import html
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yurt.client import Answer, Refused

ROWS_SHOWN = 20
_CELL = "padding:2px 10px;text-align:left;border-bottom:1px solid #8884"


def withheld(answer: "Answer") -> str:
    """One sentence on what is not in the answer; empty where everything is."""
    if answer.suppressed is None:
        return "Some results were withheld to protect people; how many would tell too much."
    if answer.suppressed == 0:
        return ""
    noun = "result was" if answer.suppressed == 1 else "results were"
    return f"{answer.suppressed} {noun} withheld to protect people: too few of them stand behind each."


def _sentences(answer: "Answer") -> list[str]:
    rows = len(answer)
    more = [f"{rows} rows, the first {ROWS_SHOWN} shown."] if rows > ROWS_SHOWN else []
    bars = ", ".join(f"{name} ± {width:.4g}" for name, width in answer.error_bars.items())
    noisy = [f"Noise protects people here; 95 times in 100 a value is no further off than: {bars}."] if bars else []
    said = "" if answer.notes and answer.suppressed is None else withheld(answer)
    return [*more, *([said] if said else []), *noisy, *answer.notes]


def _cells(answer: "Answer") -> list[list[str]]:
    shown = answer.table.slice(0, ROWS_SHOWN)
    columns = [["" if value is None else str(value) for value in column.to_pylist()] for column in shown.columns]
    return [list(row) for row in zip(*columns, strict=True)]


def answer_text(answer: "Answer") -> str:
    """A table in columns, then its sentences."""
    rows = [list(answer.table.column_names), *_cells(answer)]
    widths = [max(len(row[place]) for row in rows) for place in range(answer.table.num_columns)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, *_sentences(answer)])


def answer_html(answer: "Answer") -> str:
    """A table, then its sentences; every cell escaped."""
    head = "".join(f'<th style="{_CELL}">{html.escape(name)}</th>' for name in answer.table.column_names)
    body = "".join(
        "<tr>" + "".join(f'<td style="{_CELL}">{html.escape(cell)}</td>' for cell in row) + "</tr>"
        for row in _cells(answer)
    )
    said = "".join(f"<p>{html.escape(sentence)}</p>" for sentence in _sentences(answer))
    return f'<table style="border-collapse:collapse"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{said}'


def refusal_html(refused: "Refused") -> str:
    """Code and sentence, what to do, and a query that would pass."""
    suggestion = ""
    if refused.suggestion:
        suggestion = f"<p>This would pass:</p><pre>{html.escape(refused.suggestion)}</pre>"
    return (
        '<div role="alert" style="border-left:4px solid #b3261e;padding:2px 12px">'
        f"<p><strong>{html.escape(refused.code)}</strong> {html.escape(refused.message)}</p>"
        f"<p>{html.escape(refused.hint)}</p>{suggestion}</div>"
    )
