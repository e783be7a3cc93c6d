"""Settings: defaults, then `<home>/yurt.toml`, then `YURT_…` in the environment; the later wins.

One object, read once at the edge (a command or a service) and passed down as plain values: no other module reads the
environment. Secrets are not settings; they live in `store.secrets`.
"""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

HOME_DEFAULT = Path(".yurt")


class EngineAt(BaseModel):
    """A data engine that an agency runs (docs/engines.md), and the datasets that are asked of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["postgres", "spark"]
    datasets: tuple[str, ...]
    host: str  # a name, an address, or (PostgreSQL) the folder of a Unix socket
    port: int = Field(0, ge=0, le=65535)  # 0: the usual one
    secret_file: Path  # mode 0600: the gateway's password, or the server's token
    certificates: Path | None = None  # authorities that may sign the server's certificate; PostgreSQL
    database: str = ""  # PostgreSQL
    db_schema: str = "public"  # PostgreSQL


class Settings(BaseSettings):
    """Everything an operator may set. Ports of 0 are chosen free at start and printed."""

    model_config = SettingsConfigDict(env_prefix="YURT_", extra="forbid", frozen=True)

    home: Path = Field(HOME_DEFAULT, description="Folder that holds all state: records, data, secrets, logs.")
    database_url: str = Field("", description="SQLAlchemy URL of the platform's records; empty: SQLite in the home.")
    host: str = Field("127.0.0.1", description="Address the hub's proxy listens on; everything else is loopback only.")
    port: int = Field(0, ge=0, le=65535, description="Port people open in the browser; 0: a free one.")
    sandbox_env: Path | None = Field(None, description="Python environment inside a jail; default under /opt/yurt.")
    spu_env: Path = Field(Path(".spu"), description="Python environment of the joint-computation engine.")
    node_modules: Path = Field(Path("node_modules"), description="Where npm put the hub's proxy and the page assets.")
    audit_hash: str = Field("sm3", pattern="^(sm3|sha256)$", description="Hash of the audit log: sm3 or sha256.")
    sandbox_memory: str = Field("2G", description="Memory one notebook sandbox may use.")
    sandbox_cpus: float = Field(1.0, gt=0, description="Processors one notebook sandbox may use.")
    sandbox_pids: int = Field(256, ge=16, description="Processes and threads one notebook sandbox may have.")
    sandbox_idle_s: int = Field(1800, ge=60, description="Seconds without activity after which a sandbox is stopped.")
    query_timeout_s: float = Field(30.0, gt=0, description="Seconds one query may run.")
    query_memory_mib: int = Field(1024, ge=128, description="Memory of one query engine process, in MiB.")
    query_threads: int = Field(2, ge=1, description="Threads of one query engine process.")
    query_concurrency: int = Field(4, ge=1, description="Queries that run at once; the others wait in a fair line.")
    query_concurrency_per_user: int = Field(2, ge=1, description="Queries of one person that run at once.")
    query_processes: int = Field(6, ge=1, description="Query engine processes, busy and idle ones together.")
    query_waiting: int = Field(400, ge=1, description="Queries that may wait in line; beyond it GATEWAY_BUSY.")
    filtered_copies_mib: int = Field(
        4096,
        ge=0,
        description="Disk for copies of files that hold the rows of one row filter, in MiB; 0: none are made.",
    )
    filtered_copies_from_kib: int = Field(1024, ge=0, description="Size of a file from which on such copies are made.")
    engines: dict[str, EngineAt] = Field(
        {}, description="Engines beside DuckDB and the datasets asked of each: docs/engines.md."
    )
    job_gpus: int = Field(0, ge=0, description="GPUs the scheduler may hand out on this machine.")
    name_model: str = Field(
        "",
        description="Reader of names in texts: an entry point or package.module:factory; empty: ours.",
    )
    language: str = Field("zh", pattern="^(zh|en)$", description="Language of pages for people who chose none.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then the TOML file of the home those two name."""
        named: dict[str, Any] = {**env_settings(), **init_settings()}
        toml = Path(named.get("home", HOME_DEFAULT)) / "yurt.toml"
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=toml)

    @property
    def records_url(self) -> str:
        """SQLAlchemy URL of the platform's records."""
        return self.database_url or f"sqlite:///{(self.home / 'records.sqlite').resolve()}"
