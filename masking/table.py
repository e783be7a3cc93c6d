"""Masking a file to a file: rules in YAML, one operator per column, streamed through DuckDB.

columns:
  id_no:   {pseudonym: {scope: health-2024}}
  name:    {partial: {preset: name}}
  county:  keep
others: refuse        # columns without a rule: refuse (default), drop, keep or any operator without arguments
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from duckdb import Error as EngineError
from sqlglot import exp

from masking.blocks import Chosen, masked_blocks, staged_select
from masking.errors import MASK_BAD_RULES, MASK_NOT_WRITTEN
from masking.files import open_tables
from masking.keys import KeyRing
from masking.operators import BLOCK, OPERATORS, engine_functions, reversing_functions
from masking.operators.interface import literal
from masking.outputs import check_target, replacing
from store.errors import YurtError

DROP = "drop"


@dataclass(frozen=True, slots=True)
class Rules:
    """Operator and arguments per column, and what becomes of columns not named (`refuse`, `drop` or an operator)."""

    columns: Mapping[str, tuple[str, Mapping[str, object]]]
    others: str


@dataclass(frozen=True, slots=True)
class TableReport:
    """What was done: rows, seconds, and the operator of each column ('drop' for those left out)."""

    rows: int
    seconds: float
    operators: Mapping[str, str]


def _operator(column: str, written: object) -> tuple[str, Mapping[str, object]]:
    name, args = next(iter(written.items())) if isinstance(written, dict) and len(written) == 1 else (written, {})
    if name != DROP and (not isinstance(name, str) or name not in OPERATORS):
        raise YurtError(MASK_BAD_RULES, why=f"column {column} names no operator; known: {', '.join(OPERATORS)}, {DROP}")
    if args is None:
        args = {}
    if not isinstance(args, dict):
        raise YurtError(MASK_BAD_RULES, why=f"the arguments of column {column} are no mapping")
    if name != DROP:
        OPERATORS[name].parse(args)
    return str(name), args


def load_rules(text: str) -> Rules:
    """Rules from YAML; raises MASK_BAD_RULES or MASK_BAD_ARGUMENTS."""
    try:
        written: Any = yaml.safe_load(text)
    except yaml.YAMLError:
        raise YurtError(MASK_BAD_RULES, why="it is no YAML") from None
    if (
        not isinstance(written, dict)
        or not isinstance(written.get("columns"), dict)
        or set(written) - {"columns", "others"}
    ):
        raise YurtError(MASK_BAD_RULES, why="it needs `columns` and may have `others`, nothing else")
    others = written.get("others", "refuse")
    if others not in {"refuse", DROP} and others not in OPERATORS:
        raise YurtError(MASK_BAD_RULES, why="`others` is none of refuse, drop or an operator")
    if others not in {"refuse", DROP}:
        OPERATORS[others].parse({})
    return Rules({str(name): _operator(str(name), rule) for name, rule in written["columns"].items()}, others)


def plan(rules: Rules, columns: list[str]) -> dict[str, tuple[str, Mapping[str, object]]]:
    """Operator and arguments for each column of a table; raises MASK_BAD_RULES for gaps on either side."""
    unknown = [name for name in rules.columns if name not in columns]
    if unknown:
        raise YurtError(MASK_BAD_RULES, why=f"the file has no column {unknown[0]}")
    missing = [name for name in columns if name not in rules.columns]
    if missing and rules.others == "refuse":
        raise YurtError(MASK_BAD_RULES, why=f"column {missing[0]} has no rule")
    chosen = {name: rules.columns.get(name, (rules.others, {})) for name in columns}
    for name, (operator, args) in chosen.items():
        lacking = [] if operator == DROP else [c for c in OPERATORS[operator].parse(args).beside() if c not in columns]
        if lacking:
            raise YurtError(MASK_BAD_RULES, why=f"column {name} is masked by {lacking[0]}, which the file has not")
    return chosen


def revealed_columns(rules: Rules) -> list[str]:
    """The columns whose values `reveal` brings back."""
    return [name for name, (operator, _) in rules.columns.items() if operator != DROP and OPERATORS[operator].keyed
            and OPERATORS[operator].reversible]  # fmt: skip


def revealing(rules: Rules) -> Rules:
    """The rules that lead a masked file back: reversible operators are undone, every other column stays masked."""
    kept = {
        name: (operator if operator != DROP and OPERATORS[operator].reversible else "keep", args)
        for name, (operator, args) in rules.columns.items()
        if operator != DROP
    }
    return Rules(
        {name: (operator, {} if operator == "keep" else args) for name, (operator, args) in kept.items()}, "keep"
    )


def _copied(select: exp.Select, part: Path) -> str:
    """The statement that writes what `select` gives to a file."""
    parquet = part.suffix.lower() == ".parquet"
    options = {"FORMAT": "parquet", "ROW_GROUP_SIZE": "65536"} if parquet else {"FORMAT": "csv", "HEADER": "true"}
    return exp.Copy(
        this=select.subquery(copy=False),
        kind=False,
        files=[literal(str(part))],
        params=[exp.CopyParameter(this=exp.var(name), expression=exp.var(value)) for name, value in options.items()],
    ).sql("duckdb")


def _masked_into(connection: Any, relation: Any, kept: Chosen, part: Path) -> int:
    """Writes the relation masked to `part`; gives the number of rows."""
    relation.create_view("source", replace=True)
    if not any(OPERATORS[operator].files_only for operator, _ in kept.values()):
        outputs = [
            exp.alias_(
                OPERATORS[operator].sql(exp.column(exp.to_identifier(name, quoted=True)), args),
                exp.to_identifier(name, quoted=True),
            )
            for name, (operator, args) in kept.items()
        ]
        select = exp.select(*outputs).from_("source")
    else:
        reader = connection.sql(staged_select(kept, "source").sql("duckdb")).to_arrow_reader(BLOCK)
        connection = connection.cursor()  # the reader keeps the other one busy
        connection.register("masked", masked_blocks(reader, kept))
        select = exp.select("*").from_("masked")
    ((rows,),) = connection.execute(_copied(select, part)).fetchall()
    return int(rows)


def mask_table(rules: Rules, source: Path, target: Path, root_key: bytes, *, reveal: bool = False) -> TableReport:
    """Masks the first table of `source` into `target` (.csv or .parquet), which appears whole or not at all.

    Rows stream; memory does not grow with the file. `root_key` feeds keyed operators and goes no further than this
    process. With `reveal`, `source` is a file masked by these rules and this key, and reversible operators are undone.
    Raises MASK_BAD_FILE, MASK_BROKEN_LINES, MASK_BAD_RULES, MASK_BAD_TARGET, MASK_TOO_LARGE, MASK_NOT_WRITTEN.
    """
    started = time.monotonic()
    check_target(source, target)
    if reveal:
        rules = revealing(rules)
    try:
        with replacing(target) as part, open_tables(source, once=True, writes=[part]) as tables:
            relation = next(iter(tables.relations.values()))
            chosen = plan(rules, relation.columns)
            kept = {name: rule for name, rule in chosen.items() if rule[0] != DROP}
            if not kept:
                raise YurtError(MASK_BAD_RULES, why="no column would be left")
            needed = any(not OPERATORS[operator].pushed_down for operator, _ in kept.values())
            functions = (reversing_functions if reveal else engine_functions)(KeyRing(root_key)) if needed else []
            for function in functions:
                tables.connection.create_function(*function, type="arrow")
            try:
                rows = _masked_into(tables.connection, relation, kept, part)
            except EngineError as error:
                if any(word in str(error) for word in (str(part.parent), "No space left")):
                    raise YurtError(MASK_NOT_WRITTEN, path=target) from None
                raise
            finally:
                for function in functions:
                    tables.connection.remove_function(function.name)
    except OSError:
        raise YurtError(MASK_NOT_WRITTEN, path=target) from None
    seconds = time.monotonic() - started
    return TableReport(rows, round(seconds, 3), {name: operator for name, (operator, _) in chosen.items()})
