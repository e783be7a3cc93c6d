"""PostgreSQL as an engine: read-only transactions of a role that can do nothing else, one server-side cursor each.

The lock is the database's (`gateway.postgres_lock`), and every new connection is asked whether it holds before anything
runs on it. SQL goes by the extended protocol, which knows one statement at a time.
"""

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import psycopg
import pyarrow as pa
from psycopg import sql
from sqlglot import exp

from gateway import postgres_lock
from gateway.engine import Engine, Limits, Rows, Stop, capped
from gateway.errors import (
    ENGINE_CANCELLED,
    ENGINE_FAILED,
    ENGINE_MEMORY,
    ENGINE_TIMEOUT,
    ENGINE_UNAVAILABLE,
    ENGINE_UNLOCKED,
)
from gateway.lookups import MASK, VALUE, Lookup, Masks, Parted, checked, parted
from gateway.postgres_arrow import batch_of, schema_of
from policies.dialects import POSTGRES
from store.errors import ErrorCode, YurtError

BATCH = 4096
"""Rows fetched at a time."""
CONNECT_S = 10
PROVED_S = 600.0
"""How long a connection is used before the lock is looked at anew."""
_CANCEL_S = 0.2
"""How often a query that is to stop is told so: the first word may come before the query began."""
_MEMORY = ("53200", "53400")  # out_of_memory; configuration_limit_exceeded: temp_file_limit
_GONE = re.compile("08|57P|53300")  # connection exceptions, operator intervention, too many connections
_LOCAL = ("127.0.0.1", "::1", "localhost")
_NOBODY: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """Where the database is and who the gateway is there. The password is read from its file at each connection."""

    host: str  # a name, an address, or the folder of a Unix socket
    database: str
    port: int = 5432
    user: str = postgres_lock.GATEWAY
    password_file: Path | None = None  # mode 0600
    schema: str = "public"
    most: int = 6  # connections
    certificates: Path | None = None  # authorities that may sign the server's certificate

    def arguments(self) -> dict[str, Any]:
        """Of `psycopg.connect`. Off this machine the server must show a certificate of its own name."""
        local = self.host.startswith("/") or self.host in _LOCAL
        given: dict[str, Any] = {
            "host": self.host, "port": self.port, "dbname": self.database, "user": self.user,
            "application_name": "yurt gateway", "connect_timeout": CONNECT_S,
            "sslmode": "prefer" if local else "verify-full", "gssencmode": "disable",
            "keepalives_idle": 30, "tcp_user_timeout": 60_000,
            "options": " ".join(f"-c {name}={value}" for name, value in postgres_lock.SESSION.items()),
        }  # fmt: skip
        if self.certificates is not None:
            given["sslrootcert"] = str(self.certificates)
        if self.password_file is not None:
            given["password"] = self.password_file.read_text(encoding="utf-8").strip()
        return given


class Connections:
    """At most `server.most` connections, each proved to be locked; shared by the engines of all projects."""

    def __init__(self, server: PostgresServer) -> None:
        self.server = server
        self._free = threading.Semaphore(server.most)
        self._lock = threading.Lock()
        self._idle: list[_Proved] = []
        self._closed = False

    def take(self, wait_s: float) -> "_Proved":
        """A connection to ask one question on. Raises ENGINE_UNAVAILABLE, ENGINE_UNLOCKED."""
        if self._closed or not self._free.acquire(timeout=max(0.0, wait_s)):
            raise YurtError(ENGINE_UNAVAILABLE)
        try:
            while (found := self._waiting()) is not None:
                if time.monotonic() - found.since < PROVED_S and _answers(found.connection):
                    return found
                _end(found.connection)
            return _Proved(self._opened(), time.monotonic())
        except BaseException:
            self._free.release()
            raise

    def give(self, proved: "_Proved", *, usable: bool) -> None:
        """Take it back. One that was told to stop is ended: the word may still be on its way."""
        with self._lock:
            kept = usable and not self._closed and not proved.connection.closed
            if kept:
                self._idle.append(proved)
        if not kept:
            _end(proved.connection)
        self._free.release()

    def close(self) -> None:
        """End idle connections now, and each busy one when its query is over."""
        self._closed = True
        while (found := self._waiting()) is not None:
            _end(found.connection)

    def _waiting(self) -> "_Proved | None":
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _opened(self) -> "psycopg.Connection[Any]":
        try:
            connection = psycopg.connect(**self.server.arguments(), autocommit=True)
        except (psycopg.Error, OSError, UnicodeDecodeError):
            raise YurtError(ENGINE_UNAVAILABLE) from None
        try:
            locked = postgres_lock.holds(connection, self.server.schema)
        except psycopg.Error:
            locked = False
        if not locked:
            connection.close()
            raise YurtError(ENGINE_UNLOCKED)
        return connection


