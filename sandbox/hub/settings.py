"""The hub's settings, read from one JSON file, and what they mean in JupyterHub's own terms.

Secrets are not in the file: it names files of mode 0600 that hold them.
"""

import importlib
import json
import os
import stat
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sandbox.errors import HUB_CONFIG_INVALID
from sandbox.profile import Limits, parse_bytes
from store.errors import YurtError

VARIABLE = "YURT_HUB_CONFIG"
PORTAL = "portal"
_KEY_FILE_HINT = "Make it a file of mode 0600 with one line of at least 32 characters."
_HOUR = 3600


class SandboxLimits(BaseModel):
    """What one notebook sandbox may use."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    memory: str = "2G"
    cpus: float = 1.0
    pids: int = 256
    tmp: str = "256M"

    def limits(self) -> Limits:
        """In bytes. Raises JAIL_LIMITS_INVALID."""
        return Limits(parse_bytes(self.memory), self.cpus, self.pids, parse_bytes(self.tmp))


class HubSettings(BaseModel):
    """Everything the hub needs to know."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    instance: str = Field(pattern=r"^[a-zA-Z0-9_.-]{1,64}$", description="Name of the platform, for control groups.")
    home: Path = Field(description="Folder of the hub's database, cookie secret and process id files.")
    sandboxes: Path = Field(description="Folder that holds a home per person and project.")
    run: Path = Field(description="Folder for the sandboxes' sockets, such as /run/yurt/<instance>.")
    environment: Path = Field(description="Python environment of the sandboxes (sandbox.environment).")
    host: str = Field("127.0.0.1", description="Address the proxy listens on.")
    port: int = Field(ge=1, le=65535, description="Port people open in the browser.")
    hub_port: int = Field(ge=1, le=65535, description="Port of the hub itself, on loopback.")
    proxy_api_port: int = Field(ge=1, le=65535, description="Port of the proxy's own API, on loopback.")
    base_url: str = Field("/", pattern=r"^/([\w.-]+/)*$", description="Path in front of everything.")
    proxy_command: list[str] = Field(min_length=1, description="How configurable-http-proxy is started.")
    proxy_token_file: Path = Field(description="Secret between hub and proxy.")
    portal_url: str = Field(description="Where the portal listens, on loopback.")
    portal_token_file: Path = Field(description="The portal's own token at the hub.")
    gateway_url: str = Field(description="Where the gateway listens, on loopback.")
    verify: str = Field(description="`module:function` (login, password) -> bool.")
    may_open: str | None = Field(None, description="`module:function` (person, project) -> None, or why not.")
    limits: SandboxLimits = SandboxLimits()
    template_paths: list[Path] = Field(default_factory=list, description="Folders with the hub's own page templates.")
    session_hours: float = Field(12.0, gt=0, le=24, description="How long a sign-in lasts.")
    servers_per_user: int = Field(5, ge=1, description="Most sandboxes one person may run at once.")
    secure: bool = Field(False, description="Whether people come by HTTPS, so that cookies are kept to it.")
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")

    @classmethod
    def read(cls, variables: Mapping[str, str] = os.environ) -> Self:
        """From the file that YURT_HUB_CONFIG names. Raises HUB_CONFIG_INVALID."""
        path = variables.get(VARIABLE, "")
        try:
            return cls.model_validate(json.loads(Path(path).read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            if isinstance(error, ValidationError):
                first = error.errors()[0]
                why = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
            else:
                why = "the file is missing or not JSON"
            raise YurtError(HUB_CONFIG_INVALID, why=why, hint=f"Check the file that {VARIABLE} names.") from error


def secret(path: Path) -> str:
    """A secret from its file. Raises HUB_CONFIG_INVALID where others could have read it."""
    try:
        found = path.stat()
        text = path.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise YurtError(HUB_CONFIG_INVALID, why=f"{path.name} cannot be read", hint=_KEY_FILE_HINT) from error
    if stat.S_IMODE(found.st_mode) & 0o077 or found.st_uid != os.geteuid() or len(text) < 32:
        raise YurtError(HUB_CONFIG_INVALID, why=f"{path.name} is open to others or too short", hint=_KEY_FILE_HINT)
    return text


def function(name: str) -> Callable[..., Any]:
    """The function that `module:function` names. Raises HUB_CONFIG_INVALID."""
    module, _, attribute = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        hint = "Write it as module:function."
        raise YurtError(HUB_CONFIG_INVALID, why=f"there is no function {name}", hint=hint) from error
    if not callable(found):
        raise YurtError(HUB_CONFIG_INVALID, why=f"{name} is not a function", hint="Write it as module:function.")
    return found  # type: ignore[no-any-return]


def command(config_file: Path, log_level: str = "INFO") -> tuple[list[str], dict[str, str]]:
    """How to start the hub on a settings file: argument list, and variables to add to the environment."""
    config = Path(__file__).with_name("config.py")
    argv = [sys.executable, "-m", "jupyterhub", "--config", str(config), f"--log-level={log_level}"]
    return argv, {VARIABLE: str(config_file)}


def _roles() -> list[dict[str, Any]]:
    return [
        {
            "name": "user",  # what everybody who signs in may do
            "scopes": ["access:services!service=" + PORTAL, "access:servers!user", "servers!user", "read:users!user",
                       "users:activity!user"],
        },
        {
            "name": "portal",
            "services": [PORTAL],
            "scopes": ["list:users", "read:users:name", "read:users:activity", "read:servers", "delete:servers",
                       "read:hub"],
        },
        # A sandbox's own token says who it is and nothing else; it opens no door and reads no other sandbox.
        {"name": "server", "scopes": ["users:activity!user", "access:servers!server"]},
    ]  # fmt: skip


def configure(c: Any, settings: HubSettings) -> None:
    """Fill JupyterHub's configuration object. Raises HUB_CONFIG_INVALID."""
    from sandbox.hub.authenticator import AccountAuthenticator
    from sandbox.hub.spawner import JailSpawner

    home = settings.home
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    home.chmod(0o700)
    for folder, mode in ((settings.sandboxes, 0o700), (settings.run, 0o711)):
        folder.mkdir(mode=mode, parents=True, exist_ok=True)
    seconds = int(settings.session_hours * _HOUR)

    hub = c.JupyterHub
    hub.bind_url = f"http://{settings.host}:{settings.port}{settings.base_url}"
    hub.hub_bind_url = f"http://127.0.0.1:{settings.hub_port}"
    hub.db_url = f"sqlite:///{home / 'hub.sqlite'}"
    hub.cookie_secret_file = str(home / "cookie_secret")
    hub.pid_file = str(home / "hub.pid")
    hub.data_files_path = _hub_data()
    hub.log_level = settings.log_level
    hub.template_paths = [str(path) for path in settings.template_paths]
    hub.authenticator_class = AccountAuthenticator
    hub.spawner_class = JailSpawner
    # A sandbox is always a named server, its project; the unnamed one is refused by the spawner.
    hub.allow_named_servers = True
    hub.redirect_to_server = False
    hub.default_url = f"{settings.base_url}services/{PORTAL}/"
    hub.admin_access = False
    hub.shutdown_on_logout = True
    hub.cookie_max_age_days = settings.session_hours / 24
    hub.oauth_token_expires_in = seconds
    hub.token_expires_in_max_seconds = seconds
    hub.authenticate_prometheus = True
    hub.last_activity_interval = 60  # so that who stops idle sandboxes sees it within a minute
    hub.cleanup_servers = True
    hub.cleanup_proxy = True
    hub.load_roles = _roles()
    hub.services = [
        {
            "name": PORTAL,
            "url": settings.portal_url,
            "api_token": secret(settings.portal_token_file),
            "oauth_no_confirm": True,
            "display": False,
        }
    ]
    hub.tornado_settings = {
        "cookie_options": {"secure": settings.secure, "samesite": "Lax"},
        "headers": {"Content-Security-Policy": "frame-ancestors 'none'"},
    }

    c.ConfigurableHTTPProxy.command = settings.proxy_command
    c.ConfigurableHTTPProxy.auth_token = secret(settings.proxy_token_file)
    c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{settings.proxy_api_port}"
    c.ConfigurableHTTPProxy.pid_file = str(home / "proxy.pid")

    c.Authenticator.allow_all = True  # whoever has an account; `verify` knows them
    c.Authenticator.admin_users = set()
    c.Authenticator.username_pattern = r"[\w.@-]{1,64}"
    c.AccountAuthenticator.verify = function(settings.verify)

    c.JailSpawner.instance = settings.instance
    c.JailSpawner.environment_path = str(settings.environment)
    c.JailSpawner.homes = str(settings.sandboxes)
    c.JailSpawner.run_folder = str(settings.run)
    c.JailSpawner.gateway_url = settings.gateway_url
    c.JailSpawner.most_at_once = settings.servers_per_user
    c.JailSpawner.limits = settings.limits.limits()
    if settings.may_open is not None:
        c.JailSpawner.may_open = function(settings.may_open)
    c.Spawner.default_url = "/lab"
    c.Spawner.env_keep = []
    c.Spawner.http_timeout = 120
    c.Spawner.start_timeout = 120
    c.Spawner.poll_interval = 5
    c.Spawner.server_token_scopes = ["users:activity!user", "access:servers!server"]
    c.Spawner.oauth_client_allowed_scopes = []
    c.LocalProcessSpawner.interrupt_timeout = 5
    c.LocalProcessSpawner.term_timeout = 5


def _hub_data() -> str:
    import jupyterhub._data

    return str(jupyterhub._data.DATA_FILES_PATH)
