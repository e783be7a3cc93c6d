"""What is appended can be verified, and what was changed is found and located."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit import AuditLog, EventName, LogBroken, verify_log
from audit.log import read_records

KEY = bytes(range(32))


def fill(folder: Path, count: int) -> AuditLog:
    log = AuditLog(folder, KEY)
    for number in range(count):
        log.append(EventName.QUERY_DECIDED, actor="researcher", subject=f"query-{number}", outcome="allow")
    return log


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> AuditLog:
    return fill(tmp_path_factory.mktemp("audit"), 20)


def test_a_whole_log_verifies_against_its_checkpoint(written: AuditLog) -> None:
    summary = verify_log(written.path, written.checkpoint_path, written.key_path)
    assert (summary.records, summary.checkpoint_size) == (20, 20)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.data())
def test_one_flipped_bit_anywhere_is_found_in_its_record(
    written: AuditLog, tmp_path: Path, data: st.DataObject
) -> None:
    content = bytearray(written.path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= 1 << data.draw(st.integers(0, 7))
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(content)
    with pytest.raises(LogBroken) as broken:
        verify_log(copy, written.checkpoint_path, written.key_path)
    assert broken.value.position == written.path.read_bytes()[:place].count(b"\n")


def test_a_removed_record_is_located(written: AuditLog, tmp_path: Path) -> None:
    lines = written.path.read_bytes().splitlines(keepends=True)
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(b"".join(lines[:7] + lines[8:]))
    with pytest.raises(LogBroken) as broken:
        verify_log(copy)
    assert broken.value.position == 7


def test_a_cut_tail_is_noticed_by_a_checkpoint(written: AuditLog, tmp_path: Path) -> None:
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(b"".join(written.path.read_bytes().splitlines(keepends=True)[:15]))
    assert verify_log(copy).records == 15
    with pytest.raises(LogBroken) as broken:
        verify_log(copy, written.checkpoint_path)
    assert broken.value.position == 15


def test_a_rewritten_log_does_not_fit_an_earlier_checkpoint(written: AuditLog, tmp_path: Path) -> None:
    other = AuditLog(tmp_path / "other", KEY)
    for number in range(20):
        other.append(EventName.QUERY_DECIDED, actor="somebody", subject=f"query-{number}", outcome="allow")
    with pytest.raises(LogBroken, match="not those the checkpoint was signed over"):
        verify_log(other.path, written.checkpoint_path, written.key_path)


def test_a_checkpoint_signed_by_another_key_is_refused(written: AuditLog, tmp_path: Path) -> None:
    other = AuditLog(tmp_path / "other", bytes(32))
    with pytest.raises(LogBroken, match="signature"):
        verify_log(written.path, written.checkpoint_path, other.key_path)


APPEND_MANY = """
import sys
from pathlib import Path
from audit import AuditLog, EventName
log = AuditLog(Path(sys.argv[1]), bytes(range(32)))
for number in range(25):
    log.append(EventName.JOB_STARTED, actor=sys.argv[2], subject=str(number))
"""


def test_processes_append_side_by_side_without_gaps(tmp_path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", APPEND_MANY, str(tmp_path), name]) for name in ("a", "b", "c")]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    assert verify_log(tmp_path / "log.jsonl", tmp_path / "checkpoint", tmp_path / "key").records == 75


def test_a_torn_last_line_is_cut_and_the_log_goes_on(tmp_path: Path) -> None:
    log = fill(tmp_path, 3)
    with log.path.open("ab") as file:
        file.write(b'{"hash":"torn')
    AuditLog(tmp_path, KEY).append(EventName.JOB_STARTED, actor="a", subject="b")
    assert [record["index"] for record in read_records(log.path)] == [0, 1, 2, 3]


def test_nothing_is_appended_to_a_log_that_was_changed(tmp_path: Path) -> None:
    log = fill(tmp_path, 3)
    log.path.write_bytes(log.path.read_bytes().replace(b"query-1", b"query-9"))
    with pytest.raises(LogBroken):
        AuditLog(tmp_path, KEY).append(EventName.JOB_STARTED, actor="a", subject="b")


def test_a_record_is_canonical_json(written: AuditLog) -> None:
    line = written.path.read_text().splitlines()[3]
    assert json.loads(line)["record"]["details"] == {"outcome": "allow"}
    assert '"record":{"actor":' in line
