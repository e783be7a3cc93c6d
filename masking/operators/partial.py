"""Partial masks: a little of the head and tail stays, by preset or by count."""

from typing import Literal, Self

from pydantic import Field, model_validator
from sqlglot import exp

from masking.operators.interface import (
    MASKED,
    Arguments,
    Family,
    Operator,
    Result,
    cases,
    joined,
    literal,
    matches,
    number,
    text_of,
)
from masking.operators.presets import EMAIL, PRESETS, Preset, region_pattern

PresetName = Literal[
    "name",
    "id_card",
    "id_card_tail",
    "mobile",
    "landline",
    "bank_card",
    "plate",
    "passport",
    "uscc",
    "vin",
    "ip",
    "email",
    "address",
]


class PartialArguments(Arguments):
    """A `preset` by type, or counts: `head` and `tail` code points stay if at least `min_hidden` are hidden."""

    preset: PresetName | None = None
    head: int = Field(1, ge=0, le=32)
    tail: int = Field(0, ge=0, le=32)
    min_hidden: int = Field(2, ge=1, le=64)
    char: str = Field("*", pattern=r"^[*#xX×•]$")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.preset is not None and self.model_fields_set - {"preset"}:
            raise ValueError("a preset takes no counts")
        return self


def _cut(column: exp.Expression, preset: Preset) -> exp.Expression:
    parts: list[exp.Expression] = [literal(preset.hidden)]
    if preset.head:
        parts.insert(0, exp.Left(this=text_of(column), expression=number(preset.head)))
    if preset.tail:
        parts.append(exp.Right(this=text_of(column), expression=number(preset.tail)))
    return joined(*parts)


def presets_of(name: PresetName) -> tuple[Preset, ...]:
    """The forms a preset knows, in the order they are tried; not for `email` and `address`."""
    return tuple(PRESETS[key] for key in (("name", "name_short", "name_latin") if name == "name" else (name,)))


def _by_preset(column: exp.Expression, name: PresetName) -> exp.Expression:
    if name == "email":
        domain = exp.SplitPart(this=text_of(column), delimiter=literal("@"), part_index=number(2))
        first = exp.Left(this=text_of(column), expression=number(1))
        return cases(column, (matches(column, EMAIL), joined(first, literal("***@"), domain)))
    if name == "address":
        pattern = region_pattern("county")
        region = exp.RegexpExtract(this=text_of(column), expression=literal(pattern))
        found = exp.RegexpLike(this=text_of(column), expression=literal(pattern))
        return cases(column, (found, joined(region, literal(MASKED))))
    return cases(column, *((matches(column, each.pattern), _cut(column, each)) for each in presets_of(name)))


def _partial(column: exp.Expression, args: PartialArguments) -> exp.Expression:
    if args.preset is not None:
        return _by_preset(column, args.preset)
    kept = args.head + args.tail
    long_enough = exp.GTE(this=exp.Length(this=text_of(column)), expression=number(kept + args.min_hidden))
    # A fixed run of stars: the length of a name or number is itself a hint.
    return cases(column, (long_enough, _cut(column, Preset("", args.head, args.char * 4, args.tail))))


PARTIAL = Operator(
    "partial",
    "Head and tail stay by the preset of the type; the rest is hidden.",
    Family.MASKING,
    Result.TEXT,
    PartialArguments,
    _partial,
    format_kept=True,
    attack="Visible parts join with other columns: use it to show values, never to make data anonymous.",
)