_KEYED = """
SELECT EXISTS (
  SELECT FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
  WHERE i.indisunique AND i.indisvalid AND i.indimmediate AND i.indnkeyatts = 1 AND i.indpred IS NULL
    AND i.indexprs IS NULL AND a.attnotnull
    AND n.nspname = %(schema)s AND pg_catalog.lower(c.relname) = pg_catalog.lower(%(table)s)
    AND pg_catalog.lower(a.attname) = pg_catalog.lower(%(column)s)
)
"""


def keyed(connections: Connections, table: str, column: str) -> bool:
    """Does the database see to it that each row of the table has its own value in the column. Raises
    ENGINE_UNAVAILABLE, ENGINE_UNLOCKED."""
    proved = connections.take(CONNECT_S)
    try:
        named = {"schema": connections.server.schema, "table": table, "column": column}
        found = proved.connection.execute(_KEYED, named).fetchone()
    except psycopg.Error:
        connections.give(proved, usable=False)
        raise YurtError(ENGINE_UNAVAILABLE) from None
    connections.give(proved, usable=True)
    return bool(found and found[0])


@dataclass(frozen=True, slots=True)
class _Proved:
    """A connection, and since when it is known to be locked (by `time.monotonic`)."""

    connection: "psycopg.Connection[Any]"
    since: float


def _answers(connection: "psycopg.Connection[Any]") -> bool:
    """Is the server still there: a connection that broke while it waited says so only when it is used."""
    try:
        connection.execute("SELECT")
    except psycopg.Error:
        return False
    return True


def _end(connection: "psycopg.Connection[Any]") -> None:
    with suppress(psycopg.Error):
        connection.close()


class PostgresEngine(Engine):
    """The tables of one schema, as one project's role and person see them. Without `role`: as the gateway's own role.

    `user` holds the attributes the row filters of the second line compare with (`postgres_lock.project`).
    """

    def __init__(
        self,
        connections: Connections,
        role: str | None = None,
        user: Mapping[str, object] = _NOBODY,
        masks: Masks | None = None,
    ) -> None:
        """`masks`: who masks what the database cannot; without it a query with such a mask fails."""
        self._connections, self._role, self._user, self._masks = connections, role, user, masks

    def stream(self, sql: str, limits: Limits, stop: Stop | None = None) -> Rows:
        """See `Engine`."""
        deadline = time.monotonic() + limits.timeout_s
        asked = parted(sql, POSTGRES, _parameters, frozenset({exp.Unnest, exp.Parameter}))
        proved = self._connections.take(limits.timeout_s)
        query = _Query(proved.connection, deadline, stop or Stop(), self._masks)
        ending = ExitStack()
        ending.callback(lambda: self._connections.give(proved, usable=query.end()))
        try:
            ending.enter_context(query.stoppable())
            first = query.begun(asked, [*self._setting(limits)])
            schema = schema_of(query.described, first, whole=len(first) < BATCH)
        except BaseException:
            ending.close()
            raise
        return Rows(schema, capped(query.batches(schema, first), limits), ending.close)

    def close(self) -> None:
        """End the connections; engines of other projects lose them too."""
        self._connections.close()

    def _setting(self, limits: Limits) -> Iterator[sql.Composed]:
        """What holds in this transaction alone."""
        milliseconds = sql.Literal(max(1, int(limits.timeout_s * 1000)))
        yield sql.SQL("SET LOCAL statement_timeout = {}").format(milliseconds)
        yield sql.SQL("SET LOCAL lock_timeout = {}").format(milliseconds)
        # The system's own names first: nothing in the schema can stand for a built-in function or operator.
        yield sql.SQL("SET LOCAL search_path = pg_catalog, {}").format(sql.Identifier(self._connections.server.schema))
        for name, value in self._user.items():
            yield sql.SQL("SET LOCAL {} = {}").format(sql.Identifier("yurt", name), sql.Literal(str(value)))
        if self._role is not None:
            yield sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(self._role))


