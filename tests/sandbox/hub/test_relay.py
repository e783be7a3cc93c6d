"""The relay between a sandbox's socket and the gateway: parts pass as they come, and hanging up reaches the far end."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from sandbox.hub.relay import relay_server


class Gateway:
    """An HTTP server that sends one part and then waits for `go_on`; it notices when it is left."""

    def __init__(self) -> None:
        self.go_on, self.left = asyncio.Event(), asyncio.Event()
        self.asked = b""
        self.breaks_off = False

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nSet-Cookie: a=b\r\n\r\n5\r\nfirst\r\n")
        await writer.drain()
        going = asyncio.create_task(self.go_on.wait())
        gone = asyncio.create_task(self._gone(reader))
        await asyncio.wait({going, gone}, return_when=asyncio.FIRST_COMPLETED)
        if self.go_on.is_set():
            writer.write(b"6\r\nsecond\r\n" + (b"" if self.breaks_off else b"0\r\n\r\n"))
            await writer.drain()
        for task in (going, gone):
            task.cancel()
        writer.close()

    async def _gone(self, reader: asyncio.StreamReader) -> None:
        while await reader.read(1024):
            pass
        self.left.set()


@contextlib.asynccontextmanager
async def relayed(folder: Path) -> AsyncIterator[tuple[Gateway, httpx.AsyncClient]]:
    gateway = Gateway()
    far = await asyncio.start_server(gateway.answer, "127.0.0.1", 0)
    path = str(folder / "gateway.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        listener.setblocking(False)
        relay = relay_server(listener, f"http://127.0.0.1:{far.sockets[0].getsockname()[1]}", "the-token")
        async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=path), base_url="http://gateway") as client:
            yield gateway, client
        relay.stop()
        far.close()


def test_parts_pass_as_they_come_and_only_with_the_sandboxs_own_token(tmp_path: Path) -> None:
    async def story() -> None:
        async with relayed(tmp_path) as (gateway, client):
            headers = {"Authorization": "Bearer stolen", "Cookie": "stolen"}
            async with client.stream("POST", "/v1/query", json={"sql": "SELECT 1"}, headers=headers) as answer:
                parts = answer.aiter_raw()
                assert await anext(parts) == b"first"
                gateway.go_on.set()
                assert b"".join([part async for part in parts]) == b"second"
                assert "set-cookie" not in answer.headers
            assert b"authorization: bearer the-token" in gateway.asked.lower()
            assert b"stolen" not in gateway.asked

    asyncio.run(asyncio.wait_for(story(), 60))


def test_hanging_up_reaches_the_gateway(tmp_path: Path) -> None:
    async def story() -> None:
        async with relayed(tmp_path) as (gateway, client):
            async with client.stream("POST", "/v1/query", json={"sql": "SELECT 1"}) as answer:
                assert await anext(answer.aiter_raw()) == b"first"
            await gateway.left.wait()

    asyncio.run(asyncio.wait_for(story(), 60))


def test_an_answer_that_breaks_off_does_not_look_whole(tmp_path: Path) -> None:
    async def story() -> None:
        async with relayed(tmp_path) as (gateway, client):
            gateway.breaks_off = True
            gateway.go_on.set()
            with pytest.raises(httpx.RemoteProtocolError):
                await client.post("/v1/query", json={"sql": "SELECT 1"})

    asyncio.run(asyncio.wait_for(story(), 60))


def test_a_gateway_that_is_not_there_is_said_in_words(tmp_path: Path) -> None:
    async def story() -> None:
        path = str(tmp_path / "gateway.sock")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()
            listener.setblocking(False)
            relay = relay_server(listener, "http://127.0.0.1:1", "the-token")
            async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=path), base_url="http://g") as client:
                answer = await client.post("/v1/query", json={"sql": "SELECT 1"})
            relay.stop()
        assert (answer.status_code, json.loads(answer.content)["code"]) == (502, "RELAY_GATEWAY_UNREACHABLE")

    asyncio.run(asyncio.wait_for(story(), 60))
