"""Messages between the gateway and its engine process: a length, a JSON header, a length, a body.

Both lengths are 8 bytes, big-endian. Nothing is ever unpickled. Streams may be unbuffered, so that `select` on them
tells the truth.
"""

import json
import struct
from collections.abc import Iterable
from typing import Any, BinaryIO

import pyarrow as pa

_LENGTH = struct.Struct(">Q")
MAX_HEADER = 1 << 20
MAX_BODY = 1 << 32


class Closed(Exception):
    """The other side closed the pipe or sent something that is no message."""


def send(stream: BinaryIO, header: dict[str, Any], body: bytes | memoryview = b"") -> None:
    """Write one message."""
    encoded = json.dumps(header).encode()
    _write(stream, _LENGTH.pack(len(encoded)) + encoded + _LENGTH.pack(len(body)))
    _write(stream, body)
    stream.flush()


def packed(schema: Any, batches: Iterable[Any]) -> memoryview:
    """Record batches as a body: an Arrow IPC stream of its own."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return memoryview(sink.getvalue())


def unpacked(body: bytearray) -> Any:
    """The `pyarrow.Table` in a body, which it keeps alive."""
    return pa.ipc.open_stream(pa.py_buffer(body)).read_all()


def receive(stream: BinaryIO) -> tuple[dict[str, Any], bytearray]:
    """Read one message. Raises Closed."""
    header = _read(stream, _size(stream, MAX_HEADER))
    body = _read(stream, _size(stream, MAX_BODY))
    try:
        decoded = json.loads(header)
    except ValueError:
        raise Closed from None
    if not isinstance(decoded, dict):
        raise Closed
    return decoded, body


def _size(stream: BinaryIO, limit: int) -> int:
    (size,) = _LENGTH.unpack(_read(stream, _LENGTH.size))
    if size > limit:
        raise Closed
    return int(size)


def _write(stream: BinaryIO, data: bytes | memoryview) -> None:
    left = memoryview(data)
    while left:
        left = left[stream.write(left) :]


def _read(stream: BinaryIO, size: int) -> bytearray:
    data = bytearray(size)
    left = memoryview(data)
    while left:
        got = stream.readinto(left)  # type: ignore[attr-defined]  # every binary stream of the standard library has it
        if not got:
            raise Closed
        left = left[got:]
    return data
