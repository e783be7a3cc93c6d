"""The gate in front of the name model: that it loses next to nothing, and that what it lets through is little."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from masking.entities import EntityType
from masking.ner.gate import gate
from masking.ner.model import name_model
from masking.ner.windows import windows
from masking.normalise import normalise
from tests.masking.scoring import HELDOUT, read

PROSE = Path(__file__).parent / "data" / "prose.txt"


def people(text: str, ranges: list[tuple[int, int]]) -> set[tuple[int, int]]:
    return {(n.start, n.end) for n in name_model().read(text, ranges) if n.type == EntityType.PERSON}


def test_the_gate_loses_next_to_no_name_the_model_would_read():
    whole = found = 0
    for row in read(HELDOUT.with_name("everyday.txt")) + read(HELDOUT.with_name("development.txt")):
        text = normalise(str(row["text"])).text
        all_of_it = people(text, [(0, len(text))])
        whole += len(all_of_it)
        found += len(all_of_it & people(text, list(windows(text))))
    assert whole > 200
    assert found >= 0.98 * whole


def test_most_of_a_text_without_names_is_not_read():
    text = PROSE.read_text("utf-8")
    read_of_it = sum(high - low for low, high in windows(text))
    assert len(text) > 1500
    assert read_of_it <= 0.45 * len(text)


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("张三王的，。\n x1𠮷")), max_size=300))
@settings(max_examples=100, deadline=None)
def test_windows_are_ordered_apart_and_inside_the_text(text):
    last = 0
    for low, high in windows(text):
        assert last <= low < high <= len(text)
        last = high


def test_characters_beyond_the_first_plane_do_not_shift_what_follows():
    plain, rare = "好好好申请人王秀英，", "𠮷𠮷𠮷申请人王秀英，"
    assert set(gate().starts(plain).tolist()) - {0, 1, 2} == set(gate().starts(rare).tolist()) - {0, 1, 2}
