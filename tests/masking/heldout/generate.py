"""Writes `tests/masking/data/heldout.jsonl` from `texts/*.txt`: python -m tests.masking.heldout.generate

A line of a text file is a template. `<maker>` is filled by the maker of that name in `values.py` and labelled with its
type, `<maker~dress>` is written down in that dress; a number and a star in front say how often. Files called negative_*
hold hard negatives: texts in which nothing is to be found. The same seed gives the same file.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from tests.masking.heldout.values import DRESSES, TYPES, Values

HERE = Path(__file__).parent
TARGET = HERE.parent / "data" / "heldout.jsonl"
SEED = 20_261_125
SLOT = re.compile("<([a-z][a-z0-9_]*)(?:~([a-z]+))?>")


def _makers() -> set[str]:
    return {name for name in vars(Values) if not name.startswith("_")}


def filled(template: str, values: Values) -> tuple[str, list[dict[str, object]]]:
    """The text and its spans in code points."""
    text, spans, last = "", [], 0
    for slot in SLOT.finditer(template):
        maker, dress = slot.groups()
        if maker not in _makers():  # a tag of the text itself
            continue
        value = getattr(values, maker)(22) if maker == "digits" else getattr(values, maker)()
        value = DRESSES[dress](value) if dress else value
        text += template[last : slot.start()]
        if maker in TYPES:
            spans.append({"start": len(text), "end": len(text) + len(value), "type": TYPES[maker]})
        text += value
        last = slot.end()
    return text + template[last:], spans


def rows(seed: int = SEED) -> Iterator[dict[str, object]]:
    """Every text of the set, in the order of the files."""
    values, number, seen = Values(seed), 0, set[str]()
    for path in sorted((HERE / "texts").glob("*.txt")):
        for line in path.read_text("utf-8").splitlines():
            if not line or line.startswith("#"):
                continue
            times, template = line.split("*", 1) if re.match("[0-9]\\*", line) else ("1", line)
            for _ in range(int(times)):
                text, spans = filled(template.replace("\\n", "\n"), values)
                if text in seen:
                    continue
                seen.add(text)
                number += 1
                yield {
                    "id": f"h{number:04d}",
                    "text": text,
                    "spans": spans,
                    "lang": "zh" if re.search("[\u3400-\u9fff]", text) else "en",
                    "domain": path.stem,
                    "hard_negative": path.stem.startswith("negative_"),
                }


def jsonl() -> str:
    """The file as it is committed."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows())


if __name__ == "__main__":
    TARGET.write_text(jsonl(), "utf-8")
