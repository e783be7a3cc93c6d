"""What a column's name says: tokens of English, Chinese and pinyin names against one table of kinds."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from masking.entities import ENTITIES, EntityType
from masking.places import lines

Role = Literal["direct", "quasi", "sensitive", "other"]


ENTITY_NAMES = frozenset(entity.value for entity in EntityType)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of column. `name` is an entity type or a kind of `data/columns.toml`."""

    name: str
    role: Role
    grade: int
    operator: str
    arguments: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class _Lexicon:
    words: dict[str, Kind]
    han: dict[str, Kind]
    pinyin: dict[str, Kind]


def kind_of(entity: EntityType) -> Kind:
    """The kind of a column that holds values of an entity type."""
    facts = ENTITIES[entity]
    role: Role = "quasi" if facts.role == "quasi" else "direct"
    return Kind(entity.value, role, facts.grade, facts.operator, facts.arguments)


@cache
def _lexicon() -> _Lexicon:
    made = _Lexicon({}, {}, {})
    for name, entry in tomllib.loads("\n".join(lines("columns.toml"))).items():
        if name in ENTITY_NAMES:
            kind = kind_of(EntityType(name))
        else:
            kind = Kind(name, entry["role"], entry["grade"], entry["operator"], entry.get("arguments", {}))
        made.words.update(dict.fromkeys(entry.get("words", "").split(), kind))
        made.han.update(dict.fromkeys(entry.get("han", "").split(), kind))
        made.pinyin.update(dict.fromkeys(entry.get("pinyin", "").split(), kind))
    return made


def tokens(column: str) -> list[str]:
    """Lower-case ASCII words of a name: snake_case, kebab-case, camelCase and dots alike."""
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", column)
    return [part for part in re.split(r"[^0-9A-Za-z]+", split.lower()) if part]


def by_name(column: str) -> tuple[Kind, str] | None:
    """The kind the name suggests, with the word that said so; the longest word wins, a later one on a tie."""
    lexicon = _lexicon()
    parts = tokens(column)
    found: list[tuple[int, int, str, Kind]] = []
    for start in range(len(parts)):
        for end in range(start + 1, min(len(parts), start + 4) + 1):
            word = "_".join(parts[start:end])
            kind = lexicon.words.get(word)
            if kind is not None:
                found.append((end - start, start, word, kind))
    flat = "".join(parts)
    if not found and (flat in lexicon.pinyin or flat in lexicon.words):
        found.append((1, 0, flat, lexicon.pinyin.get(flat) or lexicon.words[flat]))
    if not found:
        found += [
            (1, at, part, lexicon.pinyin[part])
            for at, part in enumerate(parts)
            if part in lexicon.pinyin and len(part) > 2
        ]
    found += [(len(word), column.index(word), word, kind) for word, kind in lexicon.han.items() if word in column]
    if not found:
        return None
    _, _, word, kind = max(found, key=lambda item: item[:2])
    return kind, word


def looks_like_key(column: str) -> bool:
    """Does the name call the column an identifier?"""
    parts = tokens(column)
    return bool(parts and parts[-1] in {"id", "no", "nbr", "number", "code", "key", "uuid", "guid", "num"}) or bool(
        re.search("编号|序号|号码|代码|流水号|主键", column)
    )
