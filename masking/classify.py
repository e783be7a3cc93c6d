"""Suggestions per column: what it holds, which role it plays, which grade and which mask fit.

A sample decides, never cell by cell: the share of values a rule and its checksum accept, the column's name, how many
values are distinct, and the columns beside it. Grades follow GB/T 43697-2024 (1 public, 2 internal, 3 personal,
4 sensitive personal; where in doubt the higher). A person confirms.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlglot import exp

from masking import names
from masking.addresses import FORMS, addresses
from masking.columns import ENTITY_NAMES, Kind, Role, by_name, kind_of, looks_like_key
from masking.detect import RULES, detect
from masking.entities import EntityType
from masking.files import open_tables
from masking.normalise import normalise
from masking.places import divisions, place_names

SAMPLE_ROWS = 5000
SAMPLE_VALUES = 200
SURE = 0.8
HALF = 0.5


@dataclass(frozen=True, slots=True)
class ColumnSuggestion:
    """One column. `type` is an entity type or a kind such as AGE or INCOME, None where nothing speaks; `evidence` is
    words and shares, never a value; `operator` and `arguments` name a masking operator."""

    table: str
    column: str
    type: str | None
    role: Role
    grade: int
    evidence: str
    operator: str
    arguments: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class _Sample:
    name: str
    sql_type: str
    values: list[str]  # distinct, not NULL, at most SAMPLE_VALUES, spread over the column
    rows: int  # not NULL, in the sample of rows
    distinct: int

    @property
    def unique(self) -> float:
        return self.distinct / self.rows if self.rows else 0.0

    @property
    def length(self) -> float:
        return sum(map(len, self.values)) / len(self.values) if self.values else 0.0


def _samples(relation: Any) -> list[_Sample]:
    """One sample of rows per table, drawn with a fixed seed so that two looks agree."""
    made = []
    rows = relation.limit(SAMPLE_ROWS * 20).query("t", _sampling()).to_arrow_table()
    for name, sql_type in zip(relation.columns, relation.types, strict=True):
        column = rows.column(name)
        texts = [
            str(value) for value in column.to_pylist() if value is not None and str(value).strip() not in {"", "?"}
        ]
        distinct = list(dict.fromkeys(texts))
        step = max(1, len(distinct) // SAMPLE_VALUES)
        made.append(_Sample(name, str(sql_type), distinct[::step][:SAMPLE_VALUES], len(texts), len(distinct)))
    return made


def _sampling() -> str:
    sample = exp.TableSample(
        this=None, method=exp.var("reservoir"), size=exp.Literal.number(SAMPLE_ROWS), seed=exp.Literal.number(1)
    )
    return exp.select("*").from_(exp.Table(this=exp.to_identifier("t"), sample=sample)).sql("duckdb")


def _by_rules(sample: _Sample, named: Kind | None) -> tuple[EntityType, float, bool] | None:
    """The entity type most values match from end to end: share, and whether a checksum proved it."""
    if sample.length < 4 or not sample.values:
        return None
    best: tuple[EntityType, float, bool] | None = None
    for rule in RULES:
        supported = named is not None and named.name == rule.type
        if not (rule.alone or supported):
            continue
        hits = proven = 0
        for value in sample.values:
            text = normalise(value.strip()).text
            match = rule.pattern.match(text)
            if match is None or match.span("v") != (0, len(text)):
                continue
            plain = rule.plain(text)
            if rule.check is not None and not rule.check(plain):
                continue
            hits += 1
            proven += rule.proof is None or rule.proof(plain)
        share = proven / len(sample.values)
        if hits and supported and hits / len(sample.values) >= HALF:
            share = max(share, hits / len(sample.values) * 0.9)
        rank = (supported, share, rule.proof is not None)
        if share >= HALF and (best is None or rank > (named is not None and named.name == best[0], best[1], best[2])):
            best = (rule.type, share, rule.proof is not None and proven == hits)
    return best


def _name_share(values: list[str]) -> float:
    """Share of values that are a person's name as a whole."""
    hits = 0
    for value in values:
        text = f"姓名：{value.strip()}。"
        hits += any(f.start == 3 and f.end == len(text) - 1 for f in names.people(normalise(text).text))
    return hits / len(values) if values else 0.0


