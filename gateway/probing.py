"""What the engine is asked before an answer, and what it found: over the same data a question finds the same again.

A statistic is compared with every earlier one of its project each time it is asked. What such a comparison finds
depends on its SQL and on the data alone, so it is remembered by both. Only here are probes sent to an engine.
"""

import hashlib
import threading
from collections import OrderedDict
from dataclasses import replace
from typing import Any

from gateway.engine import Engine, Limits, Stop

_Key = tuple[str, bytes]

MOST_BYTES = 64 << 20
"""Of all findings kept; the one unused longest is forgotten first."""
_MOVING = "CURRENT_"
"""In the SQL of whatever depends on when it is asked (CURRENT_DATE, CURRENT_TIMESTAMP); the check lets in no other."""
_OVERHEAD = 1024
"""Bytes an empty finding is counted as; nearly all probes find nothing."""


class ProbeMemory:
    """Findings (`pyarrow.Table`) by version of the data. Safe to share between threads; keeps digests of probes."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most, self._bytes = most_bytes, 0
        self._found: OrderedDict[_Key, Any] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, version: str, sql: str) -> Any:
        """What the probe found over that version; None where it is not known."""
        key = _key(version, sql)
        with self._lock:
            found = self._found.get(key)
            if found is not None:
                self._found.move_to_end(key)
            return found

    def put(self, version: str, sql: str, table: Any) -> None:
        """Remember what it found, unless it is large beside all that may be kept."""
        if _size(table) > self._most // 16:
            return
        key = _key(version, sql)
        with self._lock:
            before = self._found.pop(key, None)
            self._bytes += _size(table) - (_size(before) if before is not None else 0)
            self._found[key] = table
            while self._bytes > self._most:
                self._bytes -= _size(self._found.popitem(last=False)[1])

    def __len__(self) -> int:
        return len(self._found)


class Prober:
    """Asks an engine on behalf of one question. With a `memory` and a `version` that stands for the very data, it asks
    what was never asked before."""

    def __init__(
        self, engine: Engine, limits: Limits, stop: Stop | None = None, memory: ProbeMemory | None = None,
        version: str = "",
    ) -> None:  # fmt: skip
        self._engine, self._limits, self._stop = engine, limits, stop
        self._memory, self._version = memory, version

    def ask(self, sql: str, most: int) -> Any:
        """What the probe finds, a `pyarrow.Table` cut off soon after `most` rows. Raises ENGINE_… errors."""
        memory = None if moving(sql) else self._memory
        known = memory.get(self._version, sql) if memory is not None else None
        if known is not None:
            return known
        table = self._engine.execute(sql, replace(self._limits, max_rows=most), self._stop)
        if table.num_rows < most and memory is not None:  # else it may have been cut off
            memory.put(self._version, sql, table)
        return table


def moving(sql: str) -> bool:
    """Does what the query finds depend on when it is asked."""
    return _MOVING in sql.upper()


def _key(version: str, sql: str) -> _Key:
    return version, hashlib.sha256(sql.encode()).digest()


def _size(table: Any) -> int:
    return int(table.nbytes) + _OVERHEAD
