"""Read a policy file. Every mistake is reported with its line and column; unknown keys are mistakes."""

import difflib
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any, NoReturn

import sqlglot
import yaml
from sqlglot import exp
from sqlglot.errors import SqlglotError

from masking.operators import OPERATORS
from policies.errors import POLICY_INVALID
from policies.grain import Bucket, DateUnit, Grain
from policies.model import (
    Capability,
    ColumnPolicy,
    DatasetPolicy,
    Dominance,
    Mask,
    Mode,
    Policy,
    PrivacyTerms,
    Reach,
    ReleaseRule,
    Use,
)
from policies.schema import Schema
from store.errors import YurtError

Node = yaml.nodes.Node
_ATTRIBUTE = re.compile(r"\{user\.([A-Za-z_][A-Za-z0-9_]*)\}")
_MARK = "yurt_user_"
MAX_DOMAIN = 10_000
"""Values of one public domain."""
_ROW_FILTER_NODES = (
    exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Placeholder, exp.Parameter, exp.Var, exp.Paren,
    exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.In, exp.Between, exp.Is, exp.Like,
    exp.NullSafeEQ, exp.NullSafeNEQ, exp.Cast, exp.DataType, exp.Neg, exp.Year, exp.Month, exp.StartsWith,
    exp.Lower, exp.Upper,
)  # fmt: skip


