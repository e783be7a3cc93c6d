"""Everything a page says, it says in both languages."""

import re
from string import Formatter

from babel.messages.catalog import Catalog

from mpc.job import JobFile
from mpc.registry import ALIGNMENT, leakage
from policies.access_errors import REQUEST_CLOSED, REQUEST_OPEN_ALREADY
from portal.errors import BODY_INVALID
from portal.pages import messages
from portal.pages.language import catalog
from portal.pages.refusals import disclosure, explained, finding, place
from sandbox.airlock.codes import SMALL_CELL
from store.errors import ErrorCode, YurtError


def test_no_message_lacks_its_translation() -> None:
    """Run `python -m portal.pages.messages` and translate what it prints."""
    assert messages.untranslated(catalog()) == []


def test_the_catalogue_holds_nothing_that_is_no_longer_said() -> None:
    wanted = {(message.context, message.id) for message in messages.needed() if message.id}
    held = {(message.context, message.id) for message in catalog() if message.id}
    assert held - wanted == set()


def test_an_untranslated_code_would_be_noticed() -> None:
    assert any(line.startswith("error:NOT_SIGNED_IN") for line in messages.untranslated(Catalog(locale="zh")))


def test_codes_of_every_room_are_found() -> None:
    names = {code.name for code in messages.error_codes()}
    assert {
        "NOT_SIGNED_IN",
        "DATASET_UNKNOWN",
        "SELF_APPROVAL",
        "JOINT_INVALID",
        "JOB_UNKNOWN",
        "TICKET_SPENT",
    } <= names


def test_a_translation_has_the_fields_of_its_message_and_no_others() -> None:
    for message in catalog():
        if not message.id or not isinstance(message.id, str):
            continue
        if message.context:
            fields = {name for _, name, _, _ in Formatter().parse(message.id) if name}
            assert {name for _, name, _, _ in Formatter().parse(message.string) if name} == fields, message.id
        else:
            pattern = re.compile(r"%\(\w+\)[sd]")
            assert sorted(pattern.findall(message.string)) == sorted(pattern.findall(message.id)), message.id


def test_chinese_uses_no_exclamation_and_full_width_sentences() -> None:
    for message in catalog():
        if message.id:
            text = message.string[0] if isinstance(message.string, tuple) else message.string
            assert "!" not in text, text
            assert "！" not in text, text
            assert not re.search(r"[\u4e00-\u9fff][,;:?]", text), text


def test_a_refusal_is_said_in_chinese_with_its_names() -> None:
    said = explained(YurtError(REQUEST_OPEN_ALREADY, project="income_study", dataset="census"), "zh")
    assert said == {
        "code": "REQUEST_OPEN_ALREADY",
        "message": "项目 income_study 对 census 已有未决的申请。",
        "hint": "请先撤回，或等待审批结果。",
    }


def test_states_and_reasons_inside_a_refusal_are_translated_too() -> None:
    assert explained(YurtError(REQUEST_CLOSED, request=7, state="approved"), "zh")["message"] == (
        "申请 7 的状态为“已批准”，不能再审批。"
    )
    assert explained(YurtError(BODY_INVALID, field="purpose", why="it is missing"), "zh")["hint"] == "请更正：未填写。"


def test_english_and_unknown_codes_stay_as_they_are() -> None:
    error = YurtError(ErrorCode("NEVER_HEARD_OF", 400, "Something {x}.", "Do it."), x="new")
    assert explained(error, "zh")["message"] == "Something new."
    assert explained(YurtError(REQUEST_CLOSED, request=7, state="denied"), "en")["message"] == (
        "Request 7 is denied; it can no longer be decided."
    )


def test_findings_and_their_places_are_said_in_chinese() -> None:
    assert finding(SMALL_CELL.name, SMALL_CELL.why, "zh") == "计数小于最小分组，请隐去、合并或取整。"
    assert place("row 14, column 3", "zh") == "第 14 行，第 3 列"
    assert place("row 14, column 3", "en") == "row 14, column 3"
    assert place("", "zh") == ""


def test_what_joint_computations_disclose_is_said_in_chinese() -> None:
    """Fails when mpc.registry words a disclosure differently from the pages' vocabulary."""
    parties = [{"name": name, "data": "d.csv", "key": "id"} for name in ("a", "b", "c")]
    job = {"job": "j", "purpose": "p", "receiver": "a", "parties": parties}
    for psi in ALIGNMENT:
        joined = JobFile.model_validate(
            {**job, "operator": "psi_join_aggregate", "protocol": "ABY3", "parameters": {"psi": psi}, "minimum": 12}
        )
        said = [disclosure(text, "zh") for text in leakage(joined)]
        assert all(re.search("[\u4e00-\u9fff]", text) for text in said), said
        assert any("12 行" in text for text in said)
    scored = JobFile.model_validate(
        {
            **job,
            "operator": "encrypted_score",
            "protocol": "CKKS",
            "parties": [
                {"name": "a", "data": "d.csv", "role": "holder", "values": ["x"]},
                {"name": "b", "data": "m.json", "role": "scorer"},
            ],
        }
    )
    assert all(re.search("[\u4e00-\u9fff]", disclosure(text, "zh")) for text in leakage(scored))