def _share(pattern: str, values: list[str]) -> float:
    return sum(re.search(pattern, value) is not None for value in values) / len(values) if values else 0.0


def _by_shape(sample: _Sample, named: Kind | None) -> tuple[Kind, str] | None:
    """Names, addresses, organisations and regions by what most values look like."""
    values = sample.values
    if not values or sample.length < 2:
        return None
    if _share(f"(?:{FORMS})$", values) >= HALF:
        return kind_of(EntityType.ORG), "values end in a legal form"
    if named is None or named.name in {"PERSON", "ADDRESS", "REGION"}:
        share = sum(any(True for _ in addresses(normalise(v).text)) for v in values) / len(values)
        if share >= HALF:
            return kind_of(EntityType.ADDRESS), f"{share:.0%} of values are addresses"
        if _share("^[\u3400-\u9fff·]{2,12}$|^[A-Z][a-z]+ [A-Z]", values) >= SURE:
            if sum(value in place_names() for value in values) / len(values) >= HALF:
                region = by_name("region")
                return (region[0], "values are divisions") if region else None
            share = _name_share(values)
            if share >= (HALF if named is not None and named.name == "PERSON" else SURE) and sample.distinct > 20:
                return kind_of(EntityType.PERSON), f"{share:.0%} of values are names"
    return None


def _free_text(sample: _Sample) -> str | None:
    """Evidence that identifiers stand in a column of sentences."""
    if sample.length < 20:
        return None
    found = [{span.type for span in detect(value)} for value in sample.values[:100]]
    share = sum(bool(types) for types in found) / len(found)
    if share < 0.02:
        return None
    kinds = sorted({kind.value for types in found for kind in types})
    return f"free text; identifiers in {share:.0%} of values: {', '.join(kinds[:5])}"


_OTHER = Kind("", "other", 2, "keep", {})


def _confirms(kind: Kind, sample: _Sample) -> bool:
    """Can values of this form be what the name says? Only where the form is telling."""
    if kind.name == "PERSON":
        return _share(r"^[0-9.,\s-]+$", sample.values) < HALF
    if kind.name in {"CN_MOBILE", "CN_LANDLINE", "CN_ID_CARD", "CN_BANK_CARD"}:
        return _share(r"[0-9*]{4}", sample.values) >= HALF
    if kind.name in {"ADDRESS", "EMAIL_ADDRESS", "ORG"}:
        return _share(r"^[0-9.\s-]+$", sample.values) < HALF
    return True


GENDERS = frozenset({"男", "女", "male", "female", "m", "f", "man", "woman", "男性", "女性", "未知"})


def _by_values(sample: _Sample) -> tuple[Kind, str] | None:
    """Kinds whose values are a closed list: division codes and genders."""
    known = divisions()
    if sample.values and all(value in known for value in sample.values):
        region = by_name("region")
        return (region[0], "values are division codes") if region else None
    if 2 <= sample.distinct <= 4 and all(value.strip().lower() in GENDERS for value in sample.values):
        gender = by_name("gender")
        return (gender[0], "values are genders") if gender else None
    return None


def _fitting(kind: Kind, sample: _Sample) -> Kind:
    """`kind` without an operator for numbers or ages where the values are neither, such as 50K+ or [10-20)."""
    numeric = kind.operator == "bucket" or kind.arguments.get("level") == "age"
    if numeric and _share(r"^[+-]?[0-9]+(?:[.][0-9]+)?$", sample.values) < SURE:
        return Kind(kind.name, kind.role, kind.grade, "keep", {})
    return kind


