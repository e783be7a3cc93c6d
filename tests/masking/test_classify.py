"""Suggestions for real tables with English names, the synthetic register under several names, hostile files."""

from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from masking.classify import suggest_table, table_grade
from masking.columns import by_name, tokens
from masking.identifiers import synthetic_residents
from store.errors import YurtError

CENSUS = pa.table(
    {
        "age": ["39", "50", "38", "53"] * 30,
        "workclass": ["State-gov", "Private", "?", "Private"] * 30,
        "fnlwgt": [str(70000 + 37 * i) for i in range(120)],
        "education": ["Bachelors", "HS-grad", "11th", "Masters"] * 30,
        "marital_status": ["Never-married", "Divorced"] * 60,
        "occupation": ["Adm-clerical", "Sales"] * 60,
        "race": ["White", "Black"] * 60,
        "sex": ["Male", "Female"] * 60,
        "capital_gain": ["2174", "0"] * 60,
        "hours_per_week": ["40", "13"] * 60,
        "native_country": ["United-States", "Mexico"] * 60,
        "income": ["<=50K", ">50K"] * 60,
    }
)
ENCOUNTERS = pa.table(
    {
        "encounter_id": [str(2278392 + 11 * i) for i in range(60)],
        "patient_nbr": [str(8222157 + 7 * (i // 2)) for i in range(60)],
        "race": ["Caucasian", "AfricanAmerican"] * 30,
        "gender": ["Female", "Male"] * 30,
        "age": ["[0-10)", "[10-20)"] * 30,
        "metformin": ["No", "Steady"] * 30,
        "readmitted": ["NO", ">30"] * 30,
    }
)


def roles(source: object) -> dict[str, str]:
    return {s.column: s.role for s in suggest_table(source)}


def types(source: object) -> dict[str, str | None]:
    return {s.column: s.type for s in suggest_table(source)}


def test_a_census_in_english_has_quasi_identifiers_and_an_income():
    assert roles(CENSUS) == {
        "age": "quasi", "workclass": "quasi", "fnlwgt": "other", "education": "quasi", "marital_status": "quasi",
        "occupation": "quasi", "race": "quasi", "sex": "quasi", "capital_gain": "sensitive", "hours_per_week": "other",
        "native_country": "quasi", "income": "sensitive",
    }  # fmt: skip
    assert table_grade(suggest_table(CENSUS)) == 4


def test_what_stands_beside_a_patient_number_is_health_data():
    assert roles(ENCOUNTERS) == {
        "encounter_id": "direct", "patient_nbr": "direct", "race": "quasi", "gender": "quasi", "age": "quasi",
        "metformin": "sensitive", "readmitted": "sensitive",
    }  # fmt: skip


def test_an_operator_for_numbers_is_not_suggested_for_bands():
    operators = {s.column: s.operator for s in suggest_table(CENSUS)}
    assert operators["income"] == "keep"
    assert operators["capital_gain"] == "bucket"
    assert {s.column: s.operator for s in suggest_table(ENCOUNTERS)}["age"] == "keep"


@pytest.mark.parametrize(
    "named",
    [
        ["id_no", "name", "phone", "address", "birth_date", "gender", "county_code"],
        ["sfzh", "xm", "lxdh", "dz", "csrq", "xb", "xzqh"],
        ["身份证号", "姓名", "联系电话", "家庭住址", "出生日期", "性别", "行政区划"],
        ["idCard", "realName", "mobilePhone", "homeAddress", "dateOfBirth", "sex", "areaCode"],
    ],
)
def test_the_register_is_read_under_any_names(named):
    found = suggest_table(synthetic_residents(300, seed=2).rename_columns(named))
    assert [s.type for s in found] == [
        "CN_ID_CARD", "PERSON", "CN_MOBILE", "ADDRESS", "DATE_OF_BIRTH", "GENDER", "REGION"
    ]  # fmt: skip
    assert [s.role for s in found] == ["direct"] * 4 + ["quasi"] * 3
    assert [s.grade for s in found] == [4, 3, 3, 3, 3, 3, 2]


def test_values_speak_where_names_are_silent():
    found = types(synthetic_residents(300, seed=2).rename_columns(list("abcdefg")))
    assert [found[name] for name in "abcdfg"] == ["CN_ID_CARD", "PERSON", "CN_MOBILE", "ADDRESS", "GENDER", "REGION"]


def test_free_text_with_identifiers_is_to_be_redacted():
    notes = [f"来电人反映供暖问题，回电13947{i:06d}，请尽快办理并答复" for i in range(40)]
    (found,) = suggest_table(pa.table({"content": notes}))
    assert (found.type, found.operator, found.role) == ("FREE_TEXT", "redact_text", "direct")


def test_evidence_holds_no_value():
    residents = synthetic_residents(200, seed=5)
    evidence = " ".join(s.evidence for s in suggest_table(residents))
    for column in ("id_no", "name", "phone", "address"):
        assert not any(value in evidence for value in residents[column].to_pylist())


def test_a_wrong_name_does_not_make_a_number_a_phone():
    assert types(pa.table({"phone_count": ["1", "2", "3"] * 9}))["phone_count"] != "CN_MOBILE"


def test_every_kind_of_file_is_read(tmp_path: Path):
    residents = synthetic_residents(60, seed=1)
    connection = duckdb.connect(str(tmp_path / "register.duckdb"))
    connection.register("source", residents)
    connection.execute("CREATE TABLE residents AS FROM source")
    connection.execute("COPY residents TO $path (FORMAT parquet)", {"path": str(tmp_path / "register.parquet")})
    connection.execute("COPY residents TO $path (HEADER)", {"path": str(tmp_path / "register.csv")})
    connection.close()
    chinese = "身份证号,姓名\n" + "\n".join(f"{r['id_no']},{r['name']}" for r in residents.to_pylist())
    (tmp_path / "old.csv").write_bytes(chinese.encode("gb18030"))
    for name, table in (
        ("register.duckdb", "residents"),
        ("register.parquet", "register"),
        ("register.csv", "register"),
    ):
        found = suggest_table(tmp_path / name)
        assert found[0].table == table
        assert found[0].type == "CN_ID_CARD"
    assert types(tmp_path / "old.csv") == {"身份证号": "CN_ID_CARD", "姓名": "PERSON"}


@pytest.mark.parametrize("content", [b"", None, b"PAR1 broken"])
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, content):
    path = tmp_path / "x.parquet"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(YurtError, match="MASK_BAD_FILE"):
        suggest_table(path)


def test_an_empty_table_still_gets_suggestions():
    assert types(pa.table({"身份证号": pa.array([], pa.string())})) == {"身份证号": "CN_ID_CARD"}


def test_names_split_into_words():
    assert tokens("homeAddress2_CN") == ["home", "address2", "cn"]
    assert by_name("legal_rep_phone")[0].name == "CN_MOBILE"
    assert by_name("zzz") is None


DIRT = ("无", "-", "N/A", "待核实", "1234")


def dirty(values: list[str], every: int = 3) -> list[str]:
    return [DIRT[turn % len(DIRT)] if turn % every == 0 else value for turn, value in enumerate(values)]


def test_a_third_of_dirt_hides_no_identifier():
    made = synthetic_residents(300, seed=6).to_pydict()
    names = {"c1": "id_no", "c2": "phone", "hzxm": "name", "c4": "address"}
    found = types(pa.table({column: dirty(made[name]) for column, name in names.items()}))
    assert found == {"c1": "CN_ID_CARD", "c2": "CN_MOBILE", "hzxm": "PERSON", "c4": "ADDRESS"}


def test_a_few_identifiers_among_codes_make_the_column_one_to_redact():
    ids = synthetic_residents(300, seed=6)["id_no"].to_pylist()
    (found,) = suggest_table(pa.table({"c": [ids[i] if i % 12 == 0 else f"A{i:07d}" for i in range(300)]}))
    assert (found.type, found.role, found.grade, found.operator) == ("MIXED", "direct", 4, "redact_text")


def test_numbers_that_pass_a_check_digit_by_chance_are_no_identifiers():
    assert types(pa.table({"c": [str(6222000000000000000 + 7919 * i) for i in range(300)]})) != {"c": "CN_BANK_CARD"}


@pytest.mark.parametrize("kind", [pa.int64(), pa.float64(), pa.decimal128(20, 0), pa.decimal128(22, 2)])
def test_identifiers_a_spreadsheet_made_numbers_of_are_seen(kind):
    phones = pa.array([int(p) for p in synthetic_residents(200, seed=7)["phone"].to_pylist()], pa.int64()).cast(kind)
    assert types(pa.table({"c": phones})) == {"c": "CN_MOBILE"}


@pytest.mark.parametrize("written", ["{}.0", "'{}", " {} ", "+86 {}", "{}\u200b"])
def test_what_programs_put_around_values_is_taken_off(written):
    phones = [written.format(p) for p in synthetic_residents(200, seed=7)["phone"].to_pylist()]
    assert types(pa.table({"c": phones})) == {"c": "CN_MOBILE"}


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ("hzxm", "PERSON"), ("jhrdh", "CN_MOBILE"), ("frsfz", "CN_ID_CARD"), ("csrq", "DATE_OF_BIRTH"),
        ("lxdh2", "CN_MOBILE"), ("申请人电话", "CN_MOBILE"), ("与户主关系", "RELATIONSHIP"),
        ("父亲身份证号", "CN_ID_CARD"), ("emp_nm", "PERSON"), ("cust_tel1", "CN_MOBILE"), ("homeAddr", "ADDRESS"),
        ("IP地址", "IP_ADDRESS"),
        ("姓名（必填）", "PERSON"), ("t_person.sfzh", "CN_ID_CARD"), ("学籍号", "STUDENT_NO"), ("经度", "GEO_POINT"),
    ],
)  # fmt: skip
def test_names_of_columns_are_understood(column, kind):
    assert by_name(column)[0].name == kind


@pytest.mark.parametrize("column", ["证件类型", "手机型号", "product_name", "电话费", "page", "status", "usage"])
def test_a_telling_word_inside_another_word_says_nothing(column):
    assert by_name(column) is None


def test_a_column_named_after_patients_need_not_hold_their_names():
    assert types(pa.table({"患者来源": ["门诊", "急诊"] * 40})) == {"患者来源": None}


def test_a_comment_speaks_where_the_name_is_silent():
    field = pa.field("c1", pa.string(), metadata={"comment": "患者姓名"})
    names = synthetic_residents(60, seed=8)["name"]
    assert types(pa.table([names], schema=pa.schema([field]))) == {"c1": "PERSON"}


def test_a_column_without_values_is_judged_by_its_name():
    found = suggest_table(pa.table({"身份证号": pa.nulls(50, pa.string()), "x": pa.nulls(50)}))
    assert [(s.type, s.missing, s.rows) for s in found] == [("CN_ID_CARD", 50, 50), (None, 50, 50)]
