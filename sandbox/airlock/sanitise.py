"""`sanitise(path, out)`: what leaves is a file made anew, not the file that was sent."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from sandbox.airlock import contained
from sandbox.airlock.errors import SANITISE_REFUSED
from sandbox.airlock.kinds import Kind, kind_of
from sandbox.airlock.limits import DEFAULT_LIMITS, InspectionLimits
from store.errors import YurtError

_OUTPUT_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Sanitised:
    """The new file. `rewritten` is False where the kind (text, CSV, JSON) leaves as it is."""

    digest: str
    size: int
    rewritten: bool


def sanitise(
    path: str | Path, out: str | Path, *, name: str | None = None, limits: InspectionLimits = DEFAULT_LIMITS
) -> Sanitised:
    """Write the releasable form of `path` to the new file `out` (mode 0600; it must not exist yet).

    Pictures are re-rendered, Parquet is rewritten from its values, text-like files are copied. Raises `YurtError`
    SANITISE_REFUSED for anything else, or when the file does not decode within the limits.
    """
    kind = kind_of(name or Path(path).name)
    if kind is None:
        raise YurtError(SANITISE_REFUSED)
    try:
        with contained.sealed_copy(Path(path), limits) as copy:
            if kind not in (Kind.PNG, Kind.PARQUET):
                return _store(copy.fd, Path(out), rewritten=False)
            target = os.memfd_create("airlock-out", os.MFD_CLOEXEC)
            try:
                request: dict[str, object] = {"task": "sanitise", "kind": kind.value, "write_bytes": _OUTPUT_BYTES}
                if contained.run(request, limits, copy.fd, target) != {}:
                    raise YurtError(SANITISE_REFUSED)
                return _store(target, Path(out), rewritten=True)
            finally:
                os.close(target)
    except contained.Refused as refused:
        raise YurtError(SANITISE_REFUSED) from refused


def _store(fd: int, out: Path, *, rewritten: bool) -> Sanitised:
    digest, size = hashlib.sha256(), 0
    with open(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as target:
        while data := os.pread(fd, 1 << 20, size):
            digest.update(data)
            size += len(data)
            target.write(data)
    return Sanitised(f"sha256:{digest.hexdigest()}", size, rewritten)
