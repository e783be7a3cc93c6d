"""Reports people file and sign: the classification of a table, and what masking did to one. JSON, Excel or Markdown.

No report carries a value of the data: names of columns, kinds, shares and measures only.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from masking.entities import ENTITIES, EntityType
from masking.errors import MASK_BAD_REPORT
from masking.outputs import replacing
from masking.reports.workbook import Sheet, write_workbook
from store.errors import YurtError

ROLES = {"direct": "直接标识符", "quasi": "准标识符", "sensitive": "敏感属性", "other": "其他"}
ENDINGS = (".json", ".xlsx", ".md")


def check_ending(target: Path) -> None:
    """Raises MASK_BAD_REPORT for a name or place no report can have, before any work is done."""
    if target.suffix.lower() not in ENDINGS or not target.parent.is_dir():
        raise YurtError(MASK_BAD_REPORT, path=target, known=", ".join(ENDINGS))


def title(kind: str | None) -> str:
    """The Chinese name of a kind, where it has one."""
    if kind is None:
        return ""
    return ENTITIES[EntityType(kind)].title if kind in EntityType.__members__ else kind


def _markdown(sheet: Sheet) -> str:
    def cell(value: object) -> str:
        text = "" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
        return "".join(f"\\{c}" if c in "\\|`*_<>[]#" else " " if c in "\r\n\t" else c for c in text)

    lines: Sequence[Sequence[object]] = [sheet.headings, ["---"] * len(sheet.headings)]
    made = [" | ".join(map(str, line)) for line in lines] + [" | ".join(map(cell, row)) for row in sheet.rows]
    return f"## {sheet.title}\n\n" + "".join(f"| {line} |\n" for line in made)


def write_report(target: Path, written: Mapping[str, object], sheets: Sequence[Sheet]) -> None:
    """The report in the form the name of `target` asks for, whole or not at all; raises MASK_BAD_REPORT."""
    check_ending(target)
    ending = target.suffix.lower()
    with replacing(target) as part:
        if ending == ".xlsx":
            write_workbook(part, sheets)
        elif ending == ".json":
            part.write_text(json.dumps(written, ensure_ascii=False, indent=2) + "\n", "utf-8")
        else:
            part.write_text("\n".join(map(_markdown, sheets)), "utf-8")
