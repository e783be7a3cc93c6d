"""From one HTTP request to one answer: a turn in line, a thread for the work, an eye on whether the asker still waits.

Arrow IPC goes back. A streamed answer ends with an empty batch whose metadata `yurt` is a JSON report; one that breaks
off ends with such a batch that names a code, and then the connection is cut, so that no reader takes it for whole.
"""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from typing import Any

import pyarrow as pa
from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from gateway.admission import Admission, Busy
from gateway.answer import WRONG_SQL, Answer, Failed, Streaming
from gateway.desk import Desk
from gateway.engine import Rows, Stop
from gateway.errors import ENGINE_CANCELLED, GATEWAY_BUSY
from gateway.identity import Sandbox
from policies.decision import Refused
from policies.explain import as_rows, asked_about
from store.errors import YurtError

ARROW = "application/vnd.apache.arrow.stream"
REPORT_HEADER = "X-Yurt-Report"
REPORT_KEY = "yurt"
Given = Answer | Streaming | Refused | Failed


class Counter:
    """Serves questions over HTTP. `threads`: as many as queries may run."""

    def __init__(self, desk: Desk, admission: Admission, threads: int) -> None:
        self._desk, self._admission = desk, admission
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="query")

    def close(self) -> None:
        """Wait for no one: engines end with their pool."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def serve(self, sandbox: Sandbox, sql: str, request: Request) -> Response:
        """The answer; when the asker hangs up, the query is stopped and nobody gets one."""
        work = asyncio.create_task(self._answered(sandbox, sql))
        gone = asyncio.create_task(_gone(request.receive))
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            if not work.done():
                work.cancel()
        with suppress(asyncio.CancelledError):
            return await work
        return refusal(Failed.because(ENGINE_CANCELLED))

    async def _answered(self, sandbox: Sandbox, sql: str) -> Response:
        about = asked_about(sql)
        if about is not None:
            return _explanation(await run_in_threadpool(self._desk.explain, sandbox, about))
        if not self._admission.free:  # a refusal waits for no engine: its time tells nothing of other people's queries
            refused = await run_in_threadpool(self._desk.refusal, sandbox, sql)
            if refused is not None:
                return refusal(refused)
        async with AsyncExitStack() as held:
            try:
                await held.enter_async_context(self._admission.slot(sandbox.project, sandbox.username))
            except Busy as busy:
                answer = refusal(Failed.because(GATEWAY_BUSY))
                answer.headers["Retry-After"] = str(busy.retry_s)
                return answer
            stop = Stop()
            given = await self._computed(sandbox, sql, stop)
            if isinstance(given, Answer):
                return Response(_whole(given.table), media_type=ARROW, headers={REPORT_HEADER: _report(given)})
            if isinstance(given, Streaming):
                return _Delivery(given, stop, self._threads, held.pop_all())
            return refusal(given)

    async def _computed(self, sandbox: Sandbox, sql: str, stop: Stop) -> Given:
        working = asyncio.get_running_loop().run_in_executor(self._threads, self._desk.ask, sandbox, sql, stop)
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            stop.set()  # the slot is held until the engine has let go
            with suppress(YurtError):
                given = await working
                if isinstance(given, Streaming):
                    await run_in_threadpool(given.rows.close)
            raise


class _Delivery(StreamingResponse):
    """Arrow IPC, batch by batch, at the reader's pace. The slot is held, and the engine kept, until the end of it."""

    def __init__(self, given: Streaming, stop: Stop, threads: ThreadPoolExecutor, held: AsyncExitStack) -> None:
        super().__init__(self._bytes(), media_type=ARROW, headers={REPORT_HEADER: _report(given)})
        self._given, self._stop, self._threads, self._held = given, stop, threads, held
        self._parts = _parts(given.rows)
        self._next: asyncio.Future[bytes] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the end, an error, or nobody listens. What breaks off is left without its last chunk."""
        sending = asyncio.create_task(self.stream_response(send))
        gone = asyncio.create_task(_gone(receive))
        try:
            await asyncio.wait({sending, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._stop.set()
            for task in (gone, sending):
                task.cancel()
            with suppress(asyncio.CancelledError, OSError, YurtError):
                await sending
            await asyncio.shield(self._let_go())

    async def _bytes(self) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        while True:
            self._next = loop.run_in_executor(self._threads, next, self._parts, b"")
            part = await asyncio.shield(self._next)
            if not part:
                return
            yield part

    async def _let_go(self) -> None:
        try:
            if self._next is not None:  # its thread is the one that reads from the engine
                await asyncio.wait({self._next})
            await asyncio.get_running_loop().run_in_executor(self._threads, self._given.rows.close)
        finally:
            await self._held.aclose()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _explanation(explained: Mapping[str, Any]) -> Response:
    """EXPLAIN POLICY asked like a query: a table of its parts."""
    parts, texts = zip(*as_rows(explained), strict=True)
    table = pa.table({"part": pa.array(parts, pa.string()), "explanation": pa.array(texts, pa.string())})
    report = json.dumps({"suppressed": 0, "explained": True})
    return Response(_whole(table), media_type=ARROW, headers={REPORT_HEADER: report})


def _whole(table: Any) -> bytes:
    buffer = io.BytesIO()
    with pa.ipc.new_stream(buffer, table.schema) as stream:
        stream.write_table(table)
    return buffer.getvalue()


def _parts(rows: Rows) -> Iterator[bytes]:
    """The bytes of an Arrow IPC stream. Raises what `rows` raises, after saying so in the stream."""
    sink = io.BytesIO()
    writer = pa.ipc.new_stream(sink, rows.schema)
    empty = rows.schema.empty_table().to_batches(max_chunksize=1) or [_empty(rows.schema)]
    count = 0

    def written() -> bytes:
        part = sink.getvalue()
        sink.seek(0)
        sink.truncate()
        return part

    def close_with(report: dict[str, Any]) -> bytes:
        writer.write_batch(empty[0], custom_metadata={REPORT_KEY: json.dumps(report)})
        return written()

    try:
        for batch in rows:
            count += batch.num_rows
            writer.write_batch(batch)
            yield written()
    except YurtError as error:
        yield close_with({"code": error.code, "message": error.message, "hint": error.hint})
        raise
    ending = close_with({"rows": count})
    writer.close()
    yield ending + written()


def _empty(schema: Any) -> Any:
    return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)


def _report(given: Answer | Streaming) -> str:
    elapsed = given.elapsed
    times = {"decide": elapsed.decide, "execute": elapsed.execute, "release": elapsed.release}
    report: dict[str, Any] = {"elapsed_ms": {name: round(spent, 2) for name, spent in times.items()}}
    if isinstance(given, Streaming):
        report |= {"suppressed": 0, "streamed": True}
    else:
        report |= {"suppressed": given.suppressed}
        report |= {"error_bars": dict(given.half_widths)} if given.half_widths else {}
        report |= {"notes": list(given.notes)} if given.notes else {}
    return json.dumps(report)


def refusal_body(refused: Refused | Failed) -> dict[str, Any]:
    """A refusal or a failure as JSON."""
    body: dict[str, Any] = {"code": refused.code, "message": refused.message, "hint": refused.hint}
    if isinstance(refused, Refused):
        body |= {"span": refused.span, "rule": refused.rule, "suggestion": refused.suggestion}
    return body


def refusal(refused: Refused | Failed) -> Response:
    """The same as a response: 403 where the policy says no, 400 where the text is wrong, else the failure's own."""
    if isinstance(refused, Failed):
        return JSONResponse(refusal_body(refused), refused.http)
    return JSONResponse(refusal_body(refused), 400 if refused.code in WRONG_SQL else 403)
