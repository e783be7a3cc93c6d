"""The training script: the same seed gives the same bytes, and labels fit their sentences."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import masking
from masking.training import lists
from masking.training.sentences import sentences

DATA = Path(masking.__file__).parent / "data"


def test_the_same_seed_gives_the_same_files(tmp_path: Path):
    made = []
    for name in ("one", "two"):
        out = tmp_path / f"{name}.weights"
        subprocess.run(
            [sys.executable, "-m", "masking.training", "--sentences", "300", "--iterations", "3", "--out", str(out)],
            check=True, capture_output=True,
        )  # fmt: skip
        made.append(out.read_bytes())
    assert made[0] == made[1]


def test_every_character_has_a_label_and_every_name_an_end():
    some = list(sentences(2000, 0.45, 7))
    assert all(len(text) == len(labels) for text, labels in some)
    for _, labels in some:
        for here, after in pairwise([*labels, "O"]):
            if here[0] in "BI":
                assert after in {f"I{here[1:]}", f"E{here[1:]}"}
    assert 0.3 < sum(set(labels) == {"O"} for _, labels in some) / len(some) < 0.6


def test_the_lists_of_others_are_what_their_script_makes():
    for name, text in lists.made().items():
        assert (DATA / name).read_text("utf-8") == text
