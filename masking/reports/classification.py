"""What a file holds, column by column, in the form an agency files: JSON for machines, Excel for people.

Headings follow the lists of GB/T 43697-2024 (class, grade, personal, sensitive); the last ones are left for the person
who confirms.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from masking.classify import ColumnSuggestion, suggest_table
from masking.files import open_tables
from masking.grading import IMPORTANT, IMPORTANT_SENSITIVE, MANY, TableGrade, class_of, grade_table
from masking.grading import is_personal as personal
from masking.grading import is_sensitive as sensitive
from masking.reports import ROLES, title, write_report
from masking.reports.workbook import Sheet

STANDARDS = ("GB/T 43697-2024", "GB/T 35273-2020")
COLUMN_HEADINGS = (
    "序号", "数据表", "数据项", "数据类型", "数据类别", "数据级别", "是否个人信息", "是否敏感个人信息", "标识角色",
    "判定依据", "建议脱敏方法", "抽样行数", "空值行数", "确认级别", "确认人", "确认日期", "备注",
)  # fmt: skip
TABLE_HEADINGS = ("序号", "数据表", "记录数", "数据级别", "最高列级别", "是否需评估为重要数据", "判定依据")


@dataclass(frozen=True, slots=True)
class Classification:
    """The suggestions for every column of a file and the grade of each of its tables."""

    source: str
    made_at: str
    tables: tuple[TableGrade, ...]
    columns: tuple[ColumnSuggestion, ...]

    def as_json(self) -> dict[str, object]:
        """The report as it is filed; what a person has to fill in is null."""
        return {
            "report": "classification",
            "standards": list(STANDARDS),
            "source": self.source,
            "made_at": self.made_at,
            "volume_rule": {
                "one_grade_higher": MANY, "important": IMPORTANT, "important_sensitive": IMPORTANT_SENSITIVE
            },
            "tables": [
                {"table": t.table, "rows": t.rows, "grade": t.grade, "highest_column": t.highest,
                 "examine_as_important": t.important, "why": t.why}
                for t in self.tables
            ],
            "columns": [
                {"table": c.table, "column": c.column, "type": c.type, "class": class_of(c), "role": c.role,
                 "grade": c.grade, "personal": personal(c), "sensitive_personal": sensitive(c), "evidence": c.evidence,
                 "operator": c.operator, "arguments": dict(c.arguments), "sampled": c.rows, "missing": c.missing,
                 "confirmed_grade": None, "confirmed_by": None, "confirmed_on": None}
                for c in self.columns
            ],
        }  # fmt: skip


def classify_file(source: Path | pa.Table, name: str) -> Classification:
    """Suggestions and grades of every table of a file; raises MASK_BAD_FILE, MASK_BROKEN_LINES."""
    columns = suggest_table(source)
    with open_tables(source, lenient=True) as tables:
        counts = {table: relation.count("*").fetchall()[0][0] for table, relation in tables.relations.items()}
    grades = [grade_table(table, rows, [c for c in columns if c.table == table]) for table, rows in counts.items()]
    return Classification(name, datetime.now(UTC).isoformat(timespec="seconds"), tuple(grades), tuple(columns))


def _classification_sheets(made: Classification) -> list[Sheet]:
    yes = {True: "是", False: "否"}
    columns = [
        (place, c.table, c.column, title(c.type), class_of(c), f"{c.grade}级", yes[personal(c)], yes[sensitive(c)],
         ROLES[c.role], c.evidence, c.operator, c.rows, c.missing, "", "", "", "")
        for place, c in enumerate(made.columns, 1)
    ]  # fmt: skip
    tables = [
        (place, t.table, t.rows, f"{t.grade}级", f"{t.highest}级", yes[t.important], t.why)
        for place, t in enumerate(made.tables, 1)
    ]
    rule = f"个人信息记录达到 {MANY:,} 条上调一级；达到 {IMPORTANT:,} 条"
    rule += f"（敏感个人信息 {IMPORTANT_SENSITIVE:,} 条）评估是否为重要数据"
    about = [
        ("来源", made.source), ("生成时间", made.made_at), ("依据标准", "；".join(STANDARDS)),
        ("规模规则", rule),
        ("说明", "本表为抽样后的自动建议，须经数据管理人员确认后生效。"),
    ]  # fmt: skip
    return [
        Sheet("数据分类分级清单", COLUMN_HEADINGS, columns),
        Sheet("数据表级别", TABLE_HEADINGS, tables),
        Sheet("说明", ("项目", "内容"), about),
    ]


def write_classification(made: Classification, target: Path) -> None:
    """The report by the ending of `target`: `.xlsx`, `.json` or `.md`; raises MASK_BAD_REPORT for another."""
    write_report(target, made.as_json(), _classification_sheets(made))
