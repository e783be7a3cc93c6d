"""PNG (W3C PNG third edition): walked chunk by chunk before a decoder sees it; every byte is accounted for."""

import struct
import zlib
from typing import BinaryIO

from sandbox.airlock import codes
from sandbox.airlock.findings import Findings, Stop
from sandbox.airlock.identities import DIRECT
from sandbox.airlock.kinds import START, Kind
from sandbox.airlock.tables import Context

_PIXEL_CHUNKS = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS"})
_HARMLESS = frozenset({b"pHYs", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"bKGD", b"tIME", b"hIST", b"cICP"})
_METADATA = frozenset({b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"iCCP"})
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_READ = 1 << 16


def read(source: BinaryIO, context: Context, findings: Findings, where: str = "") -> None:
    """Check a picture. It always goes to a person: no machine here reads what a drawing says."""
    if source.read(8) != START[Kind.PNG]:
        findings.add(codes.TYPE_MISMATCH, f"{where}signature")
        raise Stop
    findings.add(codes.IMAGE_REVIEW, f"{where}picture")
    expected = 0
    inflate = zlib.decompressobj()
    unpacked = metadata = number = 0
    seen_pixels = False
    while True:
        number += 1
        at = f"{where}chunk {number}"
        name, data = _chunk(source, at, context, findings)
        if number == 1:
            expected = _pixel_bytes(name, data, at, context, findings)
        elif name == b"IDAT":
            seen_pixels = True
            unpacked += _inflate(inflate, data, expected - unpacked, at, findings)
        elif name in _METADATA:
            metadata += len(data)
            _check_metadata(name, data, at, context, findings)
        elif name == b"IEND":
            break
        elif name not in _PIXEL_CHUNKS | _HARMLESS or (name in _HARMLESS and len(data) > 64):
            findings.add(codes.IMAGE_CHUNK, at)
    if not seen_pixels or unpacked != expected or not inflate.eof:
        findings.add(codes.UNREADABLE, f"{where}pixels")
    if metadata > context.limits.metadata_bytes:
        findings.add(codes.IMAGE_METADATA_LARGE, f"{where}metadata")
    if data or source.read(1):
        findings.add(codes.HIDDEN_BYTES, f"{where}after the last chunk")


def _chunk(source: BinaryIO, at: str, context: Context, findings: Findings) -> tuple[bytes, bytes]:
    head = source.read(8)
    length = struct.unpack(">I", head[:4])[0] if len(head) == 8 else -1
    if not 0 <= length <= context.limits.file_bytes:
        findings.add(codes.UNREADABLE, at)
        raise Stop
    data, check = source.read(length), source.read(4)
    if len(data) != length or len(check) != 4 or zlib.crc32(head[4:] + data) != struct.unpack(">I", check)[0]:
        findings.add(codes.UNREADABLE, at)
        raise Stop
    return head[4:], data


def _pixel_bytes(name: bytes, data: bytes, at: str, context: Context, findings: Findings) -> int:
    """Bytes that the pixels unpack to, filter bytes included; refuses sizes and modes no figure has."""
    if name != b"IHDR" or len(data) != 13:
        findings.add(codes.UNREADABLE, at)
        raise Stop
    width, height, depth, colour, compression, filtering, interlace = struct.unpack(">IIBBBBB", data)
    if width * height > context.limits.pixels or not width or not height:
        findings.add(codes.IMAGE_TOO_LARGE, at)
        raise Stop
    if colour not in _CHANNELS or depth not in (1, 2, 4, 8, 16) or compression or filtering or interlace:
        findings.add(codes.UNREADABLE, at)  # interlacing is refused: nothing that draws plots uses it
        raise Stop
    return int(height * (1 + (width * depth * _CHANNELS[colour] + 7) // 8))


def _inflate(stream: "zlib._Decompress", data: bytes, room: int, at: str, findings: Findings) -> int:
    """Unpack one chunk piece by piece and count the bytes; stops as soon as there are more than the pixels need."""
    total = 0
    pending = data
    try:
        while not stream.eof:
            piece = stream.decompress(pending, _READ)
            pending = stream.unconsumed_tail
            total += len(piece)
            if total > room:
                findings.add(codes.IMAGE_BOMB, at)
                raise Stop
            if not pending and len(piece) < _READ:
                break
    except zlib.error as error:
        findings.add(codes.UNREADABLE, at)
        raise Stop from error
    if stream.eof and (stream.unused_data or pending):
        findings.add(codes.HIDDEN_BYTES, at)
        raise Stop
    return total


def _check_metadata(name: bytes, data: bytes, at: str, context: Context, findings: Findings) -> None:
    """Text chunks are scanned like any other text; compressed ones are unpacked within the same small cap."""
    findings.add(codes.IMAGE_METADATA, at)
    raw = data
    if name in (b"zTXt", b"iTXt", b"iCCP"):
        compressed = data.partition(b"\0")[2][1:]
        if name == b"iTXt" and len(data.partition(b"\0")[2]) > 2:
            compressed = data.partition(b"\0")[2][2:].partition(b"\0")[2].partition(b"\0")[2]
        try:
            unpacked = zlib.decompressobj().decompress(compressed, context.limits.metadata_bytes + 1)
            if len(unpacked) > context.limits.metadata_bytes:
                findings.add(codes.IMAGE_METADATA_LARGE, at)
            raw = data + b"\n" + unpacked
        except zlib.error:
            raw = data  # iTXt is often stored plain
    text = raw[: 4 * context.limits.metadata_bytes].decode("utf-8", "replace").replace("\0", " ")
    if context.scanner.types(text) & DIRECT:
        findings.add(codes.IDENTITY, at)
