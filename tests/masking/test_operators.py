"""Every operator, run by a real DuckDB over values of the right form, of the wrong form, and NULL."""

import subprocess
import sys
from datetime import date

import pyarrow as pa
import pytest
import sqlglot
from sqlglot import exp

from masking.keys import KeyRing
from masking.operators import MASKED, OPERATORS, engine_functions
from masking.operators.keyed import PSEUDONYM_FUNCTIONS
from store.errors import YurtError

ROOT = b"a test root key, not a secret"


def masked(engine, name, values, args=None, kind=None, subjects=None):
    """The values as the operator leaves them, computed by the engine; `subjects` is a second column `s`."""
    columns = {"v": pa.array(values, kind or pa.string())}
    if subjects is not None:
        columns["s"] = pa.array(subjects, pa.string())
    expression = OPERATORS[name].sql(exp.column("v"), args).sql("duckdb")
    return [row[0] for row in engine.from_arrow(pa.table(columns)).project(expression).fetchall()]


PRESET_CASES = {
    "name": [
        ("张三丰", "张**"),
        ("张三", "张*"),
        ("乌云其其格", "乌**"),
        ("Zhang Wei", "Z***"),
        ("张", MASKED),
        ("a1", MASKED),
    ],
    "id_card": [
        ("150102199001011234", "150102************"),
        ("15010219900101123x", "150102************"),
        ("1501", MASKED),
    ],
    "id_card_tail": [("150102199001011234", "**************1234"), ("150102199001011234 ", MASKED)],
    "mobile": [("13812345678", "138****5678"), ("+8613812345678", MASKED), ("13812345678\n", MASKED)],
    "landline": [("0471-1234567", MASKED), ("0471-6234567", "047*******67")],
    "bank_card": [("6228480402564890018", "622848******0018"), ("622848", MASKED)],
    "plate": [("蒙A12345", "蒙A·***45"), ("蒙AD12345", "蒙A·***45"), ("12345", MASKED)],
    "passport": [("E12345678", "E******78"), ("护照", MASKED)],
    "uscc": [("91350100M000100Y43", "91350100*********3"), ("x", MASKED)],
    "vin": [("LEGNBY1U491A35812", "LEG**************"), ("x", MASKED)],
    "ip": [("10.1.2.3", "*.*.*.*"), ("::1", MASKED)],
    "email": [("bayar@example.com", "b***@example.com"), ("no at", MASKED)],
    "address": [
        ("内蒙古自治区呼和浩特市新城区中山路5号", "内蒙古自治区呼和浩特市新城区***"),
        ("呼和浩特市阳光小区6号楼", "呼和浩特市***"),
        ("内蒙古自治区包头市青山区包头市装备园区1号", "内蒙古自治区包头市青山区***"),
        ("内蒙古自治区呼伦贝尔市莫力达瓦达斡尔族自治旗尼尔基镇1号", "内蒙古自治区呼伦贝尔市莫力达瓦达斡尔族自治旗***"),
        ("包头市钢铁大街18号市政府", "包头市***"),
        ("呼伦贝尔市鄂温克族自治旗巴彦托海镇", "呼伦贝尔市鄂温克族自治旗***"),
        ("中山路5号", MASKED),
    ],
}


@pytest.mark.parametrize("preset", PRESET_CASES)
def test_a_preset_shows_what_its_table_says_and_hides_malformed_values(engine, preset):
    values, expected = zip(*PRESET_CASES[preset], strict=True)
    assert masked(engine, "partial", [*values, None, ""], {"preset": preset}) == [*expected, None, MASKED]


def test_partial_by_count_hides_values_that_are_too_short(engine):
    args = {"head": 1, "tail": 1, "min_hidden": 3}
    assert masked(engine, "partial", ["abcdefgh", "abcd", None], args) == ["a****h", MASKED, None]


