"""What the spawner tells a door, as one JSON value in one environment variable."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from sandbox.errors import HUB_CONFIG_INVALID
from sandbox.profile import NOTEBOOK, Limits, Profile
from store.errors import YurtError

VARIABLE = "YURT_DOOR"


@dataclass(frozen=True, slots=True)
class Ticket:
    """One sandbox to open. Holds no secret: the sandbox's token comes in JupyterHub's own variable."""

    instance: str  # the platform, for control groups
    environment: str  # Python environment of the sandboxes
    home: str  # folder of this person and project, shown writable as the home
    run: str  # folder for this sandbox's sockets, made and removed by the door
    gateway_url: str  # where the gateway listens on loopback
    limits: Limits

    def dump(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def load(cls, variables: Mapping[str, str] = os.environ) -> Self:
        """From the environment. Raises HUB_CONFIG_INVALID."""
        try:
            fields = json.loads(variables[VARIABLE])
            return cls(**{**fields, "limits": Limits(**fields["limits"])})
        except (KeyError, TypeError, ValueError) as error:
            hint = "Doors are opened by the hub's spawner."
            raise YurtError(HUB_CONFIG_INVALID, why=f"{VARIABLE} is not a ticket", hint=hint) from error

    @property
    def profile(self) -> Profile:
        """The notebook profile."""
        return NOTEBOOK

    @property
    def server_folder(self) -> Path:
        """Written by the jail: its server's socket."""
        return Path(self.run) / "server"

    @property
    def gateway_folder(self) -> Path:
        """Written by the door, read-only in the jail: the socket that leads to the gateway."""
        return Path(self.run) / "gateway"
