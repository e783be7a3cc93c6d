"""Which processes the platform is made of, what each is told, and how one knows that it serves."""

import json
import os
import shutil
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import httpx

from portal.platform.errors import PREREQUISITE_MISSING
from portal.platform.namespace import instance_of, run_folder
from portal.platform.supervisor import Service
from sandbox.environment import require_environment
from sandbox.hub.settings import command as hub_command
from scheduler.service import ready_file
from store.errors import YurtError
from store.secrets import Secrets
from store.settings import Settings

LOOPBACK = "127.0.0.1"
PORTAL_PREFIX = "/services/portal/"
HEALTH = "api/v1/health"
HUB_PAGES = Path(__file__).parent.parent / "hub_pages"


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything listens; ports are chosen free at start, so that two checkouts run side by side."""

    host: str
    public: int
    hub: int
    proxy_api: int
    portal: int
    gateway: int
    instance: str
    run: Path

    @classmethod
    def choose(cls, settings: Settings, instance: str, run: Path) -> Self:
        """Free ports for all; the public one as set, where it is set."""
        listeners = [socket.socket() for _ in range(5)]
        try:
            for listener in listeners:
                listener.bind((LOOPBACK, 0))
            free = [listener.getsockname()[1] for listener in listeners]
        finally:
            for listener in listeners:
                listener.close()
        public, hub, proxy_api, portal, gateway = free
        return cls(settings.host, settings.port or public, hub, proxy_api, portal, gateway, instance, run)

    @property
    def public_url(self) -> str:
        """What people open in the browser."""
        return f"http://{self.host}:{self.public}"

    @property
    def hub_api(self) -> str:
        """The hub's REST API, on loopback."""
        return f"http://{LOOPBACK}:{self.hub}/hub/api"

    @property
    def portal_url(self) -> str:
        """Where the portal listens."""
        return f"http://{LOOPBACK}:{self.portal}"

    @property
    def gateway_url(self) -> str:
        """Where the gateway listens."""
        return f"http://{LOOPBACK}:{self.gateway}"


def services(settings: Settings, layout: Layout, secrets: Secrets) -> list[Service]:
    """Every process, in the order they are started. Raises PREREQUISITE_MISSING, JAIL_ENVIRONMENT_MISSING."""
    return [
        _compute(settings),
        _gateway(settings, layout),
        _portal(settings, layout, secrets),
        _hub(settings, layout, secrets),
    ]


def _environment(settings: Settings, **more: str) -> dict[str, str]:
    """What every service may see of this process's environment: where programs are, and the platform's settings.

    Temporary files go into the run-time folder, which is removed at the end, whatever the end is.
    """
    temporary = run_folder(instance_of(settings.home)) / "t"
    temporary.mkdir(mode=0o700, exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if name.startswith(("YURT_", "OPENBLAS_"))}
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    return {"PATH": path, "LANG": "C.UTF-8", **kept, "YURT_HOME": str(settings.home), "TMPDIR": str(temporary),
            "PYTHONUNBUFFERED": "1", **more}  # fmt: skip


def serves(*urls: str) -> Callable[[], bool]:
    """Whether every one of `urls` is served; "not found" is what the proxy says while it has no route yet."""

    def ready() -> bool:
        try:
            return all(httpx.get(url, timeout=2.0, trust_env=False).is_success for url in urls)
        except httpx.HTTPError:
            return False

    return ready


def _compute(settings: Settings) -> Service:
    argv = [sys.executable, "-m", "scheduler.service", "--home", str(settings.home)]
    ready = ready_file(settings.home)
    ready.unlink(missing_ok=True)
    return Service("compute daemon", argv, _environment(settings), ready.exists, ready_within_s=240, queues=True)


def _gateway(settings: Settings, layout: Layout) -> Service:
    argv = [sys.executable, "-m", "gateway.service", "--port", str(layout.gateway), "--hub-api", layout.hub_api]
    return Service("gateway", argv, _environment(settings), serves(f"{layout.gateway_url}/health"))


def _portal(settings: Settings, layout: Layout, secrets: Secrets) -> Service:
    secrets.token("portal-hub-token")
    environment = _environment(
        settings,
        JUPYTERHUB_API_URL=layout.hub_api,
        JUPYTERHUB_SERVICE_URL=layout.portal_url,
        JUPYTERHUB_SERVICE_PREFIX=PORTAL_PREFIX,
        JUPYTERHUB_BASE_URL="/",
        JUPYTERHUB_PUBLIC_URL=f"{layout.public_url}{PORTAL_PREFIX}",
        YURT_PORTAL_TOKEN_FILE=str(secrets.path("portal-hub-token")),
    )
    served = serves(f"{layout.portal_url}{PORTAL_PREFIX}{HEALTH}")
    return Service("portal", [sys.executable, "-m", "portal.service"], environment, served)


def _hub(settings: Settings, layout: Layout, secrets: Secrets) -> Service:
    node = shutil.which("node")
    if node is None:
        raise YurtError(PREREQUISITE_MISSING, what="Node.js", how="Install the package nodejs, version 20 or newer.")
    secrets.token("proxy-token")
    config = {
        "instance": layout.instance,
        "home": str(settings.home / "hub"),
        "sandboxes": str(settings.home / "sandboxes"),
        "run": str(layout.run),
        "environment": str(require_environment()),
        "host": layout.host,
        "port": layout.public,
        "hub_port": layout.hub,
        "proxy_api_port": layout.proxy_api,
        "proxy_command": [
            node,
            str(settings.node_modules.resolve() / "configurable-http-proxy/bin/configurable-http-proxy"),
        ],
        "proxy_token_file": str(secrets.path("proxy-token")),
        "portal_url": layout.portal_url,
        "portal_token_file": str(secrets.path("portal-hub-token")),
        "gateway_url": layout.gateway_url,
        "verify": "portal.platform.hooks:verify",
        "may_open": "portal.platform.hooks:may_open",
        "template_paths": [str(HUB_PAGES)],
        "limits": {
            "memory": settings.sandbox_memory,
            "cpus": settings.sandbox_cpus,
            "pids": settings.sandbox_pids,
        },
    }
    path = settings.home / "hub.json"
    path.write_text(json.dumps(config, indent=2))
    argv, variables = hub_command(path)
    environment = _environment(settings, **variables)
    served = serves(f"{layout.public_url}/hub/health", f"{layout.public_url}{PORTAL_PREFIX}{HEALTH}")
    return Service("hub", argv, environment, served)
