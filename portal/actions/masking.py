"""Leading a masked file back, which is one decision and one record like any other crossing."""

import hashlib
import os
import pwd
from pathlib import Path

from audit import EventName
from audit.home import open_log
from masking.outputs import check_target
from masking.table import Rules, TableReport, mask_table, revealed_columns
from store.secrets import Secrets
from store.settings import Settings


def operator_name() -> str:
    """Who runs this process, as the operating system knows them; the environment could say anything."""
    try:
        return f"os:{pwd.getpwuid(os.getuid()).pw_name}"
    except KeyError:
        return f"os:{os.getuid()}"


def reveal(settings: Settings, rules: Rules, source: Path, target: Path, key: bytes) -> TableReport:
    """Undo the reversible operators of a file masked by these rules and this key.

    The record (who, the digest of the file, which columns; never a value) is on disk before anything is undone; a log
    that cannot be written stops the reveal. Raises as mask_table does, and OSError and LogBroken for the log.
    """
    check_target(source, target)
    with source.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    log = open_log(settings, Secrets(settings.home / "secrets"))
    log.append(
        EventName.FILE_REVEALED,
        actor=operator_name(),
        subject=digest,
        columns=revealed_columns(rules),
        bytes=source.stat().st_size,
    )
    return mask_table(rules, source, target, key, reveal=True)
