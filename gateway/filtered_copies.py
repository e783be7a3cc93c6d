"""The filtered copies that a gateway keeps: one folder, bounded in size.

DuckDB's optimizer takes any filter for one row in five and orders joins by that; of a file it knows how many rows it
has. What the folder holds that bears the name of a copy and is not that copy, whole, is removed at start.
"""

import logging
import math
import os
import re
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from gateway.engine import EngineLimits
from gateway.filtered_copy import Copy, CopyWriter, State, copy_of, labelled, state_of
from policies.filtered import conditions
from policies.model import Policy

SMALLEST_BYTES = 1 << 20
"""Files up to this size are not worth a copy."""
REST_S = 3600.0
"""How soon a copy that had to go may be made again: where not all find room, they do not drive each other out."""

_NAME = re.compile(r"[0-9a-f]{64}(\.\d+\.new|\.parquet)")
_log = logging.getLogger(__name__)


class FilteredCopies:
    """The copies in one folder. Safe to share between threads."""

    def __init__(
        self, folder: Path, most_bytes: int, newest: Callable[[], Iterable[Path]], limits: EngineLimits | None = None,
        smallest_bytes: int = SMALLEST_BYTES,
    ) -> None:  # fmt: skip
        """`most_bytes`: of all copies together, but for the one being written; `newest`: the files that queries may be
        about. Raises OSError."""
        self._folder, self._most, self._smallest = folder, most_bytes, smallest_bytes
        self._newest, self._writer = newest, CopyWriter((limits or EngineLimits()).memory_bytes)
        self._kept: OrderedDict[str, tuple[Copy, State]] = OrderedDict()  # unused longest first
        self._in_use: Counter[str] = Counter()
        self._not_before: dict[str, float] = {}
        self._conditions: dict[object, dict[str, str]] = {}
        self._lock = threading.Lock()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        self._found()

    def wanted(self, files: Mapping[str, Path], policy: Policy, user: Mapping[str, object]) -> dict[str, Copy]:
        """Table -> the copy that would serve this person; only of tables whose files are worth one."""
        key = (policy.project, policy.version, tuple(sorted(user.items())))
        known = self._conditions.get(key)
        if known is None:
            if len(self._conditions) > 1024:
                self._conditions.clear()
            known = self._conditions[key] = conditions(policy, user)
        found: dict[str, Copy] = {}
        for table, path in files.items():
            state = state_of(path) if table.lower() in known and path.suffix == ".parquet" else None
            copy = copy_of(path, known[table.lower()]) if state is not None and state[0] > self._smallest else None
            if copy is not None:
                found[table] = copy
        return found

    def path(self, copy: Copy) -> Path:
        """Where it is, if it is."""
        return self._folder / f"{copy.digest}.parquet"

    def whole(self, copy: Copy) -> bool:
        """Is it there as it was written."""
        with self._lock:
            kept = self._kept.get(copy.digest)
            if kept is not None and kept[1] != state_of(self.path(copy)):
                self._remove(copy.digest)
                kept = None
            return kept is not None

    def lacking(self, copy: Copy) -> bool:
        """Is it worth trying to make it."""
        with self._lock:
            return copy.digest not in self._kept and time.monotonic() >= self._not_before.get(copy.digest, 0.0)

    def hold(self, copies: Iterable[Copy]) -> Callable[[], None]:
        """Keep them until what is given back is called: a query opens its files more than once."""
        digests = [copy.digest for copy in copies]
        with self._lock:
            self._in_use.update(digests)
            for digest in digests:
                if digest in self._kept:
                    self._kept.move_to_end(digest)

        def release() -> None:
            with self._lock:
                self._in_use.subtract(digests)
                self._in_use += Counter()  # forgets what nobody uses

        return release

    def make(self, copy: Copy) -> None:
        """Write it, once. One that fails is given up for the life of this process."""
        if not self.lacking(copy):
            return
        self._not_before[copy.digest] = math.inf
        target, began = self._folder / f"{copy.digest}.{os.getpid()}.new", time.monotonic()
        try:
            if not self._writer.write(copy, target, self._most) or copy_of(copy.source, copy.condition) != copy:
                if not self._writer.closed:
                    _log.warning("a filtered copy could not be written: %.12s", copy.digest)
                return
            target.replace(self.path(copy))
            _synced(self._folder)
            state = state_of(self.path(copy))
        finally:
            target.unlink(missing_ok=True)
        if state is None:
            return
        _log.info("filtered copy %.12s: %d bytes in %.1f s", copy.digest, state[0], time.monotonic() - began)
        with self._lock:
            self._kept[copy.digest] = (copy, state)
            del self._not_before[copy.digest]
            self._shrink()

    def sweep(self) -> None:
        """Remove copies of files that no query can be about any more."""
        newest = {os.path.abspath(path) for path in self._newest()}
        with self._lock:
            for digest, (copy, _) in list(self._kept.items()):
                stale = copy.source not in newest or copy_of(copy.source, copy.condition) != copy
                if stale and not self._in_use[digest]:
                    self._remove(digest)

    def close(self) -> None:
        """End what is being written."""
        self._writer.close()

    def _found(self) -> None:
        """What an earlier process left: its whole copies are taken over, all else that bears such a name goes."""
        found = []
        for path in self._folder.iterdir():
            if not _NAME.fullmatch(path.name):
                continue
            copy = labelled(path) if path.suffix == ".parquet" else None
            state = state_of(path)
            if copy is not None and copy.digest == path.stem and state is not None:
                found.append((path.stat().st_atime_ns, copy, state))
            else:
                path.unlink(missing_ok=True)
        for _, copy, state in sorted(found, key=lambda each: each[0]):
            self._kept[copy.digest] = (copy, state)
        self._shrink()

    def _shrink(self) -> None:
        """Make room: those unused longest go, and the newest where all others are in use."""
        for digest in list(self._kept):
            if sum(state[0] for _, state in self._kept.values()) <= self._most:
                return
            if not self._in_use[digest]:
                self._remove(digest)
                self._not_before[digest] = time.monotonic() + REST_S

    def _remove(self, digest: str) -> None:
        copy, _ = self._kept.pop(digest)
        self.path(copy).unlink(missing_ok=True)


def _synced(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
