"""Receiving a file without holding it: multipart/form-data (RFC 7578) straight into a folder only the portal enters."""

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from portal.errors import BODY_INVALID, BODY_TOO_LARGE
from store.errors import YurtError

UPLOAD_BYTES = 1 << 30
FIELD_BYTES = 64 << 10
MOST_FIELDS = 64


@dataclass(slots=True)
class Upload:
    """The text fields of the form and, when one was sent, the file; whoever takes the file moves or removes it."""

    fields: dict[str, str] = field(default_factory=dict)
    file: Path | None = None

    def discard(self) -> None:
        """Remove the file, if it is still there."""
        if self.file is not None:
            self.file.unlink(missing_ok=True)


async def receive_upload(request: Request, folder: Path, limit: int = UPLOAD_BYTES) -> Upload:
    """Read a form with at most one file, which lands in `folder` (mode 0600). Raises BODY_INVALID, BODY_TOO_LARGE."""
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data" or b"boundary" not in options:
        raise YurtError(BODY_INVALID, field="file", why="send multipart/form-data")
    reader = _Reader(folder, limit)
    parser = MultipartParser(options[b"boundary"], reader.callbacks())
    try:
        async for chunk in request.stream():
            parser.write(chunk)
        parser.finalize()
        reader.close()
    except BaseException as error:
        reader.abandon()
        if isinstance(error, FormParserError):
            raise YurtError(BODY_INVALID, field="file", why="the form is cut or malformed") from None
        raise
    return reader.upload


class _Reader:
    def __init__(self, folder: Path, limit: int) -> None:
        self.upload = Upload()
        self._folder, self._limit, self._received = folder, limit, 0
        self._key, self._value = b"", b""
        self._headers: dict[bytes, bytes] = {}
        self._name, self._text, self._descriptor = "", b"", -1
        self._is_file = False

    def callbacks(self) -> Any:
        """What the parser calls, by its own names."""
        return {
            "on_part_begin": self._part_begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._part_data,
            "on_part_end": self._part_end,
        }

    def close(self) -> None:
        """Everything has arrived."""
        if self._descriptor >= 0:
            raise YurtError(BODY_INVALID, field="file", why="the form is cut or malformed")

    def abandon(self) -> None:
        """Leave nothing behind."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        self.upload.discard()

    def _part_begin(self) -> None:
        self._headers, self._name, self._text, self._is_file = {}, "", b"", False
        self._key, self._value = b"", b""

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._key += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._key.lower()] = self._value
        self._key, self._value = b"", b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        self._is_file = b"filename" in options
        if not self._name or len(self.upload.fields) >= MOST_FIELDS or (self._is_file and self.upload.file):
            raise YurtError(BODY_INVALID, field=self._name[:40] or "file", why="send named fields and one file")
        if self._is_file:
            self._descriptor, name = tempfile.mkstemp(dir=self._folder, prefix="upload-")
            self.upload.file = Path(name)

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        self._received += end - start
        if self._received > self._limit:
            raise YurtError(BODY_TOO_LARGE, limit=self._limit)
        if self._is_file:
            os.write(self._descriptor, data[start:end])
        else:
            self._text += data[start:end]
            if len(self._text) > FIELD_BYTES:
                raise YurtError(BODY_TOO_LARGE, limit=FIELD_BYTES)

    def _part_end(self) -> None:
        if self._is_file:
            os.close(self._descriptor)
            self._descriptor = -1
        else:
            self.upload.fields[self._name] = self._text.decode("utf-8", "replace")