@pytest.mark.parametrize(
    ("name", "args", "values", "expected"),
    [
        ("keep", {}, ["a", None], ["a", None]),
        ("nullify", {}, ["a", None], [None, None]),
        ("constant", {}, ["a", None], [MASKED, None]),
        ("constant", {"value": "it's"}, ["a", None], ["it's", None]),
        ("redact", {"type": "CN_MOBILE"}, ["a", None], ["<CN_MOBILE>", None]),
        ("generalise", {"level": "city"}, ["150102", "150102001002", "150102199001011234", "99", None],
         ["1501", "1501", "1501", "99", None]),
        ("generalise", {"level": "city"}, ["内蒙古自治区包头市昆都仑区友谊街1号", "门口"],
         ["内蒙古自治区包头市", MASKED]),
        ("generalise", {"level": "age"}, ["39", "0", "93", "-1", "999", "x", None],
         ["30-39", "0-9", "90+", MASKED, MASKED, MASKED, None]),
        ("generalise", {"level": "ip"}, ["10.1.2.3", "x", None], ["10.1.2.0/24", MASKED, None]),
        ("generalise", {"level": "ip"}, ["2001:db8:7::1", "::1", "300.1.2.3"], ["2001:db8:7::/48", MASKED, MASKED]),
        ("generalise", {"level": "icd"}, ["E11.901", "e11", "糖尿病", None], ["E11", "E11", MASKED, None]),
        ("generalise", {"level": "icd_chapter"}, ["E11.901", "D48", "D49", "H60.0", "T98", None],
         ["E00-E90", "C00-D48", MASKED, "H60-H95", "S00-T98", None]),
        ("bucket", {"width": 10000}, ["23999", "-1", "x", None], [20000, -10000, None, None]),
        ("round", {"digits": -2}, ["1249.9", "x", None], [1200, None, None]),
        ("top_code", {"low": 0, "high": 100}, ["101", "-5", "7", "x", None], [100, 0, 7, None, None]),
        ("top_code", {"low": -3}, ["-7", "9"], [-3, 9]),
    ],
)  # fmt: skip
def test_an_operator_gives(engine, name, args, values, expected):
    assert masked(engine, name, values, args) == expected


@pytest.mark.parametrize(
    ("level", "expected"), [("year", "1990-01-01"), ("month", "1990-05-01"), ("day", "1990-05-17")]
)
def test_dates_are_generalised_to_a_unit(engine, level, expected):
    days = masked(engine, "generalise", ["1990-05-17", "17th of May", None], {"level": level})
    assert [None if day is None else str(day) for day in days] == [expected, None, None]


def test_an_operator_knows_the_type_it_gives():
    assert OPERATORS["generalise"].gives({"level": "month"}) == "DATE"
    assert OPERATORS["generalise"].gives({"level": "county"}) == "VARCHAR"
    assert OPERATORS["bucket"].gives({"width": 5}) == "DOUBLE"


def test_numbers_stay_numbers(engine):
    assert masked(engine, "bucket", [17, None], {"width": 5}, kind=pa.int32()) == [15.0, None]
    assert masked(engine, "generalise", [41, None], {"level": "age"}, kind=pa.int64()) == ["40-49", None]


def test_pseudonyms_join_within_a_label_and_not_across(engine):
    first, again, other, null = masked(engine, "pseudonym", ["张三", "张三", "李四", None], {"scope": "p1"})
    (elsewhere,) = masked(engine, "pseudonym", ["张三"], {"scope": "p2"})
    assert first == again
    assert null is None
    assert len({first, other, elsewhere}) == 3
    assert all(len(code) == 32 for code in (first, other, elsewhere))


def test_pseudonyms_are_the_same_in_another_process(engine):
    here = [
        masked(engine, "pseudonym", ["张三"], {"scope": "p1", "algorithm": algorithm})[0]
        for algorithm in PSEUDONYM_FUNCTIONS
    ]
    code = (
        "import pyarrow as pa\nfrom masking.keys import KeyRing\nfrom masking.operators import engine_functions\n"
        f"calls = {{f.name: f.call for f in engine_functions(KeyRing({ROOT!r}))}}\n"
        f"for name in {list(PSEUDONYM_FUNCTIONS.values())!r}:\n"
        "    print(calls[name](pa.array(['张三']), pa.array(['p1']))[0])"
    )
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert there.stdout.split() == here
    assert len(set(here)) == len(here)