def load_policy(text: str) -> Policy:
    """The policy written in `text` (YAML; grammar in docs/policy.md). Raises POLICY_INVALID with line and column."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise YurtError(
            POLICY_INVALID,
            line=line,
            column=column,
            problem="not valid YAML.",
            hint="Correct the indentation or quoting.",
        ) from None
    if root is None:
        raise YurtError(POLICY_INVALID, line=1, column=1, problem="the file is empty.", hint="Start with `project:`.")
    return _policy(root, hashlib.sha256(text.encode()).hexdigest())


def _wrong(node: Node, problem: str, hint: str = "Correct it and load the policy again.") -> NoReturn:
    mark = node.start_mark
    raise YurtError(POLICY_INVALID, line=mark.line + 1, column=mark.column + 1, problem=problem, hint=hint)


def _mapping(node: Node, what: str, allowed: tuple[str, ...] | None = None) -> dict[str, tuple[Node, Node]]:
    if not isinstance(node, yaml.MappingNode):
        _wrong(node, f"{what} must be a mapping.")
    found: dict[str, tuple[Node, Node]] = {}
    for key, value in node.value:
        name = _text(key, f"a key of {what}")
        if name in found:
            _wrong(key, f"{name} appears twice in {what}.", "Keep one of them.")
        if allowed is not None and name not in allowed:
            _wrong(key, f"{what} has no key {name}.", _nearest(name, allowed, f"Known keys: {', '.join(allowed)}."))
        found[name] = (key, value)
    return found


def _text(node: Node, what: str) -> str:
    if not isinstance(node, yaml.ScalarNode) or not node.value:
        _wrong(node, f"{what} must be a word or text.")
    return str(node.value)


def _list(node: Node, what: str) -> list[Node]:
    if not isinstance(node, yaml.SequenceNode):
        _wrong(node, f"{what} must be a list.", "Write it in square brackets.")
    return list(node.value)


def _number(node: Node, what: str, low: float, high: float, whole: bool = False) -> float:
    try:
        value = float(_text(node, what))
    except ValueError:
        _wrong(node, f"{what} must be a number.")
    if not low <= value <= high or (whole and value != int(value)):
        _wrong(node, f"{what} must be {'a whole number' if whole else 'a number'} from {low:g} to {high:g}.")
    return value


def _nearest(word: str, known: Iterable[str], otherwise: str) -> str:
    """A hint for a word that is not known: the one it looks like, or `otherwise`."""
    close = difflib.get_close_matches(word.lower(), [each.lower() for each in known], 1)
    return f"Did you mean {close[0]}? {otherwise}" if close else otherwise


def fits(text: str, schema: Schema) -> None:
    """Raise POLICY_INVALID where the policy names a table or a column that the schema lacks."""
    root: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    nodes = _mapping(_mapping(root, "the policy")["datasets"][1], "datasets")
    for name, (key, value) in nodes.items():
        table = schema.tables.get(name.lower())
        if table is None:
            names = [each.name for each in schema.tables.values()]
            _wrong(key, f"the schema has no table {name}.", _nearest(name, names, "Correct the name."))
        for column, (where, _) in _mapping(_mapping(value, "a dataset")["columns"][1], "columns").items():
            if table.kind(column.lower()) is None:
                hint = _nearest(column, table.columns, "Correct the name.")
                _wrong(where, f"the table {table.name} has no column {column}.", hint)


def _policy(root: Node, version: str) -> Policy:
    parts = _mapping(root, "the policy", ("project", "purpose", "release", "datasets"))
    for needed in ("project", "datasets"):
        if needed not in parts:
            _wrong(root, f"the policy needs the key {needed}.")
    release = _release(parts["release"][1], ReleaseRule()) if "release" in parts else ReleaseRule()
    datasets: dict[str, DatasetPolicy] = {}
    nodes = _mapping(parts["datasets"][1], "datasets")
    for name, (key, value) in nodes.items():
        if name.lower() in datasets:
            _wrong(key, f"dataset {name} appears twice.")
        datasets[name.lower()] = _dataset(name, value, release)
    for name, (_, value) in nodes.items():
        _check_joins(datasets, datasets[name.lower()], value)
        _check_named(datasets, name, value)
    return Policy(
        project=_text(parts["project"][1], "project"),
        purpose=_text(parts["purpose"][1], "purpose") if "purpose" in parts else "",
        release=release,
        datasets=MappingProxyType(datasets),
        version=version,
    )


def _dataset(name: str, node: Node, inherited: ReleaseRule) -> DatasetPolicy:
    parts = _mapping(node, f"dataset {name}", ("unit", "rows", "joins", "columns", "release"))
    if "columns" not in parts:
        _wrong(node, f"dataset {name} needs the key columns.")
    columns: dict[str, ColumnPolicy] = {}
    for column, (key, value) in _mapping(parts["columns"][1], f"columns of {name}").items():
        if column.lower() in columns:
            _wrong(key, f"column {column} of {name} appears twice.")
        columns[column.lower()] = _column(column, value)
    release = _release(parts["release"][1], inherited) if "release" in parts else inherited
    unit = _text(parts["unit"][1], "unit") if "unit" in parts else None
    if unit is not None and unit.lower() not in columns:
        _wrong(parts["unit"][1], f"the unit {unit} is not a column of {name}.", "Add it to the columns; [] is enough.")
    if unit is None and release.mode is not Mode.ROWS:
        _wrong(node, f"dataset {name} needs a unit: the column that says whose data a row is.")
    rows = _row_filter(parts["rows"][1], name, columns) if "rows" in parts else None
    joins = tuple(_join(each) for each in _list(parts["joins"][1], "joins")) if "joins" in parts else ()
    return DatasetPolicy(name, MappingProxyType(columns), release, unit, rows, joins)


def _check_named(datasets: Mapping[str, DatasetPolicy], dataset: str, described: Node) -> None:
    """A dataset's own terms name its own columns, bounds also those of tables it is joined with (whose values may be
    summed for its units); terms of the project may name columns of any dataset."""
    given = _mapping(described, "a dataset").get("release")
    parts = _mapping(given[1], "release") if given is not None else {}
    own = set(datasets[dataset.lower()].columns)
    joined = {column for other, _ in datasets[dataset.lower()].joins for column in datasets[other].columns}
    for key, columns in (("bounds", own | joined), ("domains", own)):
        for column, (named, _) in _mapping(parts[key][1], key).items() if key in parts else ():
            if column.lower() not in columns:
                _wrong(named, f"{key} names {column}, which is not a column of {dataset}.")


def _join(node: Node) -> tuple[str, str]:
    dataset, dot, column = _text(node, "a join").partition(".")
    if not dot or not column:
        _wrong(node, "a join is written DATASET.COLUMN.")
    return dataset.lower(), column.lower()


def _check_joins(datasets: Mapping[str, DatasetPolicy], described: DatasetPolicy, node: Node) -> None:
    parts = _mapping(node, "a dataset")
    for (dataset, column), each in zip(
        described.joins, _list(parts["joins"][1], "joins") if described.joins else [], strict=True
    ):
        if dataset not in datasets or column not in datasets[dataset].columns:
            _wrong(each, f"the join names {dataset}.{column}, which the policy does not describe.")
        if not datasets[dataset].columns[column].allows(Use.JOIN):
            _wrong(each, f"{dataset}.{column} lacks the capability join.", f"Add join to {dataset}.{column}.")


def _column(name: str, node: Node) -> ColumnPolicy:
    capabilities: list[Capability] = []
    mask: Mask | None = None
    quantile: tuple[float, float] | None = None
    for item in _list(node, f"the capabilities of {name}"):
        if isinstance(item, yaml.ScalarNode):
            word = _text(item, "a capability")
            if word not in set(Use):
                known = f"Known: {', '.join(Use)}, mask, quantile."
                _wrong(item, f"{word} is not a capability.", _nearest(word, Use, known))
            capabilities.append(Capability(Use(word)))
            continue
        entry = _mapping(item, "a capability", ("mask", "quantile", Use.GROUP.value, Use.FILTER.value))
        if len(entry) != 1:
            _wrong(item, "a capability in braces has exactly one key.")
        ((kind, (_, value)),) = entry.items()
        if kind == "mask":
            if mask is not None:
                _wrong(item, f"{name} has two masks.", "Keep one of them.")
            mask = _mask(value)
        elif kind == "quantile":
            bounds = [_number(each, "a quantile", 0, 1) for each in _list(value, "quantile")]
            if len(bounds) != 2 or bounds[0] > bounds[1]:
                _wrong(value, "quantile takes two numbers, the lower first.")
            quantile = (bounds[0], bounds[1])
        else:
            capabilities.append(Capability(Use(kind), _grain(value)))
    for held in capabilities:
        if held.grain is not None and Capability(held.use) in capabilities:
            _wrong(
                node,
                f"{name} may be used to {held.use} exactly and also only at {held.grain}.",
                f"Keep {held.use}, or keep {{{held.use}: …}}.",
            )
    if mask is not None and any(held.use is Use.READ for held in capabilities):
        _wrong(node, f"{name} cannot be both read and masked.", "Keep read or the mask.")
    return ColumnPolicy(name, tuple(capabilities), mask, quantile)


def _grain(node: Node) -> Grain:
    word = _text(node, "a granularity")
    if word in set(DateUnit):
        return DateUnit(word)
    try:
        width = Decimal(word)
    except InvalidOperation:
        _wrong(node, f"{word} is not a granularity.", "Use a number or one of: " + ", ".join(DateUnit) + ".")
    if not width.is_finite() or width <= 0:
        _wrong(node, "a bucket width must be above 0.")
    return Bucket(width)


def _mask(node: Node) -> Mask:
    arguments: dict[str, Any] = {}
    if isinstance(node, yaml.MappingNode):
        entry = _mapping(node, "mask")
        if len(entry) != 1:
            _wrong(node, "mask names one operator.")
        ((name, (_, value)),) = entry.items()
        if not isinstance(value, yaml.MappingNode):
            _wrong(value, "the arguments of a mask are a mapping.")
        arguments = yaml.SafeLoader("").construct_document(value)
    else:
        name = _text(node, "mask")
    if name not in OPERATORS:
        _wrong(node, f"there is no masking operator {name}.", "Known: " + ", ".join(sorted(OPERATORS)) + ".")
    if OPERATORS[name].files_only:
        _wrong(
            node,
            f"{name} would draw anew with every query, and many answers together undo it.",
            "Mask the file with it before it is published, or use release mode dp.",
        )
    try:
        OPERATORS[name].parse(arguments)
    except YurtError as error:
        _wrong(node, error.message, error.hint)
    return Mask(name, MappingProxyType(arguments))


def _row_filter(node: Node, dataset: str, columns: Mapping[str, ColumnPolicy]) -> exp.Expr:
    text = _text(node, "rows")
    marked = _ATTRIBUTE.sub(lambda found: f"${_MARK}{found.group(1)}", text)
    try:
        tree = sqlglot.parse_one(f"SELECT 1 WHERE {marked}", dialect="duckdb")
    except (SqlglotError, RecursionError):
        _wrong(node, f"the row filter of {dataset} is not valid SQL.", "Write one condition over its columns.")
    where = tree.args.get("where")
    extra = [key for key, value in tree.args.items() if value and key not in ("where", "expressions")]
    if not isinstance(tree, exp.Select) or where is None or extra:
        _wrong(node, f"the row filter of {dataset} must be one condition.")
    condition: exp.Expr = where.this
    for part in condition.walk():
        if not isinstance(part, _ROW_FILTER_NODES):
            _wrong(node, f"the row filter of {dataset} uses {part.key}, which row filters do not allow.")
        if isinstance(part, exp.Column) and (part.table or part.name.lower() not in columns):
            _wrong(
                node,
                f"the row filter of {dataset} names {part.name}, which is not one of its columns.",
                "List it; [] is enough.",
            )
        if isinstance(part, exp.Literal) and part.is_string and _MARK in part.name:
            _wrong(node, "a user attribute stands on its own, outside quotes.", "Write county = {user.county}.")
        if isinstance(part, exp.Placeholder) and not str(part.this).startswith(_MARK):
            _wrong(node, "a row filter takes no parameters but {user.NAME}.")
    return condition


def attribute_of(placeholder: exp.Placeholder) -> str:
    """The user attribute a row filter's placeholder stands for."""
    return str(placeholder.this).removeprefix(_MARK)


