"""Suggestions per column: what it holds, which role it plays, which grade and which mask fit.

A sample decides, never cell by cell: the share of values a rule and its checksum accept, the column's name and comment,
how many values are distinct, and the columns beside it. Grades follow GB/T 43697-2024 (1 public, 2 internal, 3
personal, 4 sensitive personal; where in doubt the higher). A person confirms.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from masking import names
from masking.addresses import FORMS, addresses
from masking.columns import ENTITY_NAMES, WEAK, Kind, Role, by_name, kind_of, looks_like_key
from masking.detect import RULES, detect_all
from masking.entities import ENTITIES, Basis, EntityType
from masking.files import open_tables
from masking.normalise import normalise
from masking.operators.presets import region_pattern
from masking.patterns import Rule
from masking.places import divisions, place_names
from masking.samples import Sample, samples

SURE = 0.8
HALF = 0.5
LIKELY = 0.3
"""A column with a telling name needs no more than this share of values that agree; the rest may be dirt."""
SOME = 0.02
"""From this share on, identifiers among other values make the column one to redact."""
SHORT_LENGTH, TEXT_LENGTH = 4, 20
"""Mean characters of remarks and of sentences."""
TEXTS = 60
DIRTY = "(?i)^(?:[0-9.,\\s-]+|x+)$"


@dataclass(frozen=True, slots=True)
class ColumnSuggestion:
    """One column. `type` is an entity type or a kind such as AGE or INCOME, None where nothing speaks; `evidence` is
    words and shares, never a value; `operator` and `arguments` name a masking operator. `share` is the part of the
    sampled values that hold what was found, `identifying` the part in which the detector finds an identifier."""

    table: str
    column: str
    type: str | None
    role: Role
    grade: int
    evidence: str
    operator: str
    arguments: Mapping[str, object]
    share: float = 0.0
    identifying: float = 0.0
    missing: int = 0
    rows: int = 0


@dataclass(frozen=True, slots=True)
class _Verdict:
    kind: Kind
    evidence: str
    share: float = 0.0
    identifying: float = 0.0


@dataclass(frozen=True, slots=True)
class _ByRule:
    """The type whose rules fit most values: share, whether the name says the same, whether a check digit proved it, and
    whether it could be chance (a check digit fits one random number in ten)."""

    type: EntityType
    share: float
    supported: bool
    proven: bool
    chance: bool


def _fits(rule: Rule, texts: Sequence[str]) -> tuple[int, int]:
    """How many values the rule matches from end to end, and how many of these its check digit proves."""
    hits = proven = 0
    for text in texts:
        match = rule.pattern.match(text)
        if match is None or match.span("v") != (0, len(text)):
            continue
        value = rule.plain(text)
        if rule.check is None or rule.check(value):
            hits += 1
            proven += rule.proof is None or rule.proof(value)
    return hits, proven


def _by_rules(sample: Sample, named: Kind | None) -> _ByRule | None:
    if sample.length < 4 or not sample.values:
        return None
    texts = [normalise(value).text for value in sample.values]
    digits = any(character.isdigit() for text in texts for character in text)
    shares: dict[EntityType, _ByRule] = {}
    for rule in RULES:
        supported = named is not None and named.name == rule.type
        if not (rule.alone or supported) or (rule.digits and not digits):
            continue
        hits, proven = _fits(rule, texts)
        share = (hits if supported else proven) / len(texts)
        best = shares.get(rule.type)
        if hits and (best is None or share > best.share):
            shares[rule.type] = _ByRule(
                rule.type,
                share,
                supported,
                proven=rule.proof is not None and proven >= hits * SURE,
                chance=rule.proof is not None and proven < hits * HALF,
            )
    if not shares:
        return None
    return max(
        shares.values(), key=lambda found: (found.supported and found.share >= LIKELY, found.share, found.proven)
    )


def _name_share(values: list[str]) -> float:
    """Share of values that are a person's name as a whole."""
    hits = 0
    for value in values:
        text = f"姓名：{value}。"
        hits += any(f.start == 3 and f.end == len(text) - 1 for f in names.people(normalise(text).text))
    return hits / len(values) if values else 0.0


