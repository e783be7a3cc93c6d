"""Where untrusted code runs: the jail, the hub that opens notebooks in it, and the airlock its files leave through."""