_RELEASE_KEYS = (
    "mode", "min_group", "max_rows", "timeout_s", "dominance", "p_percent", "history",
    "epsilon", "delta", "epsilon_per_query", "max_groups_contributed", "bounds",
    "max_rows_contributed", "domains", "period_days",
)  # fmt: skip


def _release(node: Node, inherited: ReleaseRule) -> ReleaseRule:
    parts = _mapping(node, "release", _RELEASE_KEYS)

    def value(key: str, read: Callable[[Node], Any], default: Any) -> Any:
        return read(parts[key][1]) if key in parts else default

    def mode(each: Node) -> Mode:
        word = _text(each, "mode")
        if word not in set(Mode):
            _wrong(each, f"{word} is not a release mode.", _nearest(word, Mode, f"Known: {', '.join(Mode)}."))
        return Mode(word)

    def dominance(each: Node) -> Dominance:
        entry = _mapping(each, "dominance", ("n", "k"))
        if set(entry) != {"n", "k"}:
            _wrong(each, "dominance needs n and k.")
        return Dominance(int(_number(entry["n"][1], "n", 1, 10, True)), _number(entry["k"][1], "k", 0, 1))

    def reach(each: Node) -> Reach:
        word = _text(each, "history")
        if word not in set(Reach):
            _wrong(each, f"{word} is not a history.", _nearest(word, Reach, f"Known: {', '.join(Reach)}."))
        return Reach(word)

    chosen = value("mode", mode, inherited.mode)
    for key in ("dominance", "p_percent"):
        if chosen is Mode.DP and key in parts:
            _wrong(parts[key][0], f"{key} has no meaning in the release mode dp.", "Leave it out.")
    if chosen is not Mode.THRESHOLD and "history" in parts:
        _wrong(parts["history"][0], "history belongs to the release mode threshold.", "Leave it out.")
    return ReleaseRule(
        mode=chosen,
        min_group=int(value("min_group", lambda each: _number(each, "min_group", 1, 1e9, True), inherited.min_group)),
        max_rows=int(value("max_rows", lambda each: _number(each, "max_rows", 1, 1e9, True), inherited.max_rows)),
        timeout_s=value("timeout_s", lambda each: _number(each, "timeout_s", 0.001, 86400), inherited.timeout_s),
        dominance=value("dominance", dominance, inherited.dominance),
        p_percent=value("p_percent", lambda each: _number(each, "p_percent", 0, 1), inherited.p_percent),
        privacy=_privacy(node, parts, chosen, inherited.privacy),
        history=value("history", reach, inherited.history) if chosen is Mode.THRESHOLD else Reach.PROJECT,
    )


