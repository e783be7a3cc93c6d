"""Messages between the gateway and its engine process: a length, a JSON header, a length, a body.

Both lengths are 8 bytes, big-endian. Nothing is ever unpickled.
"""

import json
import struct
from typing import Any, BinaryIO

_LENGTH = struct.Struct(">Q")
MAX_HEADER = 1 << 20
MAX_BODY = 1 << 32


class Closed(Exception):
    """The other side closed the pipe or sent something that is no message."""


def send(stream: BinaryIO, header: dict[str, Any], body: bytes | memoryview = b"") -> None:
    """Write one message."""
    encoded = json.dumps(header).encode()
    stream.write(_LENGTH.pack(len(encoded)) + encoded + _LENGTH.pack(len(body)))
    stream.write(body)
    stream.flush()


def receive(stream: BinaryIO) -> tuple[dict[str, Any], bytes]:
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


def _read(stream: BinaryIO, size: int) -> bytes:
    parts, missing = [], size
    while missing:
        part = stream.read(missing)
        if not part:
            raise Closed
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)
