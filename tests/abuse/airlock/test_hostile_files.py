"""Abuse cases 35–37 and 39: bombs, polyglots, code in disguise and tricks with paths. None passes, none costs much."""

import gzip
import io
import json
import os
import pickle
import resource
import struct
import time
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from sandbox.airlock import InspectionLimits, Verdict, contained, inspect

pytestmark = pytest.mark.abuse


def put(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, pixels: bytes, *extra: bytes) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(extra) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def good_png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 64), "white").save(out, "PNG")
    return out.getvalue()


def zipped(name: str = "x.csv", data: bytes = b"a,b\n1,2\n") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, data)
    return out.getvalue()


def parquet(table: pa.Table, **options: object) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, **options)
    return out.getvalue()


class Thing:
    def __reduce__(self) -> tuple[object, ...]:
        return (os.getpid, ())


def npy_objects() -> bytes:
    out = io.BytesIO()
    np.save(out, np.array([Thing()], dtype=object), allow_pickle=True)
    return out.getvalue()


FOREIGN = {
    "pickle": pickle.dumps(Thing()),
    "npy": npy_objects(),
    "zip": zipped(),
    "xlsm": zipped("xl/vbaProject.bin", b"macro"),
    "gzip": gzip.compress(b"a,b\n1,2\n"),
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "html": b"<!DOCTYPE html><script>alert(1)</script>",
    "pdf": b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n",
    "elf": b"\x7fELF" + bytes(60),
    "shell": b"#!/bin/sh\ncat /data\n",
    "utf16": "a,b\n1,2\n".encode("utf-16"),
    "gb18030": "县,值\n赛罕区,1\n".encode("gb18030"),
}


@pytest.mark.parametrize("content", FOREIGN)
@pytest.mark.parametrize("disguise", ["csv", "json", "parquet", "png", "txt", "ipynb"])
def test_foreign_content_is_blocked_under_every_allowed_name(tmp_path: Path, content: str, disguise: str) -> None:
    assert inspect(put(tmp_path, f"result.{disguise}", FOREIGN[content])).verdict is Verdict.BLOCK


@pytest.mark.parametrize(
    "name",
    ["m.pkl", "m.joblib", "m.npy", "m.npz", "m.zip", "m.svg", "m.html", "m.xlsm", "m.xlsx", "m.pt", "m.rds", "m.h5",
     "m.gph", "m.pdf", "m.csv.gz", "m.exe", "m.py", "m.CSV.PKL"],
)  # fmt: skip
def test_types_not_on_the_list_are_blocked_whatever_they_hold(tmp_path: Path, name: str) -> None:
    result = inspect(put(tmp_path, name, b"metric,value\nauc,0.9\n"))
    assert (result.verdict, "TYPE_NOT_ALLOWED" in {f.code for f in result.findings}) == (Verdict.BLOCK, True)


POLYGLOTS = {
    "png+zip.png": good_png() + zipped(),
    "png+html.png": good_png() + b"<script>alert(1)</script>",
    "png with a zip inside.png": png(1, 1, zlib.compress(b"\0\0\0\0"), chunk(b"tEXt", b"c\0" + zipped())),
    "png with a private part.png": png(1, 1, zlib.compress(b"\0\0\0\0"), chunk(b"prIv", b"hidden")),
    "png with a second film.png": png(1, 1, zlib.compress(b"\0\0\0\0"), chunk(b"acTL", bytes(8))),
    "png with bytes behind the pixels.png": png(1, 1, zlib.compress(b"\0\0\0\0") + b"hidden"),
    "csv+zip.csv": b"a,b\n1,2\n" + zipped(),
    "csv+html.csv": b"a,b\n<script>alert(1)</script>,2\n",
    "csv+pdf.csv": b"%PDF-1.7,a\n1,2\n",
    "parquet+zip.parquet": parquet(pa.table({"m": [1]})) + zipped(),
    "parquet with a gap.parquet": b"PAR1" + b"hidden" * 9 + parquet(pa.table({"m": [1, 2]}))[4:],
}


@pytest.mark.parametrize("name", POLYGLOTS)
def test_polyglots_are_blocked(tmp_path: Path, name: str) -> None:
    assert inspect(put(tmp_path, name, POLYGLOTS[name])).verdict is Verdict.BLOCK


def many_rows() -> bytes:
    return parquet(pa.table({"m": pa.array(np.zeros(20_000_000, dtype=np.int8))}))


def wide_strings() -> bytes:
    """Few rows, huge cells: 4,000 rows of one repeated 256 KiB string are 1 GB unpacked."""
    return parquet(pa.table({"m": pa.DictionaryArray.from_arrays(pa.array([0] * 4000), ["x" * (256 << 10)])}))


