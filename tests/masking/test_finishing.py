"""Masks put on a finished answer give what the SQL of the operator gives, value by value."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from masking.identifiers import synthetic_residents
from masking.keys import KeyRing
from masking.operators import OPERATORS, engine_functions
from masking.operators.finishing import feed, finisher, fixed_form
from masking.operators.presets import PRESETS

RESIDENTS = synthetic_residents(300, seed=5)
HOSTILE = [
    None, "", " ", "***", "1e10", "1_000", "+15", "-15", "0", "00", "15", "1501", "150102", "0150102",
    "150102 ", " 150102", "１５０１０２", "٣٤٥٦٧٨", "150102\n", "\n150102", "15\x0001", "150102001",
    "150102001002", "15010", "1.5", "15010219900101123X", "15010219900101123x", "150102199001011234",
    "050102199001011234", "15010219900101123Y", "１５0102199001011234", "15010219900101123\n",
    "1501021990010112345", " 15010219900101123", "150102 19900101123", "13800138000", "12800138000",
    "1380013800", "138001380000", "1380013800O", "138 0013 80", "+8613800138", "٣3800138000", "13800138000\n",
    "1e000000000000007", "王", "王芳", "欧阳娜娜", "巴特尔·苏和", "巴图.", "·王", "王芳 ", "王\n芳", "a王芳",
    "John", "Jo", "O'Neil-Smith", "x" * 62, "蒙A12345", "蒙A·D12345", "蒙I12345", "E12345678", "e12345678",
    "010-12345678", "0471-6543210", "6222021234567890123", "91150100MA0N00000X", "a@b.cn", "aa.b+c@x-y.org",
    "a@b@c.cn", "王@b.cn", "@b.cn", "a@b", "\U0001f600" * 3, "e\u0301e\u0301",
    "内蒙古自治区呼和浩特市新城区中山路1号", "呼和浩特市", "新城区阳光小区", "北京市海淀区",
    "内蒙古自治区\n呼和浩特市", "1.2.3.4", "1234.5.6.7", "LSVAA49J132047371", "\u200b13800138000", "NULL",
    "null",
]  # fmt: skip
CASES: list[tuple[str, dict[str, object]]] = [
    *(("partial", {"preset": each}) for each in sorted({*PRESETS, "email", "address"} - {"name_short", "name_latin"})),
    ("partial", {}),
    ("partial", {"head": 0, "tail": 3, "min_hidden": 4, "char": "×"}), ("partial", {"head": 0, "tail": 0}),
    *(("generalise", {"level": each}) for each in ("province", "city", "county")),
    ("constant", {}), ("constant", {"value": "'; --"}), ("redact", {}), ("redact", {"type": "CN_MOBILE"}),
    ("pseudonym", {"scope": "p.x"}), ("pseudonym", {"scope": "p.x", "algorithm": "hmac-sha256"}),
    ("fpe", {"preset": "mobile"}), ("encrypt_siv", {}), ("surrogate", {"kind": "id_card"}),
]  # fmt: skip
VALUES = st.one_of(
    st.sampled_from(HOSTILE),
    *(st.sampled_from(RESIDENTS[name].to_pylist()) for name in ("id_no", "phone", "name", "address", "county_code")),
    st.text(max_size=20),
    st.text("0123456789Xx -+.e_\n１٣", min_size=1, max_size=19),
)
ROOT = bytes(32)
BY_NAME = {function.name: function.call for function in engine_functions(KeyRing(ROOT))}


def both(engine, name, args, array):
    """What the SQL makes of a column, and what the finished mask does, batch by batch."""
    engine.register("given", pa.table({"v": array}))
    operator, column = OPERATORS[name], exp.column("v")
    plain = exp.select(
        exp.alias_(operator.sql(column, args), "masked"), exp.alias_(feed(operator, column, args), "fed")
    ).from_("given")
    made = engine.sql(plain.sql("duckdb")).to_arrow_table().combine_chunks()
    finish = finisher(operator, args, BY_NAME)
    fed = made["fed"].chunk(0)
    finished = [finish(fed.slice(start, 50)) for start in range(0, len(fed), 50)]
    assert {each.type for each in finished} == {made["masked"].type}
    return made["masked"].to_pylist(), pa.chunked_array(finished).to_pylist()


@pytest.mark.parametrize(("name", "args"), CASES, ids=str)
def test_hostile_values_and_whole_columns_are_masked_alike(engine, name, args):
    columns = [RESIDENTS[each].to_pylist() for each in ("id_no", "phone", "name", "address", "county_code")]
    for values in (HOSTILE, *columns, [*columns[0][:60], *HOSTILE[:3]], [None, None]):
        in_sql, finished = both(engine, name, args, pa.array(values, pa.string()))
        assert finished == in_sql


@pytest.mark.parametrize(("name", "args"), CASES, ids=str)
@given(values=st.lists(st.one_of(st.none(), VALUES), min_size=1, max_size=12))
@settings(max_examples=25, deadline=None)
def test_drawn_values_are_masked_alike(engine, name, args, values):
    in_sql, finished = both(engine, name, args, pa.array(values, pa.string()))
    assert finished == in_sql


@pytest.mark.parametrize("level", ["year", "quarter", "month", "week", "day"])
@given(days=st.lists(st.one_of(st.none(), st.integers(-700_000, 2_900_000)), min_size=1, max_size=12))
@settings(max_examples=40, deadline=None)
def test_dates_are_cut_alike(engine, level, days):
    in_sql, finished = both(engine, "generalise", {"level": level}, pa.array(days, pa.date32()))
    assert finished == in_sql


@pytest.mark.parametrize("operator", [each for each in OPERATORS.values() if not each.files_only], ids=lambda o: o.name)
def test_every_operator_says_whether_it_can_come_last(operator):
    """What draws at random, reads another column or is a number stays in the query; so does what takes so long that a
    batch of it could not be stopped in time."""
    args = {"subject": "s"} if operator.name == "date_shift" else {"width": 5} if operator.name == "bucket" else {}
    args |= {"fpe": {"preset": "mobile"}, "surrogate": {"kind": "id_card"}, "top_code": {"high": 1}}.get(
        operator.name, {}
    )
    args |= {"level": "age"} if operator.name == "generalise" else {}
    in_sql_alone = {"keep", "nullify", "generalise", "bucket", "round", "top_code"}
    in_sql_alone |= {"encrypt", "date_shift", "redact_text"}
    assert (feed(operator, exp.column("v"), args) is None) == (operator.name in in_sql_alone)


def test_fixed_forms_are_read_from_the_patterns():
    assert fixed_form("1[3-9][0-9]{9}").length == 11
    assert fixed_form("[1-9][0-9]{16}[0-9Xx]").length == 18
    assert [fixed_form(each) for each in (r"[A-Z][A-Z0-9]{7,9}", "[^a]{3}", "a|b", "", "[\u4e00-\u9fff]{2}")] == [
        None
    ] * 5
