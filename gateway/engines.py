"""The engines of a gateway: one per set of dataset versions, over a bounded number of processes."""

from collections.abc import Mapping
from pathlib import Path

from gateway.duckdb import DuckDBEngine, Processes
from gateway.engine import Engine, EngineLimits, Tables

MOST = 6
"""Engine processes at once; memory is bounded by so many times what one may use."""


class EnginePool:
    """Engines by the files they hold, so that an engine holds no file its project may not use."""

    def __init__(self, root_key: bytes, limits: EngineLimits, most: int = MOST) -> None:
        self._processes = Processes(most, limits, root_key)

    def engine(self, files: Mapping[str, Path]) -> Engine:
        """The engine over exactly these tables."""
        return DuckDBEngine(Tables(files=dict(files)), processes=self._processes)

    def close(self) -> None:
        """End every engine."""
        self._processes.close()
