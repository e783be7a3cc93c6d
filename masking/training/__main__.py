"""`python -m masking.training [--sentences N] [--out FILE]`: train the name model; the same seed gives the same file.

CPU only, one core, about four minutes.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from masking.training.learn import learn
from masking.training.sentences import sentences

SEED = 20261125


def main() -> int:
    """Write the weights; print what it was trained on."""
    parser = argparse.ArgumentParser(prog="python -m masking.training", description=__doc__)
    parser.add_argument("--sentences", type=int, default=48_000)
    parser.add_argument("--negatives", type=float, default=0.5)
    parser.add_argument("--iterations", type=int, default=60)
    parser.add_argument("--c1", type=float, default=1.0)
    parser.add_argument("--c2", type=float, default=0.02)
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "data" / "names.weights")
    given = parser.parse_args()
    began = time.process_time()
    made = list(sentences(given.sentences, given.negatives, SEED))
    options = {"c1": given.c1, "c2": given.c2, "max_iterations": given.iterations, "feature.minfreq": 3}
    with tempfile.TemporaryDirectory() as folder:
        given.out.write_bytes(learn(made, options, Path(folder) / "names.crfsuite"))
    letters = sum(len(text) for text, _ in made)
    print(f"{given.sentences:,} sentences, {letters:,} characters, {time.process_time() - began:.0f} s of one core")
    print(f"{given.out}: {given.out.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
