"""Run the benchmarks named, or all."""

import importlib
import json
import sys
from pathlib import Path

NAMES = ("decide", "gateway", "load", "dp", "tpch", "masking", "operators", "classify", "jail", "audit")
RESULTS = Path(__file__).parent / "results"


def main() -> int:
    """Print one Markdown table per benchmark; 2 when a name is unknown."""
    wanted = sys.argv[1:] or list(NAMES)
    unknown = set(wanted) - set(NAMES)
    if unknown:
        print(f"bench: there is no benchmark {min(unknown)}; choose from {', '.join(NAMES)}", file=sys.stderr)
        return 2
    RESULTS.mkdir(exist_ok=True)
    for name in wanted:
        print(f"\n## {name}\n\n| measure | ours, ms | against | other, ms | ratio | runs |\n|---|--:|---|--:|--:|--:|")
        found = []
        for row in importlib.import_module(f"bench.{name}").rows():
            found.append(row.as_json())
            cells = (row.measure, f"{row.ours_ms:.2f}", row.other, f"{row.other_ms:.2f}", f"{row.ratio:.2f}", row.runs)
            print("| " + " | ".join(map(str, cells)) + " |", flush=True)
        (RESULTS / f"{name}.json").write_text(json.dumps(found, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
