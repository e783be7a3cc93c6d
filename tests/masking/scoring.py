"""How well a detector does on labelled texts.

A finding counts for a labelled span of the same type when they share at least half of their union (IoU >= 0.5); each
counts once. Measures as in the field: recall, precision, F2 (recall weighs four times as much: a leak costs more than
a mask too many), share of hits with exactly the labelled edges, share of hard negatives in which anything is found, and
the share of labelled characters no finding of any type covers (what would leak if everything found were masked).
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

HELDOUT = Path(__file__).parent / "data" / "heldout.jsonl"
UNSTRUCTURED = frozenset({"PERSON", "ADDRESS", "LOCATION", "ORG"})
"""Types without a format of their own; all others are structured."""

Range = tuple[int, int, str]
"""Start, end (code points, half open) and type."""


@dataclass(slots=True)
class Counts:
    """Of one type or group."""

    labelled: int = 0
    found: int = 0
    hits: int = 0
    exact: int = 0

    @property
    def recall(self) -> float:
        """Share of labelled spans hit; 1 where there are none."""
        return self.hits / self.labelled if self.labelled else 1.0

    @property
    def precision(self) -> float:
        """Share of findings that hit; 1 where there are none."""
        return self.hits / self.found if self.found else 1.0

    @property
    def f2(self) -> float:
        """F measure with beta 2."""
        whole = 4 * self.precision + self.recall
        return 5 * self.precision * self.recall / whole if whole else 0.0

    @property
    def exact_share(self) -> float:
        """Share of hits with the labelled edges."""
        return self.exact / self.hits if self.hits else 1.0

    def add(self, other: "Counts") -> None:
        """Counts of a group from those of its types."""
        self.labelled += other.labelled
        self.found += other.found
        self.hits += other.hits
        self.exact += other.exact


@dataclass(slots=True)
class Score:
    """Result over a set of texts; `missed` and `wrong` are (id, start, end, type), for people who look for causes."""

    types: dict[str, Counts] = field(default_factory=lambda: defaultdict(Counts))
    texts: int = 0
    negatives: int = 0
    negatives_hit: int = 0
    characters: int = 0
    leaked: int = 0
    missed: list[tuple[object, int, int, str]] = field(default_factory=list)
    wrong: list[tuple[object, int, int, str]] = field(default_factory=list)

    @property
    def structured(self) -> Counts:
        """All types with a format, together."""
        made = Counts()
        for name, counts in self.types.items():
            if name not in UNSTRUCTURED:
                made.add(counts)
        return made

    @property
    def negatives_share(self) -> float:
        """Hard negatives in which something was found."""
        return self.negatives_hit / self.negatives if self.negatives else 0.0

    @property
    def leaked_share(self) -> float:
        """Labelled characters that stay readable."""
        return self.leaked / self.characters if self.characters else 0.0


def _overlap(one: Range, other: Range) -> float:
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return max(0, shared) / (max(one[1], other[1]) - min(one[0], other[0]))


def _pairs(labelled: list[Range], found: list[Range]) -> list[tuple[Range, Range]]:
    """Hits, the closest first, each span in one pair only."""
    close = sorted(
        ((_overlap(a, b), a, b) for a in labelled for b in found if a[2] == b[2] and _overlap(a, b) >= 0.5),
        key=lambda item: -item[0],
    )
    made: list[tuple[Range, Range]] = []
    left, right = set(labelled), set(found)
    for _, one, other in close:
        if one in left and other in right:
            made.append((one, other))
            left.remove(one)
            right.remove(other)
    return made


def score(rows: Iterable[Mapping[str, object]], find: Callable[[str], Iterable[Range]]) -> Score:
    """Runs `find` on every text; `rows` are objects with text, spans and, for hard negatives, hard_negative."""
    made = Score()
    for row in rows:
        text, spans = str(row["text"]), row["spans"]
        labelled = [(s["start"], s["end"], s["type"]) for s in spans]  # type: ignore[attr-defined]
        found = list(dict.fromkeys(find(text)))
        pairs = _pairs(labelled, found)
        for span in labelled:
            made.types[span[2]].labelled += 1
        for span in found:
            made.types[span[2]].found += 1
        for one, other in pairs:
            made.types[one[2]].hits += 1
            made.types[one[2]].exact += one == other
        hit = {one for one, _ in pairs}
        used = {other for _, other in pairs}
        made.missed += [(row["id"], *span) for span in labelled if span not in hit]
        made.wrong += [(row["id"], *span) for span in found if span not in used]
        named = {place for start, end, _ in labelled for place in range(start, end)}
        covered = {place for start, end, _ in found for place in range(start, end)}
        made.texts += 1
        made.characters += len(named)
        made.leaked += len(named - covered)
        made.negatives += bool(row.get("hard_negative"))
        made.negatives_hit += bool(row.get("hard_negative")) and bool(found)
    return made


def read(path: Path = HELDOUT) -> list[dict[str, object]]:
    """The texts of a JSONL file, or of a text file with a text a line and its labels as [value|TYPE]."""
    lines = path.read_text("utf-8").splitlines()
    if path.suffix == ".txt":
        return [_labelled(number, line) for number, line in enumerate(lines, 1) if line and line[0] != "#"]
    return [json.loads(line) for line in lines]


def _labelled(number: int, line: str) -> dict[str, object]:
    text, spans = "", []
    for index, part in enumerate(re.split(r"\[([^\[\]|]+\|[A-Z_0-9]+)\]", line)):
        value, _, kind = part.partition("|") if index % 2 else (part, "", "")
        if kind:
            spans.append({"start": len(text), "end": len(text) + len(value), "type": kind})
        text += value
    return {"id": f"line {number}", "text": text, "spans": spans, "hard_negative": not spans}
