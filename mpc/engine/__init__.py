"""Programs run by the engine's own Python (`.spu`). They import nothing of the platform and trust no argument."""
