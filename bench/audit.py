"""Appending to the audit log against appending the same bytes to a plain file, both on disk before they return."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from audit import AuditLog, EventName
from bench.measure import Row, in_turns

RECORDS = 50


def rows() -> Iterator[Row]:
    """Fifty records, one fsync each."""
    with tempfile.TemporaryDirectory(prefix="yurt-bench-") as folder:
        log = AuditLog(Path(folder) / "audit", bytes(32))
        plain = os.open(Path(folder) / "plain", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

        def audited() -> None:
            for _ in range(RECORDS):
                log.append(EventName.QUERY_DECIDED, actor="bench", subject="bench", outcome="allow", rows=17)

        def written() -> None:
            for _ in range(RECORDS):
                os.write(plain, b"x" * 300)
                os.fsync(plain)

        try:
            yield in_turns(f"{RECORDS} audit records", audited, "plain append and fsync", written)
        finally:
            os.close(plain)
