"""Spark SQL as an engine, through Spark Connect: one session per set of tables, spoken to by its protocol alone.

The client knows three things to say: show these files as tables, run this query, stop it. Spark has no read-only role,
so a text is sent only if every construct in it is one the policy's dialect knows, and as regenerated from its tree;
`gateway.spark_lock.LOCK` says how the server must be started.
"""

import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import grpc
import pyarrow as pa
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from gateway import wire
from gateway.engine import Engine, Limits, Rows, Stop, Tables, capped
from gateway.errors import (
    ENGINE_CANCELLED,
    ENGINE_FAILED,
    ENGINE_MEMORY,
    ENGINE_TIMEOUT,
    ENGINE_UNAVAILABLE,
    ENGINE_UNLOCKED,
)
from gateway.lookups import MOST_BYTES, MOST_VALUES, Lookup, Masks, checked, parted
from gateway.spark_lock import CHECKED, LOCK, SESSION
from policies.dialects import KEYED, SPARK, heard, said
from policies.refusal import Refusal
from store.errors import ErrorCode, YurtError

ANSWERING_S = 60.0
"""How long the server may take to open a session and its tables."""
IDLE_S = 20 * 60.0
"""A session unused for so long is opened anew: the server forgets it after an hour (`spark_lock.LOCK`)."""
_CANCEL_S, _CANCEL_TIMES = 0.2, 50
"""How often a query that is to stop is told so: the first word may come before the query began."""
_MESSAGE_BYTES = 128 << 20
_LOCAL = ("127.0.0.1", "::1", "localhost")
_FORMATS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    ".parquet": ("parquet", {}),
    ".csv": ("csv", {"header": "true", "inferSchema": "true"}),
}
_CODES = {
    grpc.StatusCode.DEADLINE_EXCEEDED: ENGINE_TIMEOUT,
    grpc.StatusCode.CANCELLED: ENGINE_CANCELLED,
    grpc.StatusCode.RESOURCE_EXHAUSTED: ENGINE_MEMORY,
    grpc.StatusCode.UNAVAILABLE: ENGINE_UNAVAILABLE,
    grpc.StatusCode.UNAUTHENTICATED: ENGINE_UNAVAILABLE,
}