BOMBS = {
    "png.png": lambda: png(100, 100, zlib.compress(bytes(300_000_000), 9)),
    "pixels.png": lambda: png(65_000, 65_000, zlib.compress(bytes(1_000_000))),
    "text.png": lambda: png(
        1, 1, zlib.compress(b"\0\0\0\0"), chunk(b"zTXt", b"c\0\0" + zlib.compress(bytes(200_000_000), 9))
    ),
    "gzip.csv": lambda: gzip.compress(bytes(200_000_000)),
    "rows.parquet": many_rows,
    "cells.parquet": wide_strings,
    "columns.csv": lambda: b",".join([b"a"] * 400_000) + b"\n",
    "depth.json": lambda: b"[" * 2_000_000,
    "digits.json": lambda: b"9" * 10_000_000,
    "one_cell.csv": lambda: b"a\n" + b"x" * 12_000_000,
    "quotes.csv": lambda: b'a\n"' + b'""' * 5_000_000 + b'"\n',
    "lines.txt": lambda: b"\n" * 60_000,
    "base64.txt": lambda: b"aB3" * 20_000,
    "large.csv": lambda: b"a,b\n" + b"1,2\n" * 5_000_000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_contained(tmp_path: Path, name: str) -> None:
    path = put(tmp_path, name, BOMBS[name]())
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    result = inspect(path)
    used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    assert result.verdict is not Verdict.PASS
    assert result.verdict is Verdict.BLOCK or name in ("base64.txt", "lines.txt")
    assert used < InspectionLimits().cpu_s + 1


def test_a_reader_that_never_ends_is_stopped(tmp_path: Path) -> None:
    path = put(tmp_path, "m.csv", b"metric,value\n" + b"auc,0.9\n" * 4000)
    started = time.monotonic()
    result = inspect(path, limits=InspectionLimits(wall_s=0.05))
    assert [f.code for f in result.findings] == ["INSPECTION_LIMIT"]
    assert time.monotonic() - started < 10


def test_a_reader_out_of_memory_blocks(tmp_path: Path) -> None:
    path = put(tmp_path, "m.json", json.dumps([[i] for i in range(400_000)]).encode())
    result = inspect(path, limits=InspectionLimits(memory_bytes=420 << 20))
    assert result.verdict is Verdict.BLOCK


def test_links_devices_folders_and_pipes_are_not_files(tmp_path: Path) -> None:
    put(tmp_path, "real.csv", b"metric,value\nauc,0.9\n")
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    (tmp_path / "folder.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    for path in ("link.csv", "folder.csv", "pipe.csv", "missing.csv"):
        result = inspect(tmp_path / path)
        assert [(f.code, result.verdict) for f in result.findings] == [("NOT_A_FILE", Verdict.BLOCK)], path
    assert inspect("/dev/zero").findings[0].code == "NOT_A_FILE"
    assert inspect("/proc/self/environ").verdict is Verdict.BLOCK


def test_a_name_cannot_climb(tmp_path: Path) -> None:
    path = put(tmp_path, "m.csv", b"metric,value\nauc,0.9\n")
    for name in ("../../etc/cron.d/x.csv", "a/../b.csv", "..csv", "a\0b.csv", "a\nb.csv", "a\u202eb.csv"):
        assert "NAME_CHARACTERS" in {f.code for f in inspect(path, name=name).findings}, name


def test_a_file_swapped_during_inspection_is_judged_by_its_digest(tmp_path: Path) -> None:
    path = put(tmp_path, "m.csv", b"metric,value\nauc,0.9\n")
    with contained.sealed_copy(path, InspectionLimits()) as copy:
        path.write_bytes(b"id\n11010519491231002X\n")
        assert os.pread(copy.fd, 100, 0) == b"metric,value\nauc,0.9\n"
        with pytest.raises(PermissionError):
            os.pwrite(copy.fd, b"x", 0)
    assert inspect(path).digest != copy.digest


PROBE = """
import json, os, socket, subprocess, sys
sys.path.insert(0, {root!r})
from sandbox.airlock.confine import deny_system_calls, limit_resources
from sandbox.airlock.limits import InspectionLimits
limit_resources(InspectionLimits(), 0)
deny_system_calls()
def tried(action):
    try:
        action()
    except OSError as error:
        return error.errno
    except MemoryError:
        return "memory"
    return "done"
print(json.dumps([
    tried(lambda: socket.socket()),
    tried(lambda: subprocess.run(["/bin/true"])),
    tried(lambda: os.fork()),
    tried(lambda: os.open({target!r}, os.O_WRONLY | os.O_CREAT)),
    tried(lambda: os.unlink({target!r})),
    tried(lambda: os.kill(1, 0)),
    tried(lambda: bytearray(2 << 30)),
]))
"""


def test_a_taken_over_reader_can_do_nothing(tmp_path: Path) -> None:
    """The confined process itself: no sockets, programs, processes, files, signals, or memory beyond its limit."""
    import subprocess
    import sys

    root = str(Path(__file__).parents[3])
    probe = PROBE.format(root=root, target=str(tmp_path / "x"))
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout) == [1, 1, 1, 1, 1, 1, "memory"]


@pytest.mark.parametrize(
    "answer", [None, {}, [["NOT_A_CODE", "file"]], [["IDENTITY", "value: 11010519491231002X!"]], [["IDENTITY"]], "pass"]
)
def test_answers_of_a_taken_over_reader_are_not_believed(answer: object) -> None:
    from sandbox.airlock.inspect import _believe

    assert [f.code for f in _believe(answer)] == ["INSPECTION_FAILED"]