def test_a_pseudonym_is_the_hmac_of_rfc_2104():
    """RFC 4231 test case 2: HMAC-SHA-256 with key "Jefe"."""
    calls = {function.name: function.call for function in engine_functions({"rfc": b"Jefe"})}
    made = calls["yurt_pseudonym_sha256"](pa.array(["what do ya want for nothing?"]), pa.array(["rfc"]))
    assert made.to_pylist() == ["5bdcc146bf60754e6a042426089575c7"]


def test_a_label_without_a_key_is_refused():
    calls = {function.name: function.call for function in engine_functions({})}
    with pytest.raises(YurtError, match="MASK_NO_KEY"):
        calls["yurt_pseudonym"](pa.array(["x"]), pa.array(["p1"]))


def test_dates_of_one_subject_move_together_and_never_stand_still(engine):
    dates = ["1990-05-17", "1990-05-27", "1990-05-17", None, "x", "1990-05-17"]
    args = {"subject": "s", "days": 30, "scope": "p"}
    days = masked(engine, "date_shift", dates, args, subjects=["A", "A", "B", "A", "A", None])
    assert (days[1] - days[0]).days == 10
    assert 1 <= abs((days[0] - date(1990, 5, 17)).days) <= 30
    assert days[3:] == [None, None, None]


def test_free_text_is_redacted_inside_the_engine(engine):
    (text, null) = masked(engine, "redact_text", ["手机13812345678请回电", None])
    assert text == "手机<CN_MOBILE>请回电"
    assert null is None


def test_the_key_is_in_no_plan_and_no_sql(engine):
    sql = OPERATORS["pseudonym"].sql(exp.column("v"), {"scope": "p1"}).sql("duckdb")
    plan = engine.from_arrow(pa.table({"v": ["x"]})).project(sql).explain()
    for key in (ROOT, KeyRing(ROOT)["p1"]):
        assert key.hex() not in sql + plan
        assert str(key) not in sql + plan
    assert "test root" not in repr(KeyRing(ROOT))


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("bucket", {}), ("bucket", {"width": 0}), ("bucket", {"width": 5, "extra": 1}), ("partial", {"preset": "nose"}),
        ("top_code", {}), ("top_code", {"low": 5, "high": 1}), ("generalise", {"level": "planet"}),
        ("pseudonym", {"scope": "a' OR 1"}), ("date_shift", {}), ("partial", {"preset": "name", "head": 3}),
    ],
)  # fmt: skip
def test_wrong_arguments_are_refused_without_quoting_them(name, args):
    with pytest.raises(YurtError) as refused:
        OPERATORS[name].sql(exp.column("v"), args)
    assert refused.value.code == "MASK_BAD_ARGUMENTS"
    assert "OR 1" not in str(refused.value)


ARGUMENTS = {
    "generalise": {"level": "county"},
    "bucket": {"width": 5},
    "top_code": {"high": 9},
    "date_shift": {"subject": "s"},
    "fpe": {"preset": "id_card"},
    "surrogate": {"kind": "id_card"},
}


IN_QUERIES = [name for name, operator in OPERATORS.items() if not operator.files_only]


@pytest.mark.parametrize("dialect", ["duckdb", "postgres", "spark"])
@pytest.mark.parametrize("name", IN_QUERIES)
def test_an_operator_speaks_each_dialect(name, dialect):
    text = OPERATORS[name].sql(exp.column("v", table="t"), ARGUMENTS.get(name)).sql(dialect)
    assert sqlglot.parse_one(text, dialect=dialect)


@pytest.mark.parametrize("name", IN_QUERIES)
def test_null_stays_null_for_every_operator(engine, name):
    assert masked(engine, name, [None], ARGUMENTS.get(name), subjects=["s"]) == [None]


def test_the_column_expression_is_never_changed():
    column = exp.column("v", table="t")
    for name in IN_QUERIES:
        OPERATORS[name].sql(column, ARGUMENTS.get(name))
    assert column.sql() == "t.v"


def test_no_operator_claims_what_it_cannot_be():
    for operator in OPERATORS.values():
        assert operator.summary.endswith(".")
        assert operator.attack.endswith(".")
        assert operator.pushed_down <= (not operator.keyed)
        assert operator.reversible == (operator.name in {"keep", "fpe", "encrypt", "encrypt_siv"})
        assert operator.joinable == (operator.name in {"keep", "pseudonym", "fpe", "encrypt_siv"})
