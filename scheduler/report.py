"""What comes back from a run: how it ended, in few classes, and what it used."""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How a run ended, as its author may know it: an exit status of 8 bits would be 8 bits out of the jail per run."""

    FINISHED = "finished"
    FAILED = "failed"  # the script ended with an error, or left an expected output out
    OUT_OF_TIME = "out_of_time"
    OUT_OF_MEMORY = "out_of_memory"
    CANCELLED = "cancelled"
    REFUSED = "refused"  # never started: something was not what was approved
    BROKEN = "broken"  # the platform failed, not the job


@dataclass(frozen=True, slots=True)
class Output:
    """One file in the hand-over folder."""

    name: str
    digest: str  # SHA-256
    size: int  # bytes


@dataclass(frozen=True, slots=True)
class Report:
    """One run."""

    outcome: Outcome
    code: str | None = None  # error code behind REFUSED or BROKEN
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_memory_bytes: int = 0
    outputs: tuple[Output, ...] = ()
    log_bytes: int = 0  # of the sealed log
