"""`python -m masking.training [--sentences N] [--out FILE]`: train the name model and, beside it, its gate; the same
seed gives the same files.

CPU only, one core, about three minutes.
"""

import argparse
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pycrfsuite

from masking.ner.features import attributes
from masking.ner.lexicon import lexicon
from masking.training import gate
from masking.training.sentences import sentences

SEED = 20261125
FORGOTTEN = (0.0, 0.03, 0.12)
"""Shares of lexicon words a sentence may forget, so that the model does not take every unknown word for a name."""


def _keeps(seed: int) -> Callable[[str], bool]:
    draw = random.Random(seed)  # noqa: S311 - training data, not a secret
    share = draw.choice(FORGOTTEN)
    return lambda word: draw.random() >= share


def main() -> int:
    """Write the model; print what it was trained on."""
    parser = argparse.ArgumentParser(prog="python -m masking.training", description=__doc__)
    parser.add_argument("--sentences", type=int, default=36_000)
    parser.add_argument("--negatives", type=float, default=0.45)
    parser.add_argument("--iterations", type=int, default=60)
    parser.add_argument("--c1", type=float, default=1.35)
    parser.add_argument("--c2", type=float, default=0.02)
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "data" / "names.crfsuite")
    given = parser.parse_args()
    began = time.process_time()
    trainer = pycrfsuite.Trainer(algorithm="lbfgs", verbose=False)
    trainer.set_params({"c1": given.c1, "c2": given.c2, "max_iterations": given.iterations, "feature.minfreq": 3})
    known, letters = lexicon(), 0
    made = list(sentences(given.sentences, given.negatives, SEED))
    gate.train(
        made[: given.sentences * 3 // 4], sentences(given.sentences // 6, 0.0, SEED + 1), given.out.with_suffix(".gate")
    )
    for number, (text, labels) in enumerate(made):
        letters += len(text)
        trainer.append(pycrfsuite.ItemSequence(attributes(text, 0, len(text), known, _keeps(number))), labels)
    print(
        f"{given.sentences:,} sentences, {letters:,} characters, {time.process_time() - began:.0f} s to prepare",
        flush=True,
    )
    trainer.train(str(given.out))
    print(f"{given.out}: {given.out.stat().st_size:,} bytes, {time.process_time() - began:.0f} s of one core")
    return 0


if __name__ == "__main__":
    sys.exit(main())
