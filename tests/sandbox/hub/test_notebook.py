"""A door, which is root, connects only to the socket its own jail's server made."""

import os
import socket
from pathlib import Path

from sandbox.hub.notebook import Notebook
from sandbox.hub.ticket import Ticket
from sandbox.profile import Limits


def _notebook(folder: Path) -> tuple[Notebook, Path]:
    ticket = Ticket("t", "/opt/env", str(folder / "home"), str(folder / "run"), "http://127.0.0.1:1", Limits())
    notebook = Notebook(Ticket.load({"YURT_DOOR": ticket.dump()}), "/user/a/b/")
    notebook.listen().close()
    return notebook, ticket.server_folder / "server.sock"


def _listening(path: Path, uid: int) -> socket.socket:
    plug = socket.socket(socket.AF_UNIX)
    plug.bind(str(path))
    plug.listen()
    os.chown(path, uid, uid)
    return plug


def test_a_link_to_another_sandboxs_socket_is_not_followed(tmp_path: Path) -> None:
    notebook, path = _notebook(tmp_path)
    with _listening(tmp_path / "other.sock", 20001):
        path.symlink_to(tmp_path / "other.sock")
        assert not notebook._connectable()


def test_a_socket_or_file_of_somebody_else_is_not_taken(tmp_path: Path) -> None:
    notebook, path = _notebook(tmp_path)
    with _listening(path, 0):
        assert not notebook._connectable()
    path.unlink()
    path.write_text("")
    assert not notebook._connectable()


def test_the_socket_once_taken_is_kept_whatever_the_name_points_to_later(tmp_path: Path) -> None:
    notebook, path = _notebook(tmp_path)
    with _listening(path, 20001) as own, _listening(tmp_path / "other.sock", 20001):
        assert notebook._connectable()
        own.accept()[0].close()
        path.unlink()
        path.symlink_to(tmp_path / "other.sock")
        with socket.socket(socket.AF_UNIX) as plug:
            plug.connect(notebook.socket_path)
            own.settimeout(5)
            own.accept()[0].close()


def test_folders_are_open_to_no_one_else(tmp_path: Path) -> None:
    _, path = _notebook(tmp_path)
    modes = {p.name: (p.stat().st_mode & 0o777, p.stat().st_uid) for p in (path.parent, path.parent.parent)}
    assert modes == {"server": (0o700, 20001), "run": (0o700, 0)}
    assert ((tmp_path / "home").stat().st_mode & 0o777, (tmp_path / "home").stat().st_uid) == (0o700, 20001)