class _Query:
    """One question on one connection."""

    def __init__(
        self, connection: "psycopg.Connection[Any]", deadline: float, stop: Stop, masks: Masks | None = None
    ) -> None:
        self._connection, self._deadline, self._stop, self._masks = connection, deadline, stop, masks
        self._over = threading.Event()
        self._cursor: psycopg.RawServerCursor[Any] | None = None
        self._told = False  # has the server been asked to stop

    @property
    def described(self) -> list[psycopg.Column]:
        """The columns of the answer."""
        return list(self._cursor.description or ()) if self._cursor is not None else []

    def stoppable(self) -> Any:
        """While this holds, a wish to stop reaches the server."""
        return self._stop.calling(lambda: threading.Thread(target=self._cancel, daemon=True).start())

    def begun(self, asked: Parted, settings: list[sql.Composed]) -> list[tuple[Any, ...]]:
        """Open the transaction and the cursor; the first rows."""

        def begin() -> list[tuple[Any, ...]]:
            self._connection.execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            for setting in settings:
                self._connection.execute(setting)
            pairs = [each for lookup in asked.lookups for each in self._masked(lookup)]
            self._cursor = self._opened("answer", asked.sql, pairs)
            return list(self._cursor.fetchmany(BATCH))

        return self._guarded(begin)

    def _opened(self, name: str, text: str, pairs: list[list[Any]] | None = None) -> "psycopg.RawServerCursor[Any]":
        """By the extended protocol: a second statement after a semicolon is an error of the server."""
        cursor = psycopg.RawServerCursor(self._connection, name)
        cursor.execute(text.encode(), pairs or None, binary=True)
        return cursor

    def _masked(self, lookup: Lookup) -> tuple[list[str], list[Any]]:
        """The values of a look-up and their masks; in the same snapshot as the query itself."""
        if self._masks is None:
            raise YurtError(ENGINE_FAILED)
        values: list[str] = []
        size = 0
        with self._opened("values", lookup.values) as cursor:
            while rows := cursor.fetchmany(BATCH):
                self._look()
                values += [value for (value,) in rows]
                size += sum(len(value) for (value,) in rows)
                checked(len(values), size)
        made = self._masks.of(lookup, pa.array(values, pa.string()), self._deadline - time.monotonic(), self._stop)
        return made.column(VALUE).to_pylist(), made.column(MASK).to_pylist()

    def batches(self, schema: Any, first: list[tuple[Any, ...]]) -> Iterator[Any]:
        """Record batches until the end."""
        rows = first
        while True:
            yield batch_of(schema, rows)
            if len(rows) < BATCH or self._cursor is None:
                return
            rows = self._guarded(lambda: self._cursor.fetchmany(BATCH) if self._cursor is not None else [])
            if not rows:
                return

    def end(self) -> bool:
        """Leave the transaction; True where the connection may be asked again."""
        self._over.set()
        if self._told or self._connection.broken:
            return False
        try:
            self._connection.execute("ROLLBACK")
        except psycopg.Error:
            return False
        return True

    def _guarded(self, work: Callable[[], list[tuple[Any, ...]]]) -> list[tuple[Any, ...]]:
        self._look()
        try:
            found = work()
        except psycopg.Error as error:
            self._look()
            raise YurtError(_code(error)) from None
        self._look()
        return found

    def _look(self) -> None:
        if self._stop.wished:
            raise YurtError(ENGINE_CANCELLED)
        if time.monotonic() > self._deadline:
            raise YurtError(ENGINE_TIMEOUT)

    def _cancel(self) -> None:
        self._told = True
        while not self._over.is_set():
            with suppress(psycopg.Error):
                self._connection.cancel_safe(timeout=CONNECT_S)
            self._over.wait(_CANCEL_S)


def _parameters(number: int, lookup: Lookup, alias: str) -> exp.Expr:
    """Two parameters of one transaction: an array of values, an array of masks."""
    types = ("TEXT[]", "INT[]" if lookup.whole else "TEXT[]")
    arrays = [
        exp.cast(exp.Parameter(this=exp.Literal.number(2 * number + place)), exp.DataType.build(type_, "postgres"))
        for place, type_ in enumerate(types, start=1)
    ]
    columns = [exp.to_identifier(name, quoted=True) for name in (VALUE, MASK)]
    return exp.Unnest(
        expressions=arrays, alias=exp.TableAlias(this=exp.to_identifier(alias, quoted=True), columns=columns)
    )


def _code(error: psycopg.Error) -> ErrorCode:
    state = error.sqlstate or ""
    if state == "57014":  # query_canceled: who stopped it did not set a wish
        return ENGINE_TIMEOUT
    if state in _MEMORY:
        return ENGINE_MEMORY
    return (
        ENGINE_UNAVAILABLE
        if _GONE.match(state) or (not state and isinstance(error, psycopg.OperationalError))
        else ENGINE_FAILED
    )
