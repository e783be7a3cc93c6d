"""Policy files: the whole grammar loads, and every mistake is found where it stands."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from policies.grain import Bucket, DateUnit
from policies.load import fits, load_policy
from policies.model import Capability, Mode, Policy, PrivacyTerms, ReleaseRule, Use
from policies.schema import Schema
from store.errors import YurtError

HEAD = "project: P\ndatasets:\n  a:\n    unit: id\n"


def test_the_sample_policy_loads(policy: Policy) -> None:
    citizen = policy.datasets["citizen"]
    assert citizen.unit == "id_no"
    assert citizen.joins == (("visit", "id_no"),)
    assert Capability(Use.GROUP, DateUnit.YEAR) in citizen.columns["birth_date"].capabilities
    assert Capability(Use.FILTER, Bucket(10000)) in citizen.columns["income"].capabilities
    assert citizen.columns["income"].quantile == (0.05, 0.95)
    assert policy.datasets["enterprise"].release.mode is Mode.ROWS
    assert policy.datasets["enterprise"].release.max_rows == 10000  # inherited from the project


def test_the_dp_terms_load() -> None:
    text = HEAD + (
        "    release: {mode: dp, epsilon: 4.0, delta: 1e-6, epsilon_per_query: 0.5, max_groups_contributed: 3,"
        " bounds: {income: [0, 300000]}}\n    columns: {id: [], income: [aggregate]}\n"
    )
    terms = load_policy(text).datasets["a"].release.privacy
    assert terms is not None
    assert (terms.epsilon, terms.delta, terms.epsilon_per_query, terms.max_groups_contributed) == (4.0, 1e-6, 0.5, 3)
    assert terms.bounds["income"] == (0.0, 300000.0)


def test_a_dataset_may_ask_for_a_history_of_all_projects() -> None:
    text = "project: P\nrelease: {mode: threshold, history: dataset}\n" + HEAD.removeprefix("project: P\n")
    rows = "  b:\n    release: {mode: rows}\n    columns: {c: [read]}\n"
    own = "  c:\n    unit: id\n    release: {history: project}\n    columns: {id: []}\n"
    assert load_policy(text + "    columns: {id: []}\n" + rows + own).shared == {"a"}


@pytest.mark.parametrize(
    ("text", "place", "word"),
    [
        (
            HEAD + "    release: {history: datasets}\n    columns: {id: []}\n",
            "line 5, column 24",
            "mean dataset?",
        ),
        (
            HEAD + "    release: {mode: rows, history: dataset}\n    columns: {id: []}\n",
            "line 5, column 27",
            "threshold",
        ),
        ("project: P\nsurprise: 1\ndatasets: {}\n", "line 2, column 1", "surprise"),
        ("project: P\nproject: Q\n", "line 2, column 1", "twice"),
        (HEAD + "    columns: {id: [], c: [reed]}\n", "line 5, column 27", "reed"),
        (HEAD + "    columns: {id: [], c: [{mask: blur}]}\n", "line 5, column 34", "blur"),
        (HEAD + "    columns: {id: [], c: [read, {mask: constant}]}\n", "line 5, column 26", "masked"),
        (HEAD + "    columns: {id: [], c: [{mask: {noise: {scale: 1}}}]}\n", "line 5, column 34", "draw anew"),
        (HEAD + "    columns: {c: [read]}\n", "line 4, column 11", "unit"),
        (HEAD + "    rows: d = 1\n    columns: {id: []}\n", "line 5, column 11", "names d"),
        (HEAD + "    rows: c = '{user.x}'\n    columns: {id: [], c: []}\n", "line 5, column 11", "quotes"),
        (HEAD + "    rows: c = read_text('x')\n    columns: {id: [], c: []}\n", "line 5, column 11", "not allow"),
        (HEAD + "    joins: [b.id]\n    columns: {id: [join]}\n", "line 5, column 13", "b.id"),
        (HEAD + "    columns: {id: [], c: [{group: fortnight}]}\n", "line 5, column 35", "fortnight"),
        (HEAD + "    columns: {id: [], c: [{quantile: [0.9, 0.1]}]}\n", "line 5, column 38", "lower first"),
        ("project: P\ndatasets: {a: {columns: {c: [read]}}}\n", "line 2, column 15", "needs a unit"),
        ("project: P\ndatasets:\n\ta: {}\n", "line 3, column 1", "YAML"),
        (HEAD + "    colums: {id: []}\n", "line 5, column 5", "Did you mean columns?"),
        (HEAD + "    columns:\n      id: [join, cuont]\n", "line 6, column 18", "Did you mean count?"),
        (
            HEAD + "    release: {mode: treshold}\n    columns: {id: []}\n",
            "line 5, column 21",
            "Did you mean threshold?",
        ),
        (HEAD + "    release: {min_group: 0}\n    columns: {id: []}\n", "line 5, column 26", "from 1"),
        (HEAD + "    columns: {id: [], c: [group, {group: year}]}\n", "line 5, column 26", "only at year"),
        (HEAD + "    columns: {id: [], ID: []}\n", "line 5, column 23", "twice"),
        (HEAD + "    columns: {id: , c: [group]}\n", "line 5, column 18", "must be a list"),
        (HEAD + "    columns: {id: [], c: [{mask: {partial: {sparkle: 3}}}]}\n", "line 5, column 34", "sparkle"),
        (HEAD + "    rows: id = 'a'; DROP TABLE a\n    columns: {id: []}\n", "line 5, column 11", "one condition"),
        (HEAD + "    rows: id IN (SELECT 1)\n    columns: {id: []}\n", "line 5, column 11", "not allow"),
        (
            HEAD + "    release: {mode: dp, epsilon: 1, p_percent: 0.1}\n    columns: {id: []}\n",
            "line 5, column 37",
            "no meaning",
        ),
        (HEAD + "    release: {epsilon: 1}\n    columns: {id: []}\n", "line 5, column 15", "belongs to"),
        ("project: !!python/object/apply:os.system ['id']\ndatasets: {}\n", "line 1, column 10", "word or text"),
        ("project: [\n", "line 2, column 1", "YAML"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, place: str, word: str) -> None:
    with pytest.raises(YurtError) as caught:
        load_policy(text)
    assert caught.value.code == "POLICY_INVALID"
    assert place in caught.value.message
    assert word in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize(
    ("text", "place", "word"),
    [
        (HEAD.replace("  a:", "  citzen:") + "    columns: {id: []}\n", "line 3, column 3", "Did you mean citizen?"),
        (
            "project: P\ndatasets:\n  citizen:\n    unit: id_no\n    columns: {id_no: [], incme: []}\n",
            "line 5, column 26",
            "Did you mean income?",
        ),
    ],
)
def test_what_the_schema_lacks_is_named_with_its_place(text: str, place: str, word: str, schema: Schema) -> None:
    load_policy(text)
    with pytest.raises(YurtError) as caught:
        fits(text, schema)
    assert place in caught.value.message
    assert word in caught.value.hint


def test_the_page_on_policies_shows_one_that_loads_and_names_every_key() -> None:
    page = (Path(__file__).parents[2] / "docs" / "policy.md").read_text("utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert load_policy(example).datasets.keys() == {"citizen", "visit"}
    named = set(re.findall(r"[a-z_]+", " ".join(re.findall(r"`([^`]*)`", page))))
    keys = {key.name for terms in (ReleaseRule, PrivacyTerms) for key in fields(terms)} - {"privacy"}
    assert named >= {*keys, *Use, *Mode, "mask", "quantile"}
