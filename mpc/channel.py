"""The control channel between agents: one mutually authenticated TLS connection per pair, on pinned certificates.

Frames are a 4-byte header length, a 4-byte payload length (big endian), a JSON header and raw payload bytes. Every
header carries the job's digest; a frame of another job ends the run. Silence longer than `SILENCE_S`, a closed
connection or an `abort` frame fails the mesh, and everything waiting on it.
"""

import asyncio
import contextlib
import hashlib
import json
import ssl
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from mpc.errors import PeerAborted
from mpc.identity import Card, hostname

BEAT_S = 1.0
SILENCE_S = 20.0
CONNECT_S = 20.0
MAX_HEADER, MAX_PAYLOAD = 1 << 20, 1 << 28

Header = dict[str, Any]
T = TypeVar("T")


@dataclass(slots=True)
class Link:
    """One peer's connection and what has come in from it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    inbox: asyncio.Queue[tuple[Header, bytes]] = field(default_factory=asyncio.Queue)
    finished: bool = False  # the peer has said goodbye


class Mesh:
    """This agent's connections to all peers of one job."""

    def __init__(self, folder: Path, me: str, order: tuple[str, ...], cards: Mapping[str, Card], digest: str) -> None:
        self.me, self.order, self.digest = me, order, digest
        self.sent = self.received = 0
        self.failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.failure.add_done_callback(lambda future: future.cancelled() or future.exception())
        self._names = {cards[name].fingerprint: name for name in order if name != me}
        self._anchors = "".join(cards[name].certificate for name in order if name != me)
        self._own = folder / "agent/tls.crt", folder / "agent/tls.key"
        self._links: dict[str, Link] = {}
        self._arrived = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def listen(self) -> int:
        """Open a free loopback port for peers and return it."""
        context = self._context(ssl.PROTOCOL_TLS_SERVER)
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=context, limit=1 << 20)
        return int(self._server.sockets[0].getsockname()[1])

    async def connect(self, ports: Mapping[str, int]) -> None:
        """Connect to the peers after me, wait for those before me. Raises PeerAborted."""
        context = self._context(ssl.PROTOCOL_TLS_CLIENT)
        later = self.order[self.order.index(self.me) + 1 :]
        for peer in later:
            try:
                reader, writer = await asyncio.wait_for(
                    asyncio.open_connection(
                        "127.0.0.1", ports[peer], ssl=context, server_hostname=hostname(peer), limit=1 << 20
                    ),
                    CONNECT_S,
                )
            except (OSError, TimeoutError, ssl.SSLError) as error:
                raise PeerAborted(peer, "could not be reached over TLS") from error
            self._adopt(peer, reader, writer)
        try:
            async with asyncio.timeout(CONNECT_S):
                while len(self._links) < len(self.order) - 1:
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            missing = next(name for name in self.order if name != self.me and name not in self._links)
            raise PeerAborted(missing, "did not connect") from None
        self._spawn(self._beat())

    async def send(self, peer: str, kind: str, payload: bytes = b"", **header: Any) -> None:
        """Send one frame. A broken connection is reported by the reader, not here."""
        head = json.dumps({"type": kind, "digest": self.digest, **header}).encode()
        frame = len(head).to_bytes(4, "big") + len(payload).to_bytes(4, "big") + head + payload
        writer = self._links[peer].writer
        with contextlib.suppress(OSError):
            writer.write(frame)
            self.sent += len(frame)
            await writer.drain()

    async def broadcast(self, kind: str, **header: Any) -> None:
        """Send one frame to every connected peer."""
        for peer in list(self._links):
            await self.send(peer, kind, **header)

    async def receive(self, peer: str, kind: str) -> tuple[Header, bytes]:
        """The next frame of `peer`, which must be a `kind`. Raises PeerAborted."""
        header, payload = await self.guard(self._links[peer].inbox.get())
        if header["type"] != kind:
            raise PeerAborted(peer, "sent a message out of order")
        return header, payload

    async def gather(self, kind: str) -> dict[str, Header]:
        """One `kind` frame from every peer, by name."""
        return {peer: (await self.receive(peer, kind))[0] for peer in self.order if peer != self.me}

    async def guard(self, work: Coroutine[Any, Any, T]) -> T:
        """Await `work`, but stop at once when the mesh fails. Raises PeerAborted."""
        task = asyncio.ensure_future(work)
        try:
            waits: set[asyncio.Future[Any]] = {task, self.failure}
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if self.failure.done() and not task.done():
                self.failure.result()
            return await task
        finally:
            if not task.done():
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    async def close(self, finished: bool) -> None:
        """Close everything; only an agent that has `finished` says goodbye, so that no failure looks like an end."""
        if finished:
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(2):
                    await self.broadcast("bye")
        for task in self._tasks:
            task.cancel()
        for link in self._links.values():
            link.writer.close()
        if self._server:
            self._server.close()
        if not self.failure.done():
            self.failure.cancel()

    def _context(self, side: int) -> ssl.SSLContext:
        context = ssl.SSLContext(side)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=self._anchors)
        context.load_cert_chain(*self._own)
        return context

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = self._names.get(_fingerprint(writer))
        if peer is None or peer in self._links or self.order.index(peer) > self.order.index(self.me):
            writer.close()
            return
        self._adopt(peer, reader, writer)

    def _adopt(self, peer: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # TLS proves that the peer holds some pinned key; the fingerprint proves that it is this peer's.
        if self._names.get(_fingerprint(writer)) != peer:
            writer.close()
            raise PeerAborted(peer, "showed another party's certificate")
        self._links[peer] = Link(reader, writer)
        self._spawn(self._read(peer))
        self._arrived.set()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            await self.broadcast("beat")

    async def _read(self, peer: str) -> None:
        link = self._links[peer]
        try:
            while True:
                async with asyncio.timeout(SILENCE_S):
                    head = await link.reader.readexactly(8)
                    header_size, payload_size = int.from_bytes(head[:4], "big"), int.from_bytes(head[4:], "big")
                    if header_size > MAX_HEADER or payload_size > MAX_PAYLOAD:
                        raise PeerAborted(peer, "sent a message that is too large")
                    header = json.loads(await link.reader.readexactly(header_size))
                    payload = await link.reader.readexactly(payload_size)
                self.received += 8 + header_size + payload_size
                if not isinstance(header, dict) or header.get("digest") != self.digest:
                    raise PeerAborted(peer, "spoke of another job")
                if header["type"] == "bye":
                    link.finished = True
                    link.inbox.put_nowait((header, b""))  # whoever still waits for something else must not wait on
                elif header["type"] == "abort":
                    culprit, why = str(header.get("culprit", peer)), str(header.get("why", "stopped"))
                    blamed = culprit if culprit in self.order else peer
                    raise PeerAborted(blamed, why[:200], str(header.get("step", "")))
                elif header["type"] != "beat":
                    link.inbox.put_nowait((header, payload))
        except PeerAborted as aborted:
            self._fail(aborted)
        except TimeoutError:
            self._fail(PeerAborted(peer, "fell silent"))
        except (OSError, asyncio.IncompleteReadError, ValueError, KeyError):
            if not link.finished:
                self._fail(PeerAborted(peer, "disconnected"))

    def _fail(self, aborted: PeerAborted) -> None:
        if not self.failure.done():
            self.failure.set_exception(aborted)


def _fingerprint(writer: asyncio.StreamWriter) -> str:
    tls = writer.get_extra_info("ssl_object")
    certificate = tls.getpeercert(binary_form=True) if tls else None
    return hashlib.sha256(certificate).hexdigest() if certificate else ""
