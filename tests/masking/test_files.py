"""Files as they arrive: encodings, wrong names, broken lines, nothing at all."""

from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from masking.encodings import encoding_of
from masking.files import open_tables
from store.errors import YurtError

TEXT = "姓名,电话\n张三,14207000001\n李四,14207000002\n"


def rows(path: Path, *, lenient: bool = False) -> list[tuple[object, ...]]:
    with open_tables(path, lenient=lenient) as tables:
        (relation,) = tables.relations.values()
        return [tuple(relation.columns), *relation.fetchall()]


def written(folder: Path, content: bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16", "utf-16-be", "utf-16-le"])
def test_text_is_read_in_the_encodings_governments_use(tmp_path, encoding):
    content = TEXT if "16-" not in encoding else TEXT.replace("姓名,电话", "name,tel" + "x" * 40)
    found = rows(written(tmp_path, content.encode(encoding)))
    assert found[1:] == [("张三", "14207000001"), ("李四", "14207000002")]


@pytest.mark.parametrize("sign", [",", "\t", ";", "|"])
def test_the_header_names_the_separator(tmp_path, sign):
    for encoding in ("utf-8", "gb18030"):
        assert rows(written(tmp_path, TEXT.replace(",", sign).encode(encoding)))[0] == ("姓名", "电话")


def test_a_character_of_another_encoding_far_down_is_noticed(tmp_path):
    content = TEXT.encode() + "王五,1\n".encode() * 400_000 + "赵六,2\n".encode("gb18030") * 200_000
    assert encoding_of(written(tmp_path, content)) is None


def test_what_a_file_is_its_bytes_say(tmp_path):
    assert rows(written(tmp_path, TEXT.encode(), "t.parquet"))[1] == ("张三", "14207000001")
    parquet.write_table(pa.table({"a": [1]}), tmp_path / "x.csv")
    assert rows(tmp_path / "x.csv") == [("a",), (1,)]
    with duckdb.connect(str(tmp_path / "y.duckdb")) as connection:
        connection.execute("CREATE TABLE t AS SELECT 2 AS b")
    (tmp_path / "y.duckdb").rename(tmp_path / "y.csv")
    assert rows(tmp_path / "y.csv") == [("b",), (2,)]


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x03\x04 a workbook", b"\x1f\x8b gzip", b"PAR1 cut off", b"12345678DUCK cut off" * 99, bytes(range(256))],
)
def test_what_is_no_table_is_refused_by_code(tmp_path, content):
    for lenient in (True, False):
        with pytest.raises(YurtError, match="MASK_BAD_FILE"):
            rows(written(tmp_path, content), lenient=lenient)


@pytest.mark.parametrize("where", [0, 3, 30_000])
def test_a_broken_line_stops_who_masks_and_is_counted_for_who_looks(tmp_path, where):
    path = written(tmp_path, b"a,b\n" + b"1,2\n" * where + b"1,2,3\n" + b"1,2\n" * 5)
    with pytest.raises(YurtError, match="MASK_BROKEN_LINES"):
        rows(path)
    with open_tables(path, lenient=True) as tables:
        assert tables.broken == 1
        assert tables.relations["t"].count("*").fetchall() == [(where + 5,)]


def test_comments_of_columns_are_read(tmp_path):
    with duckdb.connect(str(tmp_path / "t.duckdb")) as connection:
        connection.execute('CREATE TABLE "we""ird" AS SELECT 1 AS c1')
        connection.execute("""COMMENT ON COLUMN "we""ird".c1 IS '身份证号'""")
        connection.execute("CREATE SCHEMA s; CREATE TABLE s.t AS SELECT 2 AS c2; CREATE VIEW v AS SELECT 3 AS c3")
    with open_tables(tmp_path / "t.duckdb") as tables:
        assert set(tables.relations) == {'we"ird', "s.t"}
        assert tables.comments['we"ird'] == {"c1": "身份证号"}


def test_a_database_without_tables_is_no_table(tmp_path):
    duckdb.connect(str(tmp_path / "t.duckdb")).close()
    with pytest.raises(YurtError, match="MASK_BAD_FILE"):
        rows(tmp_path / "t.duckdb")


@given(content=st.binary(min_size=1, max_size=200))
@settings(max_examples=60, deadline=None)
def test_any_bytes_are_a_table_or_refused(tmp_path_factory, content):
    path = written(tmp_path_factory.mktemp("any"), content)
    try:
        rows(path, lenient=True)
    except YurtError as error:
        assert error.code in {"MASK_BAD_FILE", "MASK_BROKEN_LINES"}  # noqa: PT017
