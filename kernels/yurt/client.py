"""The client of the gateway: HTTP over the sandbox's one socket, Arrow back.

There is no address and no token here. The socket leads to this sandbox's door, which says who asks.
"""

import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import httpx
import pyarrow as pa

from yurt.answer import Answer, Refused

SOCKET = "/run/yurt/gateway.sock"
SOCKET_VARIABLE = "YURT_GATEWAY_SOCKET"
REPORT_HEADER = "X-Yurt-Report"
REPORT_KEY = b"yurt"
_TIMEOUT_S = 600.0  # for the next part of an answer; the gateway has limits of its own


@cache
def _client(path: str) -> httpx.Client:
    transport = httpx.HTTPTransport(uds=path)
    return httpx.Client(transport=transport, base_url="http://gateway", timeout=_TIMEOUT_S, trust_env=False)


@contextmanager
def _called(method: str, path: str, body: dict[str, Any] | None = None) -> Iterator[httpx.Response]:
    """The answer while it arrives; leaving early hangs up, and then the gateway stops the query."""
    try:
        with _client(os.environ.get(SOCKET_VARIABLE, SOCKET)).stream(method, path, json=body) as response:
            if response.status_code != 200:
                response.read()
                raise _refused(response)
            yield response
    except httpx.TimeoutException:
        raise Refused("GATEWAY_TIMEOUT", "The gateway did not answer in time.", "Ask for less at once.") from None
    except httpx.RemoteProtocolError:
        raise Refused("ANSWER_BROKEN_OFF", "The answer broke off before its end.", "Ask again.") from None
    except httpx.TransportError:
        hint = "Save your work and open the sandbox again from the portal."
        raise Refused("GATEWAY_UNREACHABLE", "The gateway cannot be reached from here.", hint) from None


def _refused(response: httpx.Response) -> Refused:
    try:
        said = response.json()
        span = said.get("span")
        return Refused(
            str(said["code"]),
            str(said["message"]),
            str(said.get("hint") or ""),
            (int(span[0]), int(span[1])) if span else None,
            said.get("suggestion"),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        message = f"The gateway answered with status {response.status_code}."
        return Refused("GATEWAY_FAILED", message, "Try again; if it lasts, tell the operators.")


def _call(method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    with _called(method, path, body) as response:
        response.read()
        return response.json()


class _Body(io.RawIOBase):
    """A response as a file, so that Arrow reads it while it arrives."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__()
        self._parts, self._left = response.iter_bytes(), memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            part = next(self._parts, None)
            if part is None:
                return 0
            self._left = memoryview(part)
        size = min(len(buffer), len(self._left))
        buffer[:size], self._left = self._left[:size], self._left[size:]
        return size


def _read(response: httpx.Response) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """The schema and the batches. A report at the end of a streamed answer that names a code is a refusal."""
    reader = pa.ipc.open_stream(io.BufferedReader(_Body(response), 1 << 20))
    streamed = bool(json.loads(response.headers.get(REPORT_HEADER) or "{}").get("streamed"))

    def batches() -> Iterator[pa.RecordBatch]:
        ended = not streamed
        while True:
            try:
                batch, metadata = reader.read_next_batch_with_custom_metadata()
            except StopIteration:
                break
            if metadata is not None and REPORT_KEY in metadata:
                said = json.loads(metadata[REPORT_KEY])
                if "code" in said:
                    raise Refused(str(said["code"]), str(said.get("message", "")), str(said.get("hint", "")))
                ended = True
                continue
            yield batch
        if not ended:
            raise Refused("ANSWER_BROKEN_OFF", "The answer broke off before its end.", "Ask again.")

    return reader.schema, batches()


def query(sql: str) -> Answer:
    """Ask one SQL question. Raises Refused."""
    with _called("POST", "/v1/query", {"sql": sql}) as response:
        schema, arriving = _read(response)
        table = pa.Table.from_batches(list(arriving), schema)
        return Answer(table, json.loads(response.headers.get(REPORT_HEADER) or "{}"))


def batches(sql: str) -> Iterator[pa.RecordBatch]:
    """Ask one SQL question and read the answer part by part, for answers larger than memory. Raises Refused."""
    with _called("POST", "/v1/query", {"sql": sql}) as response:
        yield from _read(response)[1]


def explain(sql: str) -> dict[str, Any]:
    """The whole decision about a question, without running it. Raises Refused."""
    return dict(_call("POST", "/v1/explain", {"sql": sql}))


def tables() -> list[dict[str, Any]]:
    """What this project's grants allow: each table with its columns, what may be done with them, and the
    dialect of SQL that it is asked in (duckdb, postgres or spark). Raises Refused."""
    said = _call("GET", "/v1/tables")
    return list(said["tables"] if isinstance(said, dict) else said)
