"""What every operator offers to the agent that runs it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from mpc.channel import Mesh
from mpc.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Situation:
    """What an operator knows of the job and of the party it acts for."""

    manifest: Manifest
    digest: str
    me: str
    folder: Path  # the party's folder
    anchors: str  # the pinned certificates of all parties, PEM
    enter: Callable[[str], None]  # say which step begins


@dataclass(slots=True)
class Outcome:
    """What a party has at the end. `value` is set at the receiver only."""

    value: dict[str, Any] | None
    facts: dict[str, Any] = field(default_factory=dict)  # figures for the signed record; never data


class JointOperator(Protocol):
    """One party's part in one job."""

    def prepare(self) -> dict[str, Any]:
        """Read and check the party's own input, before any peer hears of it; return figures for the record."""

    async def run(self, mesh: Mesh) -> Outcome:
        """Compute with the peers."""
