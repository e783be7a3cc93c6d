"""The engines of a gateway: DuckDB over files unless the settings name another engine for a project's datasets."""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.duckdb import DuckDBEngine, Processes
from gateway.engine import Engine, EngineLimits, Tables
from gateway.errors import ENGINES_MIXED
from gateway.filtered_copies import FilteredCopies
from gateway.filtered_engine import CopyMaker, FilteredEngine
from gateway.lookups import Masks
from policies.model import Policy
from store.errors import YurtError
from store.settings import EngineAt

if TYPE_CHECKING:
    from gateway.postgres import Connections

MOST = 6
"""Engine processes at once; memory is bounded by so many times what one may use."""
SESSIONS = 64
"""Sessions of Spark's that are kept."""
_Key = tuple[str, tuple[tuple[str, Path], ...]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a project's datasets are asked: the engine's name in the settings (empty: DuckDB), and its dialect."""

    name: str = ""
    dialect: str = "duckdb"


FILES = Place()


class EnginePool:
    """Engines by the files they hold, so that an engine holds no file its project may not use."""

    def __init__(
        self,
        root_key: bytes,
        limits: EngineLimits,
        most: int = MOST,
        elsewhere: Mapping[str, EngineAt] | None = None,
        name_model: str = "",
        copies: FilteredCopies | None = None,
    ) -> None:
        """`elsewhere`: the engines of the settings, by name; `name_model`: the reader of names of the settings;
        `copies`: where filtered copies of files are kept, if they are."""
        self._processes = Processes(most, limits, root_key, name_model)
        self.maker = CopyMaker(copies, self._processes) if copies is not None else None
        self._masks = Masks(self._processes)
        self._elsewhere, self._most, self._lock = dict(elsewhere or {}), most, threading.Lock()
        self._of = {dataset: name for name, engine in self._elsewhere.items() for dataset in engine.datasets}
        self._connections: dict[str, Connections] = {}
        self._sessions: OrderedDict[_Key, Engine] = OrderedDict()

    def place(self, datasets: Iterable[str]) -> Place:
        """Where these datasets are asked. Raises ENGINES_MIXED: no query and no comparison spans two engines."""
        names = {self._of.get(dataset, "") for dataset in datasets} or {""}
        if len(names) > 1:
            raise YurtError(ENGINES_MIXED)
        (name,) = names
        return Place(name, self._elsewhere[name].kind) if name else FILES

    def engine(self, files: Mapping[str, Path]) -> Engine:
        """DuckDB over exactly these files."""
        return DuckDBEngine(Tables(files=dict(files)), processes=self._processes)

    def at(self, place: Place, files: Mapping[str, Path], policy: Policy, user: Mapping[str, object]) -> Engine:
        """The engine of a project at its place. Raises ENGINE_UNAVAILABLE, ENGINE_UNLOCKED."""
        if not place.name:
            wanted = self.maker.copies.wanted(files, policy, user) if self.maker is not None else {}
            return FilteredEngine(files, wanted, self.maker) if wanted and self.maker else self.engine(files)
        at = self._elsewhere[place.name]
        if at.kind == "postgres":
            return self._postgres(place.name, at, policy, user)
        return self._spark(place.name, at, files)

    def keyed(self, place: Place, table: str, column: str) -> bool:
        """Does PostgreSQL at that place keep the column's values apart. Raises ENGINE_UNAVAILABLE, ENGINE_UNLOCKED."""
        from gateway.postgres import keyed

        return keyed(self._connected(place.name, self._elsewhere[place.name]), table, column)

    def close(self) -> None:
        """End every engine."""
        if self.maker is not None:
            self.maker.close()
        self._processes.close()
        with self._lock:
            held, self._connections = list(self._connections.values()), {}
            sessions, self._sessions = list(self._sessions.values()), OrderedDict()
        for each in sessions:
            each.close()
        for connections in held:
            connections.close()

    def _postgres(self, name: str, at: EngineAt, policy: Policy, user: Mapping[str, object]) -> Engine:
        from gateway.postgres import PostgresEngine
        from gateway.postgres_lock import role_of

        return PostgresEngine(self._connected(name, at), role_of(policy), user, self._masks)

    def _connected(self, name: str, at: EngineAt) -> "Connections":
        from gateway.postgres import Connections, PostgresServer

        server = PostgresServer(
            at.host, at.database, at.port or 5432, password_file=at.secret_file, schema=at.db_schema, most=self._most,
            certificates=at.certificates,
        )  # fmt: skip
        with self._lock:
            return self._connections.setdefault(name, Connections(server))

    def _spark(self, name: str, at: EngineAt, files: Mapping[str, Path]) -> Engine:
        from gateway.spark import SparkAddress, SparkEngine

        key = (name, tuple(sorted(files.items())))
        with self._lock:
            found = self._sessions.pop(key, None)
        if found is None:
            address = SparkAddress(at.host, at.port or 15002, at.secret_file)
            found = SparkEngine(address, Tables(files=dict(files)), self._masks)
        with self._lock:
            self._sessions[key] = found
            while len(self._sessions) > SESSIONS:
                self._sessions.popitem(last=False)  # the server forgets a session that nobody uses
        return found
