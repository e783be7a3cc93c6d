"""What an inspection says: one verdict, and the findings behind it."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """Ordered from harmless to final; the verdict of a file is the worst of its findings."""

    PASS = "pass"  # noqa: S105  nothing a machine can object to
    REVIEW = "review"
    BLOCK = "block"


_ORDER = (Verdict.PASS, Verdict.REVIEW, Verdict.BLOCK)


def worst(verdicts: "list[Verdict]") -> Verdict:
    """The strictest of the verdicts; `PASS` for none."""
    return max(verdicts, key=_ORDER.index, default=Verdict.PASS)


@dataclass(frozen=True, slots=True)
class Finding:
    """One objection. `where` is a position (row, column, byte, chunk), never a value or a column's name."""

    code: str
    where: str
    why: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Inspection:
    """The result for one file. `digest` ("sha256:…") names the bytes judged; "" if none were read."""

    path: str
    verdict: Verdict
    findings: tuple[Finding, ...]
    digest: str = ""
    size: int = 0
