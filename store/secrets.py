"""Secrets: made on first use by the operating system's generator, kept in one folder, mode 0600, never printed."""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile


class Secrets:
    """Named secrets in a folder only its owner can enter."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)

    def path(self, name: str) -> Path:
        """Where the secret `name` is kept."""
        return self.folder / name

    def token(self, name: str, bytes_: int = 32) -> str:
        """The secret `name` as hexadecimal text; generated if there is none yet.

        The file appears complete or not at all, so that two processes starting together agree on one value.
        """
        path = self.path(name)
        if not path.exists():
            with NamedTemporaryFile("w", dir=self.folder, prefix=f".{name}-") as file:  # made with mode 0600
                file.write(secrets.token_hex(bytes_))
                file.flush()
                with suppress(FileExistsError):
                    os.link(file.name, path)
        return path.read_text().strip()

    def key(self, name: str) -> bytes:
        """The secret `name` as 32 bytes of key."""
        return bytes.fromhex(self.token(name, 32))

    def write(self, name: str, text: str) -> Path:
        """Replace the secret `name` by `text`, atomically."""
        path = self.path(name)
        temporary = path.with_suffix(".new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        temporary.replace(path)
        return path
