"""The one error base: a stable code, what happened, and what a person can do next.

Codes are part of the product's interface: they are documented, asserted by tests and never reused. A message or a
hint must never carry a data value.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One thing that can go wrong, as data.

    `name` is the stable code, `http` the status an adapter answers with, `message` one sentence of what happened and
    `hint` one of what to do next; both may have `{fields}` for names, never for values.
    """

    name: str
    http: int
    message: str
    hint: str


class YurtError(Exception):
    """An expected failure. `code`, `message` and `hint` are safe to show to the person who met it."""

    def __init__(self, code: ErrorCode, **fields: object) -> None:
        self.code = code.name
        self.http = code.http
        self.message = code.message.format(**fields)
        self.hint = code.hint.format(**fields)
        super().__init__(f"{self.code}: {self.message} {self.hint}")
