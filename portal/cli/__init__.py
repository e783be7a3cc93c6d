"""The command `yurt`: one module per group of commands; heavy parts load when a command uses them."""
