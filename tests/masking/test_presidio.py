"""Our detector as Presidio sees it."""

import subprocess
import sys

import pytest


@pytest.fixture(scope="module")
def engine():
    from masking.presidio import analyzer

    return analyzer()


def test_presidio_finds_what_the_detector_finds(engine):
    from masking.detect import detect

    text = "患者汪佑涵，身份证150151199003072421，手机13947112233"
    found = [
        (r.start, r.end, r.entity_type) for r in sorted(engine.analyze(text, language="zh"), key=lambda r: r.start)
    ]
    assert found == [(span.start, span.end, span.type.value) for span in detect(text)]


def test_only_the_wanted_types_come_back(engine):
    found = engine.analyze("张伟，手机13947112233", language="zh", entities=["CN_MOBILE"])
    assert [result.entity_type for result in found] == ["CN_MOBILE"]


def test_users_add_recognisers_of_their_own():
    from presidio_analyzer import Pattern, PatternRecognizer

    from masking.presidio import analyzer

    own = PatternRecognizer("CASE_NO", patterns=[Pattern("case", r"案-[0-9]{4}", 0.9)], supported_language="zh")
    types = {result.entity_type for result in analyzer([own]).analyze("案-1234，电话13947112233", language="zh")}
    assert types == {"CASE_NO", "CN_MOBILE"}


def test_ours_work_in_a_registry_of_the_user_s():
    from presidio_analyzer import RecognizerRegistry

    from masking.presidio import recognizers

    registry = RecognizerRegistry(supported_languages=["zh", "en"])
    for recognizer in recognizers():
        registry.add_recognizer(recognizer)
    assert "CN_ID_CARD" in registry.get_supported_entities(languages=["zh"])


def test_the_detector_does_not_load_presidio():
    code = (
        "import sys, masking.detect, masking.text, masking.classify\n"
        "print('presidio_analyzer' in sys.modules, 'spacy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
