"""Masking a file to a file: rules in YAML, one operator per column, streamed through DuckDB.

columns:
  id_no:   {pseudonym: {scope: health-2024}}
  name:    {partial: {preset: name}}
  county:  keep
others: refuse        # columns without a rule: refuse (default), drop, keep or any operator without arguments
"""

import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from duckdb import Error as EngineError
from sqlglot import exp

from masking.errors import MASK_BAD_FILE, MASK_BAD_RULES
from masking.files import open_tables
from masking.keys import KeyRing
from masking.operators import OPERATORS, engine_functions, reversing_functions
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
    return {name: rules.columns.get(name, (rules.others, {})) for name in columns}


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


def masked_select(chosen: Mapping[str, tuple[str, Mapping[str, object]]], table: str) -> exp.Select:
    """The statement that reads `table` masked."""
    outputs = []
    for name, (operator, args) in chosen.items():
        if operator == DROP:
            continue
        column = exp.Column(this=exp.to_identifier(name, quoted=True))
        masked = OPERATORS[operator].sql(column, args)
        outputs.append(exp.Alias(this=masked, alias=exp.to_identifier(name, quoted=True)))
    if not outputs:
        raise YurtError(MASK_BAD_RULES, why="no column would be left")
    return exp.Select(expressions=outputs).from_(exp.to_identifier(table, quoted=True))


def mask_table(rules: Rules, source: Path, target: Path, root_key: bytes, *, reveal: bool = False) -> TableReport:
    """Masks the first table of `source` into `target` (.csv or .parquet), which appears whole or not at all.

    `root_key` feeds keyed operators and goes no further than this process. With `reveal`, `source` is a file masked by
    these rules and this key, and reversible operators are undone. Raises MASK_BAD_FILE, MASK_BAD_RULES.
    """
    started = time.monotonic()
    if target.suffix.lower() not in {".csv", ".parquet"}:
        raise YurtError(MASK_BAD_RULES, why="the masked file is called neither .csv nor .parquet")
    if not target.parent.is_dir():
        raise YurtError(MASK_BAD_RULES, why="the folder of the masked file does not exist")
    if reveal:
        rules = revealing(rules)
    with open_tables(source) as tables:
        relation = next(iter(tables.relations.values()))
        chosen = plan(rules, relation.columns)
        select = masked_select(chosen, "source")
        needed = any(not OPERATORS[name].pushed_down for name, _ in chosen.values() if name != DROP)
        functions = (reversing_functions if reveal else engine_functions)(KeyRing(root_key)) if needed else []
        for function in functions:
            tables.connection.create_function(*function, type="arrow")
        masked = relation.query("source", select.sql("duckdb"))
        folder = tempfile.mkdtemp(prefix=".mask-", dir=target.parent)
        try:
            part = Path(folder) / target.name
            if target.suffix.lower() == ".parquet":
                masked.write_parquet(str(part))
            else:
                masked.write_csv(str(part), header=True)
            part.replace(target)
        except EngineError:  # its text may quote a value
            raise YurtError(MASK_BAD_FILE, path=source) from None
        finally:
            for left in Path(folder).iterdir():
                left.unlink()
            os.rmdir(folder)
        ((rows,),) = relation.count("*").fetchall()
        for function in functions:
            tables.connection.remove_function(function.name)
    seconds = time.monotonic() - started
    return TableReport(rows, round(seconds, 3), {name: operator for name, (operator, _) in chosen.items()})
