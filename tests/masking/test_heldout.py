"""The held-out texts: that they are what their generator makes, that the scorer counts right, and what we reach."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from masking.detect import detect
from masking.entities import EntityType
from tests.masking.heldout.generate import jsonl
from tests.masking.heldout.values import TYPES, Values
from tests.masking.scoring import HELDOUT, Range, Score, read, score


def find(text: str) -> Iterable[Range]:
    return ((span.start, span.end, span.type.value) for span in detect(text))


@pytest.fixture(scope="module")
def measured() -> Score:
    return score(read(), find)


def test_the_file_is_what_its_generator_makes():
    assert HELDOUT.read_text("utf-8") == jsonl()


def test_the_set_is_large_and_holds_every_type():
    rows = read()
    assert len(rows) >= 500
    assert len({row["text"] for row in rows}) == len(rows)
    assert {span["type"] for row in rows for span in row["spans"]} == {kind.value for kind in EntityType}
    assert sum(bool(row["hard_negative"]) for row in rows) >= 100
    assert {row["lang"] for row in rows} == {"zh", "en"}


def test_labels_lie_inside_their_text_and_negatives_have_none():
    for row in read():
        ends = [0]
        for span in row["spans"]:
            assert ends[-1] <= span["start"] < span["end"] <= len(row["text"])
            ends.append(span["end"])
        assert not (row["hard_negative"] and row["spans"])


def test_every_labelled_maker_exists():
    assert all(callable(getattr(Values, name)) for name in TYPES)


def test_the_scorer_counts_hits_edges_leaks_and_negatives():
    spans = [{"start": 0, "end": 4, "type": "A"}, {"start": 6, "end": 8, "type": "B"}]
    rows = [
        {"id": 1, "text": "0123456789", "spans": spans},
        {"id": 2, "text": "abc", "spans": [], "hard_negative": True},
        {"id": 3, "text": "abc", "spans": [], "hard_negative": True},
    ]  # fmt: skip
    found = {"0123456789": [(0, 3, "A"), (6, 8, "C")], "abc": [(0, 1, "A")]}
    made = score(rows, lambda text: found[text])
    assert (made.types["A"].labelled, made.types["A"].found, made.types["A"].hits, made.types["A"].exact) == (
        1,
        3,
        1,
        0,
    )
    assert (made.types["B"].recall, made.types["C"].precision) == (0.0, 0.0)
    assert (made.negatives_hit, made.negatives, made.leaked, made.characters) == (2, 2, 1, 6)
    assert made.types["A"].f2 == pytest.approx(5 * (1 / 3) / (4 / 3 + 1))


def test_half_of_the_union_is_a_hit_and_less_is_none():
    row = {"id": 1, "text": "0123456789", "spans": [{"start": 0, "end": 4, "type": "A"}]}
    assert score([row], lambda _: [(0, 8, "A")]).types["A"].hits == 1
    assert score([row], lambda _: [(0, 9, "A")]).types["A"].hits == 0


def test_labels_in_a_text_file_become_ranges(tmp_path: Path):
    (tmp_path / "own.txt").write_text("# head\n请[王芳|PERSON]致电[010-88886666|CN_LANDLINE]。\n高兴\n", "utf-8")
    first, second = read(tmp_path / "own.txt")
    assert first["text"] == "请王芳致电010-88886666。"
    assert first["spans"] == [
        {"start": 1, "end": 3, "type": "PERSON"}, {"start": 5, "end": 17, "type": "CN_LANDLINE"}
    ]  # fmt: skip
    assert (second["text"], second["spans"], second["hard_negative"]) == ("高兴", [], True)


@pytest.mark.parametrize("name", ["development.txt", "everyday.txt", "numbers.txt", "registers.txt"])
def test_the_hand_written_texts_are_labelled_with_known_types(name):
    rows = read(HELDOUT.with_name(name))
    assert len(rows) > 150
    assert {span["type"] for row in rows for span in row["spans"]} <= {kind.value for kind in EntityType}


# The goals are recall >= 0.99 and precision >= 0.98 for structured types, PERSON recall >= 0.95 and F2 >= 0.93, ADDRESS
# recall >= 0.95 and exact edges >= 0.85, hard negatives hit <= 3 %, identifying characters leaked <= 2 %.
# What stands below is reached today; it is raised with every step.


def test_structured_types_are_found(measured: Score):
    assert measured.structured.recall >= 0.995
    assert measured.structured.precision >= 0.995


def test_structured_values_are_found_in_every_dress():
    found = score(read(HELDOUT.with_name("numbers.txt")), find)
    assert found.structured.recall >= 0.99
    assert found.structured.precision >= 0.99
    assert found.negatives_share <= 0.03


def test_addresses_are_found_with_their_edges(measured: Score):
    assert measured.types["ADDRESS"].recall >= 0.99
    assert measured.types["ADDRESS"].exact_share >= 0.97


def test_people_are_found(measured: Score):
    assert measured.types["PERSON"].recall >= 0.945
    assert measured.types["PERSON"].f2 >= 0.95


def test_traps_stay_empty_and_little_leaks(measured: Score):
    assert measured.negatives_share <= 0.03
    assert measured.leaked_share <= 0.015
