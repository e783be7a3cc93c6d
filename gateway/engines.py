"""One locked engine process per set of dataset versions, so that an engine holds no file its project may not use."""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

from gateway.duckdb import DuckDBEngine
from gateway.engine import EngineLimits, Tables

KEPT = 4


class EnginePool:
    """Engines by the files they hold, the least recently used one ended when a fifth is needed."""

    def __init__(self, root_key: bytes, limits: EngineLimits) -> None:
        self._root_key, self._limits = root_key, limits
        self._engines: OrderedDict[tuple[tuple[str, Path], ...], DuckDBEngine] = OrderedDict()
        self._lock = threading.Lock()

    def engine(self, files: Mapping[str, Path]) -> DuckDBEngine:
        """The engine over exactly these tables. Raises ENGINE_UNAVAILABLE."""
        key = tuple(sorted(files.items()))
        with self._lock:
            if key not in self._engines:
                self._engines[key] = DuckDBEngine(Tables(files=dict(key)), self._limits, self._root_key)
            self._engines.move_to_end(key)
            while len(self._engines) > KEPT:
                self._engines.popitem(last=False)[1].close()
            return self._engines[key]

    def close(self) -> None:
        """End every engine."""
        with self._lock:
            for engine in self._engines.values():
                engine.close()
            self._engines.clear()
