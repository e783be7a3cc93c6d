"""The hub's settings refuse what is wrong, and say no less than they must in JupyterHub's terms."""

import json
from pathlib import Path
from typing import Any

import pytest
from traitlets.config import Config

from sandbox.hub.settings import HubSettings, configure, function, secret
from store.errors import YurtError


def _settings(folder: Path, **changes: Any) -> dict[str, Any]:
    for name in ("proxy", "portal"):
        file = folder / f"{name}.token"
        file.write_text("x" * 64)
        file.chmod(0o600)
    return {
        "instance": "t", "home": str(folder / "hub"), "sandboxes": str(folder / "homes"), "run": str(folder / "run"),
        "environment": "/opt/env", "port": 8000, "hub_port": 8001, "proxy_api_port": 8002, "proxy_command": ["chp"],
        "proxy_token_file": str(folder / "proxy.token"), "portal_token_file": str(folder / "portal.token"),
        "portal_url": "http://127.0.0.1:8003", "gateway_url": "http://127.0.0.1:8004", "verify": "os:access", **changes,
    }  # fmt: skip


def _configured(folder: Path, **changes: Any) -> Config:
    c = Config()
    configure(c, HubSettings(**_settings(folder, **changes)))
    return c


@pytest.mark.parametrize("changes", [{"port": 0}, {"base_url": "x"}, {"unknown": 1}, {"proxy_command": []}])
def test_wrong_settings_name_the_field(tmp_path: Path, changes: dict[str, Any]) -> None:
    file = tmp_path / "hub.json"
    file.write_text(json.dumps(_settings(tmp_path, **changes)))
    with pytest.raises(YurtError) as refused:
        HubSettings.read({"YURT_HUB_CONFIG": str(file)})
    assert refused.value.code == "HUB_CONFIG_INVALID"
    assert next(iter(changes)) in refused.value.message


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(YurtError) as refused:
        HubSettings.read({"YURT_HUB_CONFIG": str(tmp_path / "none")})
    assert "missing" in refused.value.message


def test_a_secret_others_can_read_or_guess_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "token"
    for content, mode in (("x" * 64, 0o644), ("short", 0o600)):
        file.write_text(content)
        file.chmod(mode)
        with pytest.raises(YurtError):
            secret(file)
    file.write_text("x" * 64 + "\n")
    file.chmod(0o600)
    assert secret(file) == "x" * 64


@pytest.mark.parametrize("name", ["os", "os:nothing", "no.such.module:f", "os:sep", ""])
def test_a_function_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(YurtError):
        function(name)


def test_no_service_holds_more_than_it_needs_and_nobody_is_an_administrator(tmp_path: Path) -> None:
    c = _configured(tmp_path)
    scopes = {role["name"]: set(role["scopes"]) for role in c.JupyterHub.load_roles}
    assert not {scope for held in scopes.values() for scope in held if scope.startswith(("admin", "tokens", "shares"))}
    assert not any(scope.startswith("access:servers") for scope in scopes["portal"])
    assert (c.JupyterHub.admin_access, c.Authenticator.admin_users) == (False, set())


def test_sessions_and_tokens_end_within_the_day(tmp_path: Path) -> None:
    c = _configured(tmp_path, session_hours=8)
    assert c.JupyterHub.token_expires_in_max_seconds == c.JupyterHub.oauth_token_expires_in == 8 * 3600
    assert (c.JupyterHub.cookie_max_age_days * 24, c.JupyterHub.shutdown_on_logout) == (8, True)


def test_everything_but_the_proxy_listens_on_loopback_only(tmp_path: Path) -> None:
    c = _configured(tmp_path, host="0.0.0.0")  # noqa: S104 - the case under test
    assert c.JupyterHub.bind_url == "http://0.0.0.0:8000/"
    assert c.JupyterHub.hub_bind_url.startswith("http://127.0.0.1:")
    assert c.ConfigurableHTTPProxy.api_url.startswith("http://127.0.0.1:")
