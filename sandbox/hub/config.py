"""JupyterHub's configuration file: `jupyterhub --config` reads it, with YURT_HUB_CONFIG naming the settings."""

from sandbox.hub.settings import HubSettings, configure

configure(get_config(), HubSettings.read())  # type: ignore[name-defined]  # noqa: F821 - traitlets defines it
