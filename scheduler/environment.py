"""The digest of a sandbox environment: which distributions, down to each installed file, a job will import."""

import hashlib
from pathlib import Path

from scheduler.errors import JOB_MANIFEST_INVALID
from store.errors import YurtError


def environment_digest(environment: Path) -> str:
    """SHA-256 over the interpreter's configuration and every installed distribution's RECORD, in name order.

    A RECORD lists each file of a distribution with its SHA-256 (PyPA "Recording installed projects"), so two
    environments with the same digest were installed from the same files. It costs milliseconds, where hashing the files
    themselves costs minutes; a file changed after installation is kept out by the read-only mount, not by this digest.
    """
    records = sorted(environment.glob("lib/python*/site-packages/*.dist-info/RECORD"))
    if not records:
        raise YurtError(JOB_MANIFEST_INVALID, where="environment_digest", why="no Python environment was found there")
    total = hashlib.sha256()
    for record in records:
        lines = sorted(line for line in record.read_text("utf-8").splitlines() if ",sha256=" in line)
        listing = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        total.update(f"{record.parent.name} {record.parents[2].name} {listing}\n".encode())
    return total.hexdigest()