def _proto() -> Any:
    """The protocol's generated messages. Loaded when first needed: they bring pandas with them."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # about pandas, which is not used
        from pyspark.sql.connect import proto
    return proto


@dataclass(frozen=True, slots=True)
class SparkAddress:
    """Where the server is and the file (mode 0600) that holds its token; read at each start of a session."""

    host: str
    port: int
    token_file: Path

    def channel(self) -> grpc.Channel:
        """A channel that carries the token. Off this machine it is encrypted and the server shows a certificate."""
        try:
            token = self.token_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise YurtError(ENGINE_UNAVAILABLE) from None
        local = self.host in _LOCAL
        transport = grpc.local_channel_credentials() if local else grpc.ssl_channel_credentials()
        both = grpc.composite_channel_credentials(transport, grpc.access_token_call_credentials(token))
        options = [
            ("grpc.max_receive_message_length", _MESSAGE_BYTES),
            ("grpc.max_send_message_length", _MESSAGE_BYTES),
            ("grpc.enable_http_proxy", 0),
        ]
        return grpc.secure_channel(f"{self.host}:{self.port}", both, options=options)


class SparkEngine(Engine):
    """The tables of one session. Close it, or use it as a context manager."""

    def __init__(self, address: SparkAddress, tables: Tables, masks: Masks | None = None) -> None:
        """`masks`: who masks what Spark cannot; without it a query with such a mask fails.

        Raises ENGINE_UNAVAILABLE, ENGINE_UNLOCKED; ENGINE_FAILED for a file the server cannot read.
        """
        self._tables, self._masks, self._opening = tables, masks, threading.Lock()
        self._proto = _proto()
        self._user = self._proto.UserContext(user_id="yurt", user_name="yurt")
        self._channel = address.channel()
        self._stub = self._proto.SparkConnectServiceStub(self._channel)
        self._session, self._used = "", 0.0  # by `time.monotonic`; 0: to be opened before the next question
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "SparkEngine":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def stream(self, sql: str, limits: Limits, stop: Stop | None = None) -> Rows:
        """See `Engine`."""
        deadline = time.monotonic() + limits.timeout_s
        sql = harmless(sql)
        stop = stop or Stop()
        if stop.wished:
            raise YurtError(ENGINE_CANCELLED)
        self._open()
        root = self._looked_up(sql, deadline, stop)
        request = self._request(self._proto.Plan(root=root))
        query = _Query(self, request, deadline - time.monotonic(), stop)  # the session stays that of the request
        ending = ExitStack()
        ending.callback(query.end)
        try:
            ending.enter_context(query.stoppable())
            batches = query.batches()
            first = next(batches, None)
        except BaseException:
            ending.close()
            raise
        if first is None:  # the server sends a batch even for no rows
            ending.close()
            raise YurtError(ENGINE_FAILED)
        return Rows(first.schema, capped(_rest(first, batches), limits), ending.close)

    def close(self) -> None:
        """End the session and what runs in it."""
        with suppress(grpc.RpcError, ValueError):  # closed before
            request = self._proto.ReleaseSessionRequest(session_id=self._session, user_context=self._user)
            self._stub.ReleaseSession(request, timeout=5)
        self._channel.close()

    def doubt(self) -> None:
        """Open the session anew before the next question: the server may have lost it."""
        self._used = 0.0

    def run(self, request: Any, timeout_s: float) -> Any:
        """Start a plan: a call that yields its responses."""
        return self._stub.ExecutePlan(request, timeout=max(0.001, timeout_s))

    def interrupt(self, started: Any) -> bool:
        """Stop the operation that a request started; True where there is nothing left to do."""
        request = self._proto.InterruptRequest(
            session_id=started.session_id,
            user_context=self._user,
            interrupt_type=self._proto.InterruptRequest.INTERRUPT_TYPE_OPERATION_ID,
            operation_id=started.operation_id,
        )
        try:
            return started.operation_id in self._stub.Interrupt(request, timeout=5).interrupted_ids
        except grpc.RpcError:
            return False
        except ValueError:  # the channel is closed, and the session with it
            return True

    def _looked_up(self, sql: str, deadline: float, stop: Stop) -> Any:
        """The relation of a query. Pairs of values and masks go with it as tables that the server forgets as soon as it
        has read the query; nobody else can name them."""
        secret = f"{KEYED}{uuid.uuid4().hex}"

        def source(number: int, _lookup: Lookup, alias: str) -> exp.Expr:
            name = exp.to_identifier(f"{secret}_{number}", quoted=True)
            return exp.Table(this=name, alias=exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))

        asked = parted(sql, SPARK, source)
        root = self._proto.Relation(sql=self._proto.SQL(query=asked.sql))
        if not asked.lookups:
            return root
        tables = []
        for number, lookup in enumerate(asked.lookups):
            data = bytes(wire.packed(*self._masked(lookup, deadline, stop)))
            local = self._proto.Relation(local_relation=self._proto.LocalRelation(data=data))
            named = self._proto.SubqueryAlias(input=local, alias=f"{secret}_{number}")
            tables.append(self._proto.Relation(subquery_alias=named))
        return self._proto.Relation(with_relations=self._proto.WithRelations(root=root, references=tables))

    def _masked(self, lookup: Lookup, deadline: float, stop: Stop) -> tuple[Any, list[Any]]:
        """The values of a look-up and their masks: schema and record batches."""
        if self._masks is None:
            raise YurtError(ENGINE_FAILED)
        limits = Limits(deadline - time.monotonic(), MOST_VALUES + 1, 2 * MOST_BYTES)
        values = self.execute(lookup.values, limits, stop).column(0).combine_chunks()
        checked(len(values), values.nbytes)
        made = self._masks.of(lookup, values, deadline - time.monotonic(), stop).combine_chunks()
        return made.schema, made.to_batches()

    def _request(self, plan: Any) -> Any:
        return self._proto.ExecutePlanRequest(
            session_id=self._session, user_context=self._user, operation_id=str(uuid.uuid4()), plan=plan
        )

    def _open(self) -> None:
        """Make sure that there is a session with the tables in it."""
        with self._opening:
            now = time.monotonic()
            if not self._used or now - self._used > IDLE_S:
                self._session = str(uuid.uuid4())
                self._check_lock()
                for name, path in self._tables.files.items():
                    self._show(name, Path(path))
            self._used = now

    def _show(self, name: str, path: Path) -> None:
        """A file as a table of this session."""
        format_, options = _FORMATS[path.suffix.lower()]
        source = self._proto.Read.DataSource(format=format_, paths=[str(path.absolute())], options=dict(options))
        view = self._proto.CreateDataFrameViewCommand(
            input=self._proto.Relation(read=self._proto.Read(data_source=source)), name=f"`{name}`", replace=True
        )
        plan = self._proto.Plan(command=self._proto.Command(create_dataframe_view=view))
        try:
            for _ in self.run(self._request(plan), ANSWERING_S):
                pass
        except grpc.RpcError as error:
            raise YurtError(_CODES.get(error.code(), ENGINE_FAILED)) from None

    def _check_lock(self) -> None:
        """The server's settings are those of the lock; the session's own are made so."""
        wanted = [self._proto.KeyValue(key=name, value=value) for name, value in SESSION.items()]
        set_ = self._proto.ConfigRequest.Set(pairs=wanted)
        get = self._proto.ConfigRequest.Get(keys=CHECKED)
        operation = self._proto.ConfigRequest.Operation
        try:
            self._config(operation(set=set_))
            found = {pair.key: pair.value for pair in self._config(operation(get=get)).pairs}
        except grpc.RpcError as error:
            raise YurtError(_CODES.get(error.code(), ENGINE_UNLOCKED)) from None
        if any(found.get(name) != LOCK[name] for name in CHECKED):
            raise YurtError(ENGINE_UNLOCKED)

    def _config(self, operation: Any) -> Any:
        request = self._proto.ConfigRequest(session_id=self._session, user_context=self._user, operation=operation)
        return self._stub.Config(request, timeout=ANSWERING_S, wait_for_ready=True)


class _Query:
    """One query of a session."""

    def __init__(self, engine: SparkEngine, request: Any, timeout_s: float, stop: Stop) -> None:
        self._engine, self._request, self._stop = engine, request, stop
        self._finished = False
        self._deadline = time.monotonic() + timeout_s
        self._call = engine.run(request, timeout_s)

    def stoppable(self) -> Any:
        """While this holds, a wish to stop reaches the server."""
        return self._stop.calling(lambda: cast(None, self._call.cancel()))

    def batches(self) -> Iterator[Any]:
        """Record batches until the end."""
        try:
            for response in self._call:
                if self._stop.wished:
                    raise YurtError(ENGINE_CANCELLED)
                if response.HasField("arrow_batch"):
                    yield from _batches(response.arrow_batch.data)
            self._finished = True
        except grpc.RpcError as error:
            raise YurtError(self._code(error)) from None
        except pa.ArrowException:
            raise YurtError(ENGINE_FAILED) from None

    def end(self) -> None:
        """Stop what still runs. Where the server does not know the operation it may be about to begin, so it is told
        again for a while, beside the next question."""
        self._call.cancel()
        if not self._finished and not self._engine.interrupt(self._request):
            threading.Thread(target=self._insist, daemon=True).start()

    def _code(self, error: grpc.RpcError) -> ErrorCode:
        if self._stop.wished:
            return ENGINE_CANCELLED
        if time.monotonic() >= self._deadline:
            return ENGINE_TIMEOUT
        self._engine.doubt()
        return _CODES.get(error.code(), ENGINE_FAILED)

    def _insist(self) -> None:
        for _ in range(_CANCEL_TIMES):
            time.sleep(_CANCEL_S)
            if self._engine.interrupt(self._request):
                return


def harmless(sql: str) -> str:
    """One query as Spark is to read it. Raises ENGINE_FAILED for any other text.

    Spark carries out a command wherever it stands, runs programs for TRANSFORM and calls any Java method by name.
    """
    try:
        statements = sqlglot.parse(sql, dialect=SPARK)
        tree = heard(statements[0], SPARK) if len(statements) == 1 and statements[0] is not None else None
        if not isinstance(tree, exp.Query) or any(each.args.get("db") for each in tree.find_all(exp.Table)):
            raise YurtError(ENGINE_FAILED)
        return said(tree, SPARK)
    except (SqlglotError, ValueError, IndexError, RecursionError, Refusal):
        raise YurtError(ENGINE_FAILED) from None


def _batches(stream: bytes) -> Iterator[Any]:
    table = pa.ipc.open_stream(pa.py_buffer(stream)).read_all()
    if table.num_rows:
        yield from table.to_batches()
    else:
        yield pa.RecordBatch.from_arrays([pa.nulls(0, field.type) for field in table.schema], schema=table.schema)


def _rest(first: Any, batches: Iterator[Any]) -> Iterator[Any]:
    yield first
    yield from batches
