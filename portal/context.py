"""The platform as the portal holds it: settings, records, log, secrets, the hub, and the folders of its state."""

from dataclasses import dataclass
from pathlib import Path

from audit import AuditLog
from audit.home import open_log
from portal.hub import Hub
from store.database import Database
from store.secrets import Secrets
from store.settings import Settings

FOLDERS = ("data", "vault", "jobs", "blobs", "joint", "incoming")


@dataclass(frozen=True, slots=True)
class Platform:
    """What every action and view is given. `hub` is None where no hub runs (commands, tests)."""

    settings: Settings
    database: Database
    audit: AuditLog
    secrets: Secrets
    hub: Hub | None = None

    @classmethod
    def open(cls, settings: Settings, hub: Hub | None = None) -> "Platform":
        """Open the state under `settings.home`, making folders, secrets and tables that are missing."""
        import portal.models  # noqa: F401  every table must be declared before anything is asked of the records

        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in FOLDERS:
            (settings.home / name).mkdir(mode=0o700, exist_ok=True)
        secrets = Secrets(settings.home / "secrets")
        database = Database(settings.records_url)
        database.migrate()
        return cls(settings, database, open_log(settings, secrets), secrets, hub)

    @property
    def data(self) -> Path:
        """Dataset files, read by engines only."""
        return self.settings.home / "data"

    @property
    def vault(self) -> Path:
        """Outputs waiting for or past review."""
        return self.settings.home / "vault"

    @property
    def jobs(self) -> Path:
        """Job folders, each with what the job handed over."""
        return self.settings.home / "jobs"

    @property
    def blobs(self) -> Path:
        """Scripts and dataset copies under their digests, as the compute daemon reads them."""
        return self.settings.home / "blobs"

    @property
    def joint(self) -> Path:
        """Folders of joint computations, one per job."""
        return self.settings.home / "joint"

    @property
    def incoming(self) -> Path:
        """Uploads while they arrive."""
        return self.settings.home / "incoming"

    def close(self) -> None:
        """Close connections."""
        self.database.close()
        if self.hub is not None:
            self.hub.close()
