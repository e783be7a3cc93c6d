"""Statistics taken under different terms are described over the same rows."""

from corpus import POLICY

from policies.decide import decide
from policies.decision import Allowed, Footprint
from policies.ground import grounded, named
from policies.history import History
from policies.load import load_policy
from policies.schema import Schema

COUNTS = "SELECT gender, count(*) FROM citizen WHERE county <> '东海县' GROUP BY gender"
LESS = POLICY.replace("      diagnosis:  [group, filter]\n", "")


def footprint(sql: str, text: str, schema: Schema, history: History | None = None) -> Footprint:
    decision = decide(sql, load_policy(text), schema, history=history)
    assert isinstance(decision, Allowed), decision
    return decision.footprint[0]


def test_the_same_question_under_other_terms_is_the_same_over_the_tables(schema: Schema) -> None:
    one, other = footprint(COUNTS, POLICY, schema), footprint(COUNTS, LESS, schema)
    assert one != other
    assert grounded(one) == grounded(other)


def test_a_row_filter_becomes_a_condition(schema: Schema) -> None:
    filtered = grounded(footprint(COUNTS, POLICY, schema))
    assert any("涉密县" in condition for condition in filtered.conditions)
    assert filtered.sources == ('SELECT * FROM "citizen"',)


def test_what_was_told_under_other_terms_is_audited_together(schema: Schema) -> None:
    history = History((footprint("SELECT count(*) FROM citizen", LESS, schema),))
    decision = decide(COUNTS, load_policy(POLICY), schema, history=history)
    assert isinstance(decision, Allowed)
    (audit,) = decision.release.audits
    assert [asked.old for asked in audit.asked] == [True, False]
    assert not decision.release.pairs


def test_tables_below_a_condition_are_named(schema: Schema) -> None:
    inside = "SELECT count(*) FROM citizen WHERE id_no IN (SELECT id_no FROM visit WHERE insured)"
    assert named(footprint(inside, POLICY, schema)) == {"citizen", "visit"}


def test_a_statistic_without_a_table_is_left_as_it_is() -> None:
    bare = Footprint(("people",), ("SELECT 1 AS u",), (), (), ("u",), 10)
    assert grounded(bare) == bare


def test_a_statistic_of_each_person_is_computed_once_for_all_conditions_on_it(schema: Schema) -> None:
    """Else an audit of a few such questions is more than an engine has memory for."""
    visits = "(SELECT id_no, count(*) AS n FROM visit GROUP BY id_no) p"
    policy, history = load_policy(POLICY), History()
    for condition in ("p.n > 1", "p.n < 3", "p.n > 1 OR p.n < 5"):
        decision = decide(f"SELECT count(*) FROM {visits} WHERE {condition}", policy, schema, history=history)
        assert isinstance(decision, Allowed), decision
        history = history.with_answer(decision.footprint)
    (audit,) = decision.release.audits
    assert audit.sql.count('COUNT(*) AS "a"') == 1
