"""Masking of free text: whatever the detector finds gives way, and the result is read again until nothing is found."""

import re
from collections.abc import Callable, Sequence
from typing import Literal, get_args

from masking.detect import Span, detect_all
from masking.entities import ENTITIES, EntityType
from masking.normalise import compact
from masking.operators.interface import MASKED
from masking.operators.presets import EMAIL, PRESETS

TextOperator = Literal["redact", "constant", "partial", "number"]
TEXT_OPERATORS: tuple[str, ...] = get_args(TextOperator)
ROUNDS = 3


def partially(value: str, kind: EntityType) -> str:
    """`value` by the partial preset of its type; `***` where the type has none or the form does not fit."""
    entity = ENTITIES[kind]
    name = str(entity.arguments.get("preset", "")) if entity.operator == "partial" else ""
    if name == "email":
        return f"{value[0]}***@{value.partition('@')[2]}" if re.fullmatch(EMAIL, value) else MASKED
    plain = value if name == "name" else compact(value)
    for key in ("name", "name_short", "name_latin") if name == "name" else (name,):
        preset = PRESETS.get(key)
        if preset is not None and re.fullmatch(preset.pattern, plain):
            tail = plain[len(plain) - preset.tail :] if preset.tail else ""
            return plain[: preset.head] + preset.hidden + tail
    return MASKED


def _replacer(operator: TextOperator) -> Callable[[str, EntityType], str]:
    if operator == "constant":
        return lambda value, kind: MASKED
    if operator == "partial":
        return partially
    if operator == "number":
        numbers: dict[tuple[EntityType, str], int] = {}
        counts: dict[EntityType, int] = {}

        def numbered(value: str, kind: EntityType) -> str:
            key = (kind, compact(value).upper())
            if key not in numbers:
                numbers[key] = counts[kind] = counts.get(kind, 0) + 1
            return f"<{kind}_{numbers[key]}>"

        return numbered
    return lambda value, kind: f"<{kind}>"


def replace_spans(text: str, spans: list[Span], replace: Callable[[str, EntityType], str]) -> str:
    """`text` with each span (sorted, not overlapping) replaced."""
    parts, last = [], 0
    for span in spans:
        parts += [text[last : span.start], replace(text[span.start : span.end], span.type)]
        last = span.end
    return "".join([*parts, text[last:]])


def mask_text(text: str, operator: TextOperator = "redact", lang: str = "auto") -> str:
    """`text` without the identifiers the detector knows.

    redact: `<TYPE>`; constant: `***`; partial: head and tail by the preset of the type; number: `<TYPE_1>`, the same
    value with the same number within this text. What a second reading still finds is tagged, whatever the operator.
    """
    return mask_all([text], operator, lang)[0]


def mask_all(texts: Sequence[str], operator: TextOperator = "redact", lang: str = "auto") -> list[str]:
    """The same for many texts, which are read together."""
    masked, replacers = list(texts), [_replacer(operator) for _ in texts]
    left = list(range(len(masked)))
    for _ in range(ROUNDS):
        found = zip(left, detect_all([masked[place] for place in left], lang), strict=True)
        with_spans = [(place, spans) for place, spans in found if spans]
        for place, spans in with_spans:
            masked[place] = replace_spans(masked[place], spans, replacers[place])
            if operator != "number":
                replacers[place] = _replacer("redact")
        left = [place for place, _ in with_spans]
    return masked