def _few(sample: Sample) -> bool:
    """Words that come again and again name kinds (门诊, 急诊) and not people."""
    return sample.distinct < 20 and sample.distinct * 10 <= sample.rows


LATIN_NAME = r"^[A-Z][A-Za-z'’-]+(?:,? (?:[A-Z][A-Za-z'’-]*\.?|van|von|de|der|al|bin)){1,4}$"
NAME_SHAPE = f"^[\u3400-\u9fff·•.]{{2,12}}$|{LATIN_NAME}|^[\u0400-\u052f]\\.[\u0400-\u052f]+$|^[\u1820-\u18aa]"


def _by_shape(sample: Sample, named: Kind | None) -> _Verdict | None:
    """Names, addresses, organisations and regions by what most values look like."""
    values = sample.values
    if not values or sample.length < 2:
        return None
    forms = sample.share(f"(?:{FORMS})$")
    if forms >= HALF:
        return _Verdict(kind_of(EntityType.ORG), "values end in a legal form", forms)
    if named is not None and named.name not in {"PERSON", "ADDRESS", "REGION", "ORG"}:
        return None
    share = sum(any(True for _ in addresses(normalise(v).text)) for v in values) / len(values)
    if share >= HALF:
        return _Verdict(kind_of(EntityType.ADDRESS), f"{share:.0%} of values are addresses", share, share)
    if sample.share(NAME_SHAPE) >= SURE:
        if sum(value in place_names() for value in values) / len(values) >= HALF:
            region = by_name("region")
            return _Verdict(region[0], "values are divisions") if region else None
        share = _name_share(values)
        wanted = named is not None and named.name == "PERSON"
        if share >= (LIKELY if wanted else SURE) and (not _few(sample) if wanted else sample.distinct > 20):
            return _Verdict(kind_of(EntityType.PERSON), f"{share:.0%} of values are names", share, share)
    return None


def _in_text(sample: Sample, *, short: bool) -> tuple[float, list[EntityType]]:
    """Share of values in which identifiers stand, and their types, the most frequent first.

    In short values only what has a form of its own and words around it counts: a word or two alone make no name.
    """
    counts: dict[EntityType, int] = {}
    hits = 0
    values = [value for value in sample.values[:TEXTS] if not short or re.search("[\u3400-\u9fff]", value)]
    for spans in detect_all(values):
        types = {span.type for span in spans}
        if short and not any(ENTITIES[kind].basis >= Basis.STRUCTURE and ENTITIES[kind].grade >= 3 for kind in types):
            continue
        hits += bool(types)
        for kind in types:
            counts[kind] = counts.get(kind, 0) + 1
    return hits / min(TEXTS, len(sample.values)), sorted(counts, key=lambda kind: (-counts[kind], kind.value))


def _free_text(sample: Sample) -> _Verdict | None:
    """Evidence that identifiers stand in a column of sentences."""
    short = sample.length < TEXT_LENGTH
    if short and sample.length < SHORT_LENGTH:
        return None
    share, types = _in_text(sample, short=short)
    if share < SOME or (short and sample.share("[\u3400-\u9fff]") < HALF):
        return None
    grade = max(3, *(ENTITIES[kind].grade for kind in types))
    said = f"free text; identifiers in {share:.0%} of values: {', '.join(types[:5])}"
    return _Verdict(Kind("FREE_TEXT", "direct", grade, "redact_text", {}), said, share, share)


def _mixed(sample: Sample, rule: _ByRule | None) -> _Verdict | None:
    """A column of many things, identifiers among them."""
    if rule is None or rule.chance or rule.share < SOME or ENTITIES[rule.type].basis < Basis.STRUCTURE:
        return None
    if rule.share * len(sample.values) < 3 and not rule.proven:
        return None
    facts = ENTITIES[rule.type]
    if facts.grade < 3:
        return None
    said = f"mixed; {rule.share:.0%} of values are {rule.type}"
    return _Verdict(Kind("MIXED", "direct", facts.grade, "redact_text", {}), said, rule.share, rule.share)