def _privacy(
    node: Node, parts: Mapping[str, tuple[Node, Node]], mode: Mode, inherited: PrivacyTerms | None
) -> PrivacyTerms | None:
    given = [key for key in _RELEASE_KEYS[7:] if key in parts]
    if mode is not Mode.DP:
        if given:
            _wrong(parts[given[0]][0], f"{given[0]} belongs to the release mode dp.")
        return None
    if "epsilon" not in parts and inherited is None:
        _wrong(node, "the release mode dp needs epsilon.")

    def number(key: str, low: float, high: float, default: float, whole: bool = False) -> float:
        return _number(parts[key][1], key, low, high, whole) if key in parts else default

    before = inherited or PrivacyTerms(0.0, 0.0, 0.0, 1, MappingProxyType({}))
    epsilon = number("epsilon", 1e-6, 1e3, before.epsilon)
    default = before.epsilon_per_query if "epsilon" not in parts else epsilon
    period = number("period_days", 1, 36_600, before.period_days or 0, True)
    return PrivacyTerms(
        epsilon=epsilon,
        delta=number("delta", 0, 0.01, before.delta),
        epsilon_per_query=number("epsilon_per_query", 1e-6, epsilon, default),
        max_groups_contributed=int(number("max_groups_contributed", 1, 1e6, before.max_groups_contributed, True)),
        bounds=_bounds(parts["bounds"][1]) if "bounds" in parts else before.bounds,
        max_rows_contributed=int(number("max_rows_contributed", 1, 1e6, before.max_rows_contributed, True)),
        domains=_domains(parts["domains"][1]) if "domains" in parts else before.domains,
        period_days=int(period) or None,
    )


