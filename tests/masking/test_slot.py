"""The slot for another name model: what fits is used everywhere, what does not is refused by name."""

import json
import os
import subprocess
import sys

import pytest

from masking.detect import detect
from masking.ner.model import choose
from masking.ner.slot import load, use
from store.errors import YurtError

SECOND = "tests.masking.second:small_crf"
TEXT = "申请人王秀英，手机13947112233"


@pytest.fixture(autouse=True)
def _our_own_again():
    yield
    choose(None)


def test_a_second_model_reads_the_names_and_the_rules_stay():
    use(SECOND)
    types = [span.type.value for span in detect(TEXT)]
    assert types == ["PERSON", "CN_MOBILE"]


def test_presidio_reads_with_the_second_model_too():
    from masking.presidio import analyzer

    engine = analyzer(name_model=SECOND)
    assert {found.entity_type for found in engine.analyze(TEXT, language="zh")} == {"PERSON", "CN_MOBILE"}


def test_a_command_reads_with_the_model_of_the_setting():
    done = subprocess.run(
        [sys.executable, "-m", "portal.cli.main", "mask", "detect"],
        input=json.dumps({"id": 1, "text": TEXT}), capture_output=True, text=True,
        env={**os.environ, "YURT_NAME_MODEL": "tests.masking.second:Silent"},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert "MASK_BAD_MODEL" in done.stderr or "no method `read`" in done.stderr


@pytest.mark.parametrize(
    "name",
    [
        "not-installed", "no.such.module:factory", "tests.masking.second:nothing", "tests.masking.second:Silent",
        "tests.masking.second:OutOfBounds", "tests.masking.second:Talkative", "json:loads",
    ],
)  # fmt: skip
def test_what_is_no_name_model_is_refused(name):
    with pytest.raises(YurtError) as refused:
        load(name)
    assert refused.value.code == "MASK_BAD_MODEL"
    assert name in str(refused.value)


def test_an_error_of_a_foreign_model_never_carries_the_text():
    with pytest.raises(YurtError) as refused:
        load("tests.masking.second:Talkative")
    assert "王秀英" not in str(refused.value)
    assert refused.value.__cause__ is None