def _confirms(kind: Kind, word: str, sample: Sample) -> bool:
    """Can values of this form be what the name says? Only where the form is telling."""
    if not sample.values:
        return True
    if kind.name == "PERSON":
        doubt = word in WEAK and sample.share(LATIN_NAME) < HALF
        return sample.share(DIRTY) < HALF and not (doubt and (_few(sample) or _name_share(sample.values) < LIKELY))
    if kind.name in {"CN_MOBILE", "CN_LANDLINE", "CN_ID_CARD", "CN_BANK_CARD", "CN_PASSPORT", "QQ", "CN_USCC"}:
        return sample.share(r"[0-9*]{4}") >= LIKELY
    if kind.name in {"ADDRESS", "EMAIL_ADDRESS", "ORG"}:
        return sample.share(r"^[0-9.\s-]+$") < HALF
    if kind.name == "GEO_POINT":
        return sample.share(r"[0-9]\.[0-9]{2,}|POINT|\(") >= LIKELY
    if kind.name in {"INCOME", "COST", "AGE"}:
        return sample.share("[0-9]") >= LIKELY
    return True


GENDERS = frozenset({"男", "女", "male", "female", "m", "f", "man", "woman", "男性", "女性", "未知", "其他"})


def _by_values(sample: Sample) -> _Verdict | None:
    """Kinds whose values are a closed list: division codes and genders."""
    known = divisions()
    if sample.values and all(value in known for value in sample.values):
        region = by_name("region")
        return _Verdict(region[0], "values are division codes", 1.0) if region else None
    if 2 <= sample.distinct <= 4 and all(value.lower() in GENDERS for value in sample.values):
        gender = by_name("gender")
        return _Verdict(gender[0], "values are genders", 1.0) if gender else None
    return None


def _fitting(kind: Kind, sample: Sample) -> Kind:
    """`kind` without an operator for numbers or ages where the values are neither, such as 50K+ or [10-20)."""
    numeric = kind.operator == "bucket" or kind.arguments.get("level") == "age"
    if numeric and sample.share(r"^[+-]?[0-9]+(?:[.][0-9]+)?$") < SURE:
        return Kind(kind.name, kind.role, kind.grade, "keep", {})
    return kind


HIDDEN = r"^<[A-Z0-9_]+>$|[*×•]{2}|^.[*×•]$"
CODE = r"^[0-9a-f]{32}$|^(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])[A-Za-z0-9_-]{22,}$"
"""What partial masks and tags, and what keyed pseudonyms and encryption leave."""


def _masked(sample: Sample) -> _Verdict | None:
    """Columns that say by their name what they held before they were masked. They stay personal, not direct."""
    if sample.share(HIDDEN) >= SURE:
        return _Verdict(Kind("MASKED", "other", 3, "keep", {}), "parts of the values are hidden already")
    if sample.share(CODE) >= SURE:
        said = "values are codes such as pseudonyms, hashes and encryption leave"
        return _Verdict(Kind("MASKED", "other", 3, "pseudonym", {}), said)
    if sample.length > 2 and sample.share(f"(?:{region_pattern('county')})(?:[*]{{3}})?$|^[*]{{3}}$") >= SURE:
        region = by_name("region")
        return _Verdict(region[0], "values are divisions, without streets") if region else None
    return None


