"""Gathering findings: capped per code, so that a hostile file cannot make a report without end."""

from collections import Counter

from sandbox.airlock.codes import FindingCode
from sandbox.airlock.verdict import Finding


class Findings:
    """The findings of one file, in the order made; at most `per_code` of each kind are kept."""

    def __init__(self, per_code: int) -> None:
        self._per_code = per_code
        self._seen: Counter[str] = Counter()
        self.items: list[Finding] = []

    def add(self, code: FindingCode, where: str) -> None:
        """Note one finding; the last kept of a kind says that there are more."""
        self._seen[code.name] += 1
        if self._seen[code.name] < self._per_code:
            self.items.append(code.at(where))
        elif self._seen[code.name] == self._per_code:
            self.items.append(code.at(f"{where} and further"))

    def blocked(self) -> bool:
        """Whether anything so far already decides the verdict."""
        return any(f.verdict == "block" for f in self.items)


class Stop(Exception):
    """Nothing more can be learned from the file; why is noted already."""
