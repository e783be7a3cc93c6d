"""Read by every IPython of the environment: the %sql and %%sql magics are there without being asked for."""

c = get_config()  # type: ignore[name-defined]  # noqa: F821 - IPython defines it
c.InteractiveShellApp.extensions = ["yurt"]
