"""The words of questions, kept by their digest: what an approver replays against a changed policy.

The audit log may be verified by everybody and so holds digests only, since a text may hold values somebody typed. The
texts lie in a folder that the platform alone can read, one file per digest and project, never an answer beside them.
"""

import hashlib
import os
from pathlib import Path

LONGEST = 100_000
"""Characters of one text; a longer one is decided and not kept."""


def digest(sql: str) -> str:
    """The name of a text in the audit log."""
    return hashlib.sha256(sql.encode()).hexdigest()


class Questions:
    """Texts under one folder. Several processes may keep texts at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept: set[tuple[str, str]] = set()

    def keep(self, project: str, sql: str) -> None:
        """Keep a text; one that is there already is left alone. Raises OSError."""
        name = (project, digest(sql))
        if name in self._kept or len(sql) > LONGEST:
            return
        path = self._path(*name)
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            temporary = path.with_suffix(f".{os.getpid()}.new")
            with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
                file.write(sql)
            temporary.replace(path)
        if len(self._kept) > 10_000:
            self._kept.clear()
        self._kept.add(name)

    def text(self, project: str, name: str) -> str | None:
        """The text with this digest; None where it was not kept or is not what its name says."""
        try:
            found = self._path(project, name).read_bytes().decode()
        except (OSError, UnicodeDecodeError):
            return None
        return found if digest(found) == name else None

    def _path(self, project: str, name: str) -> Path:
        folder = hashlib.sha256(project.encode()).hexdigest()[:32]  # whatever a project is called
        return self._folder / folder / f"{name}.sql"
