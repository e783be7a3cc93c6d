"""What probes found: asked of the engine once per version of the data, and the same when remembered."""

from typing import Any

import pyarrow as pa
import pytest

from gateway.engine import Engine, Limits, Rows, Stop
from gateway.probing import ProbeMemory, Prober
from store.errors import YurtError

FOUND = "SELECT i, 'x' AS x FROM range(3) AS r(i)"


class Counted(Engine):
    """The engine behind it, with a list of what it was asked."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.asked: list[str] = []

    def stream(self, sql: str, limits: Limits, stop: Stop | None = None) -> Rows:
        self.asked.append(sql)
        return self._engine.stream(sql, limits, stop)


@pytest.fixture
def counted(engine: Any) -> Counted:
    return Counted(engine)


def test_a_probe_is_asked_once_per_version_of_the_data(counted: Counted) -> None:
    memory = ProbeMemory()
    first = Prober(counted, Limits(), memory=memory, version="1").ask(FOUND, 10)
    assert first.to_pydict() == {"i": [0, 1, 2], "x": ["x"] * 3}
    assert Prober(counted, Limits(), memory=memory, version="1").ask(FOUND, 10).equals(first)
    assert counted.asked == [FOUND]
    Prober(counted, Limits(), memory=memory, version="2").ask(FOUND, 10)
    assert counted.asked == [FOUND, FOUND]


def test_without_a_memory_each_probe_is_asked(counted: Counted) -> None:
    for _ in range(2):
        Prober(counted, Limits()).ask(FOUND, 10)
    assert len(counted.asked) == 2


def test_a_finding_that_may_be_cut_off_is_not_kept(counted: Counted) -> None:
    prober = Prober(counted, Limits(), memory=ProbeMemory(), version="1")
    for _ in range(2):
        assert prober.ask(FOUND, 3).num_rows == 3
    assert len(counted.asked) == 2


def test_what_depends_on_the_day_is_asked_anew(counted: Counted) -> None:
    prober = Prober(counted, Limits(), memory=ProbeMemory(), version="1")
    for _ in range(2):
        prober.ask("SELECT 1 AS one WHERE current_date > DATE '2020-01-01'", 10)
    assert len(counted.asked) == 2


def test_a_probe_that_failed_is_asked_again(counted: Counted) -> None:
    memory = ProbeMemory()
    for _ in range(2):
        with pytest.raises(YurtError):
            Prober(counted, Limits(), memory=memory, version="1").ask("SELECT nothing_of_the_kind", 10)
    assert len(counted.asked) == 2
    assert len(memory) == 0


def test_the_finding_unused_longest_is_forgotten_and_large_ones_are_not_kept() -> None:
    empty, large = pa.table({"i": pa.array([], pa.int64())}), pa.table({"i": pa.array(range(1000), pa.int64())})
    memory = ProbeMemory(most_bytes=34 * 1024)
    for number in range(33):
        memory.put("1", str(number), empty)
    memory.get("1", "0")
    memory.put("1", "33", empty)
    memory.put("1", "34", empty)
    assert memory.get("1", "0") is not None
    assert memory.get("1", "1") is None
    memory.put("1", "large", large)
    assert memory.get("1", "large") is None
