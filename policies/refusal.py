"""How the check gives up: one exception inside the pure core, turned into `Refused` at its edge."""

from sqlglot import exp

from policies.decision import Refused
from store.errors import ErrorCode


class Refusal(Exception):
    """Carries the refusal to `decide`."""

    def __init__(self, refused: Refused) -> None:
        self.refused = refused
        super().__init__(refused.code)

    @classmethod
    def of(cls, code: ErrorCode, node: exp.Expr | None = None, rule: str | None = None, **fields: object) -> "Refusal":
        """A refusal about `node`."""
        return cls(Refused.because(code, span_of(node), rule, **fields))


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
