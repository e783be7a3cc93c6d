"""A notebook without a browser: a kernel started through the hub's proxy, cells executed over its websocket.

Speaks the Jupyter kernel messaging protocol 5.3 as JupyterLab does.
"""

import json
import uuid
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import websocket

from portal.story.client import SAME_ORIGIN, PersonClient
from portal.story.errors import StoryFailed

CELL_S = 120


@dataclass(slots=True)
class CellOutput:
    """What one cell gave: printed text, the plain-text results, and the error's name if it raised."""

    text: str = ""
    results: list[str] = field(default_factory=list)
    html: list[str] = field(default_factory=list)
    error: str | None = None


class Kernel:
    """One running kernel in a person's sandbox of `project`."""

    def __init__(self, client: PersonClient, project: str) -> None:
        self._client = client
        self._session = uuid.uuid4().hex
        self._path = f"/user/{client.username}/{project}/"
        client.http.get(f"{self._path}lab").raise_for_status()  # the door's own sign-in, and its XSRF cookie
        answer = client.http.post(f"{self._path}api/kernels", json={"name": "python3"}, headers=self._headers())
        answer.raise_for_status()
        self.id = answer.json()["id"]
        address = f"{client.url}{self._path}api/kernels/{self.id}/channels?session_id={self._session}"
        self._socket = websocket.create_connection(
            address.replace("http", "ws", 1), cookie=client.cookies(self._path), origin=client.url, timeout=CELL_S
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self._socket.close()
        self._client.http.delete(f"{self._path}api/kernels/{self.id}", headers=self._headers())

    def _headers(self) -> dict[str, str]:
        return {"X-XSRFToken": self._client.xsrf(self._path), **SAME_ORIGIN}

    def run(self, code: str) -> CellOutput:
        """Execute one cell and wait for its end."""
        message_id = uuid.uuid4().hex
        header = {"msg_id": message_id, "username": "", "session": self._session, "msg_type": "execute_request",
                  "version": "5.3"}  # fmt: skip
        content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False, "stop_on_error": True}
        request = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
        self._socket.send(json.dumps(request))
        output = CellOutput()
        replied = idle = False
        while not (replied and idle):
            message = json.loads(self._socket.recv())
            if message["content"].get("execution_state") in ("restarting", "dead"):
                raise StoryFailed("the notebook's kernel died while it ran a cell")
            if message["parent_header"].get("msg_id") != message_id:
                continue
            replied |= message["msg_type"] == "execute_reply"
            idle |= message["msg_type"] == "status" and message["content"]["execution_state"] == "idle"
            _collect(output, message)
        return output


def _collect(output: CellOutput, message: dict[str, Any]) -> None:
    content = message["content"]
    match message["msg_type"]:
        case "stream":
            output.text += content["text"]
        case "execute_result" | "display_data":
            output.results.append(content["data"].get("text/plain", ""))
            output.html.append(content["data"].get("text/html", ""))
        case "error":
            output.error = content["ename"]
