"""The one interface behind which every data engine stands."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query may use."""

    timeout_s: float = 30.0
    max_rows: int = 10_001


@dataclass(frozen=True, slots=True)
class EngineLimits:
    """What the engine process may use as a whole."""

    memory_bytes: int = 1 << 30
    threads: int = 2
    files: int = 256


@dataclass(frozen=True, slots=True)
class Tables:
    """Where an engine finds its tables: a database file, or one file per table."""

    database: Path | None = None
    files: Mapping[str, Path] = field(default_factory=dict)


class Engine(Protocol):
    """Runs SQL that the policy has decided on, and nothing else."""

    def execute(self, sql: str, limits: Limits) -> Any:
        """The result as a `pyarrow.Table`. Raises ENGINE_… errors, whose texts are fixed."""

    def cancel(self) -> None:
        """Stop what is running; its caller gets ENGINE_CANCELLED."""

    def close(self) -> None:
        """End the engine."""
