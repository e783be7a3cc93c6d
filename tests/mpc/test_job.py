"""A job file says everything about a job, or is refused with the place of its mistake."""

from typing import Any

import pytest
import yaml

from mpc import registry
from mpc.job import parse_job
from store.errors import YurtError

JOIN: dict[str, Any] = {
    "job": "j", "purpose": "p", "operator": "psi_join_aggregate", "protocol": "ABY3", "receiver": "c",
    "parties": [{"name": name, "data": f"{name}.csv", "key": "id"} for name in "abc"],
}  # fmt: skip


def changed(**changes: Any) -> str:
    return yaml.safe_dump({**JOIN, **changes})


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (changed(colour="red"), "at colour:"),
        (changed(minimum=1), "at minimum:"),
        (changed(parties=[*JOIN["parties"][:2], {"name": "c", "data": "c.csv", "keys": "id"}]), "at parties.2.keys:"),
        (changed(receiver="d"), "the receiver is not one of the parties"),
        ("job: [", "at line 1"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, place: str) -> None:
    with pytest.raises(YurtError) as refusal:
        parse_job(text)
    assert refusal.value.code == "JOB_INVALID"
    assert place in refusal.value.message


@pytest.mark.parametrize("protocol", ["SEMI2K", "semi2k+TFP", "TFP", "REF2K", "CHEETAH", "SECURENN", "anything"])
def test_every_protocol_that_is_not_listed_is_refused(protocol: str) -> None:
    with pytest.raises(YurtError) as refusal:
        registry.check(parse_job(changed(protocol=protocol)))
    assert refusal.value.code == "PROTOCOL_REFUSED"


@pytest.mark.parametrize("parameters", [{"beaver": "TrustedFirstParty"}, {"low_comm": True}])
def test_triples_from_one_party_and_the_low_communication_mode_are_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(YurtError) as refusal:
        registry.check(parse_job(changed(parameters=parameters)))
    assert refusal.value.code == "PROTOCOL_REFUSED"


def test_an_alignment_that_tells_more_is_refused() -> None:
    with pytest.raises(YurtError) as refusal:
        registry.check(parse_job(changed(parameters={"psi": "KKRT_NPC"})))
    assert refusal.value.code == "PARAMETERS_REFUSED"


def test_aby3_takes_exactly_three_parties() -> None:
    with pytest.raises(YurtError) as refusal:
        registry.check(parse_job(changed(parties=JOIN["parties"][1:])))
    assert refusal.value.code == "PARTY_COUNT"


def test_only_the_key_holder_may_receive_scores() -> None:
    score = changed(
        operator="encrypted_score", protocol=registry.CKKS, receiver="b",
        parties=[{"name": "a", "data": "a.csv", "role": "holder", "values": ["x"]},
                 {"name": "b", "data": "m.json", "role": "scorer"}],
    )  # fmt: skip
    with pytest.raises(YurtError) as refusal:
        registry.check(parse_job(score))
    assert refusal.value.code == "PARAMETERS_REFUSED"


def test_a_join_says_what_it_discloses() -> None:
    statement = " ".join(registry.leakage(parse_job(changed())))
    assert "every party learns which of its own keys all three hold" in statement
    assert "at least 10 rows" in statement
