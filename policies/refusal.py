"""How the check gives up: one exception inside the pure core, turned into `Refused` at its edge."""

import re

from sqlglot import exp

from policies.decision import Refused
from policies.errors import FUNCTION_NOT_ALLOWED
from policies.instead import instead
from store.errors import ErrorCode


class Refusal(Exception):
    """Carries the refusal to `decide`."""

    def __init__(self, refused: Refused) -> None:
        self.refused = refused
        super().__init__(refused.code)

    @classmethod
    def of(cls, code: ErrorCode, node: exp.Expr | None = None, rule: str | None = None, **fields: object) -> "Refusal":
        """A refusal about `node`."""
        if code is FUNCTION_NOT_ALLOWED:
            fields.setdefault("instead", instead(str(fields["name"])))
        return cls(Refused.because(code, span_of(node), rule, **fields))


def called(node: exp.Expr) -> str:
    """What a query calls the function of `node`: the parser has names of its own."""
    if isinstance(node, exp.Anonymous):
        return str(node.this).lower()
    if type(node) in _NAMES:
        return _NAMES[type(node)]
    name = _CALL.match(node.sql(dialect="duckdb"))
    return name[1].lower() if name else node.key


_NAMES: dict[type[exp.Expr], str] = {exp.GroupConcat: "string_agg", exp.ToChar: "to_char"}
_CALL = re.compile(r"(\w+) ?\(")


def span_of(node: exp.Expr | None) -> tuple[int, int] | None:
    """[start, end) of the words of `node` in the query, as far as the parser kept them."""
    if node is None:
        return None
    starts, ends = [], []
    for part in node.walk():
        if "start" in part.meta and "end" in part.meta:
            starts.append(int(part.meta["start"]))
            ends.append(int(part.meta["end"]) + 1)
    return (min(starts), max(ends)) if starts else None


def bracketed(sql: str, span: tuple[int, int] | None) -> tuple[int, int] | None:
    """The span with the brackets it cuts in two made whole, and the name before one: the parser keeps no place of
    theirs. As it is where they do not match."""
    if span is None:
        return None
    start, end = span
    opened, missing = _open(sql[start:end])
    while missing and start:
        start -= 1
        missing += (sql[start] == ")") - (sql[start] == "(")
    name = _BEFORE.search(sql[:start]) if sql[start : start + 1] == "(" else None
    start = name.start() if name else start
    while opened and end < len(sql):
        opened += (sql[end] == "(") - (sql[end] == ")")
        end += 1
    return span if opened or missing else (start, end)


_BEFORE = re.compile(r"\w+$")


def _open(text: str) -> tuple[int, int]:
    """Brackets that are opened in `text` and not closed, and closed and not opened."""
    opened = missing = 0
    quoted = False
    for character in text:
        quoted ^= character == "'"
        if character == "(" and not quoted:
            opened += 1
        elif character == ")" and not quoted:
            opened, missing = (opened - 1, missing) if opened else (0, missing + 1)
    return opened, missing
