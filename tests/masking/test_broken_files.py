"""Files that are broken, huge or empty, and places that cannot be written: a code, no row lost, nothing left over."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from masking.classify import suggest_table
from masking.risk import measure
from masking.synthesis import synthesise
from masking.table import TableReport, load_rules, mask_table
from store.errors import YurtError

KEY = b"0123456789abcdef"
EVERYTHING = load_rules("columns: {}\nothers: constant")
KEEP = load_rules("columns: {}\nothers: keep")


def masked(source: Path, target: Path) -> TableReport:
    return mask_table(KEEP, source, target, KEY)


def damaged_page(path: Path) -> None:
    """A Parquet file whose footer is whole and whose data is not."""
    parquet.write_table(pa.table({"a": [f"secret{n}" for n in range(50_000)]}), path, compression="zstd")
    content = bytearray(path.read_bytes())
    content[2000:6000] = bytes(4000)
    path.write_bytes(content)


def cut_parquet(path: Path) -> None:
    parquet.write_table(pa.table({"a": ["secret"] * 1000}), path)
    path.write_bytes(path.read_bytes()[:-20])


def cut_database(path: Path) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE t AS SELECT 'secret' || i AS a FROM range(100000) r(i)")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def bytes_of(content: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(content) and None


BROKEN: dict[str, tuple[Callable[[Path], None], str]] = {
    "empty": (lambda path: path.touch(), "MASK_BAD_FILE"),
    "a zero byte": (bytes_of(b"a,b\n1,sec\0ret\n"), "MASK_BAD_FILE"),
    "zero bytes alone": (bytes_of(bytes(5000)), "MASK_BAD_FILE"),
    "a damaged workbook": (bytes_of(b"PK\x03\x04" + b"secret" * 500), "MASK_BAD_FILE"),
    "an old workbook": (bytes_of(b"\xd0\xcf\x11\xe0" + b"secret" * 500), "MASK_BAD_FILE"),
    "a line with more fields": (bytes_of(b"a,b\n1,2\n1,2,secret\n"), "MASK_BROKEN_LINES"),
    "a line with fewer fields": (bytes_of(b"a,b,c\n1,2,3\nsecret\n"), "MASK_BROKEN_LINES"),
    "a quote never closed": (bytes_of(b'a,b\n1,"secret\n' + b"2,3\n" * 100), "MASK_BROKEN_LINES"),
    "a broken line in GB 18030": (bytes_of("姓名,号\n张三,1\n李四,2,3\n".encode("gb18030")), "MASK_BROKEN_LINES"),
    "a header with a broken quote": (bytes_of(b'"a"x,b\n1,2\n'), "MASK_BAD_FILE"),
    "half of GB 18030": (bytes_of("姓名\n张三\n".encode("gb18030") + b"\xff\xff\xd5"), "MASK_BAD_FILE"),
    "half of UTF-16": (bytes_of("姓名\n张三\n".encode("utf-16") + b"\xd8"), "MASK_BAD_FILE"),
    "a cell of 20 MiB": (bytes_of(b"a,b\n1," + b"x" * (20 << 20) + b"\n"), "MASK_BROKEN_LINES"),
    "a cut Parquet file": (cut_parquet, "MASK_BAD_FILE"),
    "a damaged page": (damaged_page, "MASK_BAD_FILE"),
    "a cut database": (cut_database, "MASK_BAD_FILE"),
    "a folder": (lambda path: path.mkdir(), "MASK_BAD_FILE"),
    "a device": (lambda path: path.symlink_to("/dev/zero"), "MASK_BAD_FILE"),
    "a pipe": (lambda path: os.mkfifo(path), "MASK_BAD_FILE"),
    "a link to nothing": (lambda path: path.symlink_to("nothing"), "MASK_BAD_FILE"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_gets_its_code_and_leaves_nothing(tmp_path: Path, kind):
    make, code = BROKEN[kind]
    source = tmp_path / "in.csv"
    make(source)
    with pytest.raises(YurtError) as refused:
        masked(source, tmp_path / "out.csv")
    assert refused.value.code == code
    assert "secret" not in f"{refused.value} {refused.value.__cause__}"
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


@pytest.mark.parametrize("kind", ["empty", "a zero byte", "a damaged workbook", "a cut Parquet file", "a folder"])
def test_whoever_only_looks_gets_the_same_code(tmp_path: Path, kind):
    make, code = BROKEN[kind]
    make(tmp_path / "in.csv")
    for look in (suggest_table, lambda path: measure(path, ["a"]), lambda path: synthesise(path, 5)):
        with pytest.raises(YurtError, match=code):
            look(tmp_path / "in.csv")


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("content", [b"id,name\n", b"id,name", b"\xef\xbb\xbfid,name\r\n"])
def test_a_header_alone_is_a_table_without_rows(tmp_path: Path, content, ending):
    (tmp_path / "in.csv").write_bytes(content)
    assert masked(tmp_path / "in.csv", tmp_path / f"out.{ending}").rows == 0
    made = duckdb.sql(f"SELECT * FROM '{tmp_path}/out.{ending}'")
    assert (made.columns, made.fetchall()) == (["id", "name"], [])


def test_ten_thousand_columns_are_masked(tmp_path: Path):
    names = [f"c{place}" for place in range(10_000)]
    (tmp_path / "in.csv").write_text(",".join(names) + "\n" + ",".join(names) + "\n")
    assert mask_table(EVERYTHING, tmp_path / "in.csv", tmp_path / "out.csv", KEY).rows == 1
    header, row = (tmp_path / "out.csv").read_text().splitlines()
    assert header.split(",") == names
    assert set(row.split(",")) == {"***"}


def test_a_cell_of_five_megabytes_comes_through(tmp_path: Path):
    (tmp_path / "in.csv").write_text("a,b\n1," + "长" * 1_700_000 + "\n")
    assert masked(tmp_path / "in.csv", tmp_path / "out.csv").rows == 1
    assert (tmp_path / "out.csv").read_text("utf-8") == (tmp_path / "in.csv").read_text("utf-8")


def test_a_link_to_a_file_is_followed_and_stays(tmp_path: Path):
    (tmp_path / "real.csv").write_text("a\n1\n")
    (tmp_path / "in.csv").symlink_to("real.csv")
    assert masked(tmp_path / "in.csv", tmp_path / "out.csv").rows == 1
    assert (tmp_path / "in.csv").is_symlink()


@pytest.mark.parametrize("make", ["itself", "link", "hard link", "folder"])
def test_the_source_is_never_overwritten(tmp_path: Path, make):
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("a\n1\n")
    if make == "itself":
        target = source
    elif make == "link":
        target.symlink_to(source)
    elif make == "hard link":
        target.hardlink_to(source)
    else:
        target.mkdir()
    with pytest.raises(YurtError, match="MASK_BAD_TARGET"):
        mask_table(EVERYTHING, source, target, KEY)
    assert source.read_text() == "a\n1\n"


FULL = """
import resource, sys
from pathlib import Path
from masking.table import load_rules, mask_table
from store.errors import YurtError
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    mask_table(load_rules("columns: {}\\nothers: keep"), Path(sys.argv[1]), Path(sys.argv[2]), b"0123456789abcdef")
except YurtError as error:
    print(error.code)
