"""JupyterHub for sandboxes: its configuration, who may sign in, the spawner, and the door of each sandbox."""
