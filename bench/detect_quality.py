"""Quality of detection on the held-out texts: python -m bench.detect_quality [--errors TYPE] [FILE]

Prints a Markdown table; `--errors` lists what was missed or wrongly found instead, for a type or for `all`.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path

from masking.detect import detect
from tests.masking.scoring import HELDOUT, Counts, Range, Score, read, score


def find(text: str) -> Iterable[Range]:
    """Our detector's findings in the scorer's form."""
    return ((span.start, span.end, span.type.value) for span in detect(text))


def table(found: Score) -> str:
    """Markdown: the groups with goals first, then every type."""
    rows: list[tuple[str, Counts]] = [("**structured**", found.structured), *sorted(found.types.items())]
    made = ["| type | labelled | found | recall | precision | F2 | exact |", "|---|--:|--:|--:|--:|--:|--:|"]
    made += [
        f"| {name} | {c.labelled} | {c.found} | {c.recall:.3f} | {c.precision:.3f} | {c.f2:.3f} | {c.exact_share:.3f} |"
        for name, c in rows
    ]
    made += [
        "",
        f"{found.texts} texts; hard negatives hit {found.negatives_hit} of {found.negatives} "
        f"({found.negatives_share:.1%}); identifying characters leaked {found.leaked} of {found.characters} "
        f"({found.leaked_share:.1%})",
    ]
    return "\n".join(made)


def main() -> None:
    """Print the table or the errors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, default=HELDOUT)
    parser.add_argument("--errors", metavar="TYPE")
    given = parser.parse_args()
    rows = read(given.file)
    found = score(rows, find)
    if given.errors is None:
        print(table(found))
        return
    texts = {row["id"]: str(row["text"]) for row in rows}
    for title, spans in (("missed", found.missed), ("wrong", found.wrong)):
        for key, start, end, kind in spans:
            if given.errors in {kind, "all"}:
                print(f"{title} {kind} [{texts[key][start:end]}] in {key}: {texts[key]!r}")


if __name__ == "__main__":
    main()