def _bounds(node: Node) -> Mapping[str, tuple[float, float]]:
    bounds: dict[str, tuple[float, float]] = {}
    for column, (_, each) in _mapping(node, "bounds").items():
        pair = [_number(end, "a bound", -1e15, 1e15) for end in _list(each, "bounds of a column")]
        if len(pair) != 2 or pair[0] >= pair[1]:
            _wrong(each, "bounds takes two numbers, the lower first.")
        bounds[column] = (pair[0], pair[1])
    return MappingProxyType(bounds)


def _domains(node: Node) -> Mapping[str, tuple[Any, ...]]:
    """Public values of columns: text, numbers, dates, true, false or null."""
    domains: dict[str, tuple[Any, ...]] = {}
    for column, (_, each) in _mapping(node, "domains").items():
        items = _list(each, "the domain of a column")
        if not 1 <= len(items) <= MAX_DOMAIN:
            _wrong(each, f"a domain has from 1 to {MAX_DOMAIN} values.")
        values: list[Any] = []
        for item in items:
            value = yaml.SafeLoader("").construct_object(item) if isinstance(item, yaml.ScalarNode) else item
            if not isinstance(value, (str, int, float, date, type(None))) or value != value:
                _wrong(item, "a value of a domain is text, a number, a date, true, false or null.")
            if (type(value), value) in [(type(known), known) for known in values]:
                _wrong(item, "this value is in the domain twice.", "Keep one of them.")
            values.append(value)
        domains[column] = tuple(values)
    return MappingProxyType(domains)
