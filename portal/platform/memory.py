"""How much memory the platform takes: proportional set size of every process below this one, sampled."""

import threading

import psutil

SAMPLE_S = 2.0


class MemoryWatch:
    """Keeps the highest sum seen. Shared pages count once, divided among their users (proc(5), smaps_rollup)."""

    def __init__(self) -> None:
        self.peak_bytes = 0
        self._thread = threading.Thread(target=self._watch, name="memory", daemon=True)

    def start(self) -> None:
        """Begin sampling; goes on as long as the process."""
        self._thread.start()

    @property
    def peak_gib(self) -> float:
        """The highest sample, in GiB."""
        return self.peak_bytes / 2**30

    def _watch(self) -> None:
        pause = threading.Event()
        while not pause.wait(SAMPLE_S):
            self.peak_bytes = max(self.peak_bytes, total_pss())


def total_pss() -> int:
    """Bytes of this process and all below it now; processes that end while they are counted do not."""
    this = psutil.Process()
    total = 0
    for process in (this, *this.children(recursive=True)):
        try:
            total += process.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return total
