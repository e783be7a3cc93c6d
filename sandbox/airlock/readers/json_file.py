"""JSON (RFC 8259): strict keys, bounded depth; lists of records are tables, all other strings are texts."""

import json
from typing import Any, BinaryIO

from sandbox.airlock import codes
from sandbox.airlock.findings import Findings, Stop
from sandbox.airlock.identities import DIRECT
from sandbox.airlock.readers.unicode import check_characters, decode
from sandbox.airlock.tables import IDENTIFIER_HEADER, Context, Table, check_encoded, check_table


class _DuplicateKey(ValueError):
    pass


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise _DuplicateKey
    return dict(pairs)


def parse(text: str, findings: Findings) -> Any:
    """The JSON value of a text, numbers kept as written. Raises `Stop` after noting what is wrong."""
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_float=_Literal, parse_int=_Literal)
    except _DuplicateKey as error:
        findings.add(codes.JSON_DUPLICATE_KEY, "object")
        raise Stop from error
    except RecursionError as error:
        findings.add(codes.JSON_DEPTH, "document")
        raise Stop from error
    except ValueError as error:
        at = f"character {error.pos + 1}" if isinstance(error, json.JSONDecodeError) else "document"
        findings.add(codes.UNREADABLE, at)
        raise Stop from error


class _Literal(str):
    """A number exactly as it stands in the file: its digits are what leaves."""

    __slots__ = ()


def read(source: BinaryIO, context: Context, findings: Findings) -> None:
    """Check a JSON document."""
    document = parse(decode(source.read(), findings), findings)
    loose: list[tuple[str, str]] = []
    _walk(document, "$", 0, loose, context, findings)
    _check_loose(loose, context, findings)


Loose = list[tuple[str, str]]


def _walk(value: Any, where: str, depth: int, loose: Loose, context: Context, findings: Findings) -> None:
    """Collect scalars as (position, text), check tables on the way. Keys are named by position, not by their text."""
    if depth > context.limits.json_depth:
        findings.add(codes.JSON_DEPTH, where)
        raise Stop
    if isinstance(value, dict):
        lists = [item for item in value.values() if isinstance(item, list)]
        if len(lists) > 1 and len({len(item) for item in lists}) == 1 and len(lists[0]) > 1 and _flat(lists):
            rows = [list(map(cell_text, row)) for row in zip(*lists, strict=True)]
            heads = [key for key, item in value.items() if isinstance(item, list)]
            check_table(Table(heads, rows, where=f"{where} "), context, findings)
            value = {key: item for key, item in value.items() if not isinstance(item, list)}
        for number, (key, item) in enumerate(value.items(), start=1):
            loose.append((f"{where}, key {number}", key))
            _walk(item, f"{where}.{number}", depth + 1, loose, context, findings)
    elif isinstance(value, list):
        if len(value) > 1 and all(isinstance(item, dict) for item in value):
            _records(value, where, context, findings)
        elif len(value) > 1 and all(isinstance(item, list) for item in value) and _flat(value):
            width = max(map(len, value))
            rows = [list(map(cell_text, row)) for row in value]
            check_table(Table([""] * width, rows, where=f"{where} "), context, findings)
            return
        elif len(value) > context.limits.array_items:
            findings.add(codes.LONG_ARRAY, where)
        for number, item in enumerate(value, start=1):
            _walk(item, f"{where}[{number}]", depth + 1, loose, context, findings)
    else:
        loose.append((where, cell_text(value)))


def _flat(lists: list[Any]) -> bool:
    return not any(isinstance(item, (dict, list)) for part in lists for item in part)


def _records(records: list[dict[str, Any]], where: str, context: Context, findings: Findings) -> None:
    heads = list(dict.fromkeys(key for record in records[:1000] for key in record))
    rows = [[cell_text(record.get(key)) for key in heads] for record in records]
    check_table(Table(heads, rows, where=f"{where} "), context, findings)


def cell_text(value: Any) -> str:
    """A scalar as a reader sees it; containers are walked apart and show as empty."""
    if value is None or isinstance(value, (dict, list)):
        return ""
    return str(value)


def _check_loose(loose: Loose, context: Context, findings: Findings) -> None:
    """Scalars outside tables: identities, encoded strings, key names."""
    for where, text in loose:
        if len(text) > context.limits.cell_characters:
            findings.add(codes.CELL_TOO_LONG, where)
            return  # a result has no such value, and scanning it would cost more than it tells
        check_characters(text, findings, where)
        check_encoded(text, where, context, findings)
        if ", key " in where and IDENTIFIER_HEADER.search(text):
            findings.add(codes.IDENTIFIER_HEADER, where)
    for hit in context.scanner.column([text for _, text in loose]):
        code = codes.IDENTITY if hit.type in DIRECT else codes.IDENTITY_POSSIBLE
        findings.add(code, loose[hit.cell][0])
