"""A manifest is frozen, says everything, and its digest covers all of it."""

import json
from collections.abc import Iterator
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.manifest import FINGERPRINTS, MANIFEST_VERSION, JobManifest, fingerprint
from store.errors import YurtError
from tests.scheduler.jobs import FIELDS, manifest

CHANGES: dict[str, Any] = {
    "job_id": "job-2",
    "project": "其他",
    "agency": "150200",
    "author": "another",
    "code_digest": "a" * 63 + "b",
    "parameters": {**FIELDS["parameters"], "folds": 6},
    "environment_digest": "b" * 63 + "c",
    "datasets": [{**FIELDS["datasets"][0], "version": "2026-02"}],
    "request": {**FIELDS["request"], "wall_s": 61},
    "outputs": ["model.json", "more.csv"],
    "grant": "grant-8",
    "purpose": "Something else.",
}


def leaves(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = False
    for key, inner in items:
        found = True
        yield from leaves(inner, (*at, key))
    if not found:
        yield at


def test_every_field_changes_the_digest() -> None:
    digests = {manifest(**{name: changed}).digest() for name, changed in CHANGES.items()}
    assert len(digests | {manifest().digest()}) == len(CHANGES) + 1
    assert CHANGES.keys() | {"manifest_version"} == FIELDS.keys()


@pytest.mark.parametrize("at", list(leaves(FIELDS)), ids=lambda at: ".".join(map(str, at)))
def test_every_leaf_is_in_the_canonical_text(at: tuple[Any, ...]) -> None:
    found: Any = json.loads(manifest().canonical())
    expected: Any = FIELDS
    for key in at:
        found, expected = found[key], expected[key]
    assert found == expected


def test_the_digest_does_not_depend_on_spacing_or_the_order_of_keys() -> None:
    text = json.dumps(dict(reversed(FIELDS.items())), indent=3)
    assert JobManifest.parse(text).digest() == manifest().digest()


def test_it_reads_back_what_it_writes() -> None:
    assert JobManifest.parse(manifest().canonical()) == manifest()


@given(st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True), st.integers(-(2**53) + 1, 2**53 - 1)))
def test_any_parameters_read_back(parameters: dict[str, int]) -> None:
    made = manifest(parameters=parameters)
    assert JobManifest.parse(made.canonical()).digest() == made.digest()


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({**FIELDS, "extra": 1}),
        json.dumps({**FIELDS, "request": {**FIELDS["request"], "priority": 9}}),
        json.dumps({name: value for name, value in FIELDS.items() if name != "grant"}),
        json.dumps({**FIELDS, "code_digest": "A" * 64}),
        json.dumps({**FIELDS, "code_digest": "a" * 64 + "\n"}),
        json.dumps({**FIELDS, "job_id": "../etc"}),
        json.dumps({**FIELDS, "outputs": ["../model.json"]}),
        json.dumps({**FIELDS, "outputs": ["model.json", "model.json"]}),
        json.dumps({**FIELDS, "outputs": []}),
        json.dumps({**FIELDS, "datasets": [FIELDS["datasets"][0]] * 2}),
        json.dumps({**FIELDS, "parameters": {"x": {"y": 1}}}),
        json.dumps({**FIELDS, "parameters": {"x": 2**53}}),
        json.dumps({**FIELDS, "parameters": {"x": float("nan")}}),
        json.dumps({**FIELDS, "request": {**FIELDS["request"], "gpus": True}}),
        json.dumps({**FIELDS, "request": {**FIELDS["request"], "wall_s": "60"}}),
        json.dumps(FIELDS)[:-1] + ', "grant": "grant-9"}',
        "[" * 100_000,
        "null",
        "not JSON",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(YurtError) as refused:
        JobManifest.parse(text)
    assert refused.value.code == "JOB_MANIFEST_INVALID"


def test_a_refusal_quotes_no_value() -> None:
    with pytest.raises(YurtError) as refused:
        manifest(parameters={"x": {"secret": "CANARY"}}, purpose=9)
    assert "CANARY" not in str(refused.value)


def test_another_version_is_refused() -> None:
    with pytest.raises(YurtError) as refused:
        manifest(manifest_version=MANIFEST_VERSION + 1)
    assert refused.value.code == "JOB_MANIFEST_VERSION"


def test_changing_a_field_needs_a_new_version() -> None:
    assert FINGERPRINTS[MANIFEST_VERSION] == fingerprint()
    assert list(FINGERPRINTS) == list(range(1, MANIFEST_VERSION + 1))


def test_it_is_frozen_all_the_way_down() -> None:
    made = manifest()
    with pytest.raises(FrozenInstanceError):
        made.grant = "other"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        made.request.wall_s = 1  # type: ignore[misc]
    with pytest.raises(TypeError):
        made.parameters["folds"] = 6  # type: ignore[index]
