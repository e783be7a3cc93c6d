"""A small evaluator for the part of CEL that our admission policy uses, so that the tests judge its very text.

Language: the CEL specification (expressions, `has`, `all`, `in`, `size`, `matches`, `?:`). Missing fields are
errors as in CEL; `&&` and `||` absorb an error on one side when the other decides.
"""

import re
from collections.abc import Callable
from typing import Any

Scope = dict[str, Any]
Node = Callable[[Scope], Any]
_TOKEN = re.compile(r"\s*(?:('(?:[^'\\]|\\.)*')|(\d+)|([A-Za-z_]\w*)|(&&|\|\||==|!=|>=|<=|[-+!?:.,()\[\]{}<>]))")


class CelError(Exception):
    """No such field, no such overload."""


def evaluate(text: str, scope: Scope) -> Any:
    """The value of an expression over plain data."""
    parser = _Parser(text)
    node = parser.ternary()
    parser.end()
    return node(scope)


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens: list[str] = []
        at = 0
        text = text.rstrip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise SyntaxError(text[at : at + 30])
            self.tokens.append(match[0].strip())
            at = match.end()
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, expected: str = "") -> str:
        token = self.peek()
        if not token or (expected and token != expected):
            raise SyntaxError(f"expected {expected or 'more'}, found {token!r}")
        self.at += 1
        return token

    def accept(self, token: str) -> bool:
        if self.peek() == token:
            self.at += 1
            return True
        return False

    def end(self) -> None:
        if self.peek():
            raise SyntaxError(self.peek())

    def ternary(self) -> Node:
        test = self.either()
        if not self.accept("?"):
            return test
        yes = self.either()
        self.take(":")
        no = self.ternary()
        return lambda s: yes(s) if test(s) else no(s)

    def either(self) -> Node:
        left = self.both()
        while self.accept("||"):
            left = _absorb(left, self.both(), decisive=True)
        return left

    def both(self) -> Node:
        left = self.relation()
        while self.accept("&&"):
            left = _absorb(left, self.relation(), decisive=False)
        return left

    def relation(self) -> Node:
        left = self.sum()
        while self.peek() in ("==", "!=", ">=", "<=", "<", ">", "in"):
            left = _compare(self.take(), left, self.sum())
        return left

    def sum(self) -> Node:
        left = self.unary()
        while self.accept("+"):
            left = _add(left, self.unary())
        return left

    def unary(self) -> Node:
        if self.accept("!"):
            inner = self.unary()
            return lambda s: not _bool(inner(s))
        return self.member()

    def member(self) -> Node:
        node = self.primary()
        while True:
            if self.accept("."):
                name = self.take()
                node = self.method(node, name) if self.accept("(") else _field(node, name)
            elif self.accept("["):
                key = self.ternary()
                self.take("]")
                node = _index(node, key)
            else:
                return node

    def method(self, target: Node, name: str) -> Node:
        if name in ("all", "exists"):
            variable = self.take()
            self.take(",")
            body = self.ternary()
            self.take(")")
            combine = all if name == "all" else any
            return lambda s: combine(_bool(body({**s, variable: item})) for item in target(s))
        argument = self.ternary()
        self.take(")")
        if name == "matches":
            return lambda s: re.search(argument(s), target(s)) is not None
        raise SyntaxError(name)

    def primary(self) -> Node:
        token = self.take()
        if token == "(":
            node = self.ternary()
            self.take(")")
            return node
        if token in "[{":
            close = "]" if token == "[" else "}"
            items: list[Node] = []
            while not self.accept(close):
                items.append(self.ternary())
                self.accept(",")
            return (lambda s: [item(s) for item in items]) if token == "[" else (lambda s: {})
        if token.startswith("'"):
            return lambda s: token[1:-1]
        if token.isdigit():
            return lambda s: int(token)
        if token in ("true", "false"):
            return lambda s: token == "true"
        if token in ("has", "size") and self.accept("("):
            inner = self.ternary()
            self.take(")")
            return _has(inner) if token == "has" else (lambda s: len(inner(s)))
        return lambda s: s[token]


def _absorb(left: Node, right: Node, *, decisive: bool) -> Node:
    def node(scope: Scope) -> bool:
        try:
            if _bool(left(scope)) is decisive:
                return decisive
        except CelError:
            if _bool(right(scope)) is decisive:
                return decisive
            raise
        return _bool(right(scope))

    return node


def _bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise CelError("not a bool")
    return value


def _compare(operator: str, left: Node, right: Node) -> Node:
    table: dict[str, Callable[[Any, Any], bool]] = {
        "==": lambda a, b: a == b,
        "!=": lambda a, b: a != b,
        ">=": lambda a, b: a >= b,
        "<=": lambda a, b: a <= b,
        "<": lambda a, b: a < b,
        ">": lambda a, b: a > b,
        "in": lambda a, b: a in b,
    }
    return lambda s: table[operator](left(s), right(s))


def _add(left: Node, right: Node) -> Node:
    return lambda s: left(s) + right(s)


def _field(target: Node, name: str) -> Node:
    def node(scope: Scope) -> Any:
        value = target(scope)
        if not isinstance(value, dict) or name not in value:
            raise CelError(f"no such key: {name}")
        return value[name]

    return node


def _index(target: Node, key: Node) -> Node:
    def node(scope: Scope) -> Any:
        value, index = target(scope), key(scope)
        if isinstance(value, dict) and index not in value:
            raise CelError(f"no such key: {index}")
        return value[index]

    return node


def _has(inner: Node) -> Node:
    def node(scope: Scope) -> bool:
        try:
            inner(scope)
        except CelError:
            return False
        return True

    return node
