"""Masks put on a finished answer: what an operator's SQL gives, computed by Arrow and numpy over whole batches.

A masked column that a query only passes on (no filter, key, order or expression reads it) need not be masked row by row
inside the query: the engine process masks the batches before they leave it. The results are those of the SQL, value by
value; `tests/masking/test_finishing.py` compares the two. Forms are checked by RE2 with the very patterns of the SQL,
and, where a form is one of fixed length in ASCII, for a whole batch at once without it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sqlglot import exp

from masking.operators.column import Codes, Texts
from masking.operators.generalise import CODE, CODE_DIGITS, DATE_UNITS, GENERALISE, GeneraliseArguments
from masking.operators.interface import MASKED, Operator, text_of
from masking.operators.partial import PARTIAL, PartialArguments, presets_of
from masking.operators.presets import EMAIL, Preset, region_pattern
from masking.operators.replace import CONSTANT, REDACT

Column = Any  # pyarrow.Array of text, of dates for `DATE_UNITS`
Finish = Callable[[Column], Column]
_BY_FUNCTION = frozenset({"pseudonym", "fpe", "encrypt_siv", "surrogate"})
_DIVISIONS = frozenset(CODE_DIGITS)
_FEW = 0.5
"""Share of values not met before up to which a batch is masked by its distinct values."""
_REMEMBERED = 1 << 16
"""Distinct values remembered for one answer."""


def feed(operator: Operator, column: exp.Expression, arguments: Mapping[str, object]) -> exp.Expression | None:
    """What the query has to give for `finisher`; None where the operator has no form outside SQL."""
    args = operator.parse(arguments)
    if operator.name in _BY_FUNCTION or operator in (PARTIAL, CONSTANT, REDACT):
        return text_of(column)
    if isinstance(args, GeneraliseArguments):
        if args.level in DATE_UNITS:
            return exp.TryCast(this=column.copy(), to=exp.DataType.build("date"))
        if args.level in _DIVISIONS:
            return text_of(column)
    return None


def finisher(
    operator: Operator, arguments: Mapping[str, object], functions: Mapping[str, Callable[..., Any]]
) -> Finish:
    """The mask over columns of `feed`. `functions`: those of the engine, by name. Keep it for one answer: it remembers
    whether values repeat. Raises MASK_BAD_ARGUMENTS, and ValueError for what has no such form."""
    args = operator.parse(arguments)
    if operator.name in _BY_FUNCTION:
        return _by_function(operator.sql(exp.column("v"), arguments), functions)
    if operator in (CONSTANT, REDACT):
        said = operator.sql(exp.column("v"), arguments).args["default"].this
        return lambda values: _or_missing(values, said)
    if isinstance(args, PartialArguments):
        return _partial(args)
    if operator is GENERALISE and isinstance(args, GeneraliseArguments):
        if args.level in DATE_UNITS:
            return lambda days: pc.floor_temporal(days, unit=args.level)
        if args.level in _DIVISIONS:
            return _Distinct(lambda values: _division(values, args.level))
    raise ValueError(operator.name)


def _by_function(call: exp.Expression, functions: Mapping[str, Callable[..., Any]]) -> Finish:
    function = functions[str(call.this)]
    constants = [pa.array([each.this]) for each in call.expressions[1:]]
    return lambda values: function(values, *constants)


def _or_missing(values: Column, said: object) -> Column:
    """`said`, a text or texts, for every value that is there."""
    return pc.if_else(pc.is_null(values), pa.scalar(None, pa.string()), said)


def _where(good: Column, made: Column, other: Column = MASKED) -> Column:
    """`made` where `good` holds and `other` elsewhere; NULL where `good` is."""
    return made if pc.all(good, min_count=0).as_py() and not good.null_count else pc.if_else(good, made, other)


def _matches(values: Column, pattern: str) -> Column:
    return pc.match_substring_regex(values, f"^(?:{pattern})$")


def _cut(values: Column, head: int, hidden: Column, tail: int) -> Column:
    parts = [pc.utf8_slice_codeunits(values, 0, head)] if head else [_or_missing(values, "")]
    parts.append(hidden)
    if tail:
        parts.append(pc.utf8_slice_codeunits(values, -tail))
    return pc.binary_join_element_wise(*parts, "")


class _Distinct:
    """A mask of equal values for equal values, computed once for each of them while they are few."""

    def __init__(self, mask: Finish) -> None:
        self._mask, self._few = mask, True
        self._known, self._masked = pa.array([], pa.string()), pa.array([], pa.string())

    def __call__(self, values: Column) -> Column:
        if not self._few:
            return self._mask(values)
        at = pc.index_in(values, value_set=self._known)
        if at.null_count > values.null_count:
            new = values.filter(pc.and_(pc.is_null(at), pc.is_valid(values))).unique()
            self._few = len(new) <= max(64, _FEW * len(values)) and len(self._known) < _REMEMBERED
            self._known = pa.concat_arrays([self._known, new])
            self._masked = pa.concat_arrays([self._masked, self._mask(new)])
            at = pc.index_in(values, value_set=self._known)
        return self._masked.take(at)


def _partial(args: PartialArguments) -> Finish:
    if args.preset == "email":
        return _Distinct(_email)
    if args.preset == "address":
        return _Distinct(lambda values: _region(values, region_pattern("county"), MASKED))
    if args.preset is None:
        return lambda values: _counted(values, args)
    presets = presets_of(args.preset)
    form = fixed_form(presets[0].pattern)
    return _Fixed(presets[0], form) if form is not None else _Distinct(lambda values: _by_presets(values, presets))


def _by_presets(values: Column, presets: tuple[Preset, ...]) -> Column:
    """The first preset that fits; all of them leave the same head and tail, as those of names do."""
    fits: list[Column] = []
    fitting: Column = pa.scalar(False)
    for preset in presets:
        fits.append(_matches(values, preset.pattern))
        fitting = pc.or_(fitting, fits[-1])
        if pc.all(fitting, min_count=0).as_py():  # NULL aside
            break
    hidden: Column = presets[len(fits) - 1].hidden
    for preset, fit in zip(reversed(presets[: len(fits) - 1]), reversed(fits[:-1]), strict=True):
        hidden = pc.if_else(fit, preset.hidden, hidden)
    return _where(fitting, _cut(values, presets[0].head, hidden, presets[0].tail))


def _counted(values: Column, args: PartialArguments) -> Column:
    long_enough = pc.greater_equal(pc.utf8_length(values), args.head + args.tail + args.min_hidden)
    return _where(long_enough, _cut(values, args.head, args.char * 4, args.tail))


def _email(values: Column) -> Column:
    made = pc.replace_substring_regex(values, r"^([A-Za-z0-9._%+-])[^@]*@", r"\1***@")
    return _where(_matches(values, EMAIL), made)


def _region(values: Column, pattern: str, after: str) -> Column:
    found = pc.extract_regex(values, f"(?P<region>{pattern})").field("region")
    named = pc.match_substring_regex(values, pattern)
    return _where(named, pc.binary_join_element_wise(found, after, ""))


def _division(values: Column, level: str) -> Column:
    coded = _matches(values, CODE)
    made = pc.utf8_slice_codeunits(values, 0, CODE_DIGITS[level])
    if pc.all(coded, min_count=0).as_py():  # NULL aside
        return made
    return _where(coded, made, _region(values, region_pattern(level), ""))


@dataclass(frozen=True, slots=True)
class FixedForm:
    """A form of `length` bytes: most of them of one class, `low` to `high`, the others of classes of their own."""

    length: int
    low: int
    high: int
    others: tuple[tuple[int, NDArray[np.bool_]], ...]  # position, which of 256 bytes may stand there

    def all_fit(self, codes: Codes) -> bool:
        """Does every row of (N, length) bytes have the form. One pass over all bytes, one over each odd column."""
        odd = (codes - np.uint8(self.low)) > np.uint8(self.high - self.low)
        outside = int(np.count_nonzero(odd))
        return outside == sum(int(np.count_nonzero(odd[:, at])) for at, _ in self.others) and all(
            bool(fits[codes[:, at]].all()) for at, fits in self.others
        )


_PART = re.compile(r"(\[[^\]\\^]+\]|[0-9A-Za-z])(?:\{([0-9]+)\})?")


@cache
def fixed_form(pattern: str) -> FixedForm | None:
    """The form a pattern of ASCII classes and counts describes (`1[3-9][0-9]{9}`); None for any other pattern."""
    classes: list[NDArray[np.bool_]] = []
    at = 0
    while at < len(pattern):
        part = _PART.match(pattern, at)
        if part is None or not part[0].isascii():
            return None
        which = re.compile(part[1])
        fits = np.array([code < 128 and which.fullmatch(chr(code)) is not None for code in range(256)])
        classes += [fits] * int(part[2] or 1)
        at = part.end()
    if not classes:
        return None
    kinds = [each.tobytes() for each in classes]
    most = classes[kinds.index(max(kinds, key=kinds.count))]
    codes = np.flatnonzero(most)
    if len(codes) != codes[-1] - codes[0] + 1:  # one range of bytes, so that one comparison does
        return None
    others = tuple((place, each) for place, each in enumerate(classes) if each is not most)
    others = tuple((place, each) for place, each in others if not np.array_equal(each, most))
    return FixedForm(len(classes), int(codes[0]), int(codes[-1]), others)


class _Fixed:
    """A partial mask of a form of fixed length: a batch that has it whole is copied and starred, any other is looked at
    value by value."""

    def __init__(self, preset: Preset, form: FixedForm) -> None:
        self._preset, self._form = preset, form
        self._hidden = np.frombuffer(preset.hidden.encode(), np.uint8)

    def __call__(self, values: Column) -> Column:
        texts = Texts(values)
        codes = texts.rows(self._form.length)
        if codes is not None and self._form.all_fit(codes):
            return texts.fixed(self._starred(codes))
        return _by_presets(values, (self._preset,))

    def _starred(self, codes: Codes) -> Codes:
        head, tail, hidden = self._preset.head, self._preset.tail, self._hidden
        made = np.empty((len(codes), head + len(hidden) + tail), np.uint8)
        made[:, :head] = codes[:, :head]
        made[:, head : head + len(hidden)] = hidden
        made[:, head + len(hidden) :] = codes[:, self._form.length - tail :]
        return made