def _judged(sample: Sample) -> _Verdict:
    suggested = by_name(sample.name) or (by_name(sample.comment) if sample.comment else None)
    named = suggested[0] if suggested else None
    rule = _by_rules(sample, named)
    if rule is not None and rule.share >= (LIKELY if rule.supported else SURE):
        said = f"; the name says so ({suggested[1]})" if suggested and rule.supported else ""
        form = f"{rule.share:.0%} of values have the form{' and check digit' if rule.proven else ''}"
        return _Verdict(kind_of(rule.type), form + said, rule.share, rule.share)
    listed = _by_values(sample) if named is None else None
    if listed is not None:
        return listed
    if (masked := _masked(sample)) is not None:
        return masked
    text = _free_text(sample)
    shape = _by_shape(sample, named)
    if shape is not None:
        return shape
    if text is not None and (named is None or named.name not in ENTITY_NAMES):
        return text
    mixed = _mixed(sample, rule)
    if suggested is not None and _confirms(*suggested, sample):
        if mixed is not None and mixed.kind.grade > suggested[0].grade:
            return mixed
        return _Verdict(suggested[0], f"the name says so ({suggested[1]})", rule.share if rule else 0.0)
    if mixed is not None:
        return mixed
    if looks_like_key(sample.name) and sample.unique >= 0.95 and sample.rows >= 20:
        return _Verdict(
            Kind("RECORD_ID", "direct", 3, "pseudonym", {}), f"{sample.unique:.0%} distinct and named as a number"
        )
    if "DATE" in sample.sql_type or "TIMESTAMP" in sample.sql_type:
        return _Verdict(Kind("EVENT_DATE", "quasi", 2, "generalise", {"level": "month"}), "a date")
    if not sample.rows:
        return _Verdict(Kind("", "other", 2, "keep", {}), "no value in the sample")
    return _Verdict(Kind("", "other", 2, "keep", {}), f"{sample.distinct} distinct values; nothing speaks for a person")


def _with_neighbours(decided: list[_Verdict], table: list[Sample]) -> list[_Verdict]:
    """Raises what stands beside personal columns: facts about a patient are health data, other facts are personal."""
    kinds = [verdict.kind for verdict in decided]
    personal = any(kind.role == "direct" and kind.grade >= 3 and kind.name != "RECORD_ID" for kind in kinds) or (
        sum(kind.role == "quasi" and kind.grade >= 3 for kind in kinds) >= 2
    )
    health = sum(kind.name == "HEALTH" for kind in kinds)
    clinical = health >= 2 or any(kind.name == "MEDICAL_RECORD_NO" for kind in kinds)
    made = []
    for verdict, sample in zip(decided, table, strict=True):
        if verdict.kind.role != "other" or verdict.kind.name == "MASKED" or not (clinical or personal):
            made.append(verdict)
        elif clinical:
            kind = Kind("HEALTH", "sensitive", 4, "keep", {})
            made.append(_Verdict(kind, f"{verdict.evidence}; stands beside patient data"))
        else:
            kind = Kind("", "other", 3, "keep", {})
            said = f"{verdict.evidence}; stands beside personal data ({sample.unique:.0%} distinct)"
            made.append(_Verdict(kind, said))
    return made


def suggest_table(source: Path | str | pa.Table) -> list[ColumnSuggestion]:
    """Suggestions for every column of a CSV, Parquet or DuckDB file or an Arrow table, in order.

    Raises MASK_BAD_FILE. Takes at most 5,000 rows and 200 distinct values per column; broken lines of a CSV file are
    left out.
    """
    made = []
    with open_tables(source, lenient=True) as tables:
        for table, relation in tables.relations.items():
            drawn = samples(relation, tables.comments.get(table, {}))
            for sample, verdict in zip(drawn, _with_neighbours([_judged(s) for s in drawn], drawn), strict=True):
                kind = _fitting(verdict.kind, sample)
                made.append(
                    ColumnSuggestion(
                        table,
                        sample.name,
                        kind.name or None,
                        kind.role,
                        kind.grade,
                        verdict.evidence,
                        kind.operator,
                        kind.arguments,
                        round(verdict.share, 4),
                        round(verdict.identifying, 4),
                        sample.missing,
                        sample.rows + sample.missing,
                    )
                )
    return made


def table_grade(suggestions: Sequence[ColumnSuggestion]) -> int:
    """A table is graded like its highest column (就高从严)."""
    return max((suggestion.grade for suggestion in suggestions), default=1)
