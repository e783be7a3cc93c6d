"""An approver holds a project's questions against a changed policy."""

from datetime import timedelta
from typing import Any

import pytest

from audit.events import EventName
from audit.log import read_records
from gateway.questions import Questions, digest
from portal.context import Platform
from portal.views import replay
from store.days import today
from store.errors import YurtError

POLICY = """
project: p1
datasets:
  census:
    unit: person_no
    columns: {{person_no: [], town: {town}, hours: [aggregate]}}
"""
TOTAL = "SELECT count(*) FROM census"
BY_TOWN = "SELECT town, count(*) FROM census GROUP BY town"


def refused(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@pytest.fixture
def asked(as_: Any, platform: Platform, published: str, project: str) -> None:
    """A grant, and three questions of the project as the gateway records them."""
    begin = today()
    body: dict[str, Any] = {
        "project": "p1", "dataset": "census", "purpose": "hours", "columns": {"town": ["group", "filter"]}, "joins": [],
        "release": {"mode": "threshold", "min_group": 10}, "valid_from": begin.isoformat(),
        "valid_until": (begin + timedelta(days=9)).isoformat(),
    }  # fmt: skip
    request = as_("sarnai").post("/requests", json=body).json()["id"]
    digested = as_("gaowa").get(f"/requests/{request}/impact").json()["digest"]
    decision = {"approved": True, "version": 1, "reason": "clear", "impact_digest": digested}
    assert as_("gaowa").post(f"/requests/{request}/decisions", json=decision).status_code == 201
    texts = Questions(platform.settings.home / "questions")
    for sql, code in ((BY_TOWN, ""), ("SELECT person_no FROM census", "COLUMN_NOT_USABLE"), (BY_TOWN, "")):
        texts.keep("p1", sql)
        platform.audit.append(
            EventName.QUERY_DECIDED, actor="sarnai", subject="p1", outcome="", code=code, query=digest(sql)
        )


def test_the_replay_says_what_a_change_would_refuse(as_: Any, platform: Platform, asked: None) -> None:
    answer = as_("gaowa").post("/projects/p1/replay", json={"policy": POLICY.format(town="[]")})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["summary"] == {
        "newly_refused": 1, "newly_allowed": 0, "refused_for_another_reason": 0, "unchanged": 1,
    }  # fmt: skip
    told = next(each for each in found["questions"] if each["sql"] == BY_TOWN)
    assert (told["person"], told["before"]["outcome"], told["after"]["code"]) == (
        "sarnai",
        "allow",
        "COLUMN_NOT_USABLE",
    )
    record = list(read_records(platform.audit.path))[-1]
    assert (record["event"], record["actor"], record["details"]["newly_refused"]) == ("policy.replayed", "gaowa", 1)
    assert "SELECT" not in platform.audit.path.read_text()


def test_the_policy_that_holds_is_there_to_be_changed(platform: Platform, asked: None) -> None:
    text = replay.policy(platform, "gaowa", "p1")
    assert "min_group: 10" in text
    assert "town:\n      - group" in text
    with pytest.raises(YurtError, match="NOT_VISIBLE"):
        replay.policy(platform, "sarnai", "p1")


def test_the_same_policy_changes_nothing(as_: Any, asked: None) -> None:
    answer = as_("gaowa").post("/projects/p1/replay", json={"policy": POLICY.format(town="[group, filter]")})
    assert answer.json()["summary"]["unchanged"] == 2


def test_questions_are_weighed_beside_those_before_them(as_: Any, platform: Platform, asked: None) -> None:
    """The hamlet's three people were withheld from the table by town, so its total may not be told."""
    Questions(platform.settings.home / "questions").keep("p1", TOTAL)
    platform.audit.append(
        EventName.QUERY_DECIDED, actor="sarnai", subject="p1", outcome="", code="", query=digest(TOTAL)
    )
    for minimum, change, after in ((10, "unchanged", "DIFFERENCING"), (2, "newly allowed", None)):
        policy = POLICY.format(town="[group, filter]") + f"    release: {{min_group: {minimum}}}\n"
        found = as_("gaowa").post("/projects/p1/replay", json={"policy": policy}).json()
        told = next(each for each in found["questions"] if each["sql"] == TOTAL)
        assert (told["change"], told["before"]["code"], told["after"]["code"]) == (change, "DIFFERENCING", after)
        assert found["earlier_answers"] == "all"


def test_only_an_approver_of_the_data_may_look(as_: Any, asked: None) -> None:
    body = {"policy": POLICY.format(town="[]")}
    assert refused(as_("chenjing").post("/projects/p1/replay", json=body)) == (403, "NOT_VISIBLE")
    assert refused(as_("sarnai").post("/projects/p1/replay", json=body)) == (403, "NOT_VISIBLE")


def test_a_policy_with_a_mistake_is_refused_with_its_place(as_: Any, asked: None) -> None:
    answer = as_("gaowa").post("/projects/p1/replay", json={"policy": POLICY.format(town="[reed]")})
    assert refused(answer) == (422, "POLICY_INVALID")
    assert "line 6" in answer.json()["message"]
