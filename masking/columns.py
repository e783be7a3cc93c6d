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
NOTHING = "NOTHING"
"""The kind of names that hold a telling word and mean another thing: 证件类型, product_name."""
PREFIXES = "prefixes"
_WEAK = "name contact title holder owner patient 患者 医生 医师 护士 车主 业主 负责人 责任人 当事人 配偶 父亲 母亲 子女"
WEAK = frozenset(_WEAK.split())
"""Words that name a person or many other things: values have to bear them out."""


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
    prefixes: tuple[str, ...]


def kind_of(entity: EntityType) -> Kind:
    """The kind of a column that holds values of an entity type."""
    facts = ENTITIES[entity]
    role: Role = "quasi" if facts.role == "quasi" else "direct"
    return Kind(entity.value, role, facts.grade, facts.operator, facts.arguments)


@cache
def _lexicon() -> _Lexicon:
    table = tomllib.loads("\n".join(lines("columns.toml")))
    prefixes = tuple(sorted(table.pop(PREFIXES)["pinyin"].split(), key=len, reverse=True))
    made = _Lexicon({}, {}, {}, prefixes)
    for name, entry in table.items():
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


def _abbreviation(part: str) -> tuple[Kind, str] | None:
    """The kind of a pinyin abbreviation, also behind whose it is (hzxm) and before a number (lxdh2)."""
    pinyin, part = _lexicon().pinyin, part.rstrip("0123456789")
    if part in pinyin:
        return pinyin[part], part
    for prefix in _lexicon().prefixes:
        rest = part.removeprefix(prefix)
        if rest != part and len(rest) >= 2 and rest in pinyin:
            return pinyin[rest], rest
    return None


def by_name(column: str) -> tuple[Kind, str] | None:
    """The kind the name suggests, with the word that said so. Of English words the longest wins, a later one on a tie;
    of Chinese ones the last, which is the noun: 申请人电话 is a telephone."""
    lexicon = _lexicon()
    han = [
        (column.index(word) + len(word), len(word), word, kind) for word, kind in lexicon.han.items() if word in column
    ]
    if han:
        _, _, noun, meant = max(han, key=lambda item: item[:2])
        return (meant, noun) if meant.name != NOTHING else None
    parts = tokens(column)
    found: list[tuple[int, int, str, Kind]] = []
    for start in range(len(parts)):
        for end in range(start + 1, min(len(parts), start + 4) + 1):
            for word in ("_".join(parts[start:end]), "".join(parts[start:end]).rstrip("0123456789")):
                kind = lexicon.words.get(word)
                if kind is not None:
                    found.append((end - start, start, word, kind))
    if not found:
        flat = _abbreviation("".join(parts))
        if flat is not None:
            found.append((1, 0, flat[1], flat[0]))
    if not found:
        for at, part in enumerate(parts):
            short = _abbreviation(part)
            if short is not None and len(short[1]) > (2 if len(parts) > 1 else 1):
                found.append((1, at, short[1], short[0]))
    if not found and parts and (last := _abbreviation(parts[-1])) is not None and len(parts[-1]) == 2:
        found.append((1, 0, last[1], last[0]))
    if not found:
        return None
    _, _, word, kind = max(found, key=lambda item: item[:2])
    return (kind, word) if kind.name != NOTHING else None


def looks_like_key(column: str) -> bool:
    """Does the name call the column an identifier?"""
    parts = tokens(column)
    return bool(
        parts and parts[-1] in {"id", "no", "nbr", "number", "code", "key", "uuid", "guid", "num", "bh"}
    ) or bool(re.search("编号|序号|号码|代码|流水号|主键|单号", column))
