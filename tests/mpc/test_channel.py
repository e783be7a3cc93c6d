"""Only pinned peers get through."""

import asyncio
import ssl
from pathlib import Path

import pytest

from mpc import channel
from mpc.channel import Mesh
from mpc.errors import PeerAborted
from mpc.identity import create_party

ORDER = ("a", "b")


async def meeting(folder: Path, digests: tuple[str, str], impostor: bool) -> list[BaseException | None]:
    cards = {name: create_party(folder / name, name) for name in ("a", "b", "c")}
    meshes = [
        Mesh(folder / ("c" if impostor and name == "a" else name), name, ORDER, cards, digest)
        for name, digest in zip(ORDER, digests, strict=True)
    ]
    ports = {name: await mesh.listen() for name, mesh in zip(ORDER, meshes, strict=True)}

    async def greet(mesh: Mesh) -> None:
        await mesh.guard(mesh.connect(ports))
        await mesh.broadcast("greeting", word="ok")
        said = await mesh.gather("greeting")
        assert [header["word"] for header in said.values()] == ["ok"]

    outcomes = await asyncio.gather(*(greet(mesh) for mesh in meshes), return_exceptions=True)
    for mesh in meshes:
        await mesh.close(finished=False)
    return list(outcomes)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "CONNECT_S", 1.0)


def test_pinned_peers_talk(tmp_path: Path) -> None:
    assert asyncio.run(meeting(tmp_path, ("d1", "d1"), impostor=False)) == [None, None]


def test_another_partys_certificate_does_not_get_through(tmp_path: Path) -> None:
    outcomes = asyncio.run(meeting(tmp_path, ("d1", "d1"), impostor=True))
    assert all(isinstance(outcome, PeerAborted) for outcome in outcomes)


def test_a_peer_that_speaks_of_another_job_is_cut_off(tmp_path: Path) -> None:
    outcomes = asyncio.run(meeting(tmp_path, ("d1", "d2"), impostor=False))
    assert any(isinstance(outcome, PeerAborted) and "another job" in outcome.why for outcome in outcomes)


def test_plain_tcp_gets_no_answer(tmp_path: Path) -> None:
    async def knock() -> bytes:
        cards = {name: create_party(tmp_path / name, name) for name in ORDER}
        mesh = Mesh(tmp_path / "b", "b", ORDER, cards, "d1")
        reader, writer = await asyncio.open_connection("127.0.0.1", await mesh.listen())
        writer.write(b"\0\0\0\2\0\0\0\0{}")
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        await mesh.close(finished=False)
        return answer

    answer = asyncio.run(knock())
    assert answer == b"" or answer[0] == ssl.AlertDescription.ALERT_DESCRIPTION_HANDSHAKE_FAILURE or answer[0] == 21