"""


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_full_disk_gets_its_code_and_keeps_what_was_there(tmp_path: Path, ending):
    """A limit on the size of files fails writes as a full disk does."""
    source, target = tmp_path / "in.csv", tmp_path / f"out.{ending}"
    source.write_text("a\n" + "".join(f"{os.urandom(20).hex()}\n" for _ in range(50_000)))
    target.write_text("an earlier result")
    done = subprocess.run([sys.executable, "-c", FULL, source, target], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "MASK_NOT_WRITTEN", done.stderr
    assert target.read_text() == "an earlier result"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", f"out.{ending}"]


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


ROWS = st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=20)


@given(ROWS, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "gb18030"]))
@settings(max_examples=40, deadline=None)
def test_no_cell_is_lost_or_changed_in_any_encoding(tmp_path_factory, cells, encoding):
    """Every cell quoted, as careful programs write them; an empty one is a missing value."""
    folder = tmp_path_factory.mktemp("cells")
    rows = [[f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row] for row in [("甲", "乙"), *cells]]
    quoted = "".join(",".join(row) + "\n" for row in rows)
    (folder / "in.csv").write_text(quoted, encoding, newline="")
    try:
        masked(folder / "in.csv", folder / "out.parquet")
    except YurtError as error:
        assert error.code in {"MASK_BAD_FILE", "MASK_BROKEN_LINES"}  # noqa: PT017
        return
    made = parquet.read_table(folder / "out.parquet").to_pydict()
    assert [(a or "", b or "") for a, b in zip(*made.values(), strict=True)] == cells
