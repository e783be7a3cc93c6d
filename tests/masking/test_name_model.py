"""Reading names with numpy: the same as CRFsuite says, however texts are put together, in the cheapest words."""

from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np
import pycrfsuite
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masking.ner.features import PAD, Sight, code_points
from masking.ner.lexicon import lexicon
from masking.ner.model import CrfModel, name_model
from masking.ner.segment import cut
from masking.ner.trie import Trie
from masking.ner.windows import windows
from masking.training.learn import attributes, learn
from masking.training.sentences import sentences

LETTERS = st.one_of(st.characters(), st.sampled_from("张三王秀英住在海拉尔路5号的，。\n x1𠮷"))
WORDS = {"甲乙", "乙丙", "丙丁戊", "甲乙丙丁", "丁戊", "戊己庚辛"}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[CrfModel, pycrfsuite.Tagger, Sight]:
    path = tmp_path_factory.mktemp("model") / "small.crfsuite"
    weights = learn(sentences(700, 0.4, 5), {"c1": 0.3, "c2": 0.02, "max_iterations": 25, "feature.minfreq": 2}, path)
    tagger = pycrfsuite.Tagger()
    tagger.open(str(path))
    return CrfModel(weights), tagger, Sight(lexicon())


def whole(labels: list[str]) -> bool:
    """Is every name B I* E of one kind?"""
    return all(
        (after[2:] == here[2:] and after[0] in "IE") if here[0] in "BI" else after[0] in "BO"
        for here, after in pairwise(["O", *labels, "O"])
    )


def test_no_sequence_of_labels_is_likelier_to_crfsuite_than_ours(small):
    model, tagger, sight = small
    named = read = 0
    for text, _ in sentences(250, 0.4, 6):
        codes = code_points("\n" * PAD + text + "\n" * PAD)
        ours = [model.labels[label] for label in model.labelled(codes, [(0, len(text))])[0]]
        tagger.set(attributes(sight, text))
        theirs = tagger.tag()
        named += any(label != "O" for label in theirs)
        if not whole(theirs):
            continue  # CRFsuite may begin one kind of name and end another; ours are whole
        read += 1
        assert ours == theirs or tagger.probability(ours) >= 0.9 * tagger.probability(theirs)
    assert named > 80
    assert read > 200


def test_a_name_is_as_sure_as_crfsuite_says(small):
    model, tagger, sight = small
    seen = 0
    for text, _ in sentences(120, 0.2, 8):
        tagger.set(attributes(sight, text))
        for name in model.read(text, [(0, len(text))]):
            marks = [f"{mark}-{name.type.value}" for mark in "BIE"]
            sure = sum(tagger.marginal(mark, at) for mark in marks for at in range(name.start, name.end))
            assert name.sureness == pytest.approx(sure / (name.end - name.start), abs=0.03)
            seen += 1
    assert seen > 50


@given(st.lists(st.text(LETTERS, max_size=40), max_size=12))
@settings(max_examples=40, deadline=None)
def test_texts_read_together_are_read_as_alone(texts):
    model, between = name_model(), "\n" * PAD
    starts = [0, *accumulate(len(text) + PAD for text in texts)]
    alone = [
        (start + name.start, start + name.end, name.type)
        for start, text in zip(starts, texts, strict=False)
        for name in model.read(text, windows(text))
    ]
    together = between.join(texts)
    assert [(n.start, n.end, n.type) for n in model.read(together, windows(together))] == alone


def test_a_long_text_is_read_like_its_parts():
    text, count = "申请人王秀英，住呼和浩特市新城区海拉尔东路5号。会议定于下午三点开始，", 2000
    model = name_model()
    some = [(n.start, n.end, n.type) for n in model.read(text * 3, windows(text * 3)) if n.start >= len(text)]
    some = [(start - len(text), end - len(text), kind) for start, end, kind in some if end <= 2 * len(text)]
    assert some
    whole = [(n.start, n.end, n.type) for n in model.read(text * count, windows(text * count))]
    inner = [name for name in whole if len(text) <= name[0] < (count - 1) * len(text)]
    assert inner == [
        (start + at * len(text), end + at * len(text), kind) for at in range(1, count - 1) for start, end, kind in some
    ]


@given(st.text(LETTERS, max_size=300))
@settings(max_examples=100, deadline=None)
def test_windows_are_ordered_apart_and_inside_the_text(text):
    last = 0
    for low, high in windows(text):
        assert last <= low < high <= len(text)
        last = high


def test_characters_beyond_the_first_plane_do_not_shift_what_follows():
    for text in ("好好好申请人王秀英，", "𠮷𠮷𠮷申请人王秀英，"):
        assert [(n.start, n.end) for n in name_model().read(text, windows(text))] == [(6, 9)]


def test_the_trie_finds_its_words_and_no_others():
    known = sorted(lexicon().words)
    trie = Trie(known)
    nodes = trie.find(known)
    assert len(set(nodes.tolist())) == len(known)
    assert nodes.min() > 0
    others = sorted({word[::-1] for word in known} - {part[:n] for part in known for n in range(2, len(part) + 1)})
    assert not trie.find(others).any()


def _least(text: str) -> int:
    cost = [0]
    for end in range(1, len(text) + 1):
        words = [cost[start] + 10 for start in range(end) if text[start:end] in WORDS]
        cost.append(min([cost[end - 1] + 12, *words]))
    return cost[-1]


@given(st.text("甲乙丙丁戊己庚辛壬，", min_size=2, max_size=60))
@settings(max_examples=200, deadline=None)
def test_a_text_is_cut_into_the_cheapest_words(text):
    trie = Trie(sorted(WORDS))
    ends = np.zeros(trie.size, np.bool_)
    ends[trie.find(sorted(WORDS))] = True
    found = cut(trie, code_points(text), ends, np.full(len(text), 12), None)
    spans = [(start, start + size) for start, size in zip(found.starts.tolist(), found.sizes.tolist(), strict=True)]
    assert all(text[start:end] in WORDS for start, end in spans)
    assert all(one[1] <= other[0] for one, other in pairwise(spans))
    assert 10 * len(spans) + 12 * (len(text) - sum(end - start for start, end in spans)) == _least(text)


def test_the_weights_are_small():
    assert (Path(__file__).parents[2] / "masking" / "data" / "names.weights").stat().st_size <= 2_000_000