def _decide(sample: _Sample) -> tuple[Kind, str]:
    kind, evidence = _judged(sample)
    return _fitting(kind, sample), evidence


def _judged(sample: _Sample) -> tuple[Kind, str]:
    suggested = by_name(sample.name)
    named = suggested[0] if suggested else None
    rule = _by_rules(sample, named)
    if rule is not None and (rule[1] >= SURE or (named is not None and named.name == rule[0])):
        entity, share, proven = rule
        said = f"; the name says so ({suggested[1]})" if suggested and named and named.name == entity else ""
        return kind_of(entity), f"{share:.0%} of values have the form{' and check digit' if proven else ''}{said}"
    listed = _by_values(sample) if named is None else None
    if listed is not None:
        return listed
    text = _free_text(sample)
    shape = _by_shape(sample, named)
    if shape is not None:
        return shape
    if text is not None and (named is None or named.name not in ENTITY_NAMES):
        return Kind("FREE_TEXT", "direct", 3, "redact_text", {}), text
    if suggested is not None and (not sample.values or _confirms(suggested[0], sample)):
        return suggested[0], f"the name says so ({suggested[1]})"
    if looks_like_key(sample.name) and sample.unique >= 0.95 and sample.rows >= 20:
        return Kind("RECORD_ID", "direct", 3, "pseudonym", {}), f"{sample.unique:.0%} distinct and named as a number"
    if "DATE" in sample.sql_type or "TIMESTAMP" in sample.sql_type:
        return Kind("EVENT_DATE", "quasi", 2, "generalise", {"level": "month"}), "a date"
    return _OTHER, f"{sample.distinct} distinct values; nothing speaks for a person"


def _with_neighbours(decided: list[tuple[Kind, str]], table: list[_Sample]) -> list[tuple[Kind, str]]:
    """Raises what stands beside personal columns: facts about a patient are health data, other facts are personal."""
    kinds = {kind.name for kind, _ in decided}
    personal = any(kind.role == "direct" and kind.grade >= 3 and kind.name != "RECORD_ID" for kind, _ in decided) or (
        sum(kind.role == "quasi" and kind.grade >= 3 for kind, _ in decided) >= 2
    )
    clinical = "MEDICAL_RECORD_NO" in kinds or sum(kind.name == "HEALTH" for kind, _ in decided) >= 2
    made = []
    for (kind, evidence), sample in zip(decided, table, strict=True):
        if kind.role == "other" and clinical:
            made.append((Kind("HEALTH", "sensitive", 4, "keep", {}), f"{evidence}; stands beside patient data"))
        elif kind.role == "other" and personal:
            raised = Kind("", "other", 3, "keep", {})
            made.append((raised, f"{evidence}; stands beside personal data ({sample.unique:.0%} distinct)"))
        else:
            made.append((kind, evidence))
    return made


def suggest_table(source: Path | str | pa.Table) -> list[ColumnSuggestion]:
    """Suggestions for every column of a `.csv`, `.parquet` or `.duckdb` file or an Arrow table, in order.

    Raises MASK_BAD_FILE. Takes at most 5,000 rows and 200 distinct values per column.
    """
    made = []
    with open_tables(source) as tables:
        for table, relation in tables.relations.items():
            samples = _samples(relation)
            decided = _with_neighbours([_decide(sample) for sample in samples], samples)
            made += [
                ColumnSuggestion(
                    table,
                    sample.name,
                    kind.name or None,
                    kind.role,
                    kind.grade,
                    evidence,
                    kind.operator,
                    kind.arguments,
                )
                for sample, (kind, evidence) in zip(samples, decided, strict=True)
            ]
    return made


def table_grade(suggestions: list[ColumnSuggestion]) -> int:
    """A table is graded like its highest column (就高从严)."""
    return max((suggestion.grade for suggestion in suggestions), default=1)
