"""What masking did to a table: what was found, which operator, risk before and after, what it cost, who approved.

The evidence record GB/T 37964-2019 asks for and the measures of GB/T 42460-2023.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlglot import exp

from masking.classify import SOME, suggest_table
from masking.files import open_tables
from masking.reports import ROLES, title, write_report
from masking.reports.workbook import Sheet
from masking.risk import measure

COUNTED = 1_000_000
"""Rows up to which different values are counted one by one."""


@dataclass(frozen=True, slots=True)
class MaskedColumn:
    """What was found in a column, what was done to it, and what it cost: `kept` is the share of values that came
    through unchanged, `distinct` the distinct values left per distinct value before (None for a column left out)."""

    column: str
    found: str | None
    role: str
    grade: int
    operator: str
    kept: float | None
    distinct: float | None


@dataclass(frozen=True, slots=True)
class MaskingReport:
    """One masking: columns, risk before and after over the same quasi-identifiers, who approved."""

    source: str
    made_at: str
    rows: int
    columns: tuple[MaskedColumn, ...]
    quasi: tuple[str, ...]
    sensitive: str | None
    before: Mapping[str, object] | None
    after: Mapping[str, object] | None
    left: tuple[str, ...]  # columns in which a second look still finds direct identifiers
    approved_by: str | None

    def as_json(self) -> dict[str, object]:
        """The report as it is filed."""
        return {
            "report": "masking",
            "standards": ["GB/T 37964-2019", "GB/T 42460-2023"],
            "source": self.source,
            "made_at": self.made_at,
            "rows": self.rows,
            "columns": [
                {"column": c.column, "found": c.found, "role": c.role, "grade": c.grade, "operator": c.operator,
                 "kept": c.kept, "distinct_left": c.distinct}
                for c in self.columns
            ],
            "quasi": list(self.quasi),
            "sensitive": self.sensitive,
            "before": self.before,
            "after": self.after,
            "identifiers_left": list(self.left),
            "approved_by": self.approved_by,
        }  # fmt: skip


MASKING_HEADINGS = ("序号", "数据项", "识别结果", "标识角色", "数据级别", "脱敏方法", "保持原值比例", "不同值保留比例")


def _masking_sheets(made: MaskingReport) -> list[Sheet]:
    columns = [
        (place, c.column, title(c.found), ROLES[c.role], f"{c.grade}级", c.operator, c.kept, c.distinct)
        for place, c in enumerate(made.columns, 1)
    ]
    measures = [
        (name, (made.before or {}).get(name), (made.after or {}).get(name))
        for name in ("k", "l", "t", "max_risk", "avg_risk", "unique_share", "level")
    ]
    about = [
        ("来源", made.source), ("生成时间", made.made_at), ("记录数", made.rows), ("准标识符", "、".join(made.quasi)),
        ("敏感属性", made.sensitive), ("复检仍见直接标识符的列", "、".join(made.left) or "无"),
        ("审批人", made.approved_by),
    ]  # fmt: skip
    return [
        Sheet("脱敏清单", MASKING_HEADINGS, columns),
        Sheet("重标识风险", ("指标", "脱敏前", "脱敏后"), measures),
        Sheet("说明", ("项目", "内容"), about),
    ]


def write_masking(made: MaskingReport, target: Path) -> None:
    """The report by the ending of `target`: `.json`, `.xlsx` or `.md`; raises MASK_BAD_REPORT for another."""
    write_report(target, made.as_json(), _masking_sheets(made))


def _text(name: str, side: str) -> exp.Expression:
    return exp.cast(exp.column(exp.to_identifier(name, quoted=True), side), "text")


def _distinct(value: exp.Expression, rows: int) -> exp.Expression:
    """Different values: counted, or of many rows estimated by HyperLogLog, which needs no memory to speak of."""
    if rows > COUNTED:
        return exp.ApproxDistinct(this=value)
    return exp.Count(this=exp.Distinct(expressions=[value]))


def _cost(source: Path, target: Path, columns: list[str], rows: int) -> dict[str, tuple[float, float]]:
    """Per column the share of values unchanged, row by row, and the distinct values left per distinct value before."""
    asked: list[exp.Expression] = []
    for name in columns:
        same = exp.NullSafeEQ(this=_text(name, "a"), expression=_text(name, "b"))
        asked.append(exp.Avg(this=exp.cast(same, "int")))
        asked += [_distinct(_text(name, side), rows) for side in ("a", "b")]
    with open_tables(target) as masked:
        after = next(iter(masked.relations.values())).to_arrow_reader(100_000)
        with open_tables(source) as tables:
            tables.connection.register("b", after)
            next(iter(tables.relations.values())).create_view("a")
            query = f"{exp.select(*asked).sql('duckdb')} FROM a POSITIONAL JOIN b"
            found = tables.connection.execute(query).fetchone()
    made = {}
    for place, name in enumerate(columns):
        kept, before, left = found[3 * place : 3 * place + 3]
        made[name] = (round(float(kept or 0), 4), round(left / before, 4) if before else 1.0)
    return made


def describe_masking(
    source: Path, target: Path, operators: Mapping[str, str], approved_by: str | None = None
) -> MaskingReport:
    """Reads both files again and compares them; `operators` as mask_table reports them.

    Risk is measured over the columns suggested as quasi-identifiers that both files have, with the first sensitive one.
    Raises MASK_BAD_FILE.
    """
    found = suggest_table(source)
    found = [s for s in found if s.table == found[0].table]
    again = {s.column: s for s in suggest_table(target)}
    quasi = tuple(s.column for s in found if s.role == "quasi" and s.column in again)
    secret = next((s.column for s in found if s.role == "sensitive" and s.column in again), None)
    with open_tables(target) as tables:
        rows = next(iter(tables.relations.values())).count("*").fetchall()[0][0]
    cost = _cost(source, target, [s.column for s in found if s.column in again], rows)
    return MaskingReport(
        source.name,
        datetime.now(UTC).isoformat(timespec="seconds"),
        rows,
        tuple(
            MaskedColumn(s.column, s.type, s.role, s.grade, operators.get(s.column, "drop"),
                         *cost.get(s.column, (None, None)))
            for s in found
        ),
        quasi,
        secret,
        asdict(measure(source, quasi, secret)) if quasi else None,
        asdict(measure(target, quasi, secret)) if quasi else None,
        tuple(name for name, s in again.items() if s.identifying >= SOME),
        approved_by,
    )  # fmt: skip
