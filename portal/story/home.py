"""The story begins on an empty installation, each time; it empties only a home that a story made."""

import shutil
from pathlib import Path

from portal.platform.errors import HOME_NOT_A_DEMO
from store.errors import YurtError

MARK = "made-by-yurt-demo"
KEPT = {"platform.lock", "yurt.toml", MARK}


def begin_anew(home: Path) -> None:
    """Empty `home` if an earlier story made it, keeping its settings; mark it. Raises HOME_NOT_A_DEMO otherwise."""
    mark = home / MARK
    found = [path for path in home.iterdir() if path.name not in KEPT]
    if found and not mark.exists():
        raise YurtError(HOME_NOT_A_DEMO, home=home)
    mark.write_text("Everything in this folder is made anew by each `yurt demo`.\n")
    for path in found:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
